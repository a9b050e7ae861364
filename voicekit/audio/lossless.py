"""Speech as FLAC in memory: half the size, every bit kept, and whatever was damaged since is noticed."""

from __future__ import annotations

import hashlib
import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from voicekit.audio.bounds import bound_allocations
from voicekit.audio.containers import messages

_BLOCK = 1 << 16
_BEGIN = b"fLaC\x00\x00\x00\x22"
"""How what :func:`flac_bytes` makes begins: the mark, and 34 bytes of what the stream is like."""

_OPTIONS = {"fflags": "+bitexact", "metadata_header_padding": "0"}
"""No version of FFmpeg in it, and no 8 kB of room for titles."""

_LONGEST = 1 << 26
"""Samples that are read back at most, 23 minutes at 48 kHz: a few bytes can claim a day."""


def flac_bytes(samples: NDArray[np.int16], rate: int) -> bytes:
    """Write FLAC.

    Parameters
    ----------
    samples : ndarray, shape (samples,), int16
        Mono.
    rate : int
        Samples per second, at most 655350.

    Returns
    -------
    bytes
        The same for the same samples, as long as FFmpeg stays the same.

    Examples
    --------
    >>> from_flac(flac_bytes(np.arange(3, dtype=np.int16), 24000))
    (array([0, 1, 2], dtype=int16), 24000)
    """
    file = io.BytesIO()
    with av.open(file, "w", format="flac", options=_OPTIONS) as container:
        stream = container.add_stream("flac", rate=rate, layout="mono", format="s16")
        stream.codec_context.flags |= av.codec.context.Flags.bitexact.value
        for first in range(0, len(samples), _BLOCK):
            part = np.ascontiguousarray(samples[first:first + _BLOCK], np.int16)
            frame = av.AudioFrame.from_ndarray(part[np.newaxis], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, first, Fraction(1, rate)
            container.mux(stream.encode(frame))
        if not len(samples):
            container.start_encoding()
        container.mux(stream.encode(None))
    return file.getvalue()


def from_flac(data: bytes) -> tuple[NDArray[np.int16], int]:
    """Read what :func:`flac_bytes` wrote.

    Parameters
    ----------
    data : bytes
        Anything; taken to be hostile.

    Returns
    -------
    samples : ndarray, shape (samples,), int16
        Mono.
    rate : int
        Samples per second.

    Raises
    ------
    ValueError
        If these are not exactly the samples that were written.
    """
    if not data.startswith(_BEGIN) or len(data) < 42:
        raise ValueError("not FLAC as voicekit writes it")
    # 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of samples; then the MD5 of all samples.
    shape = int.from_bytes(data[18:26], "big")
    rate, channels, bits, count = shape >> 44, shape >> 41 & 7, shape >> 36 & 31, shape & (1 << 36) - 1
    if not rate or channels or bits != 15 or count > _LONGEST:
        raise ValueError("not mono FLAC of 16 bits")
    if not count:
        return np.zeros(0, np.int16), rate
    try:
        samples = _decoded(data, count)
    except (av.error.FFmpegError, MemoryError) as error:
        raise ValueError(f"broken FLAC: {error}") from error
    if len(samples) != count or hashlib.md5(samples.astype("<i2").tobytes()).digest() != data[26:42]:
        raise ValueError("broken FLAC: these are not the samples that were written")
    return samples, rate


def _decoded(data: bytes, count: int) -> NDArray[np.int16]:
    bound_allocations()
    parts: list[NDArray[np.int16]] = []
    found = 0
    with messages(), av.open(io.BytesIO(data), "r", format="flac") as container:
        stream: Any = container.streams[0]
        if stream.type != "audio":
            raise ValueError("broken FLAC: no sound in it")
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            if frame.format.name != "s16" or frame.layout.nb_channels != 1 or found + frame.samples > count:
                raise ValueError("broken FLAC: more in it than it says")
            parts.append(frame.to_ndarray()[0])
            found += frame.samples
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)
