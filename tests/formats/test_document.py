from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.formats.transcripts import random_transcript, transcript, word
from voicekit.errors import InputError
from voicekit.formats import parse, read, render, schema
from voicekit.options import SubtitleOptions
from voicekit.provenance import CacheUse, SpeakersInfo
from voicekit.types import Language, Segment, Source, Transcript, Turn

NO_LIMIT = SubtitleOptions()
FULL = transcript(
    Segment(0.1, 1.5, "Hello wörld.", speaker="S0",
            words=(word(" Hello", 0.1, 0.6, 0.98765), word(" wörld.", 0.7, 1.5, 1.0, "S0"))),
    Segment(2.0, 2.5, "再见"))

SPOKEN = replace(
    FULL, turns=(Turn(0.1, 1.5, "Dr. <Müller> & co"), Turn(0.65, 1.2, "S1")),
    segments=(Segment(0.1, 1.5, "Hello you.", speaker="S1",
                      words=(word(" Hello", 0.1, 0.6, 0.9, "S1"), replace(word(" you.", 0.7, 1.5), overlap=True))),),
    run=replace(FULL.run, cache=CacheUse(1, 2, 0), speakers=SpeakersInfo(
        "pyannote", "community-1", "abc", "cpu", {"speakers": None, "threshold": 0.6}, found=2,
        known={"S1": "SPEAKER_01", "Dr. <Müller> & co": "enrolled, similarity 0.81"}, warnings=("one",),
        unattributed=1, cache=CacheUse(3, 4, 1), failed=("gone",))))


def _json(made: Transcript) -> str:
    return render(made, "json", NO_LIMIT)


def _validator() -> Any:
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_the_file_to_the_letter() -> None:
    assert _json(FULL) == """{
  "schema": "voicekit.transcript/1",
  "source": {"name": "talk.mp3", "duration": 12.5, "sha256": "%s"},
  "language": {"code": "en", "probability": 0.987},
  "segments": [
    {
      "start": 0.1,
      "end": 1.5,
      "text": "Hello wörld.",
      "speaker": "S0",
      "words": [
        {"start": 0.1, "end": 0.6, "word": " Hello", "probability": 0.988},
        {"start": 0.7, "end": 1.5, "word": " wörld.", "probability": 1.0, "speaker": "S0"}
      ]
    },
    {"start": 2.0, "end": 2.5, "text": "再见", "speaker": null, "words": []}
  ],
  "ledger": [
    {"start": 0.1, "end": 4.0, "window": 0, "status": "transcribed", "reason": ""},
    {"start": 5.0, "end": 6.0, "window": 1, "status": "failed", "reason": "worker crashed"}
  ],
  "partial": false,
  "run": {
    "engine": "pocketsphinx",
    "model": "en-us",
    "revision": "abc",
    "options": {"beam_size": 5, "language": null, "task": "transcribe"},
    "version": "0.1.0",
    "device": "cpu",
    "compute_type": "float32",
    "downgrades": ["int8: not on this device"],
    "warnings": [],
    "wall_seconds": 1.5,
    "decoded_again": 2
  }
}
""" % ("0" * 64)


def test_who_spoke_to_the_letter() -> None:
    text = _json(SPOKEN)
    _validator().validate(json.loads(text))
    assert """
        {"start": 0.1, "end": 0.6, "word": " Hello", "probability": 0.9, "speaker": "S1"},
        {"start": 0.7, "end": 1.5, "word": " you.", "probability": 0.9, "overlap": true}
""" in text
    assert """
  "turns": [
    {"start": 0.1, "end": 1.5, "speaker": "Dr. <Müller> & co"},
    {"start": 0.65, "end": 1.2, "speaker": "S1"}
  ],
""" in text
    assert """
    "speakers": {
      "engine": "pyannote",
      "model": "community-1",
      "revision": "abc",
      "options": {"speakers": null, "threshold": 0.6},
      "device": "cpu",
      "found": 2,
      "known": {"Dr. <Müller> & co": "enrolled, similarity 0.81", "S1": "SPEAKER_01"},
      "unattributed": 1,
      "failed": ["gone"],
      "warnings": ["one"],
      "cache": {"found": 3, "computed": 4, "damaged": 1}
    }
""" in text
    assert parse(text) == SPOKEN
    nobody = replace(SPOKEN, turns=(), run=replace(FULL.run, speakers=SpeakersInfo("a", "b", "c", "d")))
    assert parse(_json(nobody)) == nobody


def test_round_trip() -> None:
    validator = _validator()
    for seed in range(50):
        text = _json(random_transcript(random.Random(seed)))
        validator.validate(json.loads(text))
        again = parse(text)
        assert _json(again) == text
        assert parse(_json(again)) == again


def test_rounded_values_come_back_as_they_were() -> None:
    made = replace(FULL, segments=(replace(FULL.segments[0], words=(word(" a", 0.1, 0.6, 0.5, "S1"),)),))
    assert parse(_json(made)) == made


