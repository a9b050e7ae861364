"""Where speech is: from one probability per frame to spans of time.

The rule is Silero's hysteresis (speech begins at a probability of 0.5 and ends below 0.35), then
spans that almost touch are joined, clicks are dropped, and what is left is widened a little, because
soft consonants at the edges of words score low.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicekit.planning.frames import Frames
from voicekit.types import SAMPLE_RATE, Span

ONSET = 0.5
OFFSET = 0.35
SHORTEST_SPEECH = 0.1
SHORTEST_PAUSE = 0.1
PADDING = 0.1


def speech_spans(frames: Frames, duration: float) -> tuple[Span, ...]:
    """Spans of speech in order of time, never touching.

    Parameters
    ----------
    frames : Frames
        Speech probability per frame.
    duration : float
        Seconds; no span ends after it.

    Examples
    --------
    >>> every_tenth = np.arange(0, 12800, 1600)
    >>> speech_spans(Frames(every_tenth, np.array([0, 0, 1, 1, 1, 1, 0, 0], np.float32)), 0.8)
    (Span(start=0.1, end=0.7),)
    """
    times = [*(frames.starts / SAMPLE_RATE).tolist(), duration]
    joined: list[Span] = []
    for first, last in _runs(frames.probabilities):
        start, end = times[first], times[last]
        if joined and start - joined[-1].end < SHORTEST_PAUSE - 1e-9:
            joined[-1] = Span(joined[-1].start, end)
        else:
            joined.append(Span(start, end))
    kept = [span for span in joined if span.duration >= SHORTEST_SPEECH - 1e-9]
    return _widen(kept, duration)


def _runs(probabilities: NDArray[np.float32]) -> list[tuple[int, int]]:
    """First frame and frame after the last of every stretch between an onset and an offset."""
    runs: list[tuple[int, int]] = []
    begun: int | None = None
    for index, probability in enumerate(probabilities.tolist()):
        if begun is None and probability >= ONSET:
            begun = index
        elif begun is not None and probability < OFFSET:
            runs.append((begun, index))
            begun = None
    if begun is not None:
        runs.append((begun, len(probabilities)))
    return runs


def _widen(spans: list[Span], duration: float) -> tuple[Span, ...]:
    """Pad each span on both sides, into at most a third of the pause so that a pause is left."""
    widened = []
    for index, span in enumerate(spans):
        before = span.start - spans[index - 1].end if index else np.inf
        after = spans[index + 1].start - span.end if index + 1 < len(spans) else np.inf
        start = max(0.0, span.start - min(PADDING, before / 3))
        end = min(duration, span.end + min(PADDING, after / 3))
        widened.append(Span(round(start * SAMPLE_RATE) / SAMPLE_RATE, round(end * SAMPLE_RATE) / SAMPLE_RATE))
    return tuple(span for span in widened if span.duration > 0)
