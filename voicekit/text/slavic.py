"""Numbers, units and abbreviations in Russian, Ukrainian and Belarusian, in the case that their neighbours ask for.

Russian declines cardinals too; in the others a cardinal stays in the nominative.
"""

from __future__ import annotations

import re

from voicekit.text import numbers, slavic_words as tables
from voicekit.text.slavic_words import Forms

LANGUAGES = frozenset({"ru", "uk", "be"})

_NUMBER = r"\d{1,3}(?:[ .,\u00a0]\d{3}){2,}|\d{1,3}(?:[ \u00a0]\d{3})+|\d+"
_QUANTITY = re.compile(rf"([+\-−±]?)([$€£¥₽₴]?)({_NUMBER})(?:[.,](\d+))?\s*([^\d\s.,+\-]\S*)?")
_ROMAN = dict(I=1, V=5, X=10, L=50, C=100)
_NO_UNITS = frozenset({"в", "с"})
"""Prepositions rather than volts and seconds, where they stand by themselves."""

_BARE_DECADES = frozenset({"е", "х", "ые", "ых", "ми", "и", "і", "ыя", "ті", "их"})


def expand(token: str, before: str, following: str, language: str, earlier: str = "") -> str | None:
    """What a token with digits, or an abbreviation, is in words.

    Parameters
    ----------
    token, before, following : str
        The token and its neighbours, as they are written.
    language : str
        ru, uk or be.
    earlier : str
        What stands before ``before``.

    Returns
    -------
    str or None
        None if it is nothing of the kind.

    Examples
    --------
    >>> expand("1990", "в", "году", "ru"), expand("2", "", "минуты", "ru"), expand("5-й", "", "", "ru")
    ('тысяча девятьсот девяностом', 'две', 'пятый')
    """
    low = token.lower()
    number_before = bool(re.search(r"\d$", before))
    short = _year_word(low, before, earlier, language) if number_before else None
    if short:
        return short
    unit = tables.UNITS[language].get(low.rstrip("."))
    if unit is not None and number_before and low not in _NO_UNITS:
        return _agreeing(unit, before)
    if low in tables.ABBREVIATIONS[language]:
        return tables.ABBREVIATIONS[language][low]
    if re.fullmatch(r"[IVXLC]+", token):
        return _roman(token, before, following, language)
    if not any(character.isdigit() for character in token):
        return None
    return (_time(token, language) or _date(token, before, language) or _suffixed(token, before, following, language)
            or _range(token, following, language) or _quantity(token, before, following, language))


def _case(before: str, language: str, otherwise: str = "n") -> str:
    return tables.PREPOSITIONS[language].get(before.lower(), otherwise)


def _form(unit: Forms, number: int, fraction: bool) -> str:
    if fraction:
        return unit[1]
    if number % 100 in range(11, 15) or number % 10 not in range(1, 5):
        return unit[2]
    return unit[0] if number % 10 == 1 else unit[1]


def _agreeing(unit: Forms, before: str) -> str:
    """A unit as the number before it wants it."""
    digits = re.findall(r"\d+", before)
    fraction = bool(re.fullmatch(r"\D*\d+[.,]\d{1,2}", before))
    return _form(unit, int(digits[-1]), fraction)


def _year_word(low: str, before: str, earlier: str, language: str) -> str | None:
    """``г.`` after a year, in the case of the year."""
    if low in {"гг.", "гг", "рр.", "рр"}:
        return tables.YEARS_SHORT[language]
    if low not in {"г.", "р.", "г"} or not re.fullmatch(r"\D*[12]\d{3}", before):
        return None
    return tables.YEAR_SHORT[language][_case(earlier, language, "g")]


def _roman(token: str, before: str, following: str, language: str) -> str | None:
    number, last = 0, 0
    for letter in reversed(token):
        value = _ROMAN[letter]
        number += value if value >= last else -value
        last = max(last, value)
    century = tables.CENTURY[language].get(following.lower().rstrip("."))
    if century is not None:
        gender = "m" if language == "ru" else "n"
        return numbers.ordinal(number, language, gender, century)
    if (len(token) > 1 and token not in {"CC", "CI", "CV", "LC", "CL"}) or before[:1].isupper() and token in "IVX":
        return numbers.ordinal(number, language, "f" if before[-1:] in tuple("ая") and before[:1].isupper() else "m")
    return None


