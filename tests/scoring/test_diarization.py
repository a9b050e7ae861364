"""DER and JER: against examples computed by hand, and against what pyannote.metrics itself says."""

from __future__ import annotations

import importlib.util
import random
import sys
import time
from pathlib import Path

import pytest

from voicekit.errors import EngineMissingError, InputError
from voicekit.scoring import diarization
from voicekit.scoring.diarization import Definition, score
from voicekit.scoring.rttm_files import read_rttm, read_uem
from voicekit.types import Span, Turn

pytest.importorskip("pyannote.metrics")

PLAIN, COLLAR = Definition(), Definition(0.25)
ALONE = Definition(0.0, skip_overlap=True)
REFERENCE = {"talk": [Turn(0, 10, "Ann"), Turn(10, 20, "Bob")]}


def one(reference: list[Turn], hypothesis: list[Turn], definition: Definition = PLAIN,
        region: Span | None = None) -> tuple[float, float, float, float, float, float]:
    """DER, JER, missed, false alarm, confusion, speech."""
    regions = None if region is None else {"a": [region]}
    (found,) = score({"a": reference}, {"a": hypothesis}, regions, [definition]).overall
    assert found.der is not None and found.jer is not None
    return found.der, found.jer, found.missed, found.false_alarm, found.confusion, found.speech


# -- by hand -------------------------------------------------------------------------------------------------------

def test_confusion() -> None:
    # Two seconds of Bob are given to Ann: 2 of 20 s. Ann: 10 of 12 s are right, Bob: 8 of 10 s.
    found = one([Turn(0, 10, "Ann"), Turn(10, 20, "Bob")], [Turn(0, 12, "x"), Turn(12, 20, "y")])
    assert found == pytest.approx((0.1, (2 / 12 + 2 / 10) / 2, 0, 0, 2, 20))


def test_a_collar_takes_half_of_it_from_each_side() -> None:
    # Left out: 0.125 s at 0 and at 20, and 9.875 to 10.125. Of the 2 wrong seconds 1.875 are left, of 20 are 19.5.
    found = one(REFERENCE["talk"], [Turn(0, 12, "x"), Turn(12, 20, "y")], COLLAR)
    assert found[0] == pytest.approx(1.875 / 19.5)
    assert found[4:] == pytest.approx((1.875, 19.5))


def test_missed_speech_and_false_alarms() -> None:
    found = one([Turn(1, 5, "Ann"), Turn(6, 10, "Ann")], [Turn(2, 7, "x"), Turn(10, 11, "x")])
    # Missed 1-2 and 7-10, false 5-6 and 10-11, of 8 s. Right are 4 of the 10 s that either says.
    assert found == pytest.approx((6 / 8, 6 / 10, 4, 2, 0, 8))


def test_overlapped_speech_counts_for_each_speaker_or_not_at_all() -> None:
    said, heard = [Turn(0, 10, "Ann"), Turn(8, 12, "Bob")], [Turn(0, 10, "x"), Turn(10, 12, "y")]
    assert one(said, heard) == pytest.approx((2 / 14, (0 + 2 / 4) / 2, 2, 0, 0, 14))
    assert one(said, heard, ALONE) == pytest.approx((0, 0, 0, 0, 0, 10))


def test_only_the_region_is_scored() -> None:
    found = one(REFERENCE["talk"], [Turn(0, 12, "x"), Turn(12, 20, "y")], region=Span(5, 11))
    assert found == pytest.approx((1 / 6, (1 / 6 + 1) / 2, 0, 0, 1, 6))


def test_a_speaker_who_is_not_found_costs_as_much_as_any_other_in_the_jer() -> None:
    found = one([Turn(0, 99, "Ann"), Turn(99, 100, "Bob")], [Turn(0, 99, "x")])
    assert found[:2] == pytest.approx((0.01, 0.5))


def test_no_hypothesis_means_all_was_missed() -> None:
    result = score(REFERENCE, {})
    assert (result.overall[0].der, result.overall[0].jer) == (1.0, 1.0)
    assert (result.recordings[0].speakers, result.recordings[0].found) == (2, 0)
    assert "all its speech is missed" in result.warnings[0]