def test_what_is_no_number_is_never_written() -> None:
    nan, inf = float("nan"), float("inf")
    made = transcript(Segment(nan, inf, "a", (word("a", -0.0004, -inf, nan), word("b", -5, 1, 1.7))),
                      source=Source("a", inf, ""), language=Language("en", nan),
                      run=replace(FULL.run, options={"a": nan, "b": {"c": [inf]}}))
    text = _json(made)
    assert "NaN" not in text and "Infinity" not in text and "-0.0" not in text
    _validator().validate(json.loads(text))
    assert parse(text).language.probability is None


def test_any_option_can_be_written() -> None:
    options = {"z": Path("a/b"), "a": (1, 2), "s": {"y", "x"}, "n": None, "t": True, "f": Fraction(1, 2),
               "d": {2: "two", "2": "zwei", "deep": {"list": [{"k": 1}]}}, "e": {}, "\udcff": "\ud800"}
    text = _json(replace(FULL, run=replace(FULL.run, options=options)))
    back = parse(text).run.options
    assert list(back) == sorted(back)
    assert (back["a"], back["s"], back["f"], back["e"]) == ([1, 2], ["x", "y"], 0.5, {})
    assert back["z"] == str(Path("a/b"))


def test_the_schema_is_strict() -> None:
    def objects(node: object, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield where, node
            for key, value in node.items():
                yield from objects(value, f"{where}/{key}")

    open_ones = [where for where, node in objects(schema()) if node.get("additionalProperties") is not False]
    assert open_ones == ["/properties/run/properties/options",
                         "/properties/run/properties/speakers/properties/options",
                         "/properties/run/properties/speakers/properties/known"]


# -- parse refuses what the schema refuses, and the other way round ---------------------------------

VALUES = [None, True, False, 0, 1, -1, 0.5, 1.5, 2.0, "", "text", "transcribed", "abc123",
          [], ["x"], [1], {}, {"a": 1}]


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from _places(node[key])


def _change(rng: random.Random, document: Any) -> None:
    node, key = rng.choice(list(_places(document)))
    match rng.choice(["change", "change", "remove", "add"]):
        case "change":
            node[key] = rng.choice(VALUES)
        case "remove":
            del node[key]
        case "add" if isinstance(node, dict):
            node["surplus"] = 1


def test_parse_agrees_with_the_schema() -> None:
    validator, good = _validator(), [json.loads(_json(made)) for made in (FULL, SPOKEN)]
    for seed in range(2000):
        changed = copy.deepcopy(good[seed % 2])
        _change(random.Random(seed), changed)
        try:
            parse(json.dumps(changed))
            accepted = True
        except InputError as error:
            accepted = False
            assert error.hint
        assert accepted == validator.is_valid(changed), seed


@pytest.mark.parametrize(("text", "match"), [
    ("", "not valid JSON"),
    ("{", "not valid JSON"),
    ("[" * 100_000, "not valid JSON"),
    ('{"schema": NaN}', "NaN is not a number"),
    ('{"schema": 1e999}', "too large"),
    ('{"schema": ' + "1" * 5000 + "}", "not valid JSON"),
    ("[]", "must be an object"),
    ("{}", "schema is None"),
    ('{"schema": "voicekit.transcript/2"}', "voicekit.transcript/2"),
    ('{"schema": "voicekit.transcript/1"}', "no 'source'"),
])
def test_malformed(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        parse(text)


@pytest.mark.parametrize(("old", "new", "match"), [
    ('"overlap": true', '"overlap": 1', r"segments\[0\]\.words\[1\]\.overlap must be true or false"),
    ('"speaker": "S1"}\n  ]', '"speaker": null}\n  ]', r"turns\[1\]\.speaker must be a text"),
    ('"S1": "SPEAKER_01"', '"S1": 1', r"run\.speakers\.known must be an object of texts"),
    ('"found": 3', '"found": 3.5', r"run\.speakers\.cache\.found must be a whole number"),
    ('"unattributed": 1,', "", r"run\.speakers has no 'unattributed'"),
])
def test_the_message_names_the_place_where_speakers_are(old: str, new: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        parse(_json(SPOKEN).replace(old, new, 1))


@pytest.mark.parametrize(("old", "new", "match"), [
    ('"start": 0.7', '"start": "0.7"', r"segments\[0\]\.words\[1\]\.start must be a number"),
    ('"start": 0.7', '"start": ' + "9" * 400, r"segments\[0\]\.words\[1\]\.start must be a smaller"),
    ('"probability": 1.0', '"probability": 1.1', r"probability must be a number from 0 to 1"),
    ('"failed"', '"lost"', r"ledger\[1\]\.status must be one of transcribed, empty, failed"),
    ('"window": 1', '"window": 1.5', r"ledger\[1\]\.window must be a whole number"),
    ('"code"', '"kode"', r"language has no 'code'"),
    ('"reason": ""', '"reason": "", "x": 1', r"ledger\[0\] has an unknown 'x'"),
])
def test_the_message_names_the_place(old: str, new: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        parse(_json(FULL).replace(old, new, 1))


def test_read(tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    path.write_text("\ufeff" + _json(FULL), encoding="utf-8")
    assert _json(read(path)) == _json(FULL)
    path.write_bytes(b'{"schema": "\xff"}')
    with pytest.raises(InputError, match=r"talk\.json is not a transcript"):
        read(path)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"talk\.json: .*schema"):
        read(str(path))
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none.json")
    with pytest.raises(InputError, match="Cannot read"):
        read(tmp_path)
