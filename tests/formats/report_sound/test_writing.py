"""The page as a file, with the sound it is about: from the library and from the command line."""

from __future__ import annotations

import base64
import json
import logging
import re
from pathlib import Path

import pytest

from tests import sound
from tests.commands import SHORT, run
from tests.formats.transcripts import transcript
from tests.models import pico_cases
from voicekit import formats
from voicekit.audio.native import native
from voicekit.errors import OutputError
from voicekit.formats.report import page
from voicekit.formats.report.writing import write
from voicekit.types import Segment, Source, Transcript

ENGINE = ("--engine", "pocketsphinx")


@pytest.fixture
def talk(tmp_path: Path) -> Transcript:
    sound.write(tmp_path / "talk.wav", sound.tone(3.0), 16000)
    return transcript(Segment(0.5, 2.0, "Good morning."), source=Source("talk.wav", 3.0, "0" * 64))


def heard(text: str, folder: Path) -> list[float]:
    """Seconds of each sound that a page holds."""
    found = []
    for number, data in enumerate(re.findall(r"data:audio/ogg;base64,([A-Za-z0-9+/=]+)", text)):
        (folder / f"heard{number}.ogg").write_bytes(base64.b64decode(data, validate=True))
        one = native(folder / f"heard{number}.ogg")
        found.append(one.samples / one.rate)
    return found


def test_a_page_with_sound_from_the_library(tmp_path: Path, talk: Transcript) -> None:
    write(talk, tmp_path / "linked.html", sound=tmp_path / "talk.wav")
    linked = (tmp_path / "linked.html").read_text(encoding="utf-8")
    assert "talk.wav" in linked and str(tmp_path) not in linked and heard(linked, tmp_path) == []
    write(talk, str(tmp_path / "held.html"), sound=str(tmp_path / "talk.wav"), embed=True)
    held = (tmp_path / "held.html").read_text(encoding="utf-8")
    assert heard(held, tmp_path) == [pytest.approx(3.0, abs=0.001)]
    write(talk, tmp_path / "plain.html")
    assert (tmp_path / "plain.html").read_text(encoding="utf-8") == page(talk)


def test_a_lost_sound_costs_the_waveform_and_not_the_page(tmp_path: Path, talk: Transcript,
                                                          caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "talk.wav").unlink()
    with caplog.at_level(logging.WARNING, "voicekit"):
        write(talk, tmp_path / "page.html", sound=tmp_path / "talk.wav", embed=True)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "could not be decoded again" in text and "Good" in text
    assert "page.html" in caplog.text and "talk.wav" in caplog.text and "could not be decoded again" in caplog.text


def test_names_that_are_no_text_do_not_keep_the_page_from_being_written(tmp_path: Path, talk: Transcript) -> None:
    broken = transcript(Segment(0, 1, "half \ud83d a pair"), source=Source("caf\udce9.wav", 3.0, ""))
    write(broken, tmp_path / "page.html", sound=tmp_path / "talk.wav")
    assert "half" in (tmp_path / "page.html").read_bytes().decode("utf-8")


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path, talk: Transcript) -> None:
    (tmp_path / "folder.html").mkdir()
    for target in (tmp_path / "nowhere" / "page.html", tmp_path / "folder.html"):
        with pytest.raises(OutputError):
            write(talk, target, sound=tmp_path / "talk.wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.html", "talk.wav"]


def test_the_command_writes_a_page_beside_its_sound_or_with_it(tmp_path: Path) -> None:
    (tmp_path / "in.mp3").write_bytes(SHORT.read_bytes())
    cache = {"VOICEKIT_CACHE": str(tmp_path / "kept")}
    done = run("in.mp3", *ENGINE, "-o", "out.html", "-o", "out.json", cwd=tmp_path, env=cache)
    assert done.returncode == 0 and "out.html" in done.stderr, done.stderr
    linked = (tmp_path / "out.html").read_text(encoding="utf-8")
    words = {word.word.strip() for word in formats.read(tmp_path / "out.json").words}
    assert "in.mp3" in linked and all(word in linked for word in words) and heard(linked, tmp_path) == []
    done = run("in.mp3", *ENGINE, "--formats", "HTML", "-o", "pages/", "--embed-audio", cwd=tmp_path, env=cache)
    assert done.returncode == 0, done.stderr
    held = (tmp_path / "pages" / "in.html").read_text(encoding="utf-8")
    assert heard(held, tmp_path) == [pytest.approx(json.loads((tmp_path / "out.json").read_text())["source"]["duration"], abs=0.01)]
    assert str(tmp_path) not in held


def test_standard_input_has_a_waveform_and_no_address(tmp_path: Path) -> None:
    with open(SHORT, "rb") as file:
        done = run("-", *ENGINE, "-o", "out.html", cwd=tmp_path, stdin=file)
    assert done.returncode == 0 and "WARN" not in done.stderr.upper(), done.stderr
    text = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert "stdin" in text and str(tmp_path) not in text and "spool" not in text


@pytest.mark.model
@pytest.mark.xdist_group("revoice")
def test_the_page_of_a_new_voice_plays_both(tmp_path: Path, pico: dict[str, Path]) -> None:
    pytest.importorskip("pyworld")
    talk = pico_cases.talk(11, ["ru"] * 2, voices=["ru+m6"], noisy=False, pause=(0.4, 0.8))
    path = sound.write_plain_wav(tmp_path / "talk.wav", talk.pcm())
    voice = ("--model", pico["faster-whisper int8"], "--language", "ru", "--voice", "espeak:ru+f2", "--overwrite")
    cache = {"VOICEKIT_CACHE": str(tmp_path / "kept")}
    # The page comes first here, and yet knows the file that is written after it was named.
    done = run(path, *voice, "-o", "new.html", "-o", "new.mp3", cwd=tmp_path, env=cache)
    assert done.returncode == 0 and "new.html:" not in done.stderr, done.stderr
    text = (tmp_path / "new.html").read_text(encoding="utf-8")
    assert '"new.mp3"' in text and '"talk.wav"' in text and "new voice (espeak:ru+f2)" in text
    done = run(path, *voice, "-o", "new.html", "--embed-audio", cwd=tmp_path, env=cache)
    assert done.returncode == 0, done.stderr
    seconds = native(path).samples / 16000
    assert heard((tmp_path / "new.html").read_text(encoding="utf-8"), tmp_path) == [pytest.approx(seconds, abs=0.001)] * 2


@pytest.mark.parametrize("arguments, says", [
    (["-o", "out.srt"], "-o NAME.html"),
    ([], "-o NAME.html"),
    (["--formats", "txt,json"], "-o NAME.html"),
    (["--until", "transcribe"], "--embed-audio"),
])
def test_a_copy_of_the_sound_needs_a_page(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "in.mp3").write_bytes(SHORT.read_bytes())
    done = run("in.mp3", *ENGINE, "--embed-audio", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp3"]
