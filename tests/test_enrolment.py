"""People who are known by their voices: their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands import voicekit
from voicekit import enrolment
from voicekit.enrolment import KnownVoice
from voicekit.errors import InputError, UsageError

VOICE = KnownVoice("embedded", "d-vector", "r1", 12.0, (0.6, 0.8))


def test_a_person_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    enrolment.add(folder, "Анна Петрова", VOICE)
    (person,) = enrolment.people(folder)
    assert person.name == "Анна Петрова" and person.voices == (VOICE,)
    assert person.heard_by("embedded", "r1") == VOICE and person.heard_by("embedded", "r2") is None


def test_the_same_engine_replaces_and_another_is_added(tmp_path: Path) -> None:
    enrolment.add(tmp_path, "Anna", VOICE)
    other = KnownVoice("pyannote", "community-1", "r9", 30.0, (1.0, 0.0))
    enrolment.add(tmp_path, "Anna", other)
    again = KnownVoice("embedded", "d-vector", "r1", 60.0, (0.8, 0.6))
    assert enrolment.add(tmp_path, "Anna", again).voices == (other, again)


@pytest.mark.parametrize("name", ["", "  ", "../up", "a/b", "SPEAKER_00", "UNKNOWN_01", ".hidden", "a\nb", "x" * 65, "a,b", "a=b"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(UsageError):
        enrolment.check_name(name)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "voicekit.speaker/9", "name": "A", "voices": []}',
                                  '{"schema": "voicekit.speaker/1", "name": "A", "voices": [{"engine": "e", "model": "m", '
                                  '"revision": "r", "seconds": 1, "voice": [3, 4]}]}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "A.json").write_text(text)
    with pytest.raises(InputError) as caught:
        enrolment.people(tmp_path)
    assert "A.json" in caught.value.message and "enrol this speaker again" in caught.value.hint


def test_who_was_asked_for_must_have_been_enrolled(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        enrolment.chosen(tmp_path, ())
    assert caught.value.message.startswith("Nobody was enrolled")
    enrolment.add(tmp_path, "Anna", VOICE)
    enrolment.add(tmp_path, "Boris", VOICE)
    assert [one.name for one in enrolment.chosen(tmp_path, ())] == ["Anna", "Boris"]
    assert [one.name for one in enrolment.chosen(tmp_path, ("Boris",))] == ["Boris"]
    with pytest.raises(UsageError) as caught:
        enrolment.chosen(tmp_path, ("Vera",))
    assert "Vera was never enrolled. Enrolled are: Anna, Boris." == caught.value.message


def test_the_command_lists_and_forgets(tmp_path: Path) -> None:
    folder = tmp_path / "people"
    enrolment.add(folder, "Anna", VOICE)
    told = voicekit("speakers", "list", cwd=tmp_path, VOICEKIT_SPEAKERS=str(folder))
    assert told.returncode == 0 and "1 speaker in" in told.stdout and "embedded d-vector, 12 s" in told.stdout
    assert json.loads((folder / "Anna.json").read_text())["schema"] == enrolment.SCHEMA
    assert voicekit("speakers", "remove", "Anna", cwd=tmp_path, VOICEKIT_SPEAKERS=str(folder)).returncode == 0
    gone = voicekit("speakers", "remove", "Anna", cwd=tmp_path, VOICEKIT_SPEAKERS=str(folder))
    assert gone.returncode == 2 and "was never enrolled" in gone.stderr and "Traceback" not in gone.stderr


def test_nobody_is_enrolled_from_silence(tmp_path: Path) -> None:
    from tests import sound

    path = sound.write_plain_wav(tmp_path / "quiet.wav", (sound.silence(5) * 32767).astype("int16"))
    done = voicekit("speakers", "add", "Anna", str(path), "--diarize", "embedded", cwd=tmp_path,
                    VOICEKIT_MODELS=str(tmp_path / "models"))
    assert done.returncode == 2 and "Traceback" not in done.stderr
