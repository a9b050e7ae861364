"""Damaged and forged sound files, the same for the same seed: the material of the fuzz test.

Real files of many containers are broken in the ways in which files break (bits flip, ends and pieces go
missing, pieces come twice) and in those in which they are forged (fields with extreme values, one
container grafted onto another, a tag that lies about its size).
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests import sound
from tests.audio.forged import ogg_checksum

LARGEST = 1 << 20
"""Bytes; no mutant is larger, so that an hour of decoding means that something is wrong."""

_FIELDS = (
    b"stsz stts stsc stco co64 mdhd mvhd tkhd stsd mp4a esds elst trun tfhd moof moov mdat trak ilst meta hdlr "
    b"RIFF fmt  data LIST fact OggS OpusHead OpusTags fLaC ID3 TIT2 Xing Info LAME "
    b"\x1a\x45\xdf\xa3 \x18\x53\x80\x67 \x16\x54\xae\x6b \x1f\x43\xb6\x75 \xa3 \xe7 \x2a\xd7\xb1 \xb5 \x9f \x63\xa2 \xff\xf3 \xff\xf8"
).split()
"""What stands in front of the fields that demuxers believe."""

_OTHERS = (".aac", ".ac3", ".aiff", ".amr", ".au", ".avi", ".caf", ".flv", ".mp2", ".mpg", ".ts", ".tta", ".w64", ".wma", ".wv")
"""Containers beside the usual six."""

_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000000,
             0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFFF)


def write_originals(folder: Path) -> None:
    """Make the files that are mutated: the same bytes every time, for one version of FFmpeg."""
    folder.mkdir(parents=True, exist_ok=True)

    def sample(rate: int) -> sound.Sound:
        return np.concatenate([sound.tone(1.2, rate), sound.noise(1, 0.8, rate)])

    exact = {"fflags": "bitexact"}
    for name, rate, settings in (
            ("a.wav", 16000, {}), ("b.wav", 44100, {"codec": "pcm_f32le", "layout": "stereo"}),
            ("c.wav", 8000, {"codec": "adpcm_ms"}),
            ("a.mp3", 44100, {"layout": "stereo"}), ("b.mp3", 16000, {}),
            ("a.m4a", 16000, {}), ("b.m4a", 44100, {"layout": "stereo", "options": {"movflags": "faststart"}}),
            ("c.mp4", 16000, {"picture": True, "options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}}),
            ("d.m4a", 16000, {"codec": "alac"}),
            ("a.mkv", 16000, {"picture": True}), ("b.webm", 48000, {}), ("c.mka", 16000, {}),
            ("d.mkv", 16000, {"codec": "pcm_s16le", "tracks": 2}), ("e.mkv", 48000, {"codec": "aac", "layout": "7.1"}),
            ("a.opus", 48000, {}), ("b.ogg", 16000, {"codec": "flac"}), ("c.ogg", 48000, {"layout": "stereo"}),
            ("a.flac", 16000, {}), ("b.flac", 44100, {"layout": "stereo"}),
            *((f"z{extension}", sound.usual_rate(extension), {"picture": extension in (".ts", ".flv", ".avi", ".mpg")})
              for extension in _OTHERS)):
        options = {**exact, **settings.pop("options", {})}
        sound.write(folder / name, sample(rate), rate, options=options, **settings)


class Mutants:
    """All mutants of the originals in a folder, by seed."""

    def __init__(self, folder: Path) -> None:
        self._originals = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def make(self, seed: int) -> tuple[str, bytes]:
        """The file with this seed: what to call it, and its bytes."""
        rng = random.Random(seed)
        name = rng.choice(list(self._originals))
        data = bytearray(self._originals[name])
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
            if rng.random() < 0.1:
                _splice(data, rng, rng.choice(list(self._originals.values())))
            else:
                rng.choice(_WAYS)(data, rng)
            del data[LARGEST:]
        if rng.random() < 0.5:
            _mend_ogg(data)
        if rng.random() < 0.1:  # FFmpeg looks at the extension as well
            name = f"x.{rng.choice(('mp3', 'wav', 'aac', 'ts', 'bin', 'amr', 'ac3', 'mpg'))}"
        return name, bytes(data)


def _place(data: bytearray, rng: random.Random) -> int:
    """A position; headers, where most is decided, come up more often."""
    if rng.random() < 0.5:
        return rng.randrange(min(len(data), 600) + 1)
    return rng.randrange(len(data) + 1)


def _stretch(data: bytearray, rng: random.Random) -> slice:
    start = _place(data, rng)
    return slice(start, start + 1 + int(len(data) ** rng.random()))


def _flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 2, 8, 64, 512))):
        if data:
            data[min(_place(data, rng), len(data) - 1)] ^= 1 << rng.randrange(8)


def _truncate(data: bytearray, rng: random.Random) -> None:
    del data[_place(data, rng):]


def _behead(data: bytearray, rng: random.Random) -> None:
    del data[:_place(data, rng)]


def _cut_out(data: bytearray, rng: random.Random) -> None:
    del data[_stretch(data, rng)]


def _repeat(data: bytearray, rng: random.Random) -> None:
    where = _stretch(data, rng)
    times = rng.choice((1, 1, 2, 10, 200))
    data[where.stop:where.stop] = (bytes(data[where]) * times)[:LARGEST]


def _overwrite(data: bytearray, rng: random.Random) -> None:
    where = _stretch(data, rng)
    length = len(data[where])
    data[where] = rng.choice((bytes(length), b"\xff" * length, rng.randbytes(length)))


def _extreme(data: bytearray, rng: random.Random) -> None:
    """Set a field somewhere to an extreme value."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        width = rng.choice((1, 2, 4, 4, 8))
        value = rng.choice(_EXTREMES) if rng.random() < 0.8 else rng.getrandbits(64)
        place = _place(data, rng)
        field = _field(data, rng)
        if field >= 0 and rng.random() < 0.7:
            place = field + rng.randrange(-8, 40)
        place = max(min(place, len(data) - width), 0)
        data[place:place + width] = (value & (1 << 8 * width) - 1).to_bytes(width, rng.choice(("big", "little")))


