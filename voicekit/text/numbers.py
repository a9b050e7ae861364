"""Numbers as words, by num2words, in every language that it has."""

from __future__ import annotations

import functools
from typing import Any

from voicekit.errors import EngineMissingError

OTHER_CODES = {"nn": "no", "kk": "kz"}
"""Codes of :mod:`voicekit.languages` that num2words calls otherwise."""

GREATEST = 10 ** 15
"""Longer numbers are read digit by digit: nobody says them otherwise."""

REFUSALS = (NotImplementedError, TypeError, ValueError, ArithmeticError, LookupError)
"""What num2words raises where a language lacks a form or a number is too much for it."""

UKRAINIAN_ORDINALS = {
    "m": {"n": "ий", "g": "ого", "d": "ому", "a": "ий", "i": "им", "p": "ому"},
    "n": {"n": "е", "g": "ого", "d": "ому", "a": "е", "i": "им", "p": "ому"},
    "f": {"n": "а", "g": "ої", "d": "ій", "a": "у", "i": "ою", "p": "ій"},
    "plural": {"n": "і", "g": "их", "d": "им", "a": "і", "i": "ими", "p": "их"},
}
BELARUSIAN_ORDINALS = {
    "m": {"n": "ы", "g": "ага", "d": "аму", "a": "ы", "i": "ым", "p": "ым"},
    "n": {"n": "ае", "g": "ага", "d": "аму", "a": "ае", "i": "ым", "p": "ым"},
    "f": {"n": "ая", "g": "ай", "d": "ай", "a": "ую", "i": "ай", "p": "ай"},
    "plural": {"n": "ыя", "g": "ых", "d": "ым", "a": "ыя", "i": "ымі", "p": "ых"},
}


@functools.cache
def _num2words() -> Any:
    try:
        import num2words
    except ImportError as error:
        raise EngineMissingError("Numbers cannot be spelt out: num2words is not installed.",
                                 'In voicekit\'s folder run: pip install -e ".[revoice]"') from error
    return num2words


def known(language: str) -> bool:
    """Whether numbers can be spelt out in this language; elsewhere digits are left to the voice."""
    return OTHER_CODES.get(language, language) in _num2words().CONVERTER_CLASSES


def _say(number: int | str, language: str, **how: Any) -> str:
    said = _num2words().num2words(number, lang=OTHER_CODES.get(language, language), **how)
    return str(said).replace("\u00ad", "").strip()


def cardinal(number: int, language: str, gender: str = "m", case: str = "n") -> str:
    """One, two, three: ``gender`` m, f or n and ``case`` n, g, d, a, i or p where the language has them.

    Examples
    --------
    >>> cardinal(22, "ru", "f"), cardinal(5, "ru", case="g"), cardinal(42, "en")
    ('двадцать две', 'пяти', 'forty-two')
    """
    if number >= GREATEST:
        return " ".join(_say(int(digit), language) for digit in str(number))
    if language == "ru":
        return _say(number, "ru", gender=gender, case=case, **({"animate": False} if case == "a" else {}))
    if language == "be":
        return _say(number, "be", gender=gender)
    said = _say(number, language)
    if language == "uk":
        for masculine, feminine, neuter in (("один", "одна", "одне"), ("два", "дві", "два")):
            if said == masculine or said.endswith(f" {masculine}"):
                return said[:-len(masculine)] + {"f": feminine, "n": neuter}.get(gender, masculine)
    return said


def ordinal(number: int, language: str, gender: str = "m", case: str = "n", plural: bool = False) -> str:
    """First, second, third; a number that num2words has no ordinal for stays a cardinal.

    Examples
    --------
    >>> ordinal(1990, "ru", case="p"), ordinal(21, "en"), ordinal(5, "uk", "f")
    ('тысяча девятьсот девяностом', 'twenty-first', "п'ята")
    """
    if not 0 < number < GREATEST:
        return cardinal(number, language, gender, case)
    if language == "ru":
        animate = {"animate": False} if case == "a" else {}
        return _say(number, "ru", to="ordinal", case=case, plural=plural, gender=gender, **animate)
    try:
        said = _say(number, language, to="ordinal")
    except REFUSALS:
        return cardinal(number, language)
    kind = "plural" if plural else gender
    if language == "uk":
        said = said.removeprefix("одна ") if said.startswith("одна тисяча ") else said
        if said.endswith("ій"):
            soft = {"ого": "ього", "ому": "ьому", "им": "ім", "а": "я", "у": "ю", "е": "є", "ий": "ій", "ої": "ьої"}
            ending = UKRAINIAN_ORDINALS[kind][case]
            return said[:-2] + soft.get(ending, ending)
        return said[:-2] + UKRAINIAN_ORDINALS[kind][case] if said.endswith("ий") else said
    if language == "be":
        said = said.removeprefix("адна ") if said.startswith("адна тысяча ") else said
        return said[:-1] + BELARUSIAN_ORDINALS[kind][case] if said.endswith("ы") else said
    return said


def year(number: int, language: str) -> str:
    """A year as it is read: nineteen eighty-four."""
    try:
        return _say(number, language, to="year")
    except REFUSALS:
        return cardinal(number, language)


def decimal(whole: str, fraction: str, language: str) -> str:
    """A number with a fraction, both as digits.

    Examples
    --------
    >>> decimal("3", "14", "ru"), decimal("3", "14", "en")
    ('три целых четырнадцать сотых', 'three point one four')
    """
    if len(whole) > 12 or len(fraction) > 9:
        return " ".join(_say(int(digit), language) for digit in whole + fraction)
    from decimal import Decimal

    try:
        return _say(Decimal(f"{int(whole)}.{fraction}"), language)  # type: ignore[arg-type]
    except REFUSALS:
        return f"{cardinal(int(whole), language)} " + " ".join(cardinal(int(digit), language) for digit in fraction)
