"""A recording at its own sample rate, as long as :func:`voicekit.audio.decode` makes it.

A part of :mod:`voicekit.audio`, which is the door to it. The same code opens and decodes the file, in the same
bounds, so that the same stream is taken, the same gaps are filled and late sound begins at the same moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np

from voicekit.audio.bounds import LONGEST_RECORDING
from voicekit.audio.containers import choose_stream, declared_length, inspect, messages, open_container
from voicekit.audio.decoding import TIMED, decode_stream, nothing
from voicekit.audio.pcm import Converter, Samples, Tally, clock
from voicekit.errors import InputError

if TYPE_CHECKING:
    from voicekit.audio.pcm import PcmFile

HIGHEST_RATE = 192_000
"""Hz; sound of a higher rate is taken at this one."""

Take = Callable[[Samples, int], None]
"""Gets a block of samples and their rate."""


@dataclass(frozen=True, slots=True)
class Native:
    """How long a recording is at its own rate.

    Attributes
    ----------
    rate : int
        Samples per second: of the first sound in the file.
    samples : int
        How many there are.
    start : float
        Seconds from where the file's pictures or sound begin, whichever is first, to the first sample.
    """

    rate: int
    samples: int
    start: float = 0.0


def native(path: str | os.PathLike[str], take: Take | None = None, *, name: str | None = None,
           check: Callable[[], None] = nothing, longest: float = LONGEST_RECORDING) -> Native:
    """Decode a recording at its own rate, mono, without keeping it.

    Parameters
    ----------
    path : path-like
        A sound or video file.
    take : callable, optional
        Gets the sound in order: blocks of float32, shape (samples,), and their rate, which stays the same.
    name, check, longest
        As in :func:`voicekit.audio.decode`.

    Returns
    -------
    Native
        The rate, and exactly as many samples as `take` got.

    Raises
    ------
    InputError, NotAudioError, RefusedInputError
        As in :func:`voicekit.audio.decode`.

    Examples
    --------
    >>> native("talk.mp3")  # doctest: +SKIP
    Native(rate=44100, samples=926100, start=0.0)
    """
    path = os.path.abspath(os.fsdecode(path))
    label = os.fsencode(os.path.basename(path) if name is None else name).decode("utf-8", "replace")
    text = inspect(path, label)
    tried: list[int] = []
    with messages() as log:
        while True:
            tally, sink = Tally(), _Sink(take, label, longest)
            with open_container(path, label, text, log) as container:
                stream = choose_stream(container, label, tried, tally, log)
                tried.append(stream.index)
                start = _start(container, stream)
                tally.declared = declared_length(path, container, stream, log)
                for _ in decode_stream(container, stream, _AsItIs(sink, tally, label), tally, log, check):
                    pass
            if tally.frames:
                return Native(sink.rate, sink.samples, start)


def _start(container: Any, stream: Any) -> float:
    """Where decode() puts its first sample, from the beginning of all streams."""
    timed = any(name in TIMED for name in container.format.name.split(","))
    if timed or not container.streams.video or None in (stream.start_time, container.start_time):
        return 0.0  # with pictures, a timed container's late sound begins with silence
    late = float(stream.start_time * stream.time_base) - float(container.start_time / 1e6)
    return max(late, 0.0)


class _Sink:
    """Hands on what it gets, and counts it: does for this module what a PcmFile does for decode()."""

    def __init__(self, take: Take | None, label: str, longest: float) -> None:
        self.samples = self.rate = 0
        self._take, self._label, self._longest = take, label, longest

    def write(self, samples: Samples) -> None:
        self.samples += len(samples)
        if self.samples > (self._longest + 1) * self.rate:  # decode() has looked already, at its own rate
            raise InputError(f"{self._label} holds more than {clock(self._longest)} of sound, which is the limit.",
                             "Allow more with --max-duration HOURS, or cut the file.")
        if self._take is not None:
            self._take(samples, self.rate)


class _AsItIs(Converter):
    """Frames of any format in, mono at the rate of the first out."""

    def __init__(self, sink: _Sink, tally: Tally, label: str) -> None:
        super().__init__(cast("PcmFile", sink), tally, label)
        self._sink = sink
        self._before = 0.0

    def _begin(self, shape: Any, frame: Any) -> None:
        super()._begin(shape, frame)
        first = not self._sink.rate
        if first:
            self._sink.rate = min(shape[1], HIGHEST_RATE)
        self._resampler = None
        if shape[1] != self._sink.rate:
            self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=self._sink.rate)
        if first and self._before:
            left = round(self._before * self._sink.rate)
            while left > 0:
                self._sink.write(np.zeros(min(left, 1 << 17), np.float32))
                left -= 1 << 17

    def silence(self, seconds: float) -> float:
        if self._shape is not None:
            return super().silence(seconds)
        seconds = max(min(seconds, self._silence), 0.0)  # what comes first, at a rate that is not known yet
        self._silence -= seconds
        self._before += seconds
        return seconds
