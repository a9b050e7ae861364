"""How much of the machine a hostile file may take: time, memory and disk.

A part of :mod:`voicekit.audio`, which is the door to it. A few hundred bytes can claim a day of sound, an index
of gigabytes or a frame of hours; what a file really holds decides, and only up to these bounds.
"""

from __future__ import annotations

import contextlib
import ctypes
from typing import Any

import av

LONGEST_RECORDING = 24 * 3600.0
"""Seconds that are decoded at most, unless more is allowed: 2.8 GB of raw sound."""

OPENING = 60.0
"""Seconds in which a file has to be open: tags by the hundred thousand take FFmpeg quadratic time."""

AROUND = 96 << 20
"""Bytes of tags, pictures, attachments and indexes: FFmpeg holds up to four copies of them."""

PACKETS = 10_000_000
"""Packets that the index of an MP4 may name: 36 bytes each. A day of sound and moving pictures has nine million."""

FRAGMENTS = 20
"""Fragments of an MP4 with a misnumbered track, each of which takes FFmpeg half a second."""

TRACKS = 5
"""Sound tracks that are tried: each costs a reading of the whole file."""

_ALLOCATION = 192 << 20
"""Bytes that FFmpeg may ask for at once."""

_VALUES = 1 << 23
"""Samples times channels that a packet may decode to; real ones hold a tenth of that at most."""


def bound_allocations() -> None:
    """Refuse to let FFmpeg allocate much at once, in the whole process and for good.

    A file of 500 bytes can claim an index of 2 GB, and would get it. Where the function cannot be found
    (it is the library's own, not PyAV's) the other bounds remain.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(av._core.__file__).av_max_alloc(ctypes.c_size_t(_ALLOCATION))


def bound_frames(context: Any) -> None:
    """Refuse to let a decoder that has not begun make giant frames."""
    context.options = {**context.options, "max_samples": str(_VALUES // max(context.channels, 1))}
