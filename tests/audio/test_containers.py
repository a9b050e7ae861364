"""What is refused, and how clearly: every file that is no recording."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests import sound
from voicekit import audio
from voicekit.errors import InputError, NotAudioError


def refuse(path: Path, error: type[InputError], match: str) -> InputError:
    with pytest.raises(error, match=match) as caught:
        audio.decode(path, path.parent / "pcm")
    assert caught.value.hint
    folder = path.parent / "pcm"
    assert not folder.exists() or not os.listdir(folder), "a half-written file was left behind"
    return caught.value


@pytest.mark.parametrize(("name", "content", "match"), [
    ("a.mp3", b"", r"a.mp3 is empty \(0 bytes\)"),
    ("a.mp3", b"Dear all,\nplease find the minutes attached.\n" * 9, "a text file.*two consecutive MPEG"),
    ("a.mp3", "Протокол\n".encode("cp1251") * 99, "a text file"),
    ("a.mp3", b"a" + b"\n" * 65_000 + b"b", "a text file"),  # the search for a cue sheet took 20 s in it
    ("a.mp3", b"FILE a " + b" " * 65_000 + b"b", "a text file"),
    ("a.wav", b"<!DOCTYPE html><html><body>404 Not Found</body></html>", "a text file.*error message"),
    ("a.bin", b"\0\1\2\3", "no sound or video file"),
    ("a.mp3", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde" + bytes(100), "does not open"),
    ("a.mp3", b"ID3\3\0\0\0\0\2\1" + bytes(257), "no sound or video file"),
])
def test_no_sound_at_all(tmp_path: Path, name: str, content: bytes, match: str) -> None:
    (tmp_path / name).write_bytes(content)
    refuse(tmp_path / name, NotAudioError, match)


@pytest.mark.parametrize("extension", [".mp3", ".wav", ".m4a", ".aac", ".ogg", ".bin", ""])
def test_random_bytes(tmp_path: Path, extension: str) -> None:
    (tmp_path / f"a{extension}").write_bytes(np.random.default_rng(0).bytes(100_000))
    refuse(tmp_path / f"a{extension}", NotAudioError, "no sound or video|No sound could be|index is missing")


def test_a_header_without_samples(tmp_path: Path) -> None:
    refuse(sound.write_plain_wav(tmp_path / "a.wav", []), NotAudioError, "No sound could be decoded.*0 samples")


@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".webm"])
def test_pictures_without_sound(tmp_path: Path, extension: str) -> None:
    refuse(sound.write_video(tmp_path / f"a{extension}"), NotAudioError, "pictures but no sound")


def test_what_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    refuse(tmp_path / "folder", InputError, "folder is a folder")
    refuse(tmp_path / "missing.mp3", InputError, "There is no file .*missing.mp3")
    refuse(tmp_path / "a\0b.mp3", InputError, "cannot be read: embedded null byte")
    refuse(tmp_path / ("a" * 300), InputError, "cannot be read: File name too long")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        refuse(tmp_path / "pipe", InputError, "not a regular file.*standard input")


def test_no_permission(tmp_path: Path) -> None:
    if not hasattr(os, "geteuid"):
        pytest.skip("file modes do not forbid reading on this system")
    path = sound.write(tmp_path / "a.wav", sound.tone(1))
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # no file mode can stop the superuser
        os.seteuid(65534)
    try:
        with pytest.raises(InputError, match="may not be read .Permission denied."):
            audio.decode(path, tmp_path / "pcm")
    finally:
        os.seteuid(user)


def test_protected_sound(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.m4a", sound.tone(1))
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"enca", 1))
    refuse(path, NotAudioError, "encrypted or copy-protected")


def test_a_phone_video_without_its_index(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mp4", sound.noise(1, 20))
    os.truncate(path, path.stat().st_size // 2)
    refuse(path, NotAudioError, "incomplete: its index is missing .*moov atom not found")


def test_a_codec_tag_that_is_no_text(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.m4a", sound.tone(1))
    path.write_bytes(path.read_bytes().replace(b"mp4a", b"mp4\xf5", 1))
    assert audio.decode(path, tmp_path / "pcm").samples > 15000


def test_a_codec_that_nobody_knows(tmp_path: Path) -> None:
    path = sound.write_plain_wav(tmp_path / "a.wav", np.ones(16000))
    data = bytearray(path.read_bytes())
    data[20:22] = b"\x34\x12"
    path.write_bytes(data)
    refuse(path, NotAudioError, "codec that this FFmpeg cannot decode")


@pytest.mark.parametrize("rate", [1, 2_000_000_000])
def test_a_forged_rate_does_not_fill_disk_or_memory(tmp_path: Path, rate: int) -> None:
    path = sound.write_plain_wav(tmp_path / "a.wav", np.ones(16000))
    data = bytearray(path.read_bytes())
    data[24:28] = rate.to_bytes(4, "little")
    path.write_bytes(data)
    refuse(path, NotAudioError, f"claims a sample rate of {rate} Hz")
