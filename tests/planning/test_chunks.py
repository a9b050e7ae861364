from __future__ import annotations

import numpy as np
import pytest

from voicekit.planning.chunks import chunk_seconds, even_batches, gather, plan_batches, plan_chunks
from voicekit.types import Recording, Source, Span, Window

RECORDING = Recording("talk.pcm", 0, Source("talk.mp3", 0.0, ""))


def windows(count: int, seed: int = 0) -> tuple[Window, ...]:
    rng = np.random.default_rng(seed)
    edges = np.cumsum(rng.uniform(20, 30, count + 1))
    return tuple(Window(i, float(edges[i]), float(edges[i + 1]), (Span(float(edges[i]), float(edges[i + 1])),))
                 for i in range(count))


@pytest.mark.parametrize("batch", [1, 4, 16])
@pytest.mark.parametrize("count", [1, 7, 130])
@pytest.mark.parametrize(("minutes", "workers"), [(0.5, 1), (1, 2), (2, 2), (5, 1), (2, 8), (1e9, 3)])
def test_chunks_are_whole_batches_of_the_one_plan(count: int, batch: int, minutes: float, workers: int) -> None:
    plan = windows(count)
    chunks = plan_chunks(RECORDING, plan, batch, chunk_seconds(plan, minutes, workers))
    batches = [one for chunk in chunks for one in chunk.batches]
    assert batches == list(plan_batches(plan, batch)), "what is decoded together does not depend on chunks or workers"
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))


def test_chunks_are_about_as_long_as_asked_for() -> None:
    plan = windows(200)
    chunks = plan_chunks(RECORDING, plan, 1, chunk_seconds(plan, 5, 2))
    assert all(240 <= chunk.duration <= 330 for chunk in chunks)


def test_chunks_get_shorter_before_workers_idle() -> None:
    plan = windows(24)  # ten minutes
    chunks = plan_chunks(RECORDING, plan, 1, chunk_seconds(plan, 5, 8))
    assert len(chunks) >= 8


def test_no_windows_are_no_chunks() -> None:
    assert plan_chunks(RECORDING, (), 4, chunk_seconds((), 5, 2)) == ()


@pytest.mark.parametrize("minutes", [1e-9, 5e-324])
def test_chunks_as_short_as_can_be_are_one_batch_each(minutes: float) -> None:
    plan = windows(10)
    assert len(plan_chunks(RECORDING, plan, 4, chunk_seconds(plan, minutes, 2))) == 3


def test_even_batches_keep_every_worker_busy_to_the_end() -> None:
    for count in range(1, 200):
        for workers in (1, 2, 3, 8):
            for most in (1, 4, 16):
                batches = even_batches(windows(count), most, workers)
                sizes = [len(batch) for batch in batches]
                assert [window for batch in batches for window in batch] == list(windows(count))
                assert max(sizes) <= most and max(sizes) - min(sizes) <= 1
                rounds = -(-count // (most * workers))
                assert len(batches) == min(count, rounds * workers), "as many for each, and as few as may be"
    assert even_batches([], 16, 2) == ()


def test_even_batches_end_together_with_what_is_begun() -> None:
    for count in range(0, 120):
        for begun in ([], [8], [8, 8], [3, 8, 1], [40], [0.5, 4]):
            batches = even_batches(windows(count), 16, 3, begun)
            assert [window for batch in batches for window in batch] == list(windows(count))
            assert max([len(batch) for batch in batches], default=0) <= 16
            free = sorted([*begun, *[0.0] * (3 - len(begun))])
            for batch in batches:  # each worker takes the next when it is free
                free = sorted([free[0] + len(batch), *free[1:]])
            # A batch is of whole windows, each up to one too many or too few, and a worker has up to three.
            assert max(free) <= max((count + sum(begun)) / 3, *begun, 0) + 3, [len(batch) for batch in batches]


def test_even_batches_are_chunks_that_leave_no_worker_without_one() -> None:
    plan = windows(25)
    chunks = gather(RECORDING, even_batches(plan, 16, 8), chunk_seconds(plan, 5, 8))
    assert [len(chunk.units) for chunk in chunks] == [3, 3, 3, 3, 3, 3, 3, 4]
