"""When the words were said: from where the decoder looked while it wrote them.

The method is openai-whisper's (MIT, ``whisper/timing.py``): the attention of the heads that follow the sound is
normalised and smoothed, and the cheapest way through it gives every token its time. There the text is shown to the
model a second time for it; here the attention is kept while the text is written.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voicekit.engines.whisper_openvino.search import Attention, Written
from voicekit.engines.whisper_words import Timing

FRAME = 0.02
"""Seconds of sound in one frame of attention."""

_TOGETHER = 8
"""Rows of attention that are filtered at a time: what comes out of each step is then still near when it goes in."""


def token_times(attention: Sequence[Attention], frames: int, before: int) -> NDArray[np.float64]:
    """Seconds at which tokens begin, and at which the last ends.

    Parameters
    ----------
    attention : sequence of ndarray, shape (heads, all frames), uint16
        Where each place looked, from the beginning of the transcript on.
    frames : int
        Frames that hold sound.
    before : int
        Places before the one from which the first token was written.

    Returns
    -------
    ndarray, shape (tokens + 1,), float64
    """
    heads = len(attention[0])
    matrix = np.zeros((len(attention), frames))
    for head in range(heads):  # one after the other: that much stays in the caches
        matrix += median_of_seven(_standing_out(whole(np.stack([place[head, :frames] for place in attention]))))
    return np.asarray(cheapest_way(-matrix[before:] / heads) * FRAME, np.float64)


def _standing_out(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each place, one to a row, looks at a frame more than the others do, in standard deviations."""
    everything = weights.sum(axis=1, keepdims=True)
    everything[everything < 1e-6] = 1  # a head may look only at what is beyond the sound
    weights /= everything
    spread = weights.std(axis=0, keepdims=True)
    spread[spread == 0] = 1
    weights -= weights.mean(axis=0, keepdims=True)
    weights /= spread
    return weights


def halved(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper half of each number: bfloat16, rounded. All of a batch is kept until its words are timed.

    Examples
    --------
    >>> whole(halved(np.float32([0, 0.25, 0.001]))).tolist()
    [0.0, 0.25, 0.00099945068359375]
    """
    return ((values.view(np.uint32) + np.uint32(0x8000)) >> 16).astype(np.uint16)


def whole(halves: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The numbers again."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


def median_of_seven(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each value becomes the median of the seven around it along the last axis, mirrored at the ends.

    Examples
    --------
    >>> median_of_seven(np.float32([0, 0, 9, 0, 0, 0, 1, 1])).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]
    """
    count = values.shape[-1]
    if count <= 3:
        return values
    rows = np.pad(values.reshape(-1, count), [(0, 0), (3, 3)], mode="reflect")
    found = np.empty((len(rows), count), np.float32)
    for first in range(0, len(rows), _TOGETHER):
        _medians(rows[first:first + _TOGETHER], found[first:first + _TOGETHER])
    return found.reshape(values.shape)


def _medians(rows: NDArray[np.float32], into: NDArray[np.float32]) -> None:
    """The median of every seven neighbours.

    Every three are put in order once, and serve as the first and as the second three of a seven. The lowest of such
    six is never the median, nor is the highest: it is that of the five that are left.
    """
    count = into.shape[1]
    low, high, third = np.minimum(rows[:, :-2], rows[:, 1:-1]), np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]
    most = np.maximum(high, third)
    np.minimum(high, third, out=high)
    middle = np.maximum(low, high)
    np.minimum(low, high, out=low)
    (a, b), (c, d), (e, f) = ((three[:, :count], three[:, 3:3 + count]) for three in (low, middle, most))
    b, e = np.maximum(a, b), np.minimum(e, f)
    # Of two pairs and one more the median is that of the one, the higher low and the lower high.
    one, two = np.maximum(np.minimum(b, e), np.minimum(c, d)), np.minimum(np.maximum(b, e), np.maximum(c, d))
    last = rows[:, 6:]
    np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), last), out=into)


def cheapest_way(cost: NDArray[np.float64]) -> NDArray[np.int64]:
    """The column at which the cheapest way enters each row (dynamic time warping).

    The way goes from the first row and column to the last, one row or column or both at a time. Costs of a row are
    found all at once: to have come along the row is the sum of it up to there, less that up to where it was entered.

    Parameters
    ----------
    cost : ndarray, shape (rows, columns), float64

    Returns
    -------
    ndarray, shape (rows,), int64

    Examples
    --------
    >>> cheapest_way(np.array([[-9.0, -9, 0, 0], [0, 0, -9, 0], [0, 0, 0, -9]])).tolist()
    [0, 1, 2]
    """
    rows, columns = cost.shape
    total = np.full(columns + 1, np.inf)
    total[0] = 0.0
    entered = np.empty((rows, columns), np.int64)  # the column at which the way to a place entered its row
    from_corner = np.empty((rows, columns), bool)
    for row in range(rows):
        along = np.cumsum(cost[row])
        corner, above = total[:-1], total[1:]
        from_corner[row] = corner < above
        entry = np.minimum(corner, above) - np.concatenate([[0.0], along[:-1]])
        best = np.minimum.accumulate(entry)
        fresh = np.concatenate([[True], entry[1:] < best[:-1]])
        entered[row] = np.maximum.accumulate(np.where(fresh, np.arange(columns), 0))
        total = np.concatenate([[np.inf], best + along])
    begins = np.empty(rows, np.int64)
    column = columns - 1
    for row in range(rows - 1, -1, -1):
        column = begins[row] = entered[row, column]
        column -= from_corner[row, column]
    return begins


def words(written: Written, times: NDArray[np.float64], parts: Sequence[tuple[str, int]]) -> list[Timing]:
    """Words with their times.

    Parameters
    ----------
    written : Written
        The hypothesis; only its text tokens have attention.
    times : ndarray, shape (tokens + 1,)
        From :func:`token_times`.
    parts : sequence of (str, int)
        The words, and how many tokens each has.
    """
    found, at = [], 0
    for word, count in parts:
        probability = float(np.mean(np.exp(written.scores[at:at + count])))
        found.append(Timing(word, float(times[at]), float(times[at + count]), probability))
        at += count
    return found
