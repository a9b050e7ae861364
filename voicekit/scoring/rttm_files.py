"""RTTM and UEM files, as in the NIST Rich Transcription evaluations: who spoke when, and what of it is scored."""

from __future__ import annotations

import math
from pathlib import Path

from voicekit.errors import InputError
from voicekit.scoring import read_text
from voicekit.types import Span, Turn

_OTHER_TYPES = frozenset("SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT IP SU CB A/P "
                         "SPKR-INFO".split())
"""What else may stand first in a line of an RTTM file; it says nothing of who spoke when."""


def read_rttm(path: str | Path) -> dict[str, tuple[Turn, ...]]:
    """The turns of each recording, in order of time.

    Parameters
    ----------
    path : str or Path
        Lines ``SPEAKER recording channel start duration <NA> <NA> speaker <NA> <NA>``; comments begin with ``;;``.
        Turns of no length are left out.

    Returns
    -------
    dict
        By recording, in the order of the file. Empty where the file is: then nobody spoke.

    Raises
    ------
    InputError
        If the file cannot be read or is no RTTM; the message names the line.

    Examples
    --------
    >>> read_rttm("talk.rttm")["talk"][0]  # doctest: +SKIP
    Turn(start=0.32, end=4.5, speaker='SPEAKER_00')
    """
    found: dict[str, list[Turn]] = {}
    for number, fields in _lines(path, "an RTTM file"):
        where = f"{path}, line {number}"
        if fields[0] in _OTHER_TYPES:
            continue
        if fields[0] != "SPEAKER":
            raise InputError(f"{where}: {fields[0][:40]!r} is no type of an RTTM file.",
                             "It should have lines such as: SPEAKER talk 1 0.32 4.18 <NA> <NA> Ann <NA> <NA>")
        if not 8 <= len(fields) <= 10:
            raise InputError(f"{where} has {len(fields)} fields, not 10.",
                             "Fields are told apart by spaces, so names must not hold any.")
        start, duration = _seconds(fields[3], where, "start"), _seconds(fields[4], where, "duration")
        turns = found.setdefault(fields[1], [])
        if duration:
            turns.append(Turn(start, start + duration, fields[7]))
    return {recording: tuple(sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker)))
            for recording, turns in found.items()}


def read_uem(path: str | Path) -> dict[str, tuple[Span, ...]]:
    """What is scored of each recording, in order of time.

    Parameters
    ----------
    path : str or Path
        Lines ``recording channel start end``; comments begin with ``;;``. Stretches that touch or overlap are joined.

    Raises
    ------
    InputError
        If the file cannot be read or is no UEM, or is empty.
    """
    found: dict[str, list[Span]] = {}
    for number, fields in _lines(path, "a UEM file"):
        where = f"{path}, line {number}"
        if len(fields) != 4:
            raise InputError(f"{where} has {len(fields)} fields, not 4.",
                             "A UEM file has lines such as: talk 1 0 95.3")
        start, end = _seconds(fields[2], where, "start"), _seconds(fields[3], where, "end")
        if end <= start:
            raise InputError(f"{where}: the end {end:g} is not after the start {start:g}.",
                             "The last field is a time, not a duration.")
        found.setdefault(fields[0], []).append(Span(start, end))
    if not found:
        raise InputError(f"{path} is empty: nothing would be scored.", "Leave out --uem to score everything.")
    return {recording: _joined(spans) for recording, spans in found.items()}


def _lines(path: str | Path, what: str) -> list[tuple[int, list[str]]]:
    numbered = enumerate(read_text(path, what).splitlines(), 1)
    return [(number, line.split()) for number, line in numbered
            if line.strip() and not line.lstrip().startswith(";;")]


def _seconds(field: str, where: str, name: str) -> float:
    try:
        value = float(field)
    except ValueError as error:
        raise InputError(f"{where}: the {name} {field[:40]!r} is no number.",
                         "Times are in seconds, with a point: 12.5") from error
    if not 0 <= value < math.inf:
        raise InputError(f"{where}: the {name} {field} is " + ("negative." if value < 0 else "no time."),
                         "Times count from the beginning of the recording, in seconds.")
    return value


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return tuple(joined)
