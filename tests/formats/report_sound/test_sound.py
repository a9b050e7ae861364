"""What a page gets of real files: decoded, embedded and decoded again, found from where the page lies."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote_to_bytes

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import sound
from tests.commands import SHORT
from tests.formats.transcripts import transcript
from voicekit.audio.native import native
from voicekit.errors import InputError, NotAudioError, ProcessingError, RefusedInputError
from voicekit.formats.report.material import LEVEL_STEP
from voicekit.formats.report.sound import address, material
from voicekit.spoken import Voice, Voicing
from voicekit.types import Source, Transcript

VOICE = Voice("espeak", "ru+f2", ("ru",), "GPL-3.0-or-later")


def heard(path: Path) -> tuple[NDArray[np.float32], int]:
    parts: list[NDArray[np.float32]] = []
    found = native(path, lambda block, rate: parts.append(block))
    return np.concatenate(parts), found.rate


def of(path: Path) -> Transcript:
    samples, rate = heard(path)
    return transcript(source=Source(path.name, len(samples) / rate, "0" * 64))


def embedded(url: str, folder: Path) -> tuple[NDArray[np.float32], int]:
    """What a browser gets from a data: URL."""
    head, _, data = url.partition(",")
    assert head == "data:audio/ogg;base64"
    (folder / "embedded.ogg").write_bytes(base64.b64decode(data, validate=True))
    return heard(folder / "embedded.ogg")


def voicing(folder: Path, samples: NDArray[np.float32], rate: int, **changes: object) -> Voicing:
    samples.astype("<f4").tofile(folder / "track.f32")
    made = Voicing(str(folder / "track.f32"), rate, len(samples), 0.0, {"": VOICE}, ())
    return replace(made, **changes)  # type: ignore[arg-type]


def test_the_embedded_copy_is_the_recording(tmp_path: Path) -> None:
    found = material(SHORT, of(SHORT), embed=True)
    (track,) = found.tracks
    old, rate = heard(SHORT)
    new, _ = embedded(track.url, tmp_path)
    step = 48000 // 100
    assert abs(len(new) / 48000 - len(old) / rate) < 0.001

    def loudness(samples: NDArray[np.float32], each: float) -> NDArray[np.float64]:
        return np.array([np.sqrt(np.mean(samples[round(k * each):round((k + 1) * each)] ** 2.0))
                         for k in range(int(len(samples) / each) - 1)])

    before, after = loudness(old, rate / 100), loudness(new, step)
    assert abs(20 * np.log10(np.mean(after) / np.mean(before))) < 1
    shifts = {shift: np.corrcoef(before[20:-20], np.roll(after, shift)[20:len(before) - 20])[0, 1] for shift in range(-10, 11)}
    assert max(shifts, key=shifts.__getitem__) == 0 and shifts[0] > 0.95, "in step to 10 ms"
    assert len(track.url) < len(old) / rate * 24000 / 8 * 4 / 3 * 1.2
    assert found.notes == () and (track.pitch, track.energy) == ((), ())


@pytest.mark.parametrize("extension, layout, rate", [(".wav", "stereo", 8000), (".flac", "5.1", 96000), (".mkv", "mono", 16000)])
def test_any_rate_and_layout_is_embedded(tmp_path: Path, extension: str, layout: str, rate: int) -> None:
    path = sound.write(tmp_path / f"in{extension}", sound.tone(2.5, rate, 300.0), rate, layout=layout)
    (track,) = material(path, of(path), embed=True).tracks
    samples, _ = embedded(track.url, tmp_path)
    assert abs(len(samples) / 48000 - 2.5) < 0.07, "AAC ends with its last frame"
    assert len(track.levels) == pytest.approx(2.5 / LEVEL_STEP, abs=2) and min(track.levels[2:45]) > 200


def test_sound_that_begins_late_is_where_the_player_has_it(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "late.mp4", sound.tone(2.0, 44100), 44100, picture=True, delay=1.5)
    (track,) = material(path, of(path), embed=True).tracks
    assert not any(track.levels[:25]) and min(track.levels[35:60]) > 150
    samples, _ = embedded(track.url, tmp_path)
    assert np.abs(samples[:48000]).max() < 0.01 < 0.3 < np.abs(samples[80000:90000]).max()


def test_both_voices_with_pitch_and_energy(tmp_path: Path) -> None:
    pytest.importorskip("pyworld")
    rate = 22050
    time = np.arange(3 * rate) / rate
    low, high = (np.sign(np.sin(2 * np.pi * f0 * time)).astype(np.float32) * 0.2 for f0 in (110.0, 220.0))
    path = sound.write(tmp_path / "talk.wav", low, rate)
    (tmp_path / "new.mp3").touch()
    found = material(path, of(path), voicing=voicing(tmp_path, high, rate), beside=tmp_path / "talk.html",
                     new_voice=tmp_path / "new.mp3")
    original, new = found.tracks
    assert (original.name, original.url) == ("talk.wav", "talk.wav")
    assert (new.name, new.url) == ("new voice (espeak:ru+f2)", "new.mp3")
    assert len({len(values) for track in found.tracks for values in (track.levels, track.pitch, track.energy)}) == 1
    assert np.median(original.pitch) == pytest.approx(110, abs=2) and np.median(new.pitch) == pytest.approx(220, abs=4)
    assert np.median(original.energy) == pytest.approx(np.median(new.energy), abs=0.2)
    both = material(path, of(path), voicing=voicing(tmp_path, high, rate), embed=True).tracks
    assert [abs(len(embedded(track.url, tmp_path)[0]) / 48000 - 3) < 0.001 for track in both] == [True, True]


def test_a_new_voice_whose_track_is_gone_is_read_from_its_file(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "talk.wav", sound.tone(2.0), 16000)
    new = sound.write(tmp_path / "new.flac", np.concatenate([sound.silence(1.0), sound.tone(1.0)]), 16000)
    given = voicing(tmp_path, sound.tone(2.0), 16000, track="")
    _, track = material(path, of(path), voicing=given, new_voice=new, beside=tmp_path / "p.html").tracks
    assert track.url == "new.flac" and not any(track.levels[:19]) and min(track.levels[21:39]) > 200
    with pytest.raises(ProcessingError):
        material(path, of(path), voicing=given)


def test_a_video_whose_sound_begins_late_is_not_played_out_of_step(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "talk.wav", sound.tone(1.0), 16000)
    for start, url in ((0.0, "new.mp4"), (0.8, "")):
        given = voicing(tmp_path, sound.tone(1.0), 16000, start=start)
        assert material(path, of(path), voicing=given, beside=tmp_path / "p.html",
                        new_voice=tmp_path / "new.mp4").tracks[1].url == url


def test_without_pyworld_a_note_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyworld", None)  # as where it is not installed
    path = sound.write(tmp_path / "talk.wav", sound.tone(1.0), 16000)
    found = material(path, of(path), voicing=voicing(tmp_path, sound.tone(1.0), 16000))
    assert [bool(track.pitch) for track in found.tracks] == [False, False] and all(track.energy for track in found.tracks)
    assert "pip install" in found.notes[0]


def test_another_recording_is_noticed(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "talk.wav", sound.tone(1.0), 16000)
    found = material(path, transcript(source=Source("talk.wav", 12.5, "")))
    assert "not of the same recording" in found.notes[0] and found.tracks[0].levels


@pytest.mark.parametrize("make, error", [
    (lambda path: None, InputError),
    (lambda path: path.mkdir(), InputError),
    (lambda path: path.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), RefusedInputError),
    (lambda path: path.write_text("ffconcat version 1.0\nfile '/etc/passwd'\n"), RefusedInputError),
    (lambda path: path.write_bytes(b"\0" * 5000), NotAudioError),
])
def test_what_is_no_recording_is_refused(tmp_path: Path, make: Callable[[Path], object], error: type[InputError]) -> None:
    path = tmp_path / "talk.mp3"
    make(path)
    with pytest.raises(error):
        material(path, transcript())


def test_the_longest_recording_is_a_bound_here_too(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "talk.wav", sound.tone(5.0), 16000)
    with pytest.raises(InputError, match="limit"):
        material(path, of(path), longest=2.0)


def test_standard_input_has_no_address(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "spool.wav", sound.tone(1.0), 16000)
    (track,) = material(path, of(path), beside=tmp_path / "p.html", stays=False).tracks
    assert track.url == "" and track.levels
    (track,) = material(path, of(path), beside=tmp_path / "p.html", stays=False, embed=True).tracks
    assert track.url.startswith("data:")


@pytest.mark.parametrize("name", ["50 % #1?.mp3", "a&b=\"c\"<d>'e'.mp3", "Запись — 1.mp3", "שיחה.mp3", "a:b;c,d.mp3", "%41.mp3", "new\nline.mp3"])
def test_addresses_lead_back_to_the_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "so und"
    folder.mkdir()
    for sounds in (tmp_path / name, folder / name):
        url = address(sounds, tmp_path / "page.html")
        assert not set(url) & set("#?\"'<> \n\\&:;") and url.isascii()
        assert tmp_path / os.fsdecode(unquote_to_bytes(url)) == sounds


def test_names_of_any_bytes_have_an_address(tmp_path: Path) -> None:
    sounds = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp3"))
    assert address(sounds, tmp_path / "page.html") == "caf%E9.mp3"


def test_no_folder_of_the_disk_is_told(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    for page in (tmp_path / "pages" / "p.html", tmp_path / "pages-of-talk" / "p.html", None, Path("/dev/stdout")):
        assert address(tmp_path / "secret" / "talk.mp3", page) == "talk.mp3"
    assert address(tmp_path / "pagesof" / "talk.mp3", tmp_path / "pages" / "p.html") == "talk.mp3", "not below"


def test_links_and_relative_paths_are_seen_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert address(tmp_path / "real" / "sub" / "a.mp3", tmp_path / "link" / "p.html") == "sub/a.mp3"
    (tmp_path / "real" / "b.mp3").symlink_to(tmp_path / "elsewhere.mp3")
    assert address(tmp_path / "real" / "b.mp3", tmp_path / "real" / "p.html") == "b.mp3"
    monkeypatch.chdir(tmp_path / "real")
    assert address("sub/a.mp3", "p.html") == "sub/a.mp3" == address("./sub/../sub/a.mp3", tmp_path / "real" / "p.html")
    assert address("../a.mp3", "p.html") == "a.mp3"
