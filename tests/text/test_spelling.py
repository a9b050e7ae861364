from __future__ import annotations

import pytest

from voicekit.text.spelling import spell
from voicekit.types import Word

pytest.importorskip("num2words", reason="num2words is not installed: numbers cannot be spelt out")


def said(text: str, language: str) -> str:
    words = [Word(number, number + 1, " " + word, 1.0) for number, word in enumerate(text.split(" "))]
    spelled = spell(words, language)
    assert len(spelled) == len(words)
    assert all(character.isalpha() or character.isdigit() or character in "-' " for word in spelled
               for character in word.text)
    return " ".join((word.text + word.after) or "_" for word in spelled)


RUSSIAN = [
    ("В 1990 году", "В тысяча девятьсот девяностом году"),
    ("до 2020 года", "до две тысячи двадцатого года"),
    ("в 1990 г. Москва", "в тысяча девятьсот девяностом году Москва"),
    ("1990-е и 80-х", "тысяча девятьсот девяностые и восьмидесятых"),
    ("5-й 3-я 1-е 2-го", "пятый третья первое второго"),
    ("на 5-м этаже", "на пятом этаже"),
    ("21 минута, 2 минуты", "двадцать одна минута, две минуты"),
    ("2 стола, 1 окно", "два стола, одно окно"),
    ("5 кг, 1 кг, 2 т", "пять килограммов, один килограмм, две тонны"),
    ("80 км/ч", "восемьдесят километров в час"),
    ("5кг и 16ГБ", "пять килограммов и шестнадцать гигабайт"),
    ("1,5 км", "одна целая пять десятых километра"),
    ("100% и 5,5%", "сто процентов и пять целых пять десятых процента"),
    ("$5, 100 ₽, 1 руб.", "пять долларов, сто рублей, один рубль."),
    ("12.05.2024 в 15:30", "двенадцатого мая две тысячи двадцать четвёртого года в пятнадцать тридцать"),
    ("12 мая, к 3 мая", "двенадцатого мая, к третьему мая"),
    ("15:00 и 09:05", "пятнадцать ноль-ноль и девять ноль пять"),
    ("до 5 километров с 3 людьми", "до пяти километров с тремя людьми"),
    ("-5°C и +20", "минус пять градусов Цельсия и плюс двадцать"),
    ("5-10 минут", "пять десять минут"),
    ("1/2 и 3/4", "одна вторая и три четвёртых"),
    ("1 000 000 рублей", "один миллион _ _ рублей"),
    ("8-800-555-35-35", "восемь восемьсот пятьсот пятьдесят пять тридцать пять тридцать пять"),
    ("версия 3.5.1", "версия три точка пять точка один"),
    ("20-летний", "двадцатилетний"),
    ("XX век, Пётр I", "двадцатый век, Пётр первый"),
    ("т. е. и т. д.", "то есть и так далее."),
    ("яблоки и т.д.", "яблоки и так далее."),
    ("ул. Ленина, № 5", "улица Ленина, номер пять"),
    ("CPU и Python", "си пи ю и пайтон"),
    ("Google Chrome, GPT-4", "гугл чром, джи пи ти четыре"),
    ("ФСБ и США", "эф эс бэ и США"),
    ("на https://www.mail.ru/", "на мейл точка ру"),
    ("a@example.com", "эй собака эксампл точка ком"),
    ("«Да» — сказал он…", "Да — сказал он…"),
    ("😀 ∑x^2 привет", "_ _ привет"),
    ("до\u0301м", "дом"),
]


@pytest.mark.parametrize(("text", "expected"), RUSSIAN)
def test_russian(text: str, expected: str) -> None:
    assert said(text, "ru") == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("Mr. Smith paid $5.50.", "mister Smith paid five dollars and fifty cents."),
    ("In 1984, 2000 and 1905", "In nineteen eighty-four, two thousand and nineteen oh-five"),
    ("the 21st of 1,000,000", "the twenty-first of one million"),
    ("3.14 and 50%", "three point one four and fifty percent"),
    ("at 3:30pm", "at three thirty p m"),
    ("5/12/2024", "May twelfth twenty twenty-four"),
    ("the 1990s", "the nineteen nineties"),
    ("5-10 kg, 1 kg", "five to ten kilograms, one kilogram"),
    ("Dr. Who on Main St., etc.", "doctor Who on Main street, et cetera."),
    ("the dog's don't", "the dog's don't"),
    ("Москва is here", "moskva is here"),
    ("see example.com", "see example dot com"),
    ("x=y 🎉 done!", "_ _ done!"),
    ("room 007", "room zero zero seven"),
    ("well-known", "well-known"),
])
def test_english(text: str, expected: str) -> None:
    assert said(text, "en") == expected


@pytest.mark.parametrize(("language", "text", "expected"), [
    ("uk", "У 1990 році 2 хвилини", "У тисяча дев'ятсот дев'яностому році дві хвилини"),
    ("uk", "5-й і 3-я, 100%", "п'ятий і третя, сто відсотків"),
    ("be", "5 кг і 2 хвіліны", "пяць кілаграмаў і дзве хвіліны"),
    ("de", "25 und 20%", "fünfundzwanzig und zwanzig Prozent"),
    ("fr", "1 000 personnes", "mille _ personnes"),
    ("kk", "15 қазақ", "он бес қазақ"),
    ("sw", "12 watu", "12 watu"),  # num2words has no Swahili: the voice reads digits
])
def test_other_languages(language: str, text: str, expected: str) -> None:
    assert said(text, language) == expected


def test_a_full_stop_inside_a_script_without_spaces() -> None:
    (word,) = spell([Word(0, 1, "好。", 1)], "zh")
    assert (word.text, word.after) == ("好", ".")


@pytest.mark.parametrize("language", ["ru", "en", "uk", "be", "de", "zh", "ja", "ar", "hi", "fi", "sw", "he", "ko"])
def test_nothing_is_too_odd(language: str) -> None:
    odd = ["", " ", "…", "-", "«»", "99999999999999999999", "1.2.3.4.5", "12:99", "99.99.9999", "1/0", "0/5", "-", "'",
           "3e10", "½", "²", "٣", "XIIV", "CC", "$", "%", "№", "°", "www.", "@", "5$", "\u200d", "0", "00", "-0", "1-",
           "10-х", "0-й", "1000000000000000000-й", "[музыка]", "a" * 300, "1" * 300, "🇷🇺", "г.", "в", "и.о."]
    for word in odd:
        spell([Word(0, 1, word, 1)], language)
    assert len(spell([Word(0, 1, " " + word, 1) for word in odd], language)) == len(odd)