def test_recordings_are_matched_by_name_and_their_time_is_added() -> None:
    reference = {"a": [Turn(0, 10, "Ann")], "b": [Turn(0, 30, "Ann"), Turn(30, 40, "Bob")], "c": [Turn(0, 10, "Ann")]}
    hypothesis = {"b": [Turn(0, 40, "x")], "a": [Turn(0, 5, "y")], "d": [Turn(0, 1, "z")]}
    result = score(reference, hypothesis)
    assert [each.recording for each in result.recordings] == ["a", "b", "c"]
    assert [each.scores[0].der for each in result.recordings] == pytest.approx([0.5, 0.25, 1.0])
    assert result.overall[0].der == pytest.approx((5 + 10 + 10) / 60)
    assert [warning.partition(":")[0] for warning in result.warnings] == ["c", "d"]


def test_a_recording_in_which_nobody_speaks_can_have_false_alarms() -> None:
    regions = {"talk": [Span(0, 20)], "silence": [Span(0, 60)]}
    found = score(REFERENCE, {**REFERENCE, "silence": [Turn(1, 3, "x")]}, regions)
    assert found.overall[0].der == pytest.approx(2 / 20)
    assert found.recordings[1].scores[0].der is None
    assert not found.warnings


def test_a_speaker_does_not_speak_twice_at_once() -> None:
    said = [Turn(0, 10, "Ann"), Turn(5, 12, "Ann")]
    result = score({"a": said}, {"a": [Turn(0, 12, "x")]})
    assert (result.overall[0].der, result.overall[0].speech) == (0.0, 12.0)
    assert "1 turns overlap" in result.warnings[0]


@pytest.mark.parametrize(("reference", "hypothesis", "regions", "match"), [
    ({}, REFERENCE, None, "The reference has no speech"),
    ({"talk": []}, REFERENCE, None, "The reference has no speech"),
    (REFERENCE, {"other": [Turn(0, 1, "x")]}, None, "no recording in common: talk in .* other in"),
    (REFERENCE, REFERENCE, {"other": [Span(0, 1)]}, "UEM file has none"),
    (REFERENCE, REFERENCE, {"talk": [Span(30, 40)]}, "No speech of the reference is left"),
])
def test_what_cannot_be_scored(reference: dict[str, list[Turn]], hypothesis: dict[str, list[Turn]],
                               regions: dict[str, list[Span]] | None, match: str) -> None:
    with pytest.raises(InputError, match=match) as error:
        score(reference, hypothesis, regions)
    assert error.value.hint


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:

    monkeypatch.setitem(sys.modules, "pyannote.core", None)
    with pytest.raises(EngineMissingError, match=r"pyannote\.metrics is needed") as error:
        score(REFERENCE, REFERENCE)
    assert ".[score]" in error.value.hint


def test_the_sample_of_pyannote_against_itself() -> None:
    found = importlib.util.find_spec("pyannote")
    paths = [Path(folder) / "audio" / "sample" / "sample.rttm"
             for folder in (found.submodule_search_locations or [] if found else [])]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        pytest.skip("pyannote.audio is not installed")
    turns = read_rttm(path)
    result = score(turns, turns, None, [PLAIN, COLLAR, ALONE, Definition(0.5, True)])
    assert [(each.der, each.jer) for each in result.overall] == [(0.0, 0.0)] * 4
    assert result.recordings[0].speakers == 2


# -- long recordings -----------------------------------------------------------------------------------------------

def random_turns(rng: random.Random, speakers: str, count: int) -> list[Turn]:
    """Turns of several speakers that overlap; those of one speaker do not, but may touch."""
    turns = []
    for speaker in speakers:
        at = rng.uniform(0, 3)
        for _ in range(count):
            end = at + rng.choice([0.1, 0.5, 1.0, 4.0])
            turns.append(Turn(at, end, speaker))
            at = end + rng.choice([0.0, 0.05, 0.7, 3.0])
    return turns


