"""What a runtime makes of a Whisper: its two halves, compiled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Heads: TypeAlias = tuple[tuple[int, int], ...]
"""Layers and heads of attention."""

CANDIDATES = 8
"""What comes out of the decoder for every row: enough for beams of five and a few tokens that may not come."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the decoder makes of the tokens that it was shown.

    Attributes
    ----------
    scores : ndarray, shape (rows, candidates), float32
        Log-probabilities of what may come next, the best first.
    candidates : ndarray, shape (rows, candidates), int
    attention : ndarray, shape (windows, heads, rows * places / windows, frames), float32, or None
        Where each place looked, where the decoder tells that; good until it is shown the next.
    silence : ndarray, shape (rows,), float32, or None
        Probability of no speech, before any rule, where that was asked for.
    languages : ndarray, shape (rows, languages), float32, or None
        Those of the languages, likewise, where the model knows several.
    """

    scores: NDArray[np.float32]
    candidates: NDArray[np.integer[Any]]
    attention: NDArray[np.float32] | None
    silence: NDArray[np.float32] | None
    languages: NDArray[np.float32] | None


class Decoder(Protocol):
    """A compiled decoder, and what it remembers of the tokens that it was shown."""

    def forget(self) -> None:
        """Begin anew: there are no tokens so far, and nothing to look at."""
        ...

    def listen(self, sound: Mapping[str, NDArray[Any]]) -> None:
        """What to look at from now on: the encoder's outputs for some windows. They stay the caller's."""
        ...

    def show(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], allowed: NDArray[np.float32],
             opening: bool) -> Shown:
        """Show tokens to every row.

        Parameters
        ----------
        tokens : ndarray, shape (rows, places), int64
            Rows of a window lie together; each window has as many.
        parents : ndarray, shape (rows,), int32
            From which of the rows before each goes on; not looked at where there were none.
        allowed : ndarray, shape (rows, vocabulary) or (1, vocabulary), float32
            What is added to the scores: see :class:`~voicekit.engines.whisper_openvino.vocabulary.Masks`.
        opening : bool
            Tell silence and languages.
        """
        ...


class Halves(Protocol):
    """A compiled Whisper."""

    device: str
    """Where it is found to run: ``CPU``."""

    shapes: dict[str, tuple[int, ...]]
    """Of the encoder's outputs for one window, by name."""

    kinds: dict[str, type]
    """Their types."""

    def encode(self, mel: NDArray[np.float32], into: Mapping[str, NDArray[Any]]) -> None:
        """Encode one spectrogram, shape (mels, frames); each output goes into the array of its name."""
        ...

    def decoder(self, candidates: int, heads: Heads) -> Decoder:
        """The decoder with so many candidates, and the attention of these heads."""
        ...

    @property
    def any_decoder(self) -> Decoder:
        """The decoder that there is."""
        ...