def _time(token: str, language: str) -> str | None:
    found = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", token)
    if not found or int(found[1]) > 24 or int(found[2]) > 59:
        return None
    parts = [numbers.cardinal(int(found[1]), language)]
    for group in found.groups()[1:]:
        if group is not None:
            parts.append(tables.ZERO_ZERO[language] if group == "00" else
                         ("" if group[0] != "0" else numbers.cardinal(0, language) + " ")
                         + numbers.cardinal(int(group), language))
    return " ".join(parts)


def _date(token: str, before: str, language: str) -> str | None:
    found = re.fullmatch(r"(\d{1,2})\.(\d{2})\.(\d{4}|\d{2})", token)
    iso = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", token)
    if not found and not iso:
        return None
    day, month, year = found.groups() if found else (iso[3], iso[2], iso[1]) if iso else ("", "", "")
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return None
    number = int(year) if len(year) == 4 else 2000 + int(year)
    return (f"{numbers.ordinal(int(day), language, 'n', _day_case(before, language))} "
            f"{tables.MONTHS[language][int(month) - 1]} "
            f"{numbers.ordinal(number, language, 'm', 'g')} {tables.YEAR_GENITIVE[language]}")


def _day_case(before: str, language: str) -> str:
    """Of a day: the genitive tells when, as most days in a text do."""
    case = _case(before, language, "g")
    return "n" if case in "ap" or before.lower() in {"сегодня", "это", "сьогодні", "сёння"} else case


def _suffixed(token: str, before: str, following: str, language: str) -> str | None:
    found = re.fullmatch(r"(\d+)[-–]?([а-яёіїєў]{1,3})", token.lower()) if "-" in token or "–" in token else None
    if found:
        number, suffix = int(found[1]), found[2]
        if suffix in {"х", "ти", "и", "ёх", "ми"} and number < 10 and not following[:3].lower() == "год":
            return numbers.cardinal(number, language, case="g")
        if suffix in _BARE_DECADES | {"е"} and number >= 10 and number % 10 == 0:
            case = "g" if suffix in {"х", "ых", "их"} else "i" if suffix == "ми" else "n"
            return numbers.ordinal(number, language, "m", case, plural=True)
        how = tables.SUFFIXES[language].get(suffix)
        if how is None:
            return None
        gender, case = how.split()
        if case == "p" and language == "ru" and before.lower() not in {"в", "во", "на", "о", "об", "при"}:
            case = "i"
        return numbers.ordinal(number, language, "m" if gender == "s" else gender, case, plural=gender == "s")
    compound = re.fullmatch(r"(\d+)-?([а-яёіїєў]{4,})", token.lower())
    if compound and language == "ru":
        whole = int(compound[1])
        stem = "".join(numbers.cardinal(whole, "ru", case="g").split())
        fixed = stem.replace("однойтысячи", "тысяче") if whole >= 1000 else stem
        return {100: "сто", 90: "девяносто", 1: "одно"}.get(whole, fixed) + compound[2]
    if compound:
        return f"{numbers.cardinal(int(compound[1]), language)} {compound[2]}"
    return None


def _range(token: str, following: str, language: str) -> str | None:
    found = re.fullmatch(r"(\d+)[-–—](\d+)(%?)", token)
    if found:
        left, right = int(found[1]), int(found[2])
        if following.lower().rstrip(".") in {"гг", "годы", "годах", "годов", "рр", "роки", "роках", "гады"}:
            case = "p" if following.lower().endswith(("ах",)) else "n"
            return " ".join(numbers.ordinal(each, language, "m", case) for each in (left, right))
        unit = f" {_form(tables.UNITS[language]['%'], right, False)}" if found[3] else ""
        return f"{numbers.cardinal(left, language)} {numbers.cardinal(right, language)}{unit}"
    if re.fullmatch(r"\+?\d+(?:-\d+){2,}", token) or re.fullmatch(r"\d+(?:\.\d+){2,}", token):
        parts = re.split(r"[-.]", token.lstrip("+"))
        between = f" {tables.SPOKEN[language]['dot']} " if "." in token else " "
        said = between.join(_digits(part, language) for part in parts)
        return tables.SIGNS[language]["+"] * token.startswith("+") + said
    fraction = re.fullmatch(r"(\d{1,2})/(\d{1,3})", token)
    if fraction and int(fraction[2]) > 1:
        above, below = int(fraction[1]), int(fraction[2])
        part = (numbers.ordinal(below, language, "f") if above % 10 == 1 and above != 11
                else numbers.ordinal(below, language, "f", "g", plural=True))
        return f"{numbers.cardinal(above, language, 'f')} {part}"
    return None


