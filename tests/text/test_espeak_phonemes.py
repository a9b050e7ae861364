from __future__ import annotations

import pytest

from voicekit.spoken import SpelledWord
from voicekit.text.espeak_phonemes import differs, mnemonics
from voicekit.text.stress import from_plus


@pytest.mark.parametrize(("marked", "expected"), [
    ("з+амок", "z'AmVk"), ("зам+ок", "zam'ok"), ("хорош+о", "xVrVS'o"), ("б+ерегу", "b;'er;igu"),
    ("ёлка", "j'8lka#"), ("сег+одня", "s;iv'odn;V"), ("н+ого", "n'ovV"),
    ("мн+ого", "mn'ogV"), ("друг", ""), ("с+ад", "s'At"), ("вокз+ал", "vVgz'Al"), ("л+ёгкий", "l;'8xk;ij"),
    ("бо+ится", "bV'itsV"), ("кон+ечно", "kVn;'eSnV"), ("маш+ина", "maS'yna#"), ("семь+я", "s;im;j'ja"),
    ("сто дв+адцать", "stV dv'AtsVt;"),
])
def test_words_as_espeak_writes_them(marked: str, expected: str) -> None:
    text, places = from_plus(marked)
    if "ё" in text and not places:
        places = (text.index("ё"),)
    said = mnemonics(SpelledWord(text, stressed=places), "ru")
    assert said == (f"[[{expected}]]" if expected else "")


def test_only_russian_words_with_a_stress() -> None:
    assert mnemonics(SpelledWord("замок", stressed=(1,)), "uk") == ""
    assert mnemonics(SpelledWord("замок"), "ru") == ""
    assert mnemonics(SpelledWord("Bach", stressed=(1,)), "ru") == ""


def test_what_espeak_stresses_rightly_is_left_to_it() -> None:
    assert not differs(SpelledWord("замок", stressed=(3,)), "z a m 'o k")
    assert differs(SpelledWord("замок", stressed=(1,)), "z a m 'o k")
    assert not differs(SpelledWord("был", stressed=(1,)), "b y l")
    assert not differs(SpelledWord("яма", stressed=(0,)), "'ja m a#")