@pytest.mark.parametrize("seed", range(40))
def test_one_pass_gives_the_numbers_of_pyannote(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = random.Random(seed)
    reference = random_turns(rng, "ABCD"[:rng.randint(1, 4)], rng.randint(1, 8))
    hypothesis = random_turns(rng, "xyzuv"[:rng.randint(0, 5)], rng.randint(1, 8))
    regions = {"a": [Span(2.0, 9.0), Span(11.0, 30.0)]} if rng.random() < 0.5 else None
    definitions = [Definition(collar, skip) for collar in (0.0, 0.25, 1.0) for skip in (False, True)]

    def numbers() -> list[tuple[float, ...]]:
        try:
            found = score({"a": reference}, {"a": hypothesis}, regions, definitions).overall
        except InputError:
            return []
        return [(each.speech, each.missed, each.false_alarm, each.confusion, each.speaker_error, each.speaker_count)
                for each in found]

    by_pyannote = numbers()
    monkeypatch.setattr(diarization, "LONG", 0)
    assert numbers() == [pytest.approx(each, abs=1e-6) for each in by_pyannote]


def test_twelve_hours_take_seconds() -> None:
    rng = random.Random(0)
    turns, at = [], 0.0
    for _ in range(20_000):
        turns.append(Turn(at, at + rng.uniform(0.2, 4), rng.choice("ABCDE")))
        at = turns[-1].end
    moved = [Turn(turn.start + 0.1, turn.end + 0.1, turn.speaker) for turn in turns]
    began = time.process_time()
    result = score({"a": turns}, {"a": moved}, None, [PLAIN, COLLAR])
    assert time.process_time() - began < 30
    assert result.overall[0].der is not None and 0.03 < result.overall[0].der < 0.06
    assert "40000 turns" in result.warnings[0]


# -- files ---------------------------------------------------------------------------------------------------------

GOOD = ("SPEAKER talk 1 9.5 0.5 <NA> <NA> Bob <NA> <NA>\n\n;; a comment\nSPKR-INFO talk 1 <NA> <NA> <NA> unknown Ann\n"
        "SPEAKER talk 1 0.5 2.25 <NA> <NA> Ann <NA>\nSPEAKER b 1 1 0 <NA> <NA> Ann <NA> <NA>\n")


def test_an_rttm_file(tmp_path: Path) -> None:
    path = tmp_path / "a.rttm"
    path.write_text("\ufeff" + GOOD, encoding="utf-8", newline="\r\n")
    assert read_rttm(path) == {"talk": (Turn(0.5, 2.75, "Ann"), Turn(9.5, 10.0, "Bob")), "b": ()}
    path.write_text("")
    assert read_rttm(path) == {}


@pytest.mark.parametrize(("text", "match"), [
    (b"SPEAKER talk 1 1 -2 <NA> <NA> Ann <NA> <NA>", "line 1: the duration -2 is negative"),
    (b"\nSPEAKER talk 1 -1 2 <NA> <NA> Ann <NA> <NA>", "line 2: the start -1 is negative"),
    (b"SPEAKER talk 1 nan 2 <NA> <NA> Ann <NA> <NA>", "line 1: the start nan is no time"),
    (b"SPEAKER talk 1 1,5 2 <NA> <NA> Ann <NA> <NA>", "line 1: the start '1,5' is no number"),
    (b"SPEAKER my talk 1 1.5 2 <NA> <NA> Ann Lee <NA> <NA>", "line 1 has 12 fields, not 10"),
    (b"SPEAKER talk 1 1.5 2", "line 1 has 5 fields"),
    ("Добрый день".encode(), "line 1: 'Добрый' is no type"),
    ("SPEAKER talk 1 1 2 <NA> <NA> Ann <NA> <NA>".encode("utf-16"), "not text in UTF-8"),
    ("SPEAKER talk 1 1 2 <NA> <NA> Jürgen <NA> <NA>".encode("latin-1"), "not text in UTF-8"),
    (b"SPEAKER\0talk", "bytes that are no text"),
])
def test_what_is_no_rttm_file(tmp_path: Path, text: bytes, match: str) -> None:
    path = tmp_path / "a.rttm"
    path.write_bytes(text)
    with pytest.raises(InputError, match=match) as error:
        read_rttm(path)
    assert error.value.hint and str(path) in error.value.message


def test_a_uem_file(tmp_path: Path) -> None:
    path = tmp_path / "a.uem"
    path.write_text("talk 1 10 20\ntalk 1 0 5\n;; x\nb NA 0 1\ntalk 1 15 30\n")
    assert read_uem(path) == {"talk": (Span(0, 5), Span(10, 30)), "b": (Span(0, 1),)}
    for text, match in (("", "is empty"), ("talk 1 5 5", "not after the start"), ("talk 1 5", "3 fields, not 4")):
        path.write_text(text)
        with pytest.raises(InputError, match=match):
            read_uem(path)
    with pytest.raises(InputError, match="No such file"):
        read_uem(tmp_path / "none.uem")
