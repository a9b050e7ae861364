"""The way back from ``voicekit.transcript/1`` to a :class:`~voicekit.types.Transcript`.

What is read is checked as strictly as ``transcript.schema.json`` does, without needing a library.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast, get_args

from voicekit.errors import InputError
from voicekit.formats.document import SCHEMA
from voicekit.provenance import CacheUse, Fate, RunInfo, SpeakersInfo, TimelineEntry
from voicekit.types import Language, LedgerEntry, Segment, Source, Status, Transcript, Turn, Word

_HINT = "It should be a .json file as voicekit writes it; make it again, or correct this place."

_Item = TypeVar("_Item")


def read(path: str | Path) -> Transcript:
    """Load a transcript from a ``.json`` file.

    Parameters
    ----------
    path : str or Path
        A file that voicekit wrote.

    Raises
    ------
    InputError
        If it cannot be read, or is not such a file; the message says where it is wrong.

    Examples
    --------
    >>> read("talk.json").language.code  # doctest: +SKIP
    'en'
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.",
                         "Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a transcript: it is not text in UTF-8.", _HINT) from error
    try:
        return parse(text)
    except InputError as error:
        raise InputError(f"{path}: {error.message}", error.hint) from error


def parse(text: str) -> Transcript:
    """The transcript that a JSON text holds.

    Parameters
    ----------
    text : str
        As :func:`voicekit.formats.render` gives for ``json``. Rendering what was parsed gives the
        same text again.

    Raises
    ------
    InputError
        If it is no JSON, of another version, or not complete.

    Examples
    --------
    >>> from voicekit.formats import render
    >>> parse(render(transcript, "json", SubtitleOptions())).language.code  # doctest: +SKIP
    'en'
    """
    try:
        loaded = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    # RecursionError: thousands of brackets; ValueError also for an integer of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise InputError(f"The transcript is not valid JSON: {error}.", _HINT) from error
    if not isinstance(loaded, dict):
        raise InputError("The transcript must be an object.", _HINT)
    if loaded.get("schema") != SCHEMA:
        raise InputError(f"The transcript's schema is {loaded.get('schema')!r}, not {SCHEMA!r}.",
                         "It was not made by voicekit, or by a version that is newer than this one.")
    fields = _Fields(loaded, "", "schema source language segments ledger partial run", "turns")
    return Transcript(
        source=_source(fields.inner("source", "name duration sha256")),
        language=_language(fields.inner("language", "code probability")),
        segments=fields.items("segments", "start end text speaker words", _segment),
        ledger=fields.items("ledger", "start end window status reason", _entry),
        run=_run(fields.inner("run", "engine model revision options version device compute_type "
                                     "downgrades warnings wall_seconds", "decoded_again cache speakers timeline")),
        partial=fields.flag("partial"),
        turns=fields.items("turns", "start end speaker", _turn) if "turns" in fields.values else (),
    )


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is too large")
    return value


