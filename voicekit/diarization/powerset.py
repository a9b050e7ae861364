"""Powerset classes: a segmentation model that names the *set* of speakers it hears in each frame.

pyannote.audio's segmentation-3.0 knows three local speakers, of whom two at most speak at once: seven classes. The
order is that of pyannote's ``Powerset``: by the size of the set, then as :func:`itertools.combinations` has it.
Source: Plaquet and Bredin, "Powerset multi-class cross entropy loss for neural speaker diarization", 2023.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray


def classes(speakers: int, at_once: int) -> NDArray[np.uint8]:
    """Which speakers each class stands for.

    Parameters
    ----------
    speakers : int
        Local speakers.
    at_once : int
        How many of them may speak at once.

    Returns
    -------
    ndarray, shape (classes, speakers), uint8
        1 where the speaker is in the set.

    Examples
    --------
    >>> classes(3, 2).tolist()
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]
    """
    sets = [members for size in range(at_once + 1) for members in combinations(range(speakers), size)]
    table = np.zeros((len(sets), speakers), np.uint8)
    for row, members in zip(table, sets, strict=True):
        row[list(members)] = 1
    return table


def to_speakers(scores: NDArray[Any], table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Who speaks in each frame: the speakers of the class with the highest score.

    Parameters
    ----------
    scores : ndarray, shape (..., classes)
        Logits, log probabilities or probabilities; the first of equal ones wins.
    table : ndarray, shape (classes, speakers), uint8
        As from :func:`classes`.

    Returns
    -------
    ndarray, shape (..., speakers), uint8
    """
    found: NDArray[np.uint8] = table[scores.argmax(axis=-1)]
    return found
