from __future__ import annotations

import pytest

from voicekit.spoken import SpelledWord
from voicekit.voices.clauses import parts


def test_parts_end_at_marks_and_keep_every_word() -> None:
    words = [SpelledWord("word", "," if number % 5 == 4 else "") for number in range(23)]
    found = parts(words, 60, lambda word: word.text)
    assert [index for part in found for index in part] == list(range(23))
    assert all(words[part[-1]].after for part in found[:-1])
    assert all(sum(len(words[index].text) + 1 for index in part) <= 62 for part in found)


def test_without_marks_words_decide() -> None:
    assert parts([SpelledWord("aaaa")] * 4, 9, lambda word: word.text) == [[0, 1], [2, 3]]


def test_parts_with_nothing_to_say_are_left_out() -> None:
    assert parts([SpelledWord("", "."), SpelledWord("")], 9, lambda word: word.text) == []


def test_one_word_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="longer"):
        parts([SpelledWord("a" * 20)], 9, lambda word: word.text)
