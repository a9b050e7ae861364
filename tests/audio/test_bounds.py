"""However a file is forged, it takes no more time, memory and disk than it is allowed, and nothing is left behind."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import sound
from tests.audio import forged
from tests.commands import ROOT
from voicekit import audio
from voicekit.audio import bounds
from voicekit.errors import InputError, NotAudioError

if sys.platform != "linux":
    pytest.skip("what a process held at most is asked of Linux", allow_module_level=True)

MEMORY = 450
"""MiB, with the 50 of Python, NumPy and FFmpeg."""

MIB = 1 << 20


def decoded(path: Path, longest: float = audio.LONGEST_RECORDING) -> dict[str, Any]:
    """What comes of a file in a process of its own; no promise may be broken."""
    ran = subprocess.run([sys.executable, "-m", "tests.audio.decoding_child", "--file", path, "--longest", str(longest)],
                         cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    answer = dict(json.loads(ran.stdout))
    assert answer["wrong"] == ""
    assert answer["peak"] < MEMORY, answer
    assert answer["disk"] <= longest * 32000, answer
    return answer


# --- too much sound


def test_an_hour_of_silence_in_half_a_megabyte(tmp_path: Path) -> None:
    path = forged.silent_flac(tmp_path / "bomb.flac", 3600)
    assert path.stat().st_size < 700_000
    answer = decoded(path, longest=60)
    assert answer["came"] == "InputError" and answer["peak"] < 100
    assert answer["told"] == ("bomb.flac holds more than 0:01:00.0 of sound, which is the limit. "
                              "Allow more with --max-duration HOURS, or cut the file.")
    assert 0 < answer["disk"] <= 60 * 32000


def test_the_longest_recording_is_still_decoded(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.wav", sound.tone(2))
    for longest in (2.0, math.inf):
        assert audio.decode(path, tmp_path / "pcm", longest=longest).samples == 32000
    with pytest.raises(InputError, match="more than 0:00:02.0 of sound.*--max-duration"):
        audio.decode(path, tmp_path / "other", longest=1.9999)
    assert os.listdir(tmp_path / "other") == []


def test_what_a_header_claims_does_not_count(tmp_path: Path) -> None:
    path = sound.write_plain_wav(tmp_path / "a.wav", np.ones(16000), size=0x70000000)
    recording = audio.decode(path, tmp_path / "pcm", longest=1.0)
    assert recording.samples == 16000 and "it says that it lasts 16:" in recording.warnings[0]


@pytest.mark.parametrize("leap", [9.0, 599.0])
def test_gaps_count_as_sound(tmp_path: Path, leap: float) -> None:
    path = forged.leaping(sound.write(tmp_path / "a.mka", sound.tone(20)), tmp_path / "b.mka", leap)
    answer = decoded(path, longest=60)
    assert answer["came"] == "InputError" and "more than 0:01:00.0" in answer["told"]
    assert decoded(path)["seconds"] < 3600 + 60  # there is an end to what is filled in


@pytest.mark.parametrize("channels", [1, 8])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_giant_packet(tmp_path: Path, channels: int, bits: int) -> None:
    path = forged.giant_packet(tmp_path / "a.mkv", 60 * MIB, channels=channels, bits=bits)
    answer = decoded(path, longest=60)
    assert answer["came"] == "NotAudioError" and answer["disk"] <= 10 * 32000


def test_a_large_packet(tmp_path: Path) -> None:
    path = forged.giant_packet(tmp_path / "a.mkv", 15 * MIB)
    assert decoded(path, longest=60)["came"] == "InputError"
    assert decoded(path)["seconds"] == pytest.approx(15 * MIB / 32000)


def test_a_packet_of_200_megabytes(tmp_path: Path) -> None:
    assert decoded(forged.giant_packet(tmp_path / "a.mkv", 200 * MIB))["came"] == "NotAudioError"


def test_many_tracks_with_nothing_in_them_are_not_all_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sound.write(tmp_path / "a.mkv", sound.noise(1, 1), codec="flac", tracks=20)
    data = bytearray(path.read_bytes())
    begin = data.index(bytes.fromhex("1f43b675"))
    data[begin:] = data[begin:].replace(b"\xff\xf8", b"\0\0")
    path.write_bytes(data)
    tries: list[int] = []
    started = bounds.bound_frames
    monkeypatch.setattr("voicekit.audio.decoding.bound_frames", lambda context: (tries.append(1), started(context)))
    with pytest.raises(NotAudioError, match="No sound could be decoded"):
        audio.decode(path, tmp_path / "pcm")
    assert len(tries) == bounds.TRACKS


# --- too much around the sound


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two seconds of sound in each container."""
    folder = tmp_path_factory.mktemp("plain")
    for extension in (".mp3", ".mkv", ".m4a", ".flac", ".wav", ".opus"):
        rate = sound.usual_rate(extension)
        sound.write(folder / f"a{extension}", sound.tone(2, rate), rate)
    return folder


