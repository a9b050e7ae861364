"""What the json of a benchmark has to look like."""

from __future__ import annotations

from typing import Any

NUMBER, TEXT, COUNT = {"type": "number", "minimum": 0}, {"type": "string"}, {"type": "integer", "minimum": 1}


def record(**fields: Any) -> dict[str, Any]:
    """An object with exactly these fields."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def many(one: Any, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": one, "minItems": least}


def by_name(one: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": one}


CONTESTANT = record(name=TEXT, settings=by_name({"type": ["integer", "string"]}), seconds=many(NUMBER, 1), median=NUMBER,
                    x_real_time=NUMBER, after_loading=NUMBER, peak_memory={"type": ["integer", "null"]},
                    tokens_per_window=NUMBER)

_HEAD = dict(
    schema={"const": "voicekit.bench/1"}, version=TEXT, began=TEXT, machine={"type": "object"}, options={"type": "object"},
    recording=record(name=TEXT, seconds=NUMBER),
    model=record(name=TEXT, random={"type": "boolean"}, shape=by_name(COUNT)), device={"enum": ["cpu", "cuda"]},
    windows=many({"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}, 1))

COMPARISON = record(
    **_HEAD, contestants=many(CONTESTANT, 1), ratio=by_name(NUMBER), refused=by_name(TEXT),
    search=many(record(batch_size=COUNT, threads=COUNT, seconds=NUMBER)),
    floors=by_name(record(amount=NUMBER, rate=NUMBER, measured_with=TEXT, assumptions=TEXT, seconds=NUMBER,
                          distance=NUMBER)),
    notes=many(TEXT))

SWEEP = record(
    **_HEAD, sweep=record(settings=many(CONTESTANT, 1), auto=CONTESTANT, auto_over_best=NUMBER,
                          chosen_over_best={"type": ["number", "null"]}),
    notes=many(TEXT))