def _digits(digits: str, language: str) -> str:
    """A group of digits: zeros that lead are said."""
    zeros = len(digits) - len(digits.lstrip("0")) if len(digits) > 1 else 0
    said = [numbers.cardinal(0, language)] * min(zeros, len(digits) - (0 if digits.strip("0") else 0))
    return " ".join([*said, *([numbers.cardinal(int(digits), language)] if digits.strip("0") or not zeros else [])])


def _quantity(token: str, before: str, following: str, language: str) -> str | None:
    found = _QUANTITY.fullmatch(token)
    if not found:
        return None
    sign, symbol, whole, fraction, tail = found.groups()
    units = tables.UNITS[language]
    unit = units.get((symbol or tail or "").lower().rstrip("."))
    if tail and unit is None:
        return None
    number = int(re.sub(r"\D", "", whole))
    if fraction is not None:
        said = numbers.decimal(str(number), fraction, language)
    elif unit is None and not sign and (asked := _by_neighbours(number, whole, before, following, language)):
        said = asked
    elif whole[0] == "0" and len(whole) > 1:
        said = _digits(whole, language)
    else:
        noun = unit or units.get(following.lower().rstrip("."))
        said = _cardinal(number, noun, before, following, language)
    said = tables.SIGNS[language][sign] + said
    return f"{said} {_form(unit, number, fraction is not None)}" if unit else said


def _by_neighbours(number: int, whole: str, before: str, following: str, language: str) -> str | None:
    """Years and days of a month."""
    low = following.lower()
    if low in tables.MONTHS[language] and 1 <= number <= 31:
        return numbers.ordinal(number, language, "n", _day_case(before, language))
    year = tables.YEARS[language].get(low)
    if year is not None and (1000 <= number <= 2100 or before.lower() in {"в", "у", "ў"} and number > 20):
        if low == "году" and before.lower() in {"к", "ко"}:
            year = "d"
        if low == "року":
            year = "p" if before.lower() in {"у", "в"} else "g"
        return numbers.ordinal(number, language, "m", year)
    if low in {"г.", "р.", "г"} and len(whole) == 4 and 1000 <= number <= 2100:
        return numbers.ordinal(number, language, "m", _case(before, language, "g"))
    decade = number >= 1900 and number % 10 == 0
    if decade and low.startswith(("год", "гг", "рок", "рр", "гад")) and low.endswith(("ы", "и", "х")):
        return numbers.ordinal(number, language, plural=True)
    return None


def _cardinal(number: int, unit: Forms | None, before: str, following: str, language: str) -> str:
    """A number in the gender and case of what it counts."""
    low = following.lower().strip(".,!?:;")
    gender = unit[3] if unit else _gender(number, low)
    case = "n"
    if language == "ru" and unit is None and low:
        case = next((case for ending, case in (("ами", "i"), ("ями", "i"), ("ьми", "i"), ("ам", "d"), ("ям", "d"),
                                               ("ах", "p"), ("ях", "p")) if low.endswith(ending)), "n")
        counted = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
        if case == "n" and _case(before, "ru") == "g" and not (counted and low.endswith(("а", "я", "ы", "и"))):
            case = "g"
    return numbers.cardinal(number, language, gender, case)


def _gender(number: int, noun: str) -> str:
    """By the noun's ending: одна минута, две минуты, но два стола; одно окно."""
    if number % 100 in (11, 12):
        return "m"
    if number % 10 == 1:
        return "f" if noun.endswith(("а", "я")) else "n" if noun.endswith(("о", "е", "ё")) else "m"
    if number % 10 == 2:
        return "f" if noun.endswith(("ы", "и", "і", "ї")) else "m"
    return "m"
