"""What FFmpeg holds in memory of a file before any sound: tags, pictures, attachments, and the packets of an index.

A part of :mod:`voicekit.audio`, which is the door to it. Only the heads of blocks, boxes and elements are read. What
cannot be understood counts for nothing: FFmpeg will not understand it either.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

_STEPS = 10_000
"""Blocks, boxes and elements that are looked at side by side."""

_BOXES = 100_000
"""Boxes that are looked into in all."""

_ENDLESS = 1 << 43
"""Bytes; no file is longer, and asked to go further some systems fail."""


@dataclass
class Overhead:
    """What was found so far.

    Attributes
    ----------
    size : int
        Bytes that are no sound.
    packets : int
        So many an index claims that there are.
    fragments : int
        Pieces of an index that lie between the sound.
    misnumbered : int
        Tracks with a negative number, for which FFmpeg searches half a second in every fragment.
    boxes : int
        How many were looked into.
    """

    size: int = 0
    packets: int = 0
    fragments: int = 0
    misnumbered: int = 0
    boxes: int = 0


def overhead(file: BinaryIO, size: int, most: int) -> Overhead:
    """What will be held of a file of this size while it is open; packed indexes are unpacked to `most` bytes."""
    start = behind_tags(file)
    found = Overhead(min(start, size))
    magic = _read(file, start, 8)
    if magic[:4] == b"fLaC":
        _flac(file, start + 4, size, found)
    elif magic[:4] == b"\x1a\x45\xdf\xa3":
        for place, length in _matroska(file, start):
            found.size += max(min(length, size - place), 0)
    elif magic[4:] in (b"ftyp", b"moov", b"free", b"wide", b"skip", b"mdat", b"pnot", b"styp"):
        for name, begin, end in _boxes(file, start, size):
            if name in (b"moov", b"meta", b"udta", b"uuid"):
                found.size += end - begin
            if name in (b"moov", b"moof"):
                _mp4(file, begin, end, found, most, 0)
    return found


def behind_tags(file: BinaryIO) -> int:
    """Where the content of a file begins: behind all ID3 tags."""
    place = 0
    for _ in range(_STEPS):
        head = _read(file, place, 10)
        if head[:3] != b"ID3" or len(head) < 10:
            break
        size = (head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 | head[9] & 127
        place += 10 + size + (10 if head[5] & 0x10 else 0)  # a tag may have a footer
    return place


def _read(file: BinaryIO, place: int, count: int) -> bytes:
    if place >= _ENDLESS:
        return b""
    file.seek(place)
    return file.read(count)


def _flac(file: BinaryIO, place: int, size: int, found: Overhead) -> None:
    """All blocks before the first frame."""
    for _ in range(_STEPS):
        head = _read(file, place, 4)
        if len(head) < 4:
            return
        length = 4 + int.from_bytes(head[1:], "big")
        found.size += min(length, size - place)
        place += length
        if head[0] & 128:
            return


# --- MP4


def _boxes(file: BinaryIO, place: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, and begin and end of the content, of the boxes side by side in a stretch."""
    for _ in range(_STEPS):
        head = _read(file, place, 16)
        if len(head) < 8 or place + 8 > stop:
            return
        length, begin = int.from_bytes(head[:4], "big"), place + 8
        if length == 1:
            length, begin = int.from_bytes(head[8:], "big"), place + 16
        elif length == 0:  # to the end of the file
            length = _ENDLESS
        if place + length < begin:
            return
        yield head[4:8], begin, min(place + length, stop)
        place += length


