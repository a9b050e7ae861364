"""FLAC in memory: every bit comes back, and nothing else ever does."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from voicekit.audio.lossless import flac_bytes, from_flac


@pytest.mark.parametrize("count", [0, 1, 15, 16, 4607, 4608, 4609, 65536, 100_001])
@pytest.mark.parametrize("rate", [8000, 22050, 24000, 44100, 48000])
def test_every_bit_comes_back(count: int, rate: int) -> None:
    samples = np.random.default_rng(count).integers(-32768, 32768, count).astype(np.int16)
    data = flac_bytes(samples, rate)
    again, found = from_flac(data)
    assert np.array_equal(again, samples) and again.dtype == np.int16 and found == rate
    assert flac_bytes(samples, rate) == data


def test_speech_takes_less_room(speech: np.ndarray) -> None:
    data = flac_bytes(speech, 16000)
    assert len(data) < 0.65 * speech.nbytes
    assert np.array_equal(from_flac(data)[0], speech)
    assert b"Lavf" not in data  # the same in the next version
    assert len(flac_bytes(speech[:100], 16000)) < 500


def test_any_layout_in_memory(speech: np.ndarray) -> None:
    assert flac_bytes(speech[:20000][::2], 16000) == flac_bytes(speech[:20000][::2].copy(), 16000)


def test_forged_bytes_give_the_samples_or_a_value_error(speech: np.ndarray) -> None:
    samples = speech[:30000]
    data = flac_bytes(samples, 16000)
    refused = 0
    for seed in range(400):
        chance = random.Random(seed)
        forged = bytearray(data)
        for _ in range(chance.randint(1, 5)):
            forged[chance.randrange(len(forged))] ^= 1 << chance.randrange(8)
        if seed % 3 == 0:
            del forged[chance.randrange(len(forged)):]
        if seed % 7 == 0:
            forged += chance.randbytes(1000)
        try:
            again, _ = from_flac(bytes(forged))
            assert np.array_equal(again, samples)
        except ValueError:
            refused += 1
    assert refused > 300


@pytest.mark.parametrize("data", [b"", b"fLaC", b"RIFF" + bytes(100), b"#EXTM3U\n/etc/passwd", b"ID3\x04" + bytes(200)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="FLAC"):
        from_flac(data)


def header(rate: int, channels: int, bits: int, count: int) -> bytes:
    shape = rate << 44 | channels - 1 << 41 | bits - 1 << 36 | count
    return b"fLaC\x00\x00\x00\x22" + struct.pack(">HH6xQ16x", 4608, 4608, shape)


@pytest.mark.parametrize("shape", [(44100, 2, 16, 10), (44100, 1, 24, 10), (0, 1, 16, 10), (48000, 1, 16, 1 << 35)])
def test_what_voicekit_never_writes_is_refused(shape: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="mono FLAC of 16 bits"):
        from_flac(header(*shape) + bytes(100))


def test_a_header_alone_is_refused() -> None:
    for end in (b"", bytes(50), b"\x84\x00\x00\x00", b"\xff\xf8" + bytes(300)):
        with pytest.raises(ValueError, match="FLAC"):
            from_flac(header(48000, 1, 16, 1 << 25) + end)
