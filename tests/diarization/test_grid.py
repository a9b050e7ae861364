"""Windows and frames lie where pyannote.audio has them."""

from __future__ import annotations

import numpy as np
import pytest

from voicekit import diarization
from voicekit.diarization.grid import Grid
from voicekit.types import SAMPLE_RATE, Span

PYANNET = Grid(160_000, 16_000, 589, 270 / SAMPLE_RATE, 991 / SAMPLE_RATE)
OTHERS = [PYANNET, Grid(80_000, 8_000, 293, 270 / SAMPLE_RATE, 991 / SAMPLE_RATE),
          Grid(160_000, 11_200, 589, 0.016875, 0.0619375, 0.07 * 10), Grid(32_000, 1_600, 199, 0.01, 0.025)]


@pytest.mark.parametrize(("samples", "windows"), [
    (0, 0), (1, 1), (159_999, 1), (160_000, 1), (160_001, 2), (176_000, 2), (176_001, 3), (192_000, 3)])
def test_how_many_windows(samples: int, windows: int) -> None:
    assert PYANNET.count(samples) == windows


@pytest.mark.parametrize("samples", [1, 159_999, 160_000, 160_001, 175_999, 176_000, 400_007])
def test_as_many_windows_as_pyannote_slides(samples: int) -> None:
    complete = max(0, len(range(0, samples - PYANNET.window + 1, PYANNET.step)))
    rest = samples < PYANNET.window or (samples - PYANNET.window) % PYANNET.step > 0
    assert PYANNET.count(samples) == complete + rest
    assert PYANNET.complete(samples) == complete


@pytest.mark.parametrize("grid", OTHERS, ids=["10 s", "5 s", "0.7 s apart", "2 s"])
def test_frames_lie_where_pyannote_has_them(grid: Grid) -> None:
    if not diarization.installed("pyannote"):
        pytest.skip("pyannote.audio is not installed")
    from pyannote.core import SlidingWindow

    step = grid.step_seconds or grid.step / SAMPLE_RATE
    windows = SlidingWindow(start=0.0, duration=grid.window / SAMPLE_RATE, step=step)
    frames = SlidingWindow(start=0.0, duration=grid.frame_duration, step=grid.frame_step)
    for index in range(20_000):
        assert grid.first_frame(index) == frames.closest_frame(windows[index].start + 0.5 * frames.duration)
        assert grid.middle(index) == frames[index].middle
        assert grid.total_frames(index + 1) == 1 + frames.closest_frame(
            windows.start + windows.duration + index * windows.step + 0.5 * frames.duration)


@pytest.mark.parametrize("samples", [1, 160_000, 160_001, 700_000])
@pytest.mark.parametrize("per_stretch", [1, 4, 32])
@pytest.mark.parametrize("ends_with_sound", [False, True])
def test_stretches_hold_every_window_once(samples: int, per_stretch: int, ends_with_sound: bool) -> None:
    stretches = PYANNET.stretches(samples, per_stretch, (), ends_with_sound=ends_with_sound)
    windows = [stretch.first + index for stretch in stretches for index in range(stretch.count)]
    assert windows == list(range(PYANNET.count(samples)))
    assert [stretch.index for stretch in stretches] == list(range(len(stretches)))
    for stretch in stretches:
        start, end = stretch.start * SAMPLE_RATE, stretch.end * SAMPLE_RATE
        assert start == stretch.first * PYANNET.step and end == round(end)
        whole = (stretch.first + stretch.count - 1) * PYANNET.step + PYANNET.window
        assert end == (min(whole, samples) if ends_with_sound else whole)
    assert all(stretch.count == per_stretch for stretch in stretches[:-1])


def test_no_stretches_without_samples() -> None:
    assert PYANNET.stretches(0, 8, ()) == ()


def test_speech_is_cut_at_the_ends_of_stretches() -> None:
    speech = (Span(0.5, 3.0), Span(12.0, 14.5), Span(30.0, 31.0))
    stretches = PYANNET.stretches(40 * SAMPLE_RATE, 4, speech)
    assert stretches[0].speech == (Span(0.5, 3.0), Span(12.0, 13.0))
    assert stretches[1].speech == (Span(12.0, 14.5),)
    for stretch in stretches:
        assert all(stretch.start <= span.start < span.end <= stretch.end for span in stretch.speech)
        heard = np.zeros(41 * 10, np.bool_)
        for span in stretch.speech:
            heard[round(span.start * 10):round(span.end * 10)] = True
        expected = np.zeros_like(heard)
        for span in speech:
            expected[round(span.start * 10):round(span.end * 10)] = True
        expected[:round(stretch.start * 10)] = expected[round(stretch.end * 10):] = False
        assert np.array_equal(heard, expected)