def _mp4(file: BinaryIO, begin: int, end: int, found: Overhead, most: int, depth: int) -> None:
    """Count the packets of all tracks."""
    table: dict[bytes, int] = {}
    for name, start, stop in _boxes(file, begin, end):
        found.boxes += 1
        if found.boxes > _BOXES:
            return
        if name in (b"trak", b"mdia", b"minf", b"stbl", b"traf", b"moov") and depth < 8:
            _mp4(file, start, stop, found, most, depth + 1)
        elif name == b"trun":
            found.fragments += 1
            found.packets += int.from_bytes(_read(file, start + 4, 4), "big")
        elif name == b"tkhd":
            head = _read(file, start, 24)
            found.misnumbered += int.from_bytes(head[20:24] if head[:1] == b"\1" else head[12:16], "big") >> 31
        elif name == b"cmov" and depth < 8:
            unpacked = _unpacked(file, start, stop, most)
            found.size += len(unpacked)
            _mp4(io.BytesIO(unpacked), 0, len(unpacked), found, most, depth + 1)
        elif name in (b"stsz", b"stz2", b"stts", b"stsc", b"stco", b"co64"):
            table.setdefault(name, start)
    if b"stsz" in table or b"stz2" in table:
        found.packets += _packets(file, table)


def _packets(file: BinaryIO, table: dict[bytes, int]) -> int:
    """How many packets FFmpeg makes of a track: raw sound is taken in pieces of 1024 samples."""
    def numbers(name: bytes, skipped: int, count: int) -> list[int]:
        data = _read(file, table.get(name, _ENDLESS), skipped + 4 * count)[skipped:]
        return [int.from_bytes(data[place:place + 4], "big") for place in range(0, len(data), 4)]

    count = sum(numbers(b"stsz" if b"stsz" in table else b"stz2", 8, 1))
    if numbers(b"stts", 4, 3)[::2] != [1, 1]:
        return count
    chunks = sum(numbers(b"stco" if b"stco" in table else b"co64", 4, 1))
    runs = np.array(numbers(b"stsc", 8, 3 * min(sum(numbers(b"stsc", 4, 1)), chunks, 1 << 20)), np.int64)
    runs = runs[:len(runs) // 3 * 3].reshape(-1, 3)
    lengths = np.clip(np.diff(runs[:, 0], append=chunks + 1), 0, chunks)
    return int(np.minimum(lengths * -(-runs[:, 1] // 1024), _ENDLESS >> 20).sum())


def _unpacked(file: BinaryIO, start: int, stop: int, most: int) -> bytes:
    """A compressed index, of which old QuickTime files have one."""
    for name, begin, end in _boxes(file, start, stop):
        if name == b"cmvd":
            packed = _read(file, begin + 4, min(end - begin, most))
            try:
                return zlib.decompressobj().decompress(packed, most)
            except zlib.error:
                break
    return b""


# --- Matroska


_SEGMENT, _CLUSTER, _VOID, _SEEK_HEAD = 0x18538067, 0x1F43B675, 0xEC, 0x114D9B74
_SEEK_POSITION = b"\x53\xac"


def _matroska(file: BinaryIO, place: int) -> Iterator[tuple[int, int]]:
    """Place and length of what comes before the first cluster, and of what the seek head points to behind it."""
    begin = behind = 0
    later: set[int] = set()
    for _ in range(_STEPS):
        name, length, head = _element(file, place)
        if name == _SEGMENT:
            begin, length = place + head, 0
        elif name == _SEEK_HEAD:
            later |= {begin + one for one in _seek_positions(_read(file, place + head, min(length, 1 << 16)))}
        elif name in (0, _CLUSTER):
            behind = place
            break
        elif name != _VOID:
            yield place, head + length
        place += head + length
    for place in sorted(later):
        name, length, head = _element(file, place)
        if place > behind and name not in (0, _CLUSTER, _VOID):
            yield place, head + length


def _element(file: BinaryIO, place: int) -> tuple[int, int, int]:
    """Name, length of the content, and length of the head of an element; a name of 0 is none."""
    return _element_head(_read(file, place, 12))


def _element_head(head: bytes) -> tuple[int, int, int]:
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
        _, length, begin = _element_head(head[at:at + 12])
        yield int.from_bytes(head[at + begin:at + begin + min(length, 8)], "big")
