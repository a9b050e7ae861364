"""Mono sound into a file: MP3, WAV, FLAC, Ogg, M4A or Opus, by the extension.

What each keeps of the length, as players that know the format find it (FFmpeg among them, but for AAC):

=========  ======  =========================  ====================================================
extension  codec   rate                       length
=========  ======  =========================  ====================================================
wav, flac  16 bit  the sound's own            exact
mp3        LAME    own up to 48 kHz           exact (delay and padding in the Info tag)
ogg, opus  Opus    48 kHz                     exact at 48 kHz (pre-skip and last granule position)
m4a        AAC     own up to 96 kHz           exact in the edit list; FFmpeg plays the last frame of
                                              1024 samples to its end, so up to 1023 more
=========  ======  =========================  ====================================================

Ogg holds Opus, not Vorbis: the builds of FFmpeg that come with PyAV have no Vorbis encoder worth using.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np

from voicekit.audio.bounds import bound_allocations
from voicekit.audio.containers import messages, reason
from voicekit.audio.info_tag import say_length
from voicekit.audio.pcm import Samples
from voicekit.placing import placed
from voicekit.audio.resampling import frame_of, resampled, resampled_length
from voicekit.errors import ProcessingError, UsageError

_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Coding:
    """How sound is coded: FFmpeg's name of the codec, the format of its samples, and its bit rate.

    Attributes
    ----------
    highest : int
        Hz; sound of a higher rate is resampled. FFmpeg tells which rates below it a codec takes.
    gain : float
        What the codec's own is made up for with.
    """

    codec: str
    sample_format: Literal["s16", "flt", "fltp"]
    highest: int
    bit_rate: int = 0
    options: tuple[tuple[str, str], ...] = ()
    gain: float = 1.0

    def rate(self, rate: int) -> int:
        """The nearest rate that the codec takes, higher rather than lower."""
        taken: list[int] | None = av.Codec(self.codec, "w").audio_rates
        if self.codec == "libopus":
            return 48000  # what all decoders give back; lower ones are only a setting of the encoder
        if taken is None:
            return min(rate, self.highest)
        possible = sorted(value for value in taken if value <= self.highest)
        return next((value for value in possible if value >= rate), possible[-1])

    def bits(self, rate: int) -> int:
        """Bits per second at a rate: half of it for telephone sound, which MPEG's low rates require."""
        return self.bit_rate if rate >= 16000 else min(self.bit_rate, 48000)


WAVE = Coding("pcm_s16le", "s16", 192_000)
FLAC = Coding("flac", "s16", 192_000)
MP3 = Coding("libmp3lame", "fltp", 48_000, 96_000, (("compression_level", "7"),), gain=1 / 0.95)  # as LAME lowers all
AAC = Coding("aac", "fltp", 96_000, 96_000, (("aac_coder", "fast"),))
OPUS = Coding("libopus", "flt", 48_000, 64_000)
"""Bit rates at which one voice sounds like the original: Opus needs the least, FFmpeg's AAC and LAME more. At these
rates LAME's and AAC's slower searches save nothing that is heard, and take two to three times as long."""

_FORMATS = {"mp3": ("mp3", MP3), "wav": ("wav", WAVE), "flac": ("flac", FLAC), "ogg": ("ogg", OPUS),
            "m4a": ("ipod", AAC), "opus": ("opus", OPUS)}

AUDIO_EXTENSIONS = tuple(_FORMATS)
"""What :func:`write` takes, without the dot."""


