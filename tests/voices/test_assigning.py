from __future__ import annotations

import math

from voicekit.spoken import Register, Voice
from voicekit.voices.assigning import assign

MAN, WOMAN = Register(math.log(115), 0.15), Register(math.log(215), 0.15)
M1, M2, F1, F2 = (Voice("e", name, ("ru",), "", gender=gender) for name, gender in (
    ("m1", "male"), ("m2", "male"), ("f1", "female"), ("f2", "female")))


def names(cast: dict[str, Voice]) -> dict[str, str]:
    return {label: voice.name for label, voice in cast.items()}


def test_one_speaker_has_the_voice_that_was_asked_for() -> None:
    assert names(assign({"": WOMAN}, {}, M1, [F1])) == {"": "m1"}


def test_everybody_has_a_voice_of_their_own_that_fits() -> None:
    cast = assign({"A": WOMAN, "B": MAN, "C": WOMAN, "D": MAN}, {}, M1, [F1, M2, F2])
    assert names(cast) == {"A": "f1", "B": "m1", "C": "f2", "D": "m2"}
    assert list(cast) == ["A", "B", "C", "D"]


def test_what_was_asked_for_holds_and_is_nobody_elses() -> None:
    cast = assign({"A": MAN, "B": MAN, "C": None}, {"A": F1}, M1, [F1, M2])
    assert names(cast) == {"A": "f1", "B": "m1", "C": "m2"}


def test_voices_are_shared_when_all_are_taken() -> None:
    cast = assign({label: MAN for label in "ABCDE"}, {}, M1, [M2, F1])
    counts = sorted(list(names(cast).values()).count(name) for name in ("m1", "m2", "f1"))
    assert counts == [1, 2, 2]


def test_the_order_of_the_speakers_changes_nothing() -> None:
    speakers = {"A": WOMAN, "B": None, "C": MAN}
    backwards = dict(reversed(speakers.items()))
    assert assign(speakers, {}, M1, [F1, M2]) == assign(backwards, {}, M1, [F1, M2])
    assert names(assign(speakers, {}, M1, [F1, M2])) == {"A": "f1", "B": "m2", "C": "m1"}
