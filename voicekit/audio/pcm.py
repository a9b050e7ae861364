"""From FFmpeg's frames, of any format, to a raw file of 16 kHz mono PCM, and what happened on the way.

The inner half of :mod:`voicekit.audio`, which is the door to it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from voicekit.errors import DISK_FULL, InputError, NotAudioError, OutputError
from voicekit.types import SAMPLE_RATE

_BLOCK = 1 << 17
"""Samples per channel that are converted at once: large enough to hide Python's cost per call."""

_LOUDEST = 16.0
"""Float samples beyond this are nonsense; bounding them keeps sums finite."""

_SILENCE = 3600.0
"""At most this many seconds are filled in, so that a forged timestamp cannot fill the disk."""

_RATES = range(1000, 3_100_001)
"""Hz; outside, resampling would fill the disk or the memory."""

_ARRAYS = frozenset({"u8", "s16", "s32", "flt", "dbl"})

Samples = NDArray[np.float32]

_Shape = tuple[str, int, int, str]
"""Format, rate, number of channels and their layout: while they stay, frames can be queued together."""


def clock(seconds: float) -> str:
    """Write seconds as hours, minutes and seconds.

    Examples
    --------
    >>> clock(3723.5)
    '1:02:03.5'
    """
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02}:{tenths // 10 % 60:02}.{tenths % 10}"


@dataclass
class Tally:
    """What happened on the way, for the user."""

    frames: int = 0
    damaged: int = 0
    damaged_seconds: float = 0.0
    missing_seconds: float = 0.0
    nonfinite_seconds: float = 0.0
    declared: float | None = None
    reached: float = 0.0
    torn: bool = False
    channels: int = 0
    skipped: int = 0
    stopped: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def cut(self) -> bool:
        """Whether clearly less was found than the file says it holds."""
        return self.declared is not None and self.declared - self.reached > max(1.0, self.declared / 100)

    @property
    def partial(self) -> bool:
        """Whether any sound is missing."""
        return bool(self.damaged or self.torn or self.skipped or self.missing_seconds or self.stopped or self.cut)

    def sentences(self) -> Iterator[str]:
        """Each thing that happened, as a sentence."""
        yield from self.notes
        if self.cut:
            yield (f"The file is cut short: it says that it lasts {clock(self.declared or 0)}, "
                   f"but its sound ends at {clock(self.reached)}.")
        if self.stopped:
            yield f"FFmpeg could not read the file to its end: {self.stopped}."
        if self.skipped:
            yield f"FFmpeg had to skip damage in {self.skipped} place{'s' * (self.skipped > 1)} of the file."
        if self.damaged:
            yield (f"{self.damaged} damaged packet{'s' * (self.damaged > 1)} ({self.damaged_seconds:.2f} s) "
                   "could not be decoded properly; the sound there is silent or garbled.")
        elif self.torn and not self.cut:
            yield "The file has incomplete packets in it, as one has that was cut short or damaged on the way."
        if self.missing_seconds:
            yield (f"{self.missing_seconds:.2f} s in the middle are missing from the file; "
                   "silence takes their place.")
        if self.nonfinite_seconds:
            yield (f"{self.nonfinite_seconds:.3f} s of the samples are not numbers (NaN or infinite); "
                   "silence takes their place.")


class PcmFile:
    """The raw file being written; a full disk becomes an OutputError, too much sound an InputError."""

    def __init__(self, folder: str, label: str, longest: float) -> None:
        self.samples = 0
        self._folder, self._label, self._longest = folder, label, longest
        try:
            os.makedirs(folder, exist_ok=True)
            handle, self.path = tempfile.mkstemp(suffix=".pcm", prefix="voicekit-", dir=folder)
        except OSError as error:
            raise self._failed(error) from error
        self._file = os.fdopen(handle, "wb", buffering=0)  # unbuffered: close() has nothing left to fail on

    def write(self, samples: Samples) -> None:
        if self.samples + len(samples) > self._longest * SAMPLE_RATE:  # what it claims to last says nothing
            raise InputError(f"{self._label} holds more than {clock(self._longest)} of sound, which is the limit.",
                             "Allow more with --max-duration HOURS, or cut the file.")
        data = np.rint(np.clip(samples * np.float32(32768), -32768, 32767)).astype("<i2").tobytes()
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest):]
        except OSError as error:
            raise self._failed(error) from error
        self.samples += len(samples)

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.samples = 0

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:  # network file systems report a full disk here
            raise self._failed(error) from error

    def discard(self, *, keep: bool = False) -> None:
        """Write no more; remove what was written unless somebody may be reading it."""
        self._file.close()
        if not keep:
            os.unlink(self.path)

    def _failed(self, error: OSError) -> OutputError:
        if error.errno in DISK_FULL:
            return OutputError(
                f"There is no room left for the decoded sound in {self._folder}: {error.strerror}.",
                "It takes 115 MB per hour of sound: free some space, "
                "or choose another folder with --temp-dir.")
        return OutputError(f"The decoded sound cannot be written to {self._folder}: {error.strerror}.",
                           "Choose another folder with --temp-dir.")


