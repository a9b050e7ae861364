from __future__ import annotations

from voicekit.spoken import SpelledWord
from voicekit.text import stress


def test_there_and_back() -> None:
    text, places = stress.from_plus("тр+и замк+а")
    assert (text, places) == ("три замка", (2, 8))
    assert stress.with_plus(SpelledWord(text, stressed=places)) == "тр+и замк+а"


def test_acute_stands_after_the_vowel_and_not_on_yo() -> None:
    assert stress.with_acute(SpelledWord("ещё дом", stressed=(2, 5))) == "ещё до\u0301м"


def test_a_mark_that_stands_before_nothing_is_no_stress() -> None:
    assert stress.from_plus("да+") == ("да", ())
