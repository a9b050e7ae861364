"""Transcripts to compare, from the files in which they are usually kept: txt, stm, and two kinds of json."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from voicekit import formats
from voicekit.errors import InputError
from voicekit.scoring import read_text

EXTENSIONS = ("txt", "json", "stm")


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody said without a break.

    Attributes
    ----------
    recording : str
        Name of the recording; empty where the file does not say it.
    text : str
        As in the file.
    speaker : str or None
        Label, where there is one.
    start, end : float or None
        Seconds, where they are known.
    """

    recording: str
    text: str
    speaker: str | None = None
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """All that a file holds.

    Attributes
    ----------
    utterances : tuple of Utterance
        In the order of the file.
    language : str or None
        Code, where the file says it.
    warnings : tuple of str
        What was left out of it.
    """

    utterances: tuple[Utterance, ...]
    language: str | None = None
    warnings: tuple[str, ...] = ()


def read_said(path: str | Path) -> Said:
    """Read a transcript, of one recording or of several.

    Parameters
    ----------
    path : str or Path
        ``.txt``: words; lines that begin with a label as ``SPEAKER_00:`` have that speaker, other names are words.
        ``.stm``: lines ``recording channel speaker start end <labels> text``. ``.json``: as voicekit writes it, or a
        list of objects with ``session_id``, ``speaker``, ``start_time``, ``end_time`` and ``words`` (SegLST, as
        meeteval and the CHiME challenges use it).

    Raises
    ------
    InputError
        If the file cannot be read or is none of these; the message says where it is wrong.

    Examples
    --------
    >>> read_said("talk.stm").utterances[0].speaker  # doctest: +SKIP
    'Ann'
    """
    extension = PurePath(path).suffix.lower().removeprefix(".")
    if extension not in EXTENSIONS:
        raise InputError(f"{path}: a transcript to be scored is a file of type {', '.join(EXTENSIONS)}.",
                         "voicekit run writes json and txt.")
    text = read_text(path, f"a transcript ({extension})")
    if not text.strip() and extension != "txt":
        raise InputError(f"{path} is empty.", "Give a transcript; one without words is a .txt file without text.")
    if extension == "stm":
        return _stm(text, path)
    return _txt(text) if extension == "txt" else _json(text, path)


_LABEL = re.compile(r"(SPEAKER_\d+): (.*)")


def _txt(text: str) -> Said:
    found = []
    for line in text.splitlines():
        labelled = _LABEL.fullmatch(line)
        if line.strip():
            found.append(Utterance("", labelled[2], labelled[1]) if labelled else Utterance("", line))
    return Said(tuple(found))


# -- stm -----------------------------------------------------------------------------------------------------------

_IGNORED = "ignore_time_segment_in_scoring"
_GAP = "inter_segment_gap"


def _stm(text: str, path: str | Path) -> Said:
    found, ignored = [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(";;"):
            continue
        fields = line.split(maxsplit=5)
        where = f"{path}, line {number}"
        if len(fields) < 5:
            raise InputError(f"{where} has {len(fields)} fields, not at least 5.",
                             "An stm file has lines such as: talk 1 Ann 0.32 4.5 Good morning.")
        start, end = (_seconds(fields[at], where) for at in (3, 4))
        if end < start:
            raise InputError(f"{where}: the end {end:g} is before the start {start:g}.",
                             "The fifth field is a time, not a duration.")
        words = re.sub(r"^<[^>]*>\s*", "", fields[5]) if len(fields) > 5 else ""
        if _IGNORED in words.lower() or fields[2].lower() == _GAP:
            ignored += _IGNORED in words.lower()
            continue
        found.append(Utterance(fields[0], words, fields[2], start, end))
    warnings = (f"{path}: {ignored} lines that are not to be scored are left out, but what the hypothesis says "
                "there is not.",) if ignored else ()
    return Said(tuple(found), warnings=warnings)


def _seconds(value: object, where: str) -> float:
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where}: {str(value)[:40]!r} is no time.", "Times are in seconds: 12.5") from error
    if not 0 <= seconds < math.inf:
        raise InputError(f"{where}: the time {str(value)[:40]} is " + ("negative." if seconds < 0 else "no number."),
                         "Times count from the beginning of the recording, in seconds.")
    return seconds


# -- json ----------------------------------------------------------------------------------------------------------

def _json(text: str, path: str | Path) -> Said:
    try:
        loaded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}.",
                         "It should be as voicekit writes it, or a list of SegLST segments.") from error
    if isinstance(loaded, list):
        return Said(tuple(_segments(loaded, path)))
    transcript = formats.read(path)
    recording = PurePath(transcript.source.name).stem
    return Said(tuple(Utterance(recording, one.text, one.speaker, one.start, one.end) for one in transcript.segments),
                transcript.language.code)


def _segments(loaded: list[object], path: str | Path) -> Iterator[Utterance]:
    for number, segment in enumerate(loaded):
        where = f"{path}, segment {number}"
        if not isinstance(segment, dict) or not isinstance(segment.get("words"), str):
            raise InputError(f"{where} has no 'words'.", "A SegLST segment is an object with session_id, speaker, "
                                                         "start_time, end_time and words.")
        times = [None if segment.get(key) is None else _seconds(segment[key], where)
                 for key in ("start_time", "end_time")]
        if times[0] is not None and times[1] is not None and times[1] < times[0]:
            raise InputError(f"{where}: it ends before it starts.", "Correct its start_time or end_time.")
        speaker = segment.get("speaker")
        yield Utterance(str(segment.get("session_id", "")), segment["words"],
                        None if speaker is None else str(speaker), times[0], times[1])
