"""How tokens become words, with their times and probabilities."""

from __future__ import annotations

import math

import pytest

from voicekit.engines.onnx_asr import _words


def texts(*tokens: str) -> list[str]:
    return [word.word for word in _words(tokens, [0.1 * place for place in range(len(tokens))], None, 60.0)]


@pytest.mark.parametrize(("tokens", "expected"), [
    ((" При", "вет", ",", " мир", "."), [" Привет,", " мир."]),
    (("\u2581При", "вет", "\u2581мир"), [" Привет", " мир"]),
    (("д", "а", " ", "н", "е", "т"), [" да", " нет"]),
    ((" ", "д", "а", " ", " ", "н", "е", "т", " "), [" да", " нет"]),
    ((" ", "слово", " ", ","), [" слово,"]),
    ((" он", " —", " тут", " .", " Да"), [" он", " —", " тут.", " Да"]),
    ((" «", "да", "»", " нет"), [" «да»", " нет"]),
    (("<unk>", " a", "<|nospeech|>", "b", "<unk>"), [" ab"]),
    ((",", " ", ".", " да"), [" да"]),
    ((" Hel", "lo", "'s"), [" Hello's"]),
    ((), []),
])
def test_tokens_to_words(tokens: tuple[str, ...], expected: list[str]) -> None:
    assert texts(*tokens) == expected


def test_a_word_ends_with_its_letters_or_where_the_next_begins() -> None:
    words = _words([" да", " мир", " нет", "."], [0.4, 0.48, 2.0, 5.0], None, 10.0)
    assert [(word.start, word.end) for word in words] == [(0.4, 0.48), (0.48, 0.72), (2.0, 2.24)]
    assert words[2].word == " нет."  # the full stop came late, and does not make the word longer


def test_times_are_clipped_to_the_window() -> None:
    words = _words([" да", " нет"], [0.96, 1.04], None, 1.0)
    assert [(word.start, word.end) for word in words] == [(0.96, 1.0), (1.0, 1.0)]


def test_probability_is_the_geometric_mean() -> None:
    (word,) = _words([" ", "д", "а"], [0.0, 0.1, 0.2], [-9.0, math.log(0.25), math.log(1.0)], 1.0)
    assert word.probability == pytest.approx(0.5)
    (word,) = _words(["да"], [0.0], None, 1.0)
    assert word.probability == 1.0
