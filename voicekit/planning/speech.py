"""Where speech is: from one probability per frame to spans of time.

The rule is Silero's hysteresis (speech begins at a probability of 0.5 and ends below 0.35), then
spans that almost touch are joined, clicks are dropped, and what is left is widened a little, because
soft consonants at the edges of words score low.
"""

from __future__ import annotations

import math

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
    >>> import numpy as np
    >>> every_tenth = np.arange(0, 12800, 1600)
    >>> speech_spans(Frames(every_tenth, np.array([0, 0, 1, 1, 1, 1, 0, 0], np.float32)), 0.8)
    (Span(start=0.1, end=0.7),)
    """
    spans = SpeechSpans()
    return (*spans.add(frames), *spans.end(duration))


class SpeechSpans:
    """The same for a recording that is still being heard: spans as soon as nothing later can change them.

    Examples
    --------
    >>> import numpy as np
    >>> every_tenth = np.arange(0, 12800, 1600)
    >>> spans = SpeechSpans()
    >>> spans.add(Frames(every_tenth, np.array([1, 1, 0, 0, 0, 1, 1, 1], np.float32)))  # what comes may be a click
    ()
    >>> spans.end(0.8)
    (Span(start=0.0, end=0.3), Span(start=0.4, end=0.8))
    """

    def __init__(self) -> None:
        self._begun: float | None = None  # when the speech that is not over began
        self._waiting: list[Span] = []  # not widened yet; all but the last are no clicks
        self._given = -math.inf  # where the last span that was given ends, before it was widened

    def add(self, frames: Frames) -> tuple[Span, ...]:
        """More frames; returns the spans that are sure by now, each of them once."""
        times = (frames.starts / SAMPLE_RATE).tolist()
        for time, probability in zip(times, frames.probabilities.tolist(), strict=True):
            if self._begun is None and probability >= ONSET:
                self._begun = time
            elif self._begun is not None and probability < OFFSET:
                self._over(self._begun, time)
                self._begun = None
        found = []
        # What comes next decides how far a span is widened; it may still be a click, unless it is long already.
        while len(self._waiting) > 2 or len(self._waiting) == 2 and _lasts(self._waiting[1]):
            found.append(self._widened(self._waiting.pop(0), self._waiting[0].start))
        return tuple(span for span in found if span.duration > 0)

    def end(self, duration: float) -> tuple[Span, ...]:
        """The recording is over, after so many seconds; returns the spans that are left."""
        if self._begun is not None:
            self._over(self._begun, duration)
        kept = [span for span in self._waiting if _lasts(span)]
        following = [*(span.start for span in kept[1:]), math.inf]
        found = [self._widened(span, start, duration) for span, start in zip(kept, following, strict=False)]
        self._begun, self._waiting = None, []
        return tuple(span for span in found if span.duration > 0)

    def _over(self, start: float, end: float) -> None:
        """A stretch between an onset and an offset."""
        if self._waiting and start - self._waiting[-1].end < SHORTEST_PAUSE - 1e-9:
            start = self._waiting.pop().start
        elif self._waiting and not _lasts(self._waiting[-1]):
            self._waiting.pop()
        self._waiting.append(Span(start, end))

    def _widened(self, span: Span, following: float, duration: float = math.inf) -> Span:
        """Pad on both sides, into at most a third of the pause so that a pause is left."""
        start = max(0.0, span.start - min(PADDING, (span.start - self._given) / 3))
        end = min(duration, span.end + min(PADDING, (following - span.end) / 3))
        self._given = span.end
        return Span(round(start * SAMPLE_RATE) / SAMPLE_RATE, round(end * SAMPLE_RATE) / SAMPLE_RATE)


def _lasts(span: Span) -> bool:
    """Whether it is long enough to be no click."""
    return span.duration >= SHORTEST_SPEECH - 1e-9