class _Fields:
    """An object of the file: takes values out and says where one is wrong."""

    def __init__(self, value: object, where: str, required: str, optional: str = "") -> None:
        self.where = where
        if not isinstance(value, dict):
            raise self.wrong("", "an object")
        self.values: dict[str, object] = value
        missing = [key for key in required.split() if key not in value]
        unknown = [key for key in value if key not in required.split() + optional.split()]
        if missing or unknown:
            raise InputError(f"{where or 'The transcript'} has "
                             + (f"no {missing[0]!r}." if missing else f"an unknown {unknown[0]!r}."), _HINT)

    def wrong(self, key: str, wanted: str) -> InputError:
        return InputError(f"{'.'.join(filter(None, (self.where, key)))} must be {wanted}.", _HINT)

    def inner(self, key: str, required: str, optional: str = "") -> _Fields:
        return _Fields(self.values[key], self._at(key), required, optional)

    def items(self, key: str, required: str, make: Callable[[_Fields], _Item],
              optional: str = "") -> tuple[_Item, ...]:
        return tuple(make(_Fields(item, f"{self._at(key)}[{at}]", required, optional))
                     for at, item in enumerate(self._list(key)))

    def text(self, key: str) -> str:
        value = self.values[key]
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self.values[key] is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._list(key)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(key, "a list of texts")
        return tuple(cast(list[str], values))

    def number(self, key: str, most: float = math.inf) -> float:
        value = self.values[key]
        # A bool is an int in Python, not in JSON.
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise self.wrong(key, f"a number from 0 to {most:g}" if most < math.inf
                             else "a number of at least 0")
        try:
            return float(value)
        except OverflowError as error:  # an integer of hundreds of digits
            raise self.wrong(key, "a smaller number") from error

    def whole(self, key: str) -> int:
        value = self.number(key)
        if not value.is_integer():
            raise self.wrong(key, "a whole number")
        return int(value)

    def plain(self, key: str) -> dict[str, object]:
        value = self.values[key]
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return value

    def named_texts(self, key: str) -> dict[str, str]:
        values = self.plain(key)
        if not all(isinstance(value, str) for value in values.values()):
            raise self.wrong(key, "an object of texts")
        return cast(dict[str, str], values)

    def flag(self, key: str) -> bool:
        value = self.values[key]
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def _list(self, key: str) -> list[object]:
        value = self.values[key]
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return value

    def _at(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key


def _source(fields: _Fields) -> Source:
    sha256 = fields.text("sha256")
    if not re.fullmatch("[0-9a-f]*", sha256):
        raise fields.wrong("sha256", "hexadecimal digits")
    return Source(fields.text("name"), fields.number("duration"), sha256)


def _language(fields: _Fields) -> Language:
    unsure = fields.values["probability"] is None
    return Language(fields.text("code"), None if unsure else fields.number("probability", 1))


def _segment(fields: _Fields) -> Segment:
    words = fields.items("words", "start end word probability", _word, "speaker overlap")
    return Segment(fields.number("start"), fields.number("end"), fields.text("text"), words,
                   fields.optional_text("speaker"))


def _word(fields: _Fields) -> Word:
    return Word(fields.number("start"), fields.number("end"), fields.text("word"),
                fields.number("probability", 1),
                fields.text("speaker") if "speaker" in fields.values else None,
                fields.flag("overlap") if "overlap" in fields.values else False)


def _turn(fields: _Fields) -> Turn:
    return Turn(fields.number("start"), fields.number("end"), fields.text("speaker"))


def _entry(fields: _Fields) -> LedgerEntry:
    window = fields.whole("window")
    status = fields.text("status")
    if status not in get_args(Status):
        raise fields.wrong("status", "one of " + ", ".join(get_args(Status)))
    return LedgerEntry(fields.number("start"), fields.number("end"), window, cast(Status, status),
                       fields.text("reason"))


def _run(fields: _Fields) -> RunInfo:
    speakers = "engine model revision options device found known unattributed failed warnings"
    return RunInfo(
        engine=fields.text("engine"),
        model=fields.text("model"),
        revision=fields.text("revision"),
        device=fields.text("device"),
        compute_type=fields.text("compute_type"),
        version=fields.text("version"),
        options=fields.plain("options"),
        downgrades=fields.texts("downgrades"),
        warnings=fields.texts("warnings"),
        wall_seconds=fields.number("wall_seconds"),
        decoded_again=fields.whole("decoded_again") if "decoded_again" in fields.values else 0,
        cache=_cache(fields),
        speakers=_speakers(fields.inner("speakers", speakers, "cache")) if "speakers" in fields.values else None,
        timeline=fields.items("timeline", "stage start end began ended fate", _timeline_entry, "worker index batch")
        if "timeline" in fields.values else (),
    )


def _timeline_entry(fields: _Fields) -> TimelineEntry:
    fate = fields.text("fate")
    if fate not in get_args(Fate):
        raise fields.wrong("fate", "one of " + ", ".join(get_args(Fate)))
    worker, index, batch = (fields.whole(key) if key in fields.values else None
                            for key in ("worker", "index", "batch"))
    return TimelineEntry(fields.text("stage"), fields.number("start"), fields.number("end"), fields.number("began"),
                         fields.number("ended"), worker, index, batch, cast(Fate, fate))


def _speakers(fields: _Fields) -> SpeakersInfo:
    return SpeakersInfo(
        engine=fields.text("engine"),
        model=fields.text("model"),
        revision=fields.text("revision"),
        device=fields.text("device"),
        options=fields.plain("options"),
        found=fields.whole("found"),
        known=fields.named_texts("known"),
        warnings=fields.texts("warnings"),
        unattributed=fields.whole("unattributed"),
        cache=_cache(fields),
        failed=fields.texts("failed"),
    )


def _cache(fields: _Fields) -> CacheUse | None:
    if "cache" not in fields.values:
        return None
    counts = fields.inner("cache", "found computed damaged")
    return CacheUse(counts.whole("found"), counts.whole("computed"), counts.whole("damaged"))
