from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from voicekit.planning.frames import Frames
from voicekit.planning.windows import LONGEST_GAP, plan_windows, quietest
from voicekit.types import Span, Window

RATE = 16000
FRAME = 512


def conversation(seed: int, count: int, longest_pause: float = 2.0,
                 longest_speech: float = 6.0) -> tuple[tuple[Span, ...], NDArray[np.int16]]:
    """Random spans of noise, and quieter noise between them."""
    rng = np.random.default_rng(seed)
    spans, now = [], float(rng.uniform(0, 2))
    for _ in range(count):
        length = float(rng.uniform(0.2, longest_speech))
        spans.append(Span(round(now * RATE) / RATE, round((now + length) * RATE) / RATE))
        now += length + float(rng.uniform(0.12, longest_pause))
    pcm = rng.normal(0, 20, round(now * RATE)).astype(np.int16)
    for span in spans:
        part = slice(round(span.start * RATE), round(span.end * RATE))
        pcm[part] = rng.normal(0, 3000, part.stop - part.start).astype(np.int16)
    return tuple(spans), pcm


def plan(spans: tuple[Span, ...], pcm: NDArray[np.int16], longest: float = 30.0,
         probabilities: NDArray[np.float32] | None = None) -> tuple[Window, ...]:
    if probabilities is None:
        probabilities = np.ones(-(-len(pcm) // FRAME), np.float32)
    frames = Frames(np.arange(0, len(pcm), FRAME), probabilities)
    return plan_windows(spans, frames, len(pcm), lambda a, b: pcm[max(a, 0):max(b, 0)], longest)


def check(windows: tuple[Window, ...], spans: tuple[Span, ...], pcm: NDArray[np.int16], longest: float) -> None:
    assert [window.index for window in windows] == list(range(len(windows)))
    for window in windows:
        assert 0 <= window.start < window.end <= len(pcm) / RATE
        assert window.duration <= longest + 1e-9
        assert window.start == round(window.start * RATE) / RATE, "whole samples"
        assert all(window.start <= span.start and span.end <= window.end for span in window.speech)
    assert all(one.end <= other.start for one, other in itertools.pairwise(windows)), "disjoint, in order"
    # Every second of speech is in exactly one window: put together again, the pieces are the spans.
    pieces = [span for window in windows for span in window.speech]
    joined: list[Span] = []
    for piece in pieces:
        if joined and joined[-1].end == piece.start:
            joined[-1] = Span(joined[-1].start, piece.end)
        else:
            joined.append(piece)
    assert tuple(joined) == spans


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("longest", [10.0, 25.0, 30.0])
def test_every_second_of_speech_is_in_exactly_one_window(seed: int, longest: float) -> None:
    spans, pcm = conversation(seed, 60, longest_pause=[0.5, 2.0, 9.0][seed % 3], longest_speech=[4.0, 45.0][seed % 2])
    windows = plan(spans, pcm, longest)
    check(windows, spans, pcm, longest)


def test_cuts_lie_in_silence() -> None:
    spans, pcm = conversation(3, 100)
    for window in plan(spans, pcm):
        for edge in (window.start, window.end):
            assert not any(span.start + 0.02 < edge < span.end - 0.02 for span in spans)


def test_windows_are_well_filled_and_no_scrap_is_left_at_the_end() -> None:
    for seed in range(10):
        spans, pcm = conversation(seed, 200, longest_pause=1.0)
        durations = [window.duration for window in plan(spans, pcm)]
        assert np.mean(durations) > 22
        assert min(durations) >= 5


def test_the_longest_pause_is_where_a_window_ends() -> None:
    pauses = [0.3, 0.3, 0.3, 0.3, 0.3, 1.2, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]
    now, spans = 0.5, []
    for pause in pauses:
        spans.append(Span(now, now + 4.0))
        now = round((now + 4.0 + pause) * 100) / 100
    rng = np.random.default_rng(0)
    pcm = rng.normal(0, 20, round(now * RATE)).astype(np.int16)
    first = plan(tuple(spans), pcm)[0]
    assert first.speech[-1] == spans[5]


def test_a_long_silence_ends_a_window() -> None:
    spans = (Span(1.0, 2.0), Span(2.0 + LONGEST_GAP + 1, 9.5))
    pcm = np.random.default_rng(0).normal(0, 20, 12 * RATE).astype(np.int16)
    first, second = plan(spans, pcm)
    assert first.end <= 2.6 and second.start >= 7.4


def test_speech_without_a_pause_is_divided_where_it_is_least_likely() -> None:
    pcm = np.random.default_rng(0).normal(0, 3000, 70 * RATE).astype(np.int16)
    probabilities = np.full(-(-len(pcm) // FRAME), 0.9, np.float32)
    probabilities[int(25 * RATE / FRAME)] = 0.6
    spans = (Span(0.0, 70.0),)
    windows = plan(spans, pcm, 30.0, probabilities)
    check(windows, spans, pcm, 30.0)
    assert abs(windows[0].end - 25) < 0.05


@pytest.mark.parametrize("longest", [25.0, 30.0])
@pytest.mark.parametrize("length", [0.0, 0.5, 1.0, 1.5, 2.0, 2.5])
def test_no_window_is_too_long_where_cuts_lie_far_from_the_speech(longest: float, length: float) -> None:
    """Speech nearly as long as a window, between pauses whose quietest place is at their far end."""
    spans = (Span(0.0, 2.0), Span(2.95, 2.95 + longest - length), Span(3.9 + longest - length, 8.0 + longest))
    pcm = np.random.default_rng(0).normal(0, 3000, round(10 * RATE + longest * RATE)).astype(np.int16)
    for quiet in (2.02, 2.95 + longest - length + 0.9):
        pcm[round(quiet * RATE):round((quiet + 0.03) * RATE)] = 0
    check(plan(spans, pcm, longest), spans, pcm, longest)


def test_cutting_is_the_same_wherever_the_sound_lies() -> None:
    spans, pcm = conversation(5, 300)
    shift = 12345  # not a multiple of any frame
    moved = tuple(Span(span.start + shift / RATE, span.end + shift / RATE) for span in spans)
    longer = np.concatenate([np.random.default_rng(9).normal(0, 20, shift).astype(np.int16), pcm])
    original, later = plan(spans, pcm), plan(moved, longer)
    edges = {(round(w.start * RATE) + shift, round(w.end * RATE) + shift) for w in original}
    again = {(round(w.start * RATE), round(w.end * RATE)) for w in later}
    assert len(edges & again) >= 0.9 * len(edges)


def test_nothing_said_is_no_window() -> None:
    assert plan((), np.zeros(RATE, np.int16)) == ()


def test_quietest_is_the_middle_of_digital_silence() -> None:
    pcm = np.random.default_rng(0).normal(0, 100, RATE).astype(np.int16)
    pcm[4000:8000] = 0
    assert quietest(lambda a, b: pcm[a:b], 1000, 15000) == 6000
    assert quietest(lambda a, b: pcm[a:b], 500, 500) == 500