class Converter:
    """Frames of any format in, 16 kHz mono out: all channels averaged, or one of them."""

    def __init__(self, pcm: PcmFile, tally: Tally, label: str, channel: int | None = None) -> None:
        self._pcm, self._tally, self._label, self._channel = pcm, tally, label, channel
        self._shape: _Shape | None = None
        self._fifo: Any = None
        self._packer: Any = None
        self._resampler: Any = None
        self._silence = _SILENCE

    def feed(self, frame: Any) -> None:
        shape = (frame.format.name, frame.sample_rate, frame.layout.nb_channels, frame.layout.name)
        if shape != self._shape:
            self._begin(shape, frame)
        if frame.is_corrupt:
            self._tally.damaged += 1
            self._tally.damaged_seconds += frame.samples / shape[1]
        self._tally.frames += 1
        self._tally.channels = max(self._tally.channels, shape[2])
        frame.pts = None  # or the queue insists on gapless timestamps
        for part in (frame,) if self._packer is None else self._packer.resample(frame):
            self._fifo.write(part)
        if self._fifo.samples * shape[2] >= 2 * _BLOCK:
            self._convert()

    def _begin(self, shape: _Shape, frame: Any) -> None:
        self.finish()
        if shape[1] not in _RATES:
            raise NotAudioError(f"{self._label} claims a sample rate of {shape[1]} Hz, which is not sound.",
                                "The file is damaged: make it again from the original.")
        if self._shape is not None and shape[1:3] != self._shape[1:3] and len(self._tally.notes) < 10:
            self._tally.notes.append(
                f"The sound changes at {clock(self._pcm.samples / SAMPLE_RATE)} from {_described(self._shape)} "
                f"to {_described(shape)}; both parts were decoded.")
        self._shape, self._fifo = shape, av.AudioFifo()
        self._packer = self._resampler = None
        packed = frame.format.packed.name
        # PyAV has no arrays for the other formats, and reads beyond the list of eight or more planes.
        if packed not in _ARRAYS or frame.format.is_planar and shape[2] >= 8:
            packed = packed if packed in _ARRAYS else "dbl"
            self._packer = av.AudioResampler(format=packed, layout=frame.layout, rate=shape[1])
        if shape[1] != SAMPLE_RATE:
            self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=SAMPLE_RATE)

    def silence(self, seconds: float) -> float:
        """Write silence; returns how much, for there is a limit."""
        seconds = max(min(seconds, self._silence), 0.0)
        self._silence -= seconds
        self._convert()
        left = round(seconds * (SAMPLE_RATE if self._shape is None else self._shape[1]))
        while left > 0:
            self._push(np.zeros(min(left, _BLOCK), np.float32))
            left -= _BLOCK
        return seconds

    def finish(self) -> None:
        """Write what is still held back."""
        self._convert()
        if self._resampler is not None:
            for out in self._resampler.resample(None):
                self._pcm.write(out.to_ndarray()[0])

    def _convert(self) -> None:
        if self._fifo is None or self._shape is None:
            return
        # In pieces: a forged file can hold hours in a single frame.
        while (frame := self._fifo.read(max(2 * _BLOCK // self._shape[2], 1), partial=True)) is not None:
            mono, broken = mix(frame, self._channel)
            self._tally.nonfinite_seconds += broken / frame.sample_rate
            self._push(mono)

    def _push(self, mono: Samples) -> None:
        if self._resampler is None or self._shape is None:
            self._pcm.write(mono)
            return
        frame = av.AudioFrame.from_ndarray(mono[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = self._shape[1]
        for out in self._resampler.resample(frame):
            self._pcm.write(out.to_ndarray()[0])


def _described(shape: _Shape) -> str:
    return f"{shape[1]} Hz and {shape[2]} channel{'s' * (shape[2] != 1)}"


def mix(frame: Any, channel: int | None = None) -> tuple[Samples, int]:
    """Average the channels in float, or take one of them; returns also how many samples were NaN or infinite.

    Not left to FFmpeg, which refuses unknown layouts and adds stereo up to more than full scale. Where there are
    fewer channels than `channel`, the last is taken.
    """
    planes = frame.to_ndarray()
    count = frame.layout.nb_channels
    if frame.format.is_packed:
        planes = planes.reshape(-1, count).T
    if channel is not None:
        planes, count = planes[[min(channel, count - 1)]], 1
    scale, broken = 1.0 / count, 0
    if planes.dtype.kind == "f":
        bad = ~np.isfinite(planes)
        if bad.any():
            broken = int(bad.any(axis=0).sum())
            planes = np.where(bad, 0, planes)
        planes = np.clip(planes, -_LOUDEST, _LOUDEST)
    else:
        scale /= 1 << (8 * planes.dtype.itemsize - 1)
    mono = planes[0].astype(np.float32)
    for plane in planes[1:]:
        mono += plane
    if planes.dtype.kind == "u":
        mono -= 128 * count  # 8-bit samples are unsigned, the only such format there is
    mono *= np.float32(scale)
    return mono, broken