def _field(data: bytearray, rng: random.Random) -> int:
    """Where one of the known fields begins, or -1."""
    found = [place for name in _FIELDS if (place := data.find(name, rng.choice((0, 0, len(data) // 2)))) >= 0]
    return rng.choice(found) if found else -1


def _splice(data: bytearray, rng: random.Random, other: bytes) -> None:
    """Graft another file on: its end, a piece of it, or all of it in front."""
    way = rng.randrange(3)
    if way == 0:
        data[_place(data, rng):] = other[_place(bytearray(other), rng):]
    elif way == 1:
        start = _place(data, rng)
        data[start:start] = other[_stretch(bytearray(other), rng)]
    else:
        data[:0] = other


def _tag(data: bytearray, rng: random.Random) -> None:
    """Put an ID3 tag in front that may lie about its size, and about that of its frame."""
    body = rng.randbytes(rng.choice((0, 10, 1000, 30000)))
    frame = rng.choice((b"TIT2", b"APIC", b"PRIV", b"CHAP", b"TXXX"))
    body = frame + struct.pack(">IH", rng.choice((len(body), *_EXTREMES)) & 0xFFFFFFFF, rng.choice((0, 0, 9))) + body
    size = rng.choice((len(body), len(body), len(body) // 2, (1 << 28) - 1, 1 << 20))
    seven = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    data[:0] = b"ID3" + bytes((rng.choice((2, 3, 4)), 0, rng.choice((0, 0, 0x80, 0xC0, 0x10)))) + seven + body


_WAYS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    _flip, _flip, _truncate, _behead, _cut_out, _cut_out, _repeat, _repeat, _overwrite, _overwrite,
    _extreme, _extreme, _extreme, _extreme, _tag)


def _mend_ogg(data: bytearray) -> None:
    """Make the checksums of Ogg pages right again: FFmpeg drops pages without looking into them otherwise."""
    place = 0
    while (place := data.find(b"OggS", place)) >= 0:
        head = place + 27
        if head > len(data):
            return
        end = head + data[place + 26]
        end += sum(data[head:end])
        data[place + 22:place + 26] = bytes(4)
        data[place + 22:place + 26] = ogg_checksum(data[place:end]).to_bytes(4, "little")
        place += 4