def test_matroska_attachments_and_covers(tmp_path: Path, plain: Path) -> None:
    font, picture = forged.attachment(30 * MIB), forged.attachment(30 * MIB, b"image/jpeg", b"cover.jpg")
    for behind in (False, True):
        path = forged.with_attachments(plain / "a.mkv", tmp_path / "a.mkv", font, picture, behind=behind)
        answer = decoded(path)
        assert answer["came"] == "whole" and answer["seconds"] == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("behind", [False, True])
def test_matroska_attachments_without_end(tmp_path: Path, plain: Path, behind: bool) -> None:
    font = forged.attachment(100 * MIB)
    path = forged.with_attachments(plain / "a.mkv", tmp_path / "a.mkv", font, font, font, behind=behind)
    answer = decoded(path)
    assert answer["came"] == "InputError" and answer["peak"] < 100
    assert "a.mkv has 300 MB of tags, pictures, attachments and indexes" in answer["told"]
    assert "ffmpeg -i FILE -map 0:a" in answer["told"]


def test_thousands_of_attachments(tmp_path: Path, plain: Path) -> None:
    path = forged.with_attachments(plain / "a.mkv", tmp_path / "a.mkv", *[forged.attachment(100)] * 5000)
    assert decoded(path)["came"] in ("whole", "partial")


def write_tagged(path: Path, plain: Path, *tags: list[forged.Part]) -> Path:
    return forged.write(path, [*(part for one in tags for part in one), (plain / "a.mp3").read_bytes()])


def test_large_covers_in_tags(tmp_path: Path, plain: Path) -> None:
    path = write_tagged(tmp_path / "a.mp3", plain, forged.tag(*forged.cover(30 * MIB), *forged.cover(20 * MIB)),
                        forged.tag(*forged.cover(20 * MIB)))
    answer = decoded(path)
    assert answer["came"] == "whole" and answer["seconds"] == pytest.approx(2, abs=0.1)


def test_a_long_title(tmp_path: Path, plain: Path) -> None:
    title = forged.tag_frame(b"TIT2", b"\0" + b"x" * (40 * MIB))
    assert decoded(write_tagged(tmp_path / "a.mp3", plain, forged.tag(*title)))["came"] == "whole"


def test_a_tag_of_256_megabytes(tmp_path: Path, plain: Path) -> None:
    answer = decoded(write_tagged(tmp_path / "a.mp3", plain, forged.tag((1 << 28) - 1)))
    assert answer["came"] == "InputError" and "has 256 MB of tags" in answer["told"]


def test_ten_large_tags(tmp_path: Path, plain: Path) -> None:
    answer = decoded(write_tagged(tmp_path / "a.mp3", plain, *[forged.tag(*forged.cover(50 * MIB))] * 10))
    assert answer["came"] == "InputError" and "has 500 MB" in answer["told"]


