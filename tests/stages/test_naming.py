"""From labels to names."""

from __future__ import annotations

import math

import pytest

from voicekit.speakers import Diarization
from voicekit.stages.naming import names_of, recognised
from voicekit.types import Turn


def towards(degrees: float) -> tuple[float, float]:
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))


THREE = Diarization(
    turns=(Turn(0, 1, "SPEAKER_00"), Turn(1, 2, "SPEAKER_01"), Turn(1.5, 3, "SPEAKER_02")),
    voices={"SPEAKER_00": towards(0), "SPEAKER_01": towards(50), "SPEAKER_02": towards(90)})


def test_names_in_order_of_first_speech() -> None:
    names = names_of(THREE, ("Anna", "Boris"), None, 0.5)
    assert names.names == {"SPEAKER_00": "Anna", "SPEAKER_01": "Boris"} and not names.warnings
    assert [turn.speaker for turn in names.turns(THREE.turns)] == ["Anna", "Boris", "SPEAKER_02"]


def test_names_by_label() -> None:
    names = names_of(THREE, ("SPEAKER_02=Vera", "SPEAKER_07=Gleb"), None, 0.5)
    assert names.names == {"SPEAKER_02": "Vera"}
    assert names.warnings == ("--speaker-names names SPEAKER_07, and nobody of that label speaks.",)


def test_more_names_than_speakers_are_told() -> None:
    names = names_of(THREE, ("A", "B", "C", "D"), None, 0.5)
    assert len(names.names) == 3 and "4 names, and 3 speakers were found" in names.warnings[0]


def test_a_channel_that_is_silent_keeps_its_name_to_itself() -> None:
    second = Diarization(turns=(Turn(0, 1, "SPEAKER_01"),))
    names = names_of(second, ("Agent", "Customer"), None, 0.5)
    assert names.names == {"SPEAKER_01": "Customer"} and "2 names, and 1 speaker was found" in names.warnings[0]


def test_everybody_is_recognised_once_and_the_most_alike_first() -> None:
    enrolled = {"Anna": towards(40), "Boris": towards(100)}
    found = recognised(THREE.voices, enrolled, 0.5)
    assert {label: name for label, (name, _) in found.items()} == {"SPEAKER_01": "Anna", "SPEAKER_02": "Boris"}
    assert found["SPEAKER_01"][1] == pytest.approx(math.cos(math.radians(10)))


def test_nobody_below_the_threshold_and_unknown_is_said() -> None:
    names = names_of(THREE, (), {"Anna": towards(5)}, 0.9)
    assert names.names == {"SPEAKER_00": "Anna", "SPEAKER_01": "UNKNOWN_00", "SPEAKER_02": "UNKNOWN_01"}
    assert names.how["Anna"] == "voice, similarity 0.996"
    assert names.how["UNKNOWN_00"] == "nobody who was asked for: the most similar is Anna, 0.707"
    nobody = names_of(THREE, (), {"Anna": towards(-90)}, 0.9)
    assert set(nobody.names.values()) == {"UNKNOWN_00", "UNKNOWN_01", "UNKNOWN_02"}


def test_what_the_user_says_wins_over_the_voice() -> None:
    names = names_of(THREE, ("SPEAKER_00=Vera",), {"Anna": towards(0), "Vera": towards(50)}, 0.9)
    assert names.names == {"SPEAKER_00": "Vera", "SPEAKER_01": "UNKNOWN_00", "SPEAKER_02": "UNKNOWN_01"}
