"""Sounds and sound files for all tests, made on the spot: nothing has to be downloaded."""

from __future__ import annotations

import shutil
import struct
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

CODECS = {
    ".wav": "pcm_s16le", ".mp3": "libmp3lame", ".m4a": "aac", ".mp4": "aac", ".mov": "aac", ".mkv": "aac",
    ".mka": "flac", ".webm": "libopus", ".opus": "libopus", ".ogg": "libopus", ".flac": "flac",
    ".aiff": "pcm_s16be", ".au": "pcm_s16be", ".caf": "alac", ".w64": "pcm_s24le", ".aac": "aac", ".ac3": "ac3",
    ".mp2": "mp2", ".wma": "wmav2", ".avi": "libmp3lame", ".ts": "aac", ".mpg": "mp2", ".flv": "aac",
    ".amr": "libopencore_amrnb", ".wv": "wavpack", ".tta": "tta", ".3gp": "aac",
}
"""What each extension is written with where no codec is asked for."""

_FORMATS = {".m4a": "ipod", ".aac": "adts", ".wma": "asf", ".ts": "mpegts", ".mka": "matroska", ".mkv": "matroska",
            ".mpg": "mpeg"}
_VIDEO = {".webm": "libvpx", ".avi": "mpeg4", ".flv": "flv", ".ts": "mpeg2video", ".mpg": "mpeg2video"}

_RATES = {".amr": 8000, ".flv": 44100, ".avi": 44100, ".mpg": 48000, ".ac3": 48000}

Sound = NDArray[np.float32]


def tone(seconds: float, rate: int = 16000, frequency: float = 440.0, level: float = 0.5) -> Sound:
    """A sine, shape (samples,)."""
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def silence(seconds: float, rate: int = 16000) -> Sound:
    """Zeros, shape (samples,)."""
    return np.zeros(round(seconds * rate), np.float32)


def noise(seed: int, seconds: float, rate: int = 16000, level: float = 0.1) -> Sound:
    """White noise, the same for the same seed, shape (samples,)."""
    values = np.random.default_rng(seed).standard_normal(round(seconds * rate))
    return np.clip(level * values, -1, 1).astype(np.float32)


def usual_rate(extension: str) -> int:
    """A sample rate that the codec of an extension takes: 16 kHz where it can."""
    return _RATES.get(extension, 48000 if CODECS[extension] == "libopus" else 16000)


def write(path: Path, samples: Sound, rate: int = 16000, codec: str | None = None, layout: str = "mono", *,
          tracks: int = 1, default: int | None = None, picture: bool = False, delay: float = 0.0,
          options: dict[str, str] | None = None, **settings: Any) -> Path:
    """Write samples, shape (samples,) or (channels, samples), with the codec of the extension.

    Mono samples are copied to all channels of ``layout``. ``tracks`` streams are written, each half as loud
    as the one before; ``default`` marks one of them. ``picture`` adds a small video, ``delay`` starts
    the sound later, ``options`` go to the container, ``settings`` (``bit_rate``) to the encoder.
    """
    channels = av.AudioLayout(layout).nb_channels
    planes = np.ascontiguousarray(np.broadcast_to(np.atleast_2d(samples), (channels, np.shape(samples)[-1])))
    settings.setdefault("bit_rate", 64000)
    with av.open(str(path), "w", format=_FORMATS.get(path.suffix), options=options or {}) as container:
        video = container.add_stream(_VIDEO.get(path.suffix, "mpeg4"), rate=25) if picture else None
        streams = [container.add_stream(codec or CODECS[path.suffix], rate=rate, layout=layout, **settings)
                   for _ in range(tracks)]
        for number, stream in enumerate(streams):
            if default is not None:
                stream.disposition = av.stream.Disposition.default if number == default else 0
        if video is not None:
            _write_video(container, video, planes.shape[1] / rate + delay)
        for number, stream in enumerate(streams):
            _write_audio(container, stream, planes * (0.5 ** number), rate, layout, delay)
    return path


def _write_audio(container: Any, stream: Any, planes: Sound, rate: int, layout: str, delay: float) -> None:
    packed = np.ascontiguousarray(planes.T, np.float32).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
    frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
    frame.pts = round(delay * rate)
    context = stream.codec_context
    resampler = av.AudioResampler(format=context.format, layout=layout, rate=context.sample_rate,
                                  frame_size=context.frame_size or 1024)
    for part in (frame, None):
        for piece in resampler.resample(part):
            container.mux(stream.encode(piece))
    container.mux(stream.encode(None))


def _write_video(container: Any, stream: Any, seconds: float) -> None:
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    grey = np.full((48, 64, 3), 128, np.uint8)
    for number in range(max(round(seconds * 25), 1)):
        frame = av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, 25)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_plain_wav(path: Path, samples: Any, rate: int = 16000, size: int | None = None) -> Path:
    """A 16-bit WAV, samples of shape (samples,) or (samples, channels), int16, with the plainest header.

    The header names no channel layout, and ``size`` can make it lie about how many bytes follow.
    """
    values = np.asarray(samples, "<i2")
    channels = 1 if values.ndim == 1 else values.shape[1]
    data = values.tobytes()
    size = len(data) if size is None else size
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", min(36 + size, 0xFFFFFFFF), b"WAVE", b"fmt ", 16, 1,
                         channels, rate, rate * channels * 2, channels * 2, 16, b"data", size)
    path.write_bytes(header + data)
    return path


def write_video(path: Path, seconds: float = 1.0) -> Path:
    """Pictures without sound."""
    with av.open(str(path), "w", format=_FORMATS.get(path.suffix)) as container:
        _write_video(container, container.add_stream(_VIDEO.get(path.suffix, "mpeg4"), rate=25), seconds)
    return path


def speech(text: str, path: Path, voice: str = "en-us", speed: int = 160) -> Path:
    """Speak text into a WAV file of 22.05 kHz mono; the test is skipped where the program is missing."""
    program = shutil.which("espeak-ng") or shutil.which("espeak")
    if program is None:
        pytest.skip("espeak-ng is not installed: speech cannot be made for this test")
    subprocess.run([program, "-v", voice, "-s", str(speed), "-w", str(path), "--", text], check=True)
    return path
