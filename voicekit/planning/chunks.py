"""What a worker is handed: batches of windows, gathered into chunks.

Batches are formed first and once, from the windows alone; chunks are runs of whole batches. So the
number of chunks and workers cannot change what is decoded together, and with it the words.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

from voicekit.types import Chunk, Recording, U, Unit

CHUNKS_PER_WORKER = 2
"""Chunks are made shorter than asked for until each worker can have so many, to balance the load."""


def plan_batches(units: Sequence[U], batch_size: int) -> tuple[tuple[U, ...], ...]:
    """Neighbouring windows or sentences, `batch_size` at a time.

    Examples
    --------
    >>> [len(batch) for batch in plan_batches([None] * 5, 2)]  # type: ignore[type-var]
    [2, 2, 1]
    """
    return tuple(tuple(units[first:first + batch_size]) for first in range(0, len(units), batch_size))


def even_batches(units: Sequence[U], most: int, workers: int,
                 begun: Sequence[float] = ()) -> tuple[tuple[U, ...], ...]:
    """Neighbours in batches of at most `most`, with which workers end together: those of a worker are all alike.

    Only where a window gets the same words whatever is decoded beside it.

    Parameters
    ----------
    units : sequence of Window or of Sentence
        In order of time.
    most : int
        How many are worked on together at most.
    workers : int
        Each takes the next batch when it is done with the last.
    begun : sequence of float
        How many units some of the workers are still on.

    Examples
    --------
    >>> [len(batch) for batch in even_batches([None] * 25, 16, 8)]  # type: ignore[type-var]
    [3, 3, 3, 3, 3, 3, 3, 4]
    >>> [len(batch) for batch in even_batches([None] * 25, 16, 1)]  # type: ignore[type-var]
    [12, 13]
    >>> [len(batch) for batch in even_batches([None] * 17, 16, 2, begun=[8])]  # type: ignore[type-var]
    [12, 5]
    """
    timed: list[tuple[float, float]] = []  # when each will begin, and its size
    for busy, share in _shares(len(units), workers, begun):
        count = math.ceil(share / most - 1e-9)
        timed += [(busy + share / count * number, share / count) for number in range(count)]
    ends = [math.floor(end + 1e-6) for end in itertools.accumulate((size for _, size in sorted(timed)), initial=0.0)]
    return tuple(tuple(units[first:last]) for first, last in itertools.pairwise(ends) if first < last)


def _shares(count: int, workers: int, begun: Sequence[float]) -> list[tuple[float, float]]:
    """For each worker that gets any of so many units: what it is still on, and how many it gets."""
    busy = sorted([*begun, *[0.0] * (workers - len(begun))])
    for some in range(workers, 0, -1):
        level = (count + sum(busy[:some])) / some
        if level >= busy[some - 1]:
            break
    return [(one, level - one) for one in busy[:some] if level > one]


def chunk_seconds(units: Sequence[Unit], minutes: float, workers: int) -> float:
    """About how much audio a chunk holds: as asked for, or less so that no worker idles."""
    total = sum(unit.duration for unit in units)
    return min(minutes * 60, total / (workers * CHUNKS_PER_WORKER)) if total else minutes * 60


def plan_chunks(recording: Recording, units: Sequence[U], batch_size: int,
                seconds: float) -> tuple[Chunk[U], ...]:
    """Form batches, and gather them into chunks of about `seconds` of audio, at least one batch each.

    Parameters
    ----------
    recording : Recording
        What they are parts of.
    units : sequence of Window or of Sentence
        In order of time.
    batch_size : int
        How many are worked on together.
    seconds : float
        About how much audio a chunk should hold.
    """
    return gather(recording, plan_batches(units, batch_size), seconds)


def gather(recording: Recording, batches: Sequence[tuple[U, ...]], seconds: float) -> tuple[Chunk[U], ...]:
    """Gather batches, in order of time, into chunks of about `seconds` of audio, at least one batch each."""
    durations = [sum(unit.duration for unit in batch) for batch in batches]
    total = sum(durations)
    # Spread evenly: four chunks of 3 minutes rather than two of 5 and one of 2.
    count = max(1, math.ceil(min(len(batches), total / seconds) - 1e-9)) if batches else 0
    chunks: list[list[tuple[U, ...]]] = [[] for _ in range(count)]
    done = 0.0
    for batch, duration in zip(batches, durations, strict=True):
        place = min(count - 1, int((done + duration / 2) / total * count))
        chunks[place].append(batch)
        done += duration
    filled = [chunk for chunk in chunks if chunk]
    return tuple(Chunk(index, recording, tuple(chunk)) for index, chunk in enumerate(filled))


def backwards(chunks: Sequence[Chunk[U]]) -> tuple[Chunk[U], ...]:
    """The same batches from the last to the first."""
    return tuple(dataclasses.replace(chunk, batches=chunk.batches[::-1]) for chunk in reversed(chunks))