def write(blocks: Iterable[Samples], rate: int, samples: int, target: Path, extension: str, *,
          title: str = "") -> None:
    """Encode a sound into a file, which appears when it is whole.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (samples,), float32
        Mono, in order; what is beyond [-1, 1) is clipped.
    rate : int
        Samples per second.
    samples : int
        How many there are in all blocks.
    target : Path
        The folder must exist.
    extension : str
        One of :data:`AUDIO_EXTENSIONS`.
    title : str
        Kept in the file.

    Raises
    ------
    UsageError
        If the extension is unknown.
    OutputError
        If the file cannot be written; an older one is then as it was.
    ProcessingError
        If the encoder fails.

    Examples
    --------
    >>> write(read_track("talk.f32"), 44100, 926100, Path("talk.mp3"), "mp3")  # doctest: +SKIP
    """
    if extension not in _FORMATS:
        raise UsageError(f"There is no sound format {extension!r}.", f"Choose one of: {', '.join(AUDIO_EXTENSIONS)}.")
    muxer, coding = _FORMATS[extension]
    length = resampled_length(samples, rate, coding.rate(rate))
    with placed(target) as file, encoder_errors(target):
        with av.open(file, "w", format=muxer, options=muxer_options(muxer, coding.rate(rate))) as container:
            if title:
                container.metadata["title"] = title
            stream = add_sound(container, coding, rate)
            container.start_encoding()  # also where there is nothing to encode
            for packet in encoded(stream, coding, blocks, rate, samples):
                container.mux(packet)
        if coding is MP3:
            say_length(file, length)


def read_track(path: str) -> Iterator[Samples]:
    """The samples of a raw float32 file, in blocks.

    Raises
    ------
    ProcessingError
        If it is gone.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            while len(block := np.fromfile(file, "<f4", _BLOCK)):
                yield block.astype(np.float32, copy=False)
    except OSError as error:
        raise ProcessingError(f"The new sound cannot be read from {path}: {error.strerror}.",
                              "Keep the temporary folder until the run has ended (--temp-dir).") from error


@contextmanager
def encoder_errors(target: Path) -> Iterator[None]:
    """Turn what FFmpeg raises into a ProcessingError."""
    bound_allocations()
    with messages() as log:
        try:
            yield
        except av.error.FFmpegError as error:
            raise ProcessingError(f"{target} could not be encoded (FFmpeg: {reason(log, error)}).",
                                  "Choose another extension with -o: .wav for sound, .mkv for a video.") from error


def muxer_options(muxer: str, rate: int) -> dict[str, str]:
    """What a container needs to hold an exact length, and to be the same each time."""
    options = {"fflags": "+bitexact"}
    if muxer in ("ipod", "mp4", "mov"):
        options["movie_timescale"] = str(rate)  # else edit lists count milliseconds
    if muxer == "wav":
        options["rf64"] = "auto"  # beyond 4 GB
    return options


def add_sound(container: Any, coding: Coding, rate: int) -> Any:
    """Add a stream of mono sound to a container that is being written."""
    stream = container.add_stream(coding.codec, rate=coding.rate(rate), layout="mono", format=coding.sample_format,
                                  options=dict(coding.options))
    stream.codec_context.time_base = Fraction(1, coding.rate(rate))
    stream.codec_context.flags |= av.codec.context.Flags.bitexact.value
    if coding.bit_rate:
        stream.bit_rate = coding.bits(coding.rate(rate))
    return stream


def encoded(stream: Any, coding: Coding, blocks: Iterable[Samples], rate: int, samples: int,
            start: float = 0.0) -> Iterator[Any]:
    """Packets of a sound that begins at ``start`` seconds."""
    target = coding.rate(rate)
    at = round(start * target)
    for block in resampled(blocks, samples, rate, target):
        frame = _frame(block, coding, target)
        frame.pts, frame.time_base = at, Fraction(1, target)
        at += len(block)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _frame(block: Samples, coding: Coding, rate: int) -> Any:
    if coding.sample_format == "fltp":
        return frame_of(np.clip(block, -1, 1) * np.float32(coding.gain), rate)
    if coding.sample_format == "s16":
        block = np.rint(np.clip(block * np.float32(32768), -32768, 32767)).astype(np.int16)
    else:
        block = np.clip(block, -1, 1)
    frame = av.AudioFrame.from_ndarray(block[np.newaxis], format=coding.sample_format, layout="mono")
    frame.sample_rate = rate
    return frame
