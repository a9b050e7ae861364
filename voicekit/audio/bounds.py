"""How much of the machine a hostile file may take: time, memory and disk.

A part of :mod:`voicekit.audio`, which is the door to it. A few hundred bytes can claim a day of sound, an index
of gigabytes or a frame of hours; what a file really holds decides, and only up to these bounds.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any, BinaryIO

import av

LONGEST_RECORDING = 24 * 3600.0
"""Seconds that are decoded at most, unless more is allowed: 2.8 GB of raw sound."""

OPENING = 60.0
"""Seconds in which a file has to be open: tags by the hundred thousand take FFmpeg quadratic time."""

AROUND = 96 << 20
"""Bytes of tags, pictures, attachments and indexes: FFmpeg holds up to four copies of them."""

TRACKS = 5
"""Sound tracks that are tried: each costs a reading of the whole file."""

_ALLOCATION = 192 << 20
"""Bytes that FFmpeg may ask for at once. Its index of an MP4 takes 24 bytes a packet: 49 hours at 48 kHz."""

_VALUES = 1 << 23
"""Samples times channels that a packet may decode to; real ones hold a tenth of that at most."""

_STEPS = 10_000
"""Elements that are looked at in each walk through a file."""


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


def behind_tags(file: BinaryIO) -> int:
    """Where the content of a file begins: behind all ID3 tags."""
    place = 0
    for _ in range(_STEPS):
        file.seek(place)
        head = file.read(10)
        if head[:3] != b"ID3" or len(head) < 10:
            break
        size = (head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 | head[9] & 127
        place += 10 + size + (10 if head[5] & 0x10 else 0)  # a tag may have a footer
    return place


def around_sound(file: BinaryIO, size: int) -> int:
    """How many bytes of a file of this size are no sound, but are held in memory while it is open."""
    start = behind_tags(file)
    file.seek(start)
    magic = file.read(8)
    walk = (_flac_blocks if magic[:4] == b"fLaC" else _matroska_elements if magic[:4] == b"\x1a\x45\xdf\xa3"
            else _mp4_boxes if magic[4:] in (b"ftyp", b"moov", b"free", b"wide", b"skip", b"mdat") else None)
    total = min(start, size)
    if walk is not None:
        for place, length in walk(file, start):
            total += max(min(length, size - place), 0)
    return total


def _flac_blocks(file: BinaryIO, place: int) -> Iterator[tuple[int, int]]:
    """Place and length of what comes before the first frame."""
    place += 4
    for _ in range(_STEPS):
        file.seek(place)
        head = file.read(4)
        if len(head) < 4:
            return
        length = 4 + int.from_bytes(head[1:], "big")
        yield place, length
        place += length
        if head[0] & 128:
            return


def _mp4_boxes(file: BinaryIO, place: int) -> Iterator[tuple[int, int]]:
    """Place and length of all indexes and descriptions."""
    for _ in range(_STEPS):
        file.seek(place)
        head = file.read(16)
        if len(head) < 8:
            return
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if head[4:8] in (b"moov", b"meta", b"udta", b"uuid"):
            yield place, length or 1 << 62  # no length: to the end of the file
        if length < 8:
            return
        place += length


_SEGMENT, _CLUSTER, _VOID, _SEEK_HEAD = 0x18538067, 0x1F43B675, 0xEC, 0x114D9B74
_SEEK_POSITION = b"\x53\xac"


def _matroska_elements(file: BinaryIO, place: int) -> Iterator[tuple[int, int]]:
    """Place and length of what comes before the first cluster, and of what the seek head points to behind it."""
    begin = behind = 0
    later: set[int] = set()
    for _ in range(_STEPS):
        name, length, head = _matroska_element(file, place)
        if name == _SEGMENT:
            begin, length = place + head, 0
        elif name == _SEEK_HEAD:
            file.seek(place + head)
            later |= {begin + one for one in _seek_positions(file.read(min(length, 1 << 16)))}
        elif name in (0, _CLUSTER):
            behind = place
            break
        elif name != _VOID:
            yield place, head + length
        place += head + length
    for place in sorted(later):
        name, length, head = _matroska_element(file, place)
        if place > behind and name not in (0, _CLUSTER, _VOID):
            yield place, head + length


def _matroska_element(file: BinaryIO, place: int) -> tuple[int, int, int]:
    """Name, length of the content, and length of the head of an element; a name of 0 is none."""
    file.seek(place)
    return _matroska_head(file.read(12))


def _matroska_head(head: bytes) -> tuple[int, int, int]:
    long = 9 - head[0].bit_length() if head and head[0] else 9
    if long > 4 or len(head) < long + 1 or not head[long]:
        return 0, 0, 0
    wide = 9 - head[long].bit_length()
    length = int.from_bytes(head[long:long + wide], "big") & (1 << 7 * wide) - 1
    return int.from_bytes(head[:long], "big"), length, long + wide


def _seek_positions(head: bytes) -> Iterator[int]:
    """The places in a seek head; what only looks like one does no harm."""
    at = -1
    while (at := head.find(_SEEK_POSITION, at + 1)) >= 0:
        _, length, begin = _matroska_head(head[at:at + 12])
        yield int.from_bytes(head[at + begin:at + begin + min(length, 8)], "big")
