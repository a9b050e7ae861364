"""A plan that is made while a recording is still being heard is the plan of the whole recording."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from voicekit.engines.silero import SileroDetector
from voicekit.planning.frames import Frames, detect, detected, joined
from voicekit.planning.speech import SpeechSpans, speech_spans
from voicekit.planning.windows import WindowPlan, plan_windows
from voicekit.types import Span, Window

RATE = 16000
FRAME = SileroDetector.frame
NO_FRAMES = Frames(np.zeros(0, np.int64), np.zeros(0, np.float32))


def probabilities(kind: str, count: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """What a detector might say of so many frames."""
    def repeated(length: int) -> NDArray[np.float64]:
        return np.repeat(rng.random(count // length + 1), length)[:count]

    made = {
        "silence": lambda: np.full(count, 0.01),
        "one long span": lambda: np.full(count, 0.9) - 0.3 * rng.random(count),
        "clicks": lambda: rng.random(count),
        "words": lambda: repeated(20),
        "sentences": lambda: np.where(repeated(100) > 0.3, rng.choice([0.3, 0.4, 0.95], count, p=[0.01, 0.1, 0.89]), 0.1),
        "few words": lambda: np.where(repeated(100) > 0.93, 0.9, 0.1),
    }
    return made[kind]().astype(np.float32)


def in_parts(frames: Frames, rng: random.Random) -> Iterator[Frames]:
    first = 0
    while first < len(frames):
        count = rng.choice([1, 7, 100, 313, 1000])
        yield Frames(frames.starts[first:first + count], frames.probabilities[first:first + count])
        first += count


def streamed(frames: Frames, pcm: NDArray[np.int16], longest: float,
             seed: int) -> tuple[tuple[Span, ...], tuple[Window, ...], int]:
    """Spans and windows, made part by part; and how many windows were sure before the end."""
    heard = 0

    def read(start: int, stop: int) -> NDArray[np.int16]:
        assert stop <= heard, "what is not decoded yet cannot be asked for"
        return pcm[max(start, 0):max(stop, 0)]

    speech, plan = SpeechSpans(), WindowPlan(read, longest)
    spans: list[Span] = []
    windows: list[Window] = []
    for part in in_parts(frames, random.Random(seed)):
        heard = min(len(pcm), int(part.starts[-1]) + FRAME)
        new = speech.add(part)
        spans += new
        windows += plan.add(new, part)
    early = len(windows)
    heard = len(pcm) + RATE  # whoever reads beyond the end gets what there is
    last = speech.end(len(pcm) / RATE)
    windows += plan.add(last, NO_FRAMES)
    windows += plan.end(len(pcm))
    return (*spans, *last), tuple(windows), early


@pytest.mark.parametrize("longest", [30.0, 25.0, 10.0])
@pytest.mark.parametrize("seconds", [0.0, 0.05, 3.0, 31.0, 400.0, 1500.0])
@pytest.mark.parametrize("kind", ["silence", "one long span", "clicks", "words", "sentences", "few words"])
def test_the_plan_is_that_of_the_whole(kind: str, seconds: float, longest: float) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        pcm = rng.normal(0, [0, 1, 300][seed], round(seconds * RATE) + 100 * seed).astype(np.int16)
        starts = np.arange(0, len(pcm), FRAME)
        frames = Frames(starts, probabilities(kind, len(starts), rng))
        spans = speech_spans(frames, len(pcm) / RATE)
        windows = plan_windows(spans, frames, len(pcm), lambda a, b: pcm[max(a, 0):max(b, 0)], longest)
        found, planned, early = streamed(frames, pcm, longest, seed)
        assert found == spans and planned == windows
        if kind in ("words", "sentences") and seconds > 20 * longest:
            assert early > len(windows) / 2, "most windows are sure long before the end"


def test_a_window_waits_for_what_may_change_it() -> None:
    """Of speech with equal pauses, only as many windows are sure as need no look at what may come."""
    pcm = np.zeros(RATE * 600, np.int16)
    frames = Frames(np.arange(0, len(pcm), FRAME), np.tile(np.repeat([0.9, 0.0], [60, 15]), 300)[:18750].astype(np.float32))
    spans = speech_spans(frames, 600.0)
    windows = plan_windows(spans, frames, len(pcm), lambda a, b: pcm[a:b], 30.0)
    for until in range(1, len(spans), 7):
        plan = WindowPlan(lambda a, b: pcm[a:b], 30.0)
        sure = plan.add(spans[:until], frames)
        assert sure == windows[:len(sure)]
        assert all(spans[until - 1].end - window.start >= 65.0 - 3.0 for window in sure), "two windows and a sixth"
    assert len(sure) >= len(windows) - 4


@pytest.mark.parametrize("seconds", [0.0, 0.02, 5.0, 9.99, 95.0])
def test_frames_come_as_they_are_sure(seconds: float) -> None:
    sound = (np.random.default_rng(2).integers(-9000, 9000, int(RATE * seconds)) / 32768).astype(np.float32)
    given = 0

    def blocks() -> Iterator[NDArray[np.float32]]:
        nonlocal given
        for first in range(0, len(sound), 2 * RATE):
            given = min(len(sound), first + 2 * RATE)
            yield sound[first:given]

    whole = detect(SileroDetector(), [sound])
    parts = []
    for part in detected(SileroDetector(), blocks()):
        parts.append(part)
        assert part.starts[-1] < given
        if len(parts) == 1 and seconds > 60:
            assert given < 30 * RATE, "half a minute is enough for the first"
    streamed = joined(parts)
    assert np.array_equal(streamed.starts, whole.starts)
    assert np.array_equal(streamed.probabilities, whole.probabilities)


def test_sure_frames_do_not_depend_on_what_follows() -> None:
    rng = np.random.default_rng(3)
    sound = (rng.integers(-9000, 9000, 90 * RATE) / 32768).astype(np.float32)
    other = np.concatenate([sound[:60 * RATE], (rng.integers(-900, 900, 60 * RATE) / 32768).astype(np.float32)])
    whole = detect(SileroDetector(), [sound])

    def known(sound: NDArray[np.float32]) -> Frames:
        """What is sure when 60 s were heard and more is asked for."""
        parts: list[Frames] = []
        asked = False

        def blocks() -> Iterator[NDArray[np.float32]]:
            nonlocal asked
            yield from np.split(sound[:60 * RATE], 6)
            asked = True
            yield sound[60 * RATE:]

        parts = list(itertools.takewhile(lambda part: not asked, detected(SileroDetector(), blocks())))
        return joined(parts)

    for found in (known(sound), known(other)):
        assert len(found) > 50 * RATE / (2 * FRAME)
        assert np.array_equal(found.starts, whole.starts[:len(found)])
        assert np.array_equal(found.probabilities, whole.probabilities[:len(found)])
