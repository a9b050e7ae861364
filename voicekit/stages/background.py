"""What is heard in the original besides its speech: music, noise, the room.

Nothing of the original's voice comes along: where somebody speaks there, all of it is silent, with 30 ms of fading
before and after. Where the new voice speaks longer than the old one did, the background is 12 dB lower: a quarter of
its level, so that a word on top of equally loud music stays as clear as speech is at the usual minimum for
programmes, while the music does not seem to stop.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from voicekit.audio.pcm import Samples
from voicekit.errors import DISK_FULL, OutputError, ProcessingError
from voicekit.types import Span

FADE = 0.03
"""Seconds: a syllable is longer, a click much shorter."""

MARGIN = 0.05
"""Seconds around the original's speech that are silent too: breath and echo, and what a detector comes late to."""

DUCKED = 10 ** (-12 / 20)
"""Level of the background where the new voice speaks."""

_CLOSE = 0.5
"""Seconds; in a shorter pause of the new voice the background stays low, or it would pump."""


class Background:
    """The original without its speech, in a raw file of 16-bit samples: 345 MB for an hour at 48 kHz.

    Parameters
    ----------
    path : str
        The file, which is made.
    speech : iterable of Span
        Where the original speaks, in seconds.

    Examples
    --------
    >>> with Background("background.pcm", spans) as background:  # doctest: +SKIP
    ...     native("talk.mp3", background.take)
    >>> background.read(0, 48000).shape  # doctest: +SKIP
    (48000,)
    """

    def __init__(self, path: str, speech: Iterable[Span]) -> None:
        self.path = path
        self.samples = self.rate = 0
        self._level = _Level(((span.start - MARGIN, span.end + MARGIN) for span in speech), 0.0)
        self._ducked = _Level((), DUCKED)
        try:
            self._file = open(path, "wb")
        except OSError as error:
            raise self._failed(error) from error

    def __enter__(self) -> Background:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise self._failed(error) from error

    def take(self, samples: Samples, rate: int) -> None:
        """The next block of the original: what :func:`voicekit.audio.native.native` calls."""
        self.rate = rate
        kept = samples * self._level.at(self.samples, len(samples), rate)
        self.samples += len(samples)
        try:
            self._file.write(np.rint(np.clip(kept * 32768, -32768, 32767)).astype("<i2").tobytes())
        except OSError as error:
            raise self._failed(error) from error

    def duck(self, spans: Iterable[Span]) -> None:
        """Tell where the new voice speaks."""
        joined: list[list[float]] = []
        for span in sorted(spans, key=lambda span: span.start):
            if joined and span.start - joined[-1][1] < _CLOSE:
                joined[-1][1] = max(joined[-1][1], span.end)
            else:
                joined.append([span.start, span.end])
        self._ducked = _Level(((start, end) for start, end in joined), DUCKED)

    def read(self, first: int, last: int) -> Samples:
        """A stretch of it, as it is to be mixed; silence beyond its ends."""
        begin = max(first, 0)
        try:
            found = np.fromfile(self.path, "<i2", max(last - begin, 0), offset=2 * begin)
        except OSError as error:
            raise ProcessingError(f"The background cannot be read from {self.path}: {error.strerror}.",
                                  "Keep the temporary folder until the run has ended (--temp-dir).") from error
        part = np.zeros(max(last - first, 0), np.float32)
        part[begin - first:begin - first + len(found)] = found.astype(np.float32) / np.float32(32768)
        part *= self._ducked.at(first, len(part), self.rate)
        return part

    def _failed(self, error: OSError) -> OutputError:
        hint = "Free some space, or choose" if error.errno in DISK_FULL else "Choose"
        return OutputError(f"The background cannot be written to {self.path}: {error.strerror}.",
                           f"{hint} another folder with --temp-dir.")


class _Level:
    """A level over time: 1, but ``low`` in all spans, with fades that lie outside of them."""

    def __init__(self, spans: Iterable[tuple[float, float]], low: float) -> None:
        times: list[float] = []
        levels: list[float] = []
        for start, end in sorted(spans):
            if times and start - FADE <= times[-1]:  # the one before has not faded in again
                if start <= times[-2]:
                    times[-2:] = [max(times[-2], end), max(times[-2], end) + FADE]
                    continue
                # It fades in as far as there is time for, and out again.
                middle = (times[-2] + start) / 2
                top = min((middle - times[-2]) / FADE, 1.0)
                times[-1:] = [middle, start, end, end + FADE]
                levels[-1:] = [top, 0.0, 0.0, 1.0]
                continue
            times += [start - FADE, start, end, end + FADE]
            levels += [1.0, 0.0, 0.0, 1.0]
        self._times: NDArray[np.float64] = np.array(times)
        self._levels: NDArray[np.float64] = np.array(levels)
        self._low = low

    def at(self, first: int, count: int, rate: int) -> Samples:
        """The level of each sample of a stretch."""
        if not len(self._times) or not count:
            return np.ones(count, np.float32)
        begin, end = np.searchsorted(self._times, (first / rate, (first + count) / rate))
        near = slice(max(begin - 1, 0), end + 1)
        # The last sample before a span is not in it, the first one is: times are those of the samples.
        slope = np.interp(np.arange(first, first + count) / rate, self._times[near], self._levels[near])
        level: Samples = (self._low + (1 - self._low) * np.sin(np.pi / 2 * slope) ** 2).astype(np.float32)
        return level