def test_tags_that_lie_about_their_size(tmp_path: Path, plain: Path) -> None:
    huge = (1 << 28) - 1
    for one in (forged.tag(100, size=huge), forged.tag(*forged.cover(100), size=huge),
                forged.tag(b"APIC\x7f\xff\xff\xff\0\0", 100, size=huge), forged.tag(b"APIC\x7f\xff\xff\xff\0\0", 100)):
        answer = decoded(write_tagged(tmp_path / "a.mp3", plain, one))
        assert answer["came"] in ("NotAudioError", "whole") and answer["peak"] < 100


def test_a_tag_that_unpacks_to_more(tmp_path: Path, plain: Path) -> None:
    import zlib

    packed = zlib.compress(bytes(200 * MIB), 9)
    frame = b"TIT2" + forged.seven_bits(len(packed) + 4) + b"\0\x09" + forged.seven_bits(200 * MIB) + packed
    path = write_tagged(tmp_path / "a.mp3", plain, forged.tag(frame, version=4))
    assert path.stat().st_size < MIB
    assert decoded(path)["peak"] < 150


def test_tags_that_take_too_long(tmp_path: Path, plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [part for number in range(100_000) for part in forged.tag_frame(b"TXXX", b"\0k%06d\0v" % number)]
    path = write_tagged(tmp_path / "a.mp3", plain, forged.tag(b"".join(one for one in frames if isinstance(one, bytes))))
    monkeypatch.setattr(bounds, "OPENING", 0.05)
    with pytest.raises(InputError, match="a.mp3 could not be opened in 0.05 s"):
        audio.decode(path, tmp_path / "pcm")
    assert os.listdir(tmp_path / "pcm") == []


def test_flac_pictures(tmp_path: Path, plain: Path) -> None:
    largest = (1 << 24) - 1 - 42
    answer = decoded(forged.with_pictures(plain / "a.flac", tmp_path / "a.flac", 1, largest))
    assert answer["came"] == "whole" and answer["seconds"] == 2
    answer = decoded(forged.with_pictures(plain / "a.flac", tmp_path / "a.flac", 12, largest))
    assert answer["came"] == "InputError" and "192 MB" in answer["told"]
    answer = decoded(forged.with_pictures(plain / "a.flac", tmp_path / "a.flac", 1, 1000, claimed=0x7FFFFFFF))
    assert answer["peak"] < 100


def test_mp4_descriptions(tmp_path: Path, plain: Path) -> None:
    source, path = plain / "a.m4a", tmp_path / "a.m4a"
    for items in ([forged.itunes(b"covr", 13, forged.JPEG, 60 * MIB)], [forged.itunes(b"\xa9nam", 1, b"x" * (40 * MIB))],
                  [forged.box(b"udta", 30 * MIB)], [forged.box(b"free", 60 * MIB)]):
        answer = decoded(forged.described(source, path, *items))
        assert answer["came"] == "whole" and answer["seconds"] == pytest.approx(2, abs=0.1)
    answer = decoded(forged.described(source, path, forged.itunes(b"covr", 13, forged.JPEG, 200 * MIB)))
    assert answer["came"] == "InputError" and "200 MB" in answer["told"]


def test_boxes_in_boxes_in_boxes(tmp_path: Path, plain: Path) -> None:
    nested: list[forged.Part] = []
    for _ in range(20_000):
        nested = [b"".join(part for part in forged.box(b"udta", *nested) if isinstance(part, bytes))]
    assert decoded(forged.described(plain / "a.m4a", tmp_path / "a.m4a", nested))["peak"] < 150


@pytest.mark.parametrize("forgery", [
    {"count": 0x0AAAAAAA}, {"count": 60_000_000}, {"count": 60_000_000, "size": 0}, {"count": 0x7FFFFFFF, "step": 1},
    {"count": 60_000_000, "codec": b"alaw"}, {"count": 7_000_000, "tracks": 12}, {"count": 9_000_000},
    {"count": 0x7FFFFFFF, "step": 1, "tracks": 50}, {"count": 8_000_000, "tracks": 12, "packed": True},
    {"count": 3_000_000, "fragments": 50}, {"count": 0x7FFFFFFF, "fragments": 1}, {"count": 1_000_000, "edits": 1000},
], ids=str)
def test_an_index_that_a_few_bytes_claim(tmp_path: Path, forgery: dict[str, Any]) -> None:
    path = forged.endless_index(tmp_path / "a.m4a", **{"codec": b"alaw", **forgery})
    assert path.stat().st_size < 50_000
    answer = decoded(path)
    assert answer["came"] in ("InputError", "NotAudioError", "partial")
    if forgery["count"] * forgery.get("tracks", 1) > 60_000_000 and forgery.get("step") != 1:
        assert "packets, and at most 10000000 are read" in answer["told"]


@pytest.mark.parametrize("forgery", [
    {"count": 4_050_000}, {"count": 0x7FFFFFFF, "step": 1}, {"count": 1000, "packed": True},
    {"count": 1000, "fragments": 3}, {"count": 1000, "tracks": 3}], ids=str)
def test_an_index_of_a_day_is_read(tmp_path: Path, forgery: dict[str, Any]) -> None:
    answer = decoded(forged.endless_index(tmp_path / "a.m4a", **{"codec": b"alaw", **forgery}))
    assert answer["came"] in ("whole", "partial") and answer["seconds"] > 0.05


def test_a_track_with_a_negative_number(tmp_path: Path) -> None:
    """FFmpeg counts from the number of an error up to zero at every fragment: minutes for a small file."""
    for length, came in ((3, ("whole", "partial", "NotAudioError")), (60, ("NotAudioError",))):
        path = sound.write(tmp_path / "a.mp4", sound.noise(1, length), picture=True, options={
            "movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"})
        assert decoded(path)["came"] == "whole"
        data = bytearray(path.read_bytes())
        place = data.rindex(b"tkhd", 0, data.index(b"moof")) + 16
        assert data[place:place + 4] == b"\0\0\0\2"
        data[place] = 0x80
        path.write_bytes(data)
        answer = decoded(path)
        assert answer["came"] in came
    assert "a track in it has a number that none can have" in answer["told"]


def test_sound_that_is_packed(tmp_path: Path) -> None:
    path = forged.packed_sound(tmp_path / "a.mkv", MIB, packets=200)
    assert path.stat().st_size < 300_000
    answer = decoded(path, longest=3600)
    assert answer["came"] == "InputError" and "more than 1:00:00.0" in answer["told"]
    assert decoded(forged.packed_sound(tmp_path / "a.mkv", 500 * MIB))["came"] == "NotAudioError"


def test_a_picture_in_an_ogg_comment(tmp_path: Path, plain: Path) -> None:
    data = (plain / "a.opus").read_bytes()
    (tmp_path / "a.opus").write_bytes(forged.ogg_with_comment(data, b"METADATA_BLOCK_PICTURE=" + b"A" * (5 * MIB)))
    answer = decoded(tmp_path / "a.opus")
    assert answer["came"] == "whole" and answer["seconds"] == pytest.approx(2, abs=0.1)


def test_a_wav_with_large_chunks(tmp_path: Path, plain: Path) -> None:
    data = (plain / "a.wav").read_bytes()
    for name in (b"LIST", b"id3 ", b"bext"):
        content: list[forged.Part] = [b"INFOINAM" + (60 * MIB - 12).to_bytes(4, "little"), 60 * MIB - 12]
        chunk: list[forged.Part] = [name + (60 * MIB).to_bytes(4, "little"), *content]
        answer = decoded(forged.write(tmp_path / "a.wav", [data[:12], *chunk, data[12:]]))
        assert answer["came"] == "whole" and answer["seconds"] == 2, name
