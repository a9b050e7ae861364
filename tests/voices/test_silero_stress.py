from __future__ import annotations

import subprocess
import sys

import pytest

from voicekit.spoken import SpelledWord
from voicekit.text.stress import with_plus
from voicekit.voices.silero_stress import SileroStresser

torch = pytest.importorskip("torch", reason="torch is not installed: stress cannot be found")
pytest.importorskip("silero_stress", reason="silero-stress is not installed: stress cannot be found")


def stressed(text: str, language: str = "ru") -> str:
    words = []
    for each in text.split():
        bare = each.rstrip(",.!?")
        words.append(SpelledWord(bare, each[len(bare):]))
    found = SileroStresser().stress(words, language)
    assert [word.after for word in found] == [word.after for word in words]
    return " ".join(with_plus(word) + word.after for word in found)


def test_stress_and_yo() -> None:
    assert stressed("Мы еще ели елку.") == "М+ы ещ+ё +ели +ёлку."


def test_homographs_by_their_clause() -> None:
    assert "з+амке" in stressed("В старом замке было тихо.")
    assert "зам+ок" in stressed("Он открыл замок ключом.")
    assert stressed("Я плачу за квартиру, а она всё плачет.").startswith("+Я плач+у")


def test_words_of_several_words_and_words_without_any() -> None:
    words = [SpelledWord(""), SpelledWord("сто двадцать"), SpelledWord("", "—"), SpelledWord("кошка", ".")]
    found = SileroStresser().stress(words, "ru")
    assert [with_plus(word) for word in found] == ["", "ст+о дв+адцать", "", "к+ошка"]


def test_ukrainian_and_belarusian() -> None:
    assert "Укра+їну" in stressed("Я люблю Україну.", "uk")
    assert "Белар+усі" in stressed("Я жыву ў Беларусі.", "be")


def test_other_languages_pass_through() -> None:
    words = [SpelledWord("hello")]
    assert SileroStresser().stress(words, "en") == tuple(words)


def test_the_same_twice_and_whatever_came_before() -> None:
    one = stressed("Дорога к дому была дорога мне.")
    stressed("Совсем другое, и замок, и мука.")
    assert stressed("Дорога к дому была дорога мне.") == one


def test_torch_keeps_its_threads_and_its_gradients() -> None:
    program = ("import torch; torch.set_num_threads(3)\n"
               "from voicekit.spoken import SpelledWord\n"
               "from voicekit.voices.silero_stress import SileroStresser\n"
               "for language in ('ru', 'uk'): SileroStresser().stress([SpelledWord('мама')], language)\n"
               "print(torch.get_num_threads(), torch.is_grad_enabled())")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "True"]
