"""The JSON file ``voicekit.transcript/1``: everything a transcript knows, for other programs.

Its schema is ``transcript.schema.json`` beside this file; :mod:`voicekit.formats.reading` is the
way back. Version 1 may gain fields that are only there where there is something to say: ``turns``,
``run.speakers`` and a word's ``overlap`` are written where speakers were told apart, ``run.timeline`` where anything
was done.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real

from voicekit.formats.base import Format
from voicekit.options import SubtitleOptions
from voicekit.provenance import CacheUse, RunInfo, SpeakersInfo, TimelineEntry
from voicekit.types import Segment, Transcript, Word

SCHEMA = "voicekit.transcript/1"
"""Name and version of the form; the number grows when a reader would have to change."""


class Json(Format):
    """``.json``: keys always in the same order, and a word, a line.

    Times and probabilities have three decimals. A time or a probability that is no number
    becomes 0, so that one bad value of an engine does not cost the whole transcript.

    Examples
    --------
    >>> print(Json().render(transcript, SubtitleOptions()))  # doctest: +SKIP
    {
      "schema": "voicekit.transcript/1",
      ...
    """

    extension = "json"

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`."""
        return _layout(document(transcript)) + "\n"


def document(transcript: Transcript) -> dict[str, object]:
    """The transcript as JSON's own types, in the order and precision of the file.

    Examples
    --------
    >>> document(transcript)["language"]  # doctest: +SKIP
    {'code': 'en', 'probability': 0.987}
    """
    source, language = transcript.source, transcript.language
    sure = language.probability
    return {
        "schema": SCHEMA,
        "source": {"name": source.name, "duration": _time(source.duration), "sha256": source.sha256},
        "language": {"code": language.code,
                     "probability": _probability(sure) if sure is not None and math.isfinite(sure) else None},
        "segments": [_segment(segment) for segment in transcript.segments],
        **({"turns": [{"start": _time(turn.start), "end": _time(turn.end), "speaker": turn.speaker}
                      for turn in transcript.turns]} if transcript.turns else {}),
        "ledger": [
            {"start": _time(entry.start), "end": _time(entry.end), "window": int(entry.window),
             "status": entry.status, "reason": entry.reason}
            for entry in transcript.ledger
        ],
        "partial": bool(transcript.partial),
        "run": _run(transcript.run),
    }


def _segment(segment: Segment) -> dict[str, object]:
    return {
        "start": _time(segment.start),
        "end": _time(segment.end),
        "text": segment.text,
        "speaker": segment.speaker,
        "words": [_word(word) for word in segment.words],
    }


def _word(word: Word) -> dict[str, object]:
    fields: dict[str, object] = {
        "start": _time(word.start), "end": _time(word.end), "word": word.word,
        "probability": _probability(word.probability),
    }
    if word.speaker is not None:
        fields["speaker"] = word.speaker
    if word.overlap:
        fields["overlap"] = True
    return fields


def _run(run: RunInfo) -> dict[str, object]:
    return {
        "engine": run.engine,
        "model": run.model,
        "revision": run.revision,
        "options": _plain(run.options),
        "version": run.version,
        "device": run.device,
        "compute_type": run.compute_type,
        "downgrades": list(run.downgrades),
        "warnings": list(run.warnings),
        "wall_seconds": _time(run.wall_seconds),
        "decoded_again": run.decoded_again,
        **_cache(run.cache),
        **({"speakers": _speakers(run.speakers)} if run.speakers is not None else {}),
        **({"timeline": [_timeline_entry(entry) for entry in run.timeline]} if run.timeline else {}),
    }


def _timeline_entry(entry: TimelineEntry) -> dict[str, object]:
    where = {"worker": entry.worker, "index": entry.index, "batch": entry.batch}
    return {
        "stage": entry.stage, "start": _time(entry.start), "end": _time(entry.end),
        "began": _time(entry.began), "ended": _time(entry.ended),
        **{name: int(value) for name, value in where.items() if value is not None},
        "fate": entry.fate,
    }


def _speakers(info: SpeakersInfo) -> dict[str, object]:
    return {
        "engine": info.engine,
        "model": info.model,
        "revision": info.revision,
        "options": _plain(info.options),
        "device": info.device,
        "found": int(info.found),
        "known": {str(label): str(source) for label, source in sorted(info.known.items())},
        "unattributed": int(info.unattributed),
        "failed": list(info.failed),
        "warnings": list(info.warnings),
        **_cache(info.cache),
    }


def _cache(use: CacheUse | None) -> dict[str, object]:
    if use is None:
        return {}
    return {"cache": {"found": use.found, "computed": use.computed, "damaged": use.damaged}}


def _time(seconds: float) -> float:
    return max(0.0, round(float(seconds), 3)) if math.isfinite(seconds) else 0.0


def _probability(value: float) -> float:
    return min(1.0, _time(value))


def _plain(value: object) -> object:
    """An option as JSON's own types: what has no JSON form becomes its text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, set | frozenset):
        return [_plain(item) for item in sorted(value, key=str)]
    if isinstance(value, Iterable):
        return [_plain(item) for item in value]
    return str(value)


def _layout(value: object, indent: str = "") -> str:
    """JSON text: what holds only plain values is one line, anything else has a line per item."""
    if not isinstance(value, dict | list):
        return _text(value)
    items = list(value.values()) if isinstance(value, dict) else value
    if not any(isinstance(item, dict | list) and item for item in items):
        return _text(value)
    inner = indent + "  "
    rendered = [_layout(item, inner) for item in items]
    if isinstance(value, dict):
        rendered = [f"{_text(key)}: {item}" for key, item in zip(value, rendered, strict=True)]
        opening, closing = "{}"
    else:
        opening, closing = "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(rendered) + f"\n{indent}{closing}"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
