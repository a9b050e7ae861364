"""People whose voices are known: one small file each, so that two recordings share identities.

::

    FOLDER/Anna.json    {"schema": "voicekit.speaker/1", "name": "Anna", "voices": [{"engine": ..., "model": ...,
                         "revision": ..., "seconds": ..., "voice": [...]}]}

A voice is the vector that one engine with one model makes of it, and can be compared with nothing else; a person has
one for each engine he was enrolled with.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs

from voicekit import placing
from voicekit.errors import InputError, OutputError, UsageError

VARIABLE = "VOICEKIT_SPEAKERS"
SCHEMA = "voicekit.speaker/1"

_NAME = re.compile(r"[^\W_][\w .'’-]{0,63}")


@dataclass(frozen=True, slots=True)
class KnownVoice:
    """How a person sounds to one engine with one model.

    Attributes
    ----------
    engine, model, revision : str
        Whose vector it is.
    seconds : float
        Of speech that it was made from.
    voice : tuple of float
        A vector of length 1.
    """

    engine: str
    model: str
    revision: str
    seconds: float
    voice: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was enrolled."""

    name: str
    voices: tuple[KnownVoice, ...]

    def heard_by(self, engine: str, revision: str) -> KnownVoice | None:
        """The voice as this engine with this model hears it, if there is one."""
        for voice in self.voices:
            if (voice.engine, voice.revision) == (engine, revision):
                return voice
        return None


def default_folder() -> Path:
    """Where the files lie: ``$VOICEKIT_SPEAKERS``, or a folder among the user's data."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_data_dir("voicekit", appauthor=False),
                                                       "speakers")


def check_name(name: str) -> str:
    """The name, if it can be one.

    Raises
    ------
    UsageError
        If it is empty, too long, or has characters that file names and RTTM files cannot have.

    Examples
    --------
    >>> check_name(" Анна Петрова ")
    'Анна Петрова'
    """
    name = name.strip()
    if not _NAME.fullmatch(name) or name.startswith(("SPEAKER_", "UNKNOWN_")):
        raise UsageError(f"{name!r} cannot be a speaker's name.",
                         "Take letters, digits, spaces, and any of . ' - _ after the first letter.")
    return name


def people(folder: Path) -> tuple[Person, ...]:
    """Everybody who was enrolled, by name.

    Raises
    ------
    InputError
        If a file in the folder is damaged; the message names it.
    """
    try:
        files = sorted(folder.glob("*.json"))
    except OSError as error:
        raise InputError(f"The folder of speakers {folder} cannot be read: {error.strerror}.",
                         f"Choose another with {VARIABLE}.") from error
    return tuple(_read(file) for file in files)


def chosen(folder: Path, names: Sequence[str]) -> tuple[Person, ...]:
    """Those of these names; everybody where there are none.

    Raises
    ------
    UsageError
        If one of them was never enrolled, or nobody was.
    """
    everybody = people(folder)
    missing = [name for name in names if name not in {one.name for one in everybody}]
    if missing or not everybody:
        who = f"{missing[0]} was never enrolled" if missing else "Nobody was enrolled yet"
        there = f" Enrolled are: {', '.join(one.name for one in everybody)}." if everybody else ""
        raise UsageError(f"{who}.{there}", "Enrol with: voicekit speakers add NAME sample.wav")
    return tuple(one for one in everybody if not names or one.name in names)


def add(folder: Path, name: str, voice: KnownVoice) -> Person:
    """Enrol a voice; one of the same person, engine and model is replaced."""
    old = find(folder, name)
    kept = [one for one in old.voices if (one.engine, one.revision) != (voice.engine, voice.revision)] if old else []
    person = Person(name, (*kept, replace(voice, voice=tuple(round(value, 7) for value in voice.voice))))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder of speakers {folder} cannot be made: {error.strerror}.",
                          f"Choose another with {VARIABLE}.") from error
    text = json.dumps({"schema": SCHEMA, **asdict(person)}, ensure_ascii=False)
    placing.write_text(_file(folder, name), text + "\n")
    return person


def find(folder: Path, name: str) -> Person | None:
    """The person of that name, if he was enrolled."""
    file = _file(folder, name)
    return _read(file) if file.is_file() else None


def remove(folder: Path, name: str) -> None:
    """Forget a person.

    Raises
    ------
    UsageError
        If nobody of that name was enrolled.
    """
    try:
        _file(folder, name).unlink()
    except FileNotFoundError as error:
        raise UsageError(f"{name} was never enrolled.", "voicekit speakers list shows who was.") from error
    except OSError as error:
        raise OutputError(f"{name} cannot be removed from {folder}: {error.strerror}.") from error


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _read(file: Path) -> Person:
    try:
        return _parsed(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file} is no speaker's file, or damaged ({type(error).__name__}: {error}).",
                         "Remove it, and enrol this speaker again.") from error


def _parsed(document: Any) -> Person:
    if document["schema"] != SCHEMA:
        raise ValueError(f"its schema is {document['schema']!r}, not {SCHEMA!r}")
    voices = tuple(KnownVoice(str(one["engine"]), str(one["model"]), str(one["revision"]), float(one["seconds"]),
                              tuple(float(value) for value in one["voice"])) for one in document["voices"])
    for one in voices:
        if not one.voice or abs(math.sqrt(sum(value * value for value in one.voice)) - 1) > 1e-3:
            raise ValueError("a voice is no vector of length 1")
    return Person(str(document["name"]), voices)
