"""Whisper's tokens, as far as the rules of decoding are about them, and what these rules let come next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.engines.whisper_openvino.search import FORBIDDEN, Rules


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Numbers of the tokens that the rules of decoding are about.

    Attributes
    ----------
    end : int
        End of the text; all text is below it.
    no_speech : int
        What the model writes first where nobody speaks.
    timestamps : int
        The first timestamp; the others follow.
    languages : tuple of int
        The languages, in the order of the tokenizer.
    banned, banned_first : tuple of int
        What may not be written at all, and not as the first.
    """

    end: int
    no_speech: int
    timestamps: int
    languages: tuple[int, ...]
    banned: tuple[int, ...]
    banned_first: tuple[int, ...]


class Masks:
    """What is added to the scores of all tokens, so that none comes that may not.

    Parameters
    ----------
    vocabulary : Vocabulary
        The tokens that the rules are about.
    size : int
        How many tokens there are.

    Examples
    --------
    >>> from voicekit.engines.whisper_openvino import search
    >>> masks = Masks(Vocabulary(4, 5, 6, (), (1,), (0,)), 8)
    >>> (masks.allowed(search.free(1)) == 0).astype(int).tolist()
    [[1, 0, 1, 1, 1, 1, 0, 0]]
    """

    def __init__(self, vocabulary: Vocabulary, size: int) -> None:
        self._vocabulary, self._size = vocabulary, size
        self._plain: dict[tuple[bool, ...], NDArray[np.float32]] = {}
        self._alike: tuple[tuple[float, ...], NDArray[np.float32]] | None = None

    def allowed(self, rules: Rules) -> NDArray[np.float32]:
        """For every row 0, or :data:`~voicekit.engines.whisper_openvino.search.FORBIDDEN`.

        Parameters
        ----------
        rules : Rules
            Of the rows.

        Returns
        -------
        ndarray, shape (rows, tokens), or (1, tokens) where all rows are alike; float32
            While they stay alike it is the same array, which is not to be changed.
        """
        rows = [tuple(row) for row in np.hstack((rules.first, rules.text, rules.closing, rules.lowest,
                                                 rules.highest)).tolist()]
        if len(set(rows)) > 1:
            return np.stack([self._of(*row) for row in rows])
        if self._alike is None or self._alike[0] != rows[0]:
            self._alike = rows[0], self._of(*rows[0])[None]
        return self._alike[1]

    def _of(self, first: float, text: float, closing: float, lowest: float, highest: float) -> NDArray[np.float32]:
        mask, begin = self._of_text(first > 0, text < 0, closing < 0).copy(), self._vocabulary.timestamps
        mask[begin:int(min(max(lowest, begin), self._size))] = FORBIDDEN
        mask[int(min(max(highest + 1, begin), self._size)):] = FORBIDDEN
        return mask

    def _of_text(self, first: bool, no_text: bool, no_end: bool) -> NDArray[np.float32]:
        """That of rows without a rule for timestamps; there are but few of them."""
        key = (first, no_text, no_end)
        if key not in self._plain:
            words = self._vocabulary
            mask = np.zeros(self._size, np.float32)
            mask[[*words.banned, *(words.banned_first if first else ())]] = FORBIDDEN
            mask[:words.end] = FORBIDDEN if no_text else mask[:words.end]
            mask[words.end:words.timestamps] = FORBIDDEN if no_end else mask[words.end:words.timestamps]
            self._plain[key] = mask
        return self._plain[key]
