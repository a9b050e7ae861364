"""How long an MP3 is, to the sample: the delay and the padding in its Info tag.

FFmpeg takes the padding from the last packet alone, and is up to 47 samples out where the encoder needed two
packets to end. Decoders cut what the tag says from both ends.
"""

from __future__ import annotations

from typing import BinaryIO

_ENOUGH = 4 + 17 + 120 + 36
"""Bytes up to the end of the tag."""


def say_length(file: BinaryIO, samples: int) -> None:
    """Write the true padding into the tag of an MP3.

    Parameters
    ----------
    file : binary file
        Open for reading and writing, as FFmpeg wrote it.
    samples : int
        How long the sound is. Where the tag cannot say so, or there is none, the file stays as it is.
    """
    file.seek(0)
    head = file.read(10)
    begin = 0
    if head.startswith(b"ID3"):  # 28 bits of length, seven in each byte
        begin = 10 + sum((byte & 127) << 7 * place for place, byte in zip((3, 2, 1, 0), head[6:10]))
    file.seek(begin)
    frame = bytearray(file.read(_ENOUGH))
    if len(frame) < _ENOUGH:  # the tag has a frame of its own, before the others
        return
    finer = frame[1] >> 3 & 1  # MPEG-1, whose frames are twice as long
    tag = 4 + (17 if finer else 9)  # behind the header and the empty side information of a mono frame
    if bytes(frame[tag:tag + 4]) not in (b"Info", b"Xing") or frame[tag + 7] != 15:
        return
    frames = int.from_bytes(frame[tag + 8:tag + 12], "big")
    there = tag + 120 + 21  # behind the counts, the table of contents, and what the encoder is called
    delay = int.from_bytes(frame[there:there + 3], "big") >> 12
    padding = frames * (1152 if finer else 576) - delay - samples
    if 0 <= padding < 1 << 12:
        frame[there:there + 3] = (delay << 12 | padding).to_bytes(3, "big")
        end = tag + 120 + 34
        frame[end:end + 2] = _checksum(frame[:end]).to_bytes(2, "big")
        file.seek(begin)
        file.write(frame)


def _checksum(data: bytes | bytearray) -> int:
    """CRC-16 as LAME reckons it."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value
