"""Files that are made to harm: bombs, endless tags, giant attachments, indexes that lie.

What is large in them is a hole where the file system has holes, so that they cost nothing to make.
"""

from __future__ import annotations

import random
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

JPEG = b"\xff\xd8\xff\xe0"

Part = bytes | int
"""Bytes, or a number of zeros."""


def size_of(parts: list[Part]) -> int:
    """Bytes in all."""
    return sum(part if isinstance(part, int) else len(part) for part in parts)


def write(path: Path, parts: list[Part]) -> Path:
    """Write parts one after the other, zeros as a hole."""
    with path.open("wb") as file:
        for part in parts:
            if isinstance(part, int):
                file.seek(part, 1)
            else:
                file.write(part)
        file.truncate()
    return path


# --- bombs


def silent_flac(path: Path, seconds: int, rate: int = 48000) -> Path:
    """Digital silence: 150 bytes a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("flac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4608), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        for number in range(seconds * rate // 4608):
            frame.pts = number * 4608
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def leaping(source: Path, path: Path, leap: float) -> Path:
    """The packets of a file, each a leap later than the one before."""
    with av.open(str(source)) as old, av.open(str(path), "w", format="matroska") as new:
        stream = new.add_stream_from_template(old.streams.audio[0])
        number = 0
        for packet in old.demux(audio=0):
            if packet.pts is not None and packet.size:
                packet.pts = packet.dts = packet.pts + round(number * leap / packet.time_base)
                packet.stream = stream
                new.mux(packet)
                number += 1
    return path


# --- Matroska


def _element(name: str, *content: Part) -> list[Part]:
    return [bytes.fromhex(name) + (1 << 56 | size_of(list(content))).to_bytes(8, "big"), *content]


def _join(*elements: list[Part]) -> list[Part]:
    return [part for element in elements for part in element]


def attachment(size: int, mime: bytes = b"application/x-truetype-font", name: bytes = b"a.ttf") -> list[Part]:
    """A file to be put into a Matroska file."""
    return _element("61a7", *_element("466e", name), *_element("4660", mime),
                    *_element("46ae", random.Random(size).randbytes(4)), *_element("465c", JPEG, size - len(JPEG)))


def with_attachments(source: Path, path: Path, *attached: list[Part], behind: bool = False) -> Path:
    """A Matroska file with attachments before its sound, or behind it where only the seek head points to them."""
    data = source.read_bytes()
    segment = data.index(bytes.fromhex("18538067")) + 4
    begin, first = segment + 8, data.index(bytes.fromhex("1f43b675"))
    block = _element("1941a469", *_join(*attached))
    head: list[Part] = []
    if behind:
        length = len(data) - begin + 54
        head = _element("114d9b74", *_element("4dbb", *_element("53ab", bytes.fromhex("1941a469")),
                                              *_element("53ac", length.to_bytes(8, "big"))))
        assert size_of(head) == 54
        rest: list[Part] = [data[begin:], *block]
    else:
        rest = [data[begin:first], *block, data[first:]]
    size = size_of(head) + size_of(rest)
    return write(path, [data[:segment] + (1 << 56 | size).to_bytes(8, "big"), *head, *rest])


def giant_packet(path: Path, size: int, *, channels: int = 1, bits: int = 16) -> Path:
    """A Matroska file whose sound is one packet of silence."""
    return _raw_sound(path, [[size]], channels, bits)


def packed_sound(path: Path, size: int, packets: int = 1) -> Path:
    """A Matroska file with packets of silence, each packed to a thousandth of its size."""
    method = _element("6d80", *_element("6240", *_element("5034", *_element("4254", b"\0"))))
    return _raw_sound(path, [[zlib.compress(bytes(size), 9)]] * packets, 1, 16, method)


def _raw_sound(path: Path, packets: list[list[Part]], channels: int, bits: int, method: list[Part] | None = None) -> Path:
    header = _element("1a45dfa3", *_element("4286", b"\1"), *_element("42f7", b"\1"), *_element("42f2", b"\4"),
                      *_element("42f3", b"\x08"), *_element("4282", b"matroska"), *_element("4287", b"\4"),
                      *_element("4285", b"\2"))
    sound = _element("e1", *_element("b5", struct.pack(">d", 16000.0)), *_element("9f", bytes([channels])),
                     *_element("6264", bytes([bits])))
    track = _element("1654ae6b", *_element("ae", *_element("d7", b"\1"), *_element("73c5", b"\1"),
                                           *_element("83", b"\2"), *_element("86", b"A_PCM/INT/LIT"), *sound,
                                           *(method or [])))
    info = _element("1549a966", *_element("2ad7b1", b"\x0f\x42\x40"))
    cluster = _element("1f43b675", *_element("e7", b"\0"),
                       *_join(*(_element("a3", b"\x81\0\0\x80", *packet) for packet in packets)))
    return write(path, [*header, *_element("18538067", *info, *track, *cluster)])


# --- ID3


def tag(*body: Part, size: int | None = None, version: int = 3) -> list[Part]:
    """An ID3 tag; ``size`` can make it lie."""
    size = size_of(list(body)) if size is None else size
    return [b"ID3" + bytes((version, 0, 0)) + seven_bits(size), *body]


def seven_bits(value: int) -> bytes:
    """A number as ID3 writes it."""
    return bytes(value >> shift & 127 for shift in (21, 14, 7, 0))


def tag_frame(name: bytes, *content: Part) -> list[Part]:
    """A frame of an ID3 tag of version 3."""
    return [name + struct.pack(">IH", size_of(list(content)), 0), *content]


def cover(size: int) -> list[Part]:
    """A frame with a picture."""
    return tag_frame(b"APIC", b"\0image/jpeg\0\3\0" + JPEG, size)


# --- FLAC


def with_pictures(source: Path, path: Path, count: int, size: int, claimed: int | None = None) -> Path:
    """A FLAC file with blocks of pictures behind its first block."""
    data = source.read_bytes()
    block: list[Part] = [struct.pack(">II10sIIIIII", 3, 10, b"image/jpeg", 0, 1, 1, 24, 0, size if claimed is None else claimed)
                         + JPEG, size - len(JPEG)]
    pictures = [b"\6" + size_of(block).to_bytes(3, "big"), *block] * count
    return write(path, [data[:42], *pictures, data[42:]])


# --- MP4


def box(name: bytes, *content: Part) -> list[Part]:
    """A box."""
    return [struct.pack(">I4s", 8 + size_of(list(content)), name), *content]


def _full(name: bytes, content: bytes, flags: int = 0) -> list[Part]:
    return box(name, flags.to_bytes(4, "big") + content)


def described(source: Path, path: Path, *items: list[Part]) -> Path:
    """An MP4 file, its index last, with more boxes in that."""
    data = source.read_bytes()
    place = data.rindex(b"moov") - 4
    assert place + int.from_bytes(data[place:place + 4], "big") == len(data), "the index is last"
    return write(path, [data[:place], *box(b"moov", data[place + 8:], *_join(*items))])


def itunes(name: bytes, kind: int, *content: Part) -> list[Part]:
    """A description as iTunes writes it."""
    data = box(b"data", struct.pack(">II", kind, 0), *content)
    meta: list[Part] = [bytes(4), *_full(b"hdlr", bytes(4) + b"mdirappl" + bytes(9)), *box(b"ilst", *box(name, *data))]
    return box(b"udta", *box(b"meta", *meta))


_HERE = b"\0\0\0\x0curl \0\0\0\1"


def endless_index(path: Path, count: int, *, size: int = 1, codec: bytes = b"mp4a", step: int = 1024, tracks: int = 1,
                  edits: int = 0, packed: bool = False, fragments: int = 0, where: bytes = _HERE) -> Path:
    """An MP4 of some hundred bytes whose sound claims to have so many packets, each of ``size`` bytes and ``step`` samples.

    ``edits`` play it so often, ``packed`` packs the index, ``fragments`` claim as many again each, ``where``
    names the file that the packets are in.
    """
    played = _full(b"elst", struct.pack(">I", edits) + struct.pack(">III", 1 << 30, 0, 1 << 16) * edits)
    track = box(b"trak", *_full(b"tkhd", struct.pack(">IIII", 0, 0, 1, 0) + bytes(68), 7),
                *(box(b"edts", *played) if edits else []), *box(
        b"mdia", *_full(b"mdhd", struct.pack(">IIIIHH", 0, 0, 16000, 0x7FFFFFFF, 0, 0)),
        *_full(b"hdlr", bytes(4) + b"soun" + bytes(13)), *box(
            b"minf", *_full(b"smhd", bytes(4)),
            *box(b"dinf", *_full(b"dref", struct.pack(">I", 1) + where)), *box(
                b"stbl",
                *_full(b"stsd", struct.pack(">II4s6xH8xHHHHI", 1, 36, codec, 1, 1, 16, 0, 0, 16000 << 16)),
                *_full(b"stts", struct.pack(">III", 1, count, step)),
                *_full(b"stsc", struct.pack(">IIII", 1, 1, 0x7FFFFFFF, 1)),
                *_full(b"stsz", struct.pack(">II", size, count)),
                *_full(b"stco", struct.pack(">II", 1, 40))))))
    header = _full(b"mvhd", struct.pack(">IIII", 0, 0, 1000, 2000) + bytes(80))
    extends = box(b"mvex", *_full(b"trex", struct.pack(">IIIII", 1, 1, step, size, 0))) if fragments else []
    index = box(b"moov", *header, *(track * tracks), *extends)
    if packed:
        plain = b"".join(part for part in index if isinstance(part, bytes))
        index = box(b"moov", *box(b"cmov", *box(b"dcom", b"zlib"),
                                  *box(b"cmvd", len(plain).to_bytes(4, "big") + zlib.compress(plain))))
    fragment = box(b"moof", *_full(b"mfhd", bytes(4)), *box(
        b"traf", *_full(b"tfhd", struct.pack(">I", 1), 0x20000), *_full(b"trun", struct.pack(">I", count))))
    return write(path, [*box(b"ftyp", b"M4A \0\0\0\0M4A mp42isom"), *box(b"mdat", 1000), *index, *(fragment * fragments)])


def sound_elsewhere(path: Path, name: bytes) -> Path:
    """A QuickTime file whose sound lies in another one, as the alias of a Macintosh."""
    name += bytes(len(name) % 2)
    alias = bytes(4 + 10 + 1 + 27 + 12 + 1 + 63 + 16 + 4 + 16) + struct.pack(">HH", 2, len(name)) + name + b"\xff\xff\0\0"
    return endless_index(path, 100, codec=b"sowt", size=2, step=1, where=struct.pack(">I4s", 8 + len(alias), b"alis") + alias)


# --- Ogg


def ogg_with_comment(data: bytes, comment: bytes) -> bytes:
    """An Opus file whose second packet, the tags, holds this comment over as many pages as it takes."""
    pages = [data[start:end] for start, end in zip(*_pages(data))]
    packet = b"OpusTags" + struct.pack("<III", 0, 1, len(comment)) + comment
    most = 255 * 255
    made = [pages[0]]
    for start in range(0, len(packet), most):
        piece = packet[start:start + most]
        lacing = bytes([255] * (len(piece) // 255)) + (bytes([len(piece) % 255]) if len(piece) < most else b"")
        made.append(b"OggS\0" + bytes([start > 0]) + bytes(8) + data[14:18] + bytes(8) + bytes([len(lacing)]) + lacing
                    + piece)
    return b"".join(_numbered(page, number) for number, page in enumerate(made + pages[2:]))


def _pages(data: bytes) -> tuple[list[int], list[int]]:
    starts = [place for place in range(len(data)) if data.startswith(b"OggS", place)]
    return starts, [*starts[1:], len(data)]


def _numbered(page: bytes, number: int) -> bytes:
    page = page[:18] + number.to_bytes(4, "little") + bytes(4) + page[26:]
    return page[:22] + ogg_checksum(page).to_bytes(4, "little") + page[26:]


def _ogg_table() -> list[int]:
    table = []
    for value in range(256):
        value <<= 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if value >> 31 else value << 1
        table.append(value)
    return table


_OGG_TABLE = _ogg_table()


def ogg_checksum(page: bytes | bytearray) -> int:
    """The checksum of a page in which its own place is zero."""
    checksum = 0
    for byte in page:
        checksum = checksum << 8 & 0xFFFFFFFF ^ _OGG_TABLE[checksum >> 24 ^ byte]
    return checksum
