"""What a worker is handed: batches of windows, gathered into chunks.

Batches are formed first and once, from the windows alone; chunks are runs of whole batches. So the
number of chunks and workers cannot change what is decoded together, and with it the words.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from voicekit.types import Chunk, Recording, Window

CHUNKS_PER_WORKER = 2
"""Chunks are made shorter than asked for until each worker can have so many, to balance the load."""


def plan_batches(windows: Sequence[Window], batch_size: int) -> tuple[tuple[Window, ...], ...]:
    """Neighbouring windows, `batch_size` at a time.

    Examples
    --------
    >>> [len(batch) for batch in plan_batches([None] * 5, 2)]  # type: ignore[list-item]
    [2, 2, 1]
    """
    return tuple(tuple(windows[first:first + batch_size]) for first in range(0, len(windows), batch_size))


def chunk_seconds(windows: Sequence[Window], minutes: float, workers: int) -> float:
    """About how much audio a chunk holds: as asked for, or less so that no worker idles."""
    total = sum(window.duration for window in windows)
    return min(minutes * 60, total / (workers * CHUNKS_PER_WORKER)) if total else minutes * 60


def plan_chunks(recording: Recording, windows: Sequence[Window], batch_size: int,
                seconds: float) -> tuple[Chunk, ...]:
    """Gather batches into chunks of about `seconds` of audio, at least one batch each.

    Parameters
    ----------
    recording : Recording
        What the windows are cut from.
    windows : sequence of Window
        In order of time.
    batch_size : int
        Windows decoded together.
    seconds : float
        About how much audio a chunk should hold.
    """
    batches = plan_batches(windows, batch_size)
    total = sum(window.duration for window in windows)
    # Spread evenly: four chunks of 3 minutes rather than two of 5 and one of 2.
    count = max(1, math.ceil(min(len(batches), total / seconds) - 1e-9)) if batches else 0
    chunks: list[list[tuple[Window, ...]]] = [[] for _ in range(count)]
    done = 0.0
    for batch in batches:
        duration = sum(window.duration for window in batch)
        place = min(count - 1, int((done + duration / 2) / total * count))
        chunks[place].append(batch)
        done += duration
    filled = [chunk for chunk in chunks if chunk]
    return tuple(Chunk(index, recording, tuple(chunk)) for index, chunk in enumerate(filled))


def backwards(chunks: Sequence[Chunk]) -> tuple[Chunk, ...]:
    """The same batches from the last to the first."""
    return tuple(dataclasses.replace(chunk, batches=chunk.batches[::-1]) for chunk in reversed(chunks))
