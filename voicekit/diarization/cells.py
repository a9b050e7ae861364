"""The cells of a recording, and for each the 1.6 s of speech that say who speaks in it.

A cell is 0.4 s; cells lie side by side over the whole recording. Speakers change in pauses, so that the sound for a
cell is taken from the one span of speech that fills most of the cell: its neighbours would be other speakers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.diarization.d_vector import FRAMES, HOP
from voicekit.speakers import Stretch
from voicekit.types import SAMPLE_RATE, Span

STEP = 6400
"""Samples per cell: 0.4 s."""

REACH = 3 * STEP
"""Samples before and after its cell in which the sound for it lies: 1.2 s."""

MARGIN = 4 * STEP
"""Samples of sound that a stretch has before its first and after its last cell; none before the recording begins.
More than :data:`REACH`, because mel bands see a little further."""

PER_STRETCH = 160
"""Cells of a stretch: 64 s."""

_SHORTEST = SAMPLE_RATE * 3 // 10  # of a span that can say anything about its speaker
_LONG = FRAMES * HOP


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Which sound speaks for which cell. All of shape (cells,), int64, in samples.

    Attributes
    ----------
    span : ndarray
        The span of speech that fills most of the cell; -1 where there is none, or too short a one.
    start, stop : ndarray
        The sound of it: at most 1.6 s, as central as the span allows.
    """

    span: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]


def count(samples: int) -> int:
    """Cells of a recording, with the last one that may stick out behind its end."""
    return -(-samples // STEP)


def stretches(samples: int, spans: Sequence[Span]) -> tuple[Stretch, ...]:
    """Runs of cells; each with the sound that speaks for them, so that neighbours overlap."""
    found, total = [], count(samples)
    for index, first in enumerate(range(0, total, PER_STRETCH)):
        cells = min(PER_STRETCH, total - first)
        start = max(0, first * STEP - MARGIN) / SAMPLE_RATE
        end = ((first + cells) * STEP + MARGIN) / SAMPLE_RATE
        speech = tuple(Span(max(span.start, start), min(span.end, end)) for span in spans
                       if span.start < end and span.end > start)
        found.append(Stretch(index, start, end, first, cells, speech))
    return tuple(found)


def speech_of(stretches: Sequence[Stretch]) -> NDArray[np.int64]:
    """The detected speech of a recording, from the parts in its stretches; shape (spans, 2), samples."""
    joined: list[list[int]] = []
    for start, end in (edges for stretch in stretches for edges in in_samples(stretch.speech).tolist()):
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return np.array(joined, np.int64).reshape(-1, 2)


def in_samples(spans: Sequence[Span]) -> NDArray[np.int64]:
    """Start and end of spans of time, shape (spans, 2)."""
    edges = [(round(span.start * SAMPLE_RATE), round(span.end * SAMPLE_RATE)) for span in spans]
    return np.array(edges, np.int64).reshape(-1, 2)


def lay(spans: NDArray[np.int64], first: int, number: int) -> Cells:
    """Find the sound for cells.

    Parameters
    ----------
    spans : ndarray, shape (spans, 2), int64
        Start and end of each span of speech in samples, in order of time, never touching.
    first, number : int
        Which cells of the recording.

    Returns
    -------
    Cells
        Depends on speech at most :data:`REACH` away from each cell.
    """
    begin = (first + np.arange(number)) * STEP
    owner, most = np.full(number, -1, np.int64), np.zeros(number, np.int64)
    for index, (start, end) in enumerate(spans.tolist()):
        touched = slice(max(0, start // STEP - first), max(0, (end - 1) // STEP + 1 - first))
        inside = np.minimum(begin[touched] + STEP, end) - np.maximum(begin[touched], start)
        more = inside > most[touched]
        owner[touched] = np.where(more, index, owner[touched])
        most[touched] = np.maximum(inside, most[touched])
    edges = spans[owner] if len(spans) else np.zeros((number, 2), np.int64)
    lowest = -(-np.maximum(edges[:, 0], begin - REACH) // HOP) * HOP
    highest = np.minimum(edges[:, 1], begin + STEP + REACH) // HOP * HOP
    owner[highest - lowest < _SHORTEST] = -1
    start = np.clip(begin + STEP // 2 - _LONG // 2, lowest, np.maximum(lowest, highest - _LONG))
    stop = np.minimum(start + _LONG, highest)
    silent = owner < 0
    return Cells(owner, np.where(silent, 0, start), np.where(silent, 0, stop))
