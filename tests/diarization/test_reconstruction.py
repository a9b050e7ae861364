"""Counting, laying out and turning into turns, as pyannote.audio does it with whole arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from voicekit import diarization as registry
from voicekit.diarization import reconstruction
from voicekit.diarization.grid import Grid
from voicekit.diarization.reconstruction import NOBODY
from voicekit.types import SAMPLE_RATE, Turn

GRID = Grid(160_000, 16_000, 589, 270 / SAMPLE_RATE, 991 / SAMPLE_RATE)


def made_up(windows: int, seed: int, scores: bool) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Runs of activity, and clusters of which some are nobody and some are given twice in a window."""
    rng = np.random.default_rng(seed)
    activity = (np.repeat(rng.random((windows, 31, 3)), 19, axis=1)[:, :589] < 0.4).astype(np.uint8)
    if scores:
        activity = (activity * rng.random(activity.shape)).astype(np.float32)
    clusters = rng.integers(0, 5, (windows, 3))
    clusters[rng.random(clusters.shape) < 0.2] = NOBODY
    return activity, clusters


@pytest.mark.parametrize("windows", [1, 2, 60])
@pytest.mark.parametrize("scores", [False, True])
@pytest.mark.parametrize("gap", [0.0, 0.1, 0.7])
@pytest.mark.parametrize("most", [20, 2, 1])
def test_equal_to_pyannote(windows: int, scores: bool, gap: float, most: int) -> None:
    if not registry.installed("pyannote"):
        pytest.skip("pyannote.audio is not installed")
    from voicekit.diarization import pyannote_loading

    pyannote_loading.import_pyannote()
    from pyannote.audio.pipelines import SpeakerDiarization
    from pyannote.core import SlidingWindow, SlidingWindowFeature

    activity, clusters = made_up(windows, windows, scores)
    binary = (activity > 0.3).astype(np.uint8)
    chunks = SlidingWindow(start=0.0, duration=10.0, step=1.0)
    frames = SlidingWindow(start=0.0, duration=GRID.frame_duration, step=GRID.frame_step)
    stock = SpeakerDiarization.speaker_count(SlidingWindowFeature(binary.astype(np.float32), chunks), frames, (0.0, 0.0))
    parts = [activity[begin:begin + 7] for begin in range(0, windows, 7)]
    count = reconstruction.speaker_count([part > 0.3 for part in parts], GRID)
    assert count.dtype == np.uint8 and np.array_equal(count, stock.data[:, 0])
    stock.data = np.minimum(stock.data, most).astype(np.int8)
    count = np.minimum(count, most).astype(np.uint8)
    built = object.__new__(SpeakerDiarization)
    expected = SpeakerDiarization.reconstruct(built, SlidingWindowFeature(activity.astype(np.float32), chunks), clusters,
                                              stock)
    active = reconstruction.reconstruct(parts, clusters, count, GRID)
    assert np.array_equal(active, expected.data)
    annotation = SpeakerDiarization.to_annotation(expected, min_duration_off=gap)
    assert reconstruction.turns(active, GRID, gap) == sorted(
        (segment.start, segment.end, label) for segment, _, label in annotation.itertracks(yield_label=True))


def test_more_speakers_at_once_than_clusters() -> None:
    activity = np.ones((1, 589, 3), np.uint8)
    clusters = np.array([[0, NOBODY, NOBODY]])
    count = reconstruction.speaker_count([activity], GRID)
    assert count.max() == 3
    active = reconstruction.reconstruct([activity], clusters, count, GRID)
    assert active.shape == (len(count), 3) and active[:589].all()


def test_nothing_heard() -> None:
    count = reconstruction.speaker_count([], GRID)
    assert count.shape == (0,)
    active = reconstruction.reconstruct([], np.zeros((0, 3), np.int64), count, GRID)
    assert reconstruction.turns(active, GRID) == []


def test_memory_does_not_grow_with_windows_times_frames_times_speakers() -> None:
    import tracemalloc

    windows = 400
    activity = [np.ones((windows, 589, 3), np.uint8)]
    clusters = np.stack([np.arange(windows) % 20, (np.arange(windows) + 1) % 20, (np.arange(windows) + 2) % 20], axis=1)
    tracemalloc.start()
    count = reconstruction.speaker_count(activity, GRID)
    reconstruction.turns(reconstruction.reconstruct(activity, clusters, count, GRID), GRID)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 0.5 * windows * 589 * 20 * 8


def test_speakers_are_named_in_order_of_first_speech() -> None:
    found = reconstruction.diarization([(5.0, 6.0, 0), (0.5, 2.0, 4), (1.0, 3.0, 2)], [(0.5, 2.0, 4), (2.0, 3.0, 2)],
                                       np.array([[3.0, 4.0], [1.0, 1.0], [0.0, 0.0]]), ["beware"])
    assert found.turns == (Turn(0.5, 2.0, "SPEAKER_00"), Turn(1.0, 3.0, "SPEAKER_01"), Turn(5.0, 6.0, "SPEAKER_02"))
    assert found.exclusive == (Turn(0.5, 2.0, "SPEAKER_00"), Turn(2.0, 3.0, "SPEAKER_01"))
    assert found.voices == {"SPEAKER_02": (0.6, 0.8)}  # of the others one has no centroid, one is nothing
    assert found.warnings == ("beware",)


def test_turns_are_clipped_at_the_end() -> None:
    assert reconstruction.clipped([(0.0, 1.0, 0), (1.5, 2.2, 1), (2.0, 2.1, 0)], 2.0) == [(0.0, 1.0, 0), (1.5, 2.0, 1)]
