"""The global grid: windows of a fixed length at a fixed step, laid over the whole recording.

Windows and frames lie exactly where pyannote.audio 4.0.7 has them (``Inference.slide``, ``Inference.aggregate`` and
``pyannote.core.SlidingWindow``), to the last bit of every time, so that whoever works on a run of windows computes
what a serial run would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicekit.speakers import Stretch
from voicekit.types import SAMPLE_RATE, Span


@dataclass(frozen=True, slots=True)
class Grid:
    """Windows of a fixed length at a fixed step, each divided into frames.

    Attributes
    ----------
    window : int
        Samples per window.
    step : int
        Samples from window to window.
    frames : int
        Model frames per window.
    frame_step : float
        Seconds from frame to frame.
    frame_duration : float
        Seconds of sound that one frame sees; neighbours overlap where it is longer than ``frame_step``.
    step_seconds : float
        Seconds from window to window, where it was computed otherwise than as ``step / 16000`` and so differs from
        it in the last bit. 0: it was not.

    Examples
    --------
    >>> grid = Grid(window=160_000, step=16_000, frames=589, frame_step=0.016875, frame_duration=0.0619375)
    >>> grid.count(16_000 * 60), grid.count(16_000 * 60 + 1), grid.first_frame(1)
    (51, 52, 59)
    """

    window: int
    step: int
    frames: int
    frame_step: float
    frame_duration: float
    step_seconds: float = 0.0

    def complete(self, samples: int) -> int:
        """How many windows lie wholly inside a recording of so many samples."""
        return (samples - self.window) // self.step + 1 if samples >= self.window else 0

    def count(self, samples: int) -> int:
        """How many windows there are, with the last one that sticks out behind the end and is filled with zeros.

        Parameters
        ----------
        samples : int
            Length of the recording at 16 kHz.

        Returns
        -------
        int
            0 only for a recording without samples.
        """
        if samples == 0:
            return 0
        sticks_out = samples < self.window or (samples - self.window) % self.step > 0
        return self.complete(samples) + sticks_out

    def stretches(self, samples: int, per_stretch: int, spans: Sequence[Span], *,
                  ends_with_sound: bool = False) -> tuple[Stretch, ...]:
        """Cut the grid into runs of windows.

        Parameters
        ----------
        samples : int
            Length of the recording at 16 kHz.
        per_stretch : int
            Windows in each; the last may have fewer.
        spans : sequence of Span
            Detected speech in order of time; each stretch gets what lies inside it.
        ends_with_sound : bool, optional
            Let the last stretch end where the recording does, and not where its last window does: for engines that
            treat an incomplete window otherwise than one that ends in silence.

        Returns
        -------
        tuple of Stretch
            In order of time, together all windows; none for a recording without samples.
        """
        total = self.count(samples)
        found: list[Stretch] = []
        for first in range(0, total, per_stretch):
            count = min(per_stretch, total - first)
            stop = (first + count - 1) * self.step + self.window
            end = (min(stop, samples) if ends_with_sound else stop) / SAMPLE_RATE
            start = first * self.step / SAMPLE_RATE
            inside = tuple(Span(max(span.start, start), min(span.end, end)) for span in spans
                           if span.start < end and span.end > start)
            found.append(Stretch(len(found), start, end, first, count, inside))
        return tuple(found)

    def first_frame(self, window: int) -> int:
        """The frame of the recording on which frame 0 of a window lies."""
        half = 0.5 * self.frame_duration
        return self._closest_frame(window * self._seconds() + half)

    def total_frames(self, windows: int) -> int:
        """How many frames so many windows cover together; a few more than the last window reaches."""
        half = 0.5 * self.frame_duration
        return self._closest_frame(self.window / SAMPLE_RATE + (windows - 1) * self._seconds() + half) + 1

    def middle(self, frame: int) -> float:
        """The middle of a frame of the recording, in seconds."""
        start = frame * self.frame_step
        return 0.5 * (start + (start + self.frame_duration))

    def _seconds(self) -> float:
        return self.step_seconds or self.step / SAMPLE_RATE

    def _closest_frame(self, seconds: float) -> int:
        # Written, term by term, as pyannote.core's closest_frame is: another order gives other last bits, and half
        # a frame is not rare, as a step of a second is 59.26 frames.
        return round((seconds - 0.5 * self.frame_duration) / self.frame_step)
