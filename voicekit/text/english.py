"""Numbers, units and abbreviations in English."""

from __future__ import annotations

import re

from voicekit.text import numbers

UNITS = {
    "kg": "kilogram", "g": "gram", "mg": "milligram", "km": "kilometer", "m": "meter", "cm": "centimeter",
    "mm": "millimeter", "l": "liter", "ml": "milliliter", "ft": "foot", "in": "inch", "lb": "pound", "lbs": "pound",
    "oz": "ounce", "mi": "mile", "mph": "mile per hour", "km/h": "kilometer per hour", "kmh": "kilometer per hour",
    "m/s": "meter per second", "sec": "second", "min": "minute", "hr": "hour", "hrs": "hour", "gb": "gigabyte",
    "mb": "megabyte", "kb": "kilobyte", "tb": "terabyte", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz",
    "ghz": "gigahertz", "kw": "kilowatt", "w": "watt", "v": "volt", "ms": "millisecond", "°c": "degree Celsius",
    "°f": "degree Fahrenheit", "°": "degree", "%": "percent", "k": "thousand", "bn": "billion",
}
CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", "sen"),
              "₽": ("ruble", "kopeck"), "₴": ("hryvnia", "kopiyka")}
PLURALS = {"foot": "feet", "inch": "inches", "percent": "percent", "hertz": "hertz", "kilohertz": "kilohertz",
           "megahertz": "megahertz", "gigahertz": "gigahertz", "penny": "pence", "yen": "yen", "sen": "sen",
           "thousand": "thousand", "billion": "billion", "kopiyka": "kopiykas"}
ABBREVIATIONS = {
    "mr.": "mister", "mr": "mister", "mrs.": "missis", "mrs": "missis", "ms.": "miz", "dr.": "doctor", "dr": "doctor",
    "prof.": "professor", "st.": "saint", "vs.": "versus", "vs": "versus", "etc.": "et cetera", "e.g.": "for example",
    "i.e.": "that is", "jr.": "junior", "sr.": "senior", "no.": "number", "inc.": "incorporated", "ltd.": "limited",
    "corp.": "corporation", "gen.": "general", "col.": "colonel", "sgt.": "sergeant", "capt.": "captain",
    "approx.": "approximately", "dept.": "department", "fig.": "figure", "vol.": "volume", "a.m.": "a m",
    "p.m.": "p m", "a.d.": "a d", "b.c.": "b c", "&": "and", "+": "plus", "=": "equals", "@": "at", "№": "number",
    "u.s.": "u s", "u.k.": "u k", "ph.d.": "p h d", "km/h": "kilometers per hour", "mph": "miles per hour",
    "%": "percent",
}
MONTHS = ("January February March April May June July August September October November December").split()
SIGNS = {"+": "plus ", "-": "minus ", "−": "minus ", "±": "plus or minus ", "": ""}
DOT, AT, SLASH, DASH = "dot", "at", "slash", "dash"

_NUMBER = r"\d{1,3}(?:,\d{3})+|\d+"
_QUANTITY = re.compile(rf"([+\-−±]?)([$€£¥₽₴]?)({_NUMBER})(?:\.(\d+))?\s*([$€£¥₽₴%]|°[CF]?|[A-Za-z/]+)?")


def expand(token: str, before: str, following: str) -> str | None:
    """What a token with digits, or an abbreviation, is in words; None if it is nothing of the kind."""
    low = token.lower()
    if low in ABBREVIATIONS:
        return "street" if low == "st." and before[:1].isupper() else ABBREVIATIONS[low]
    if low in UNITS and low not in {"in", "k"} and _is_number(before):
        return _plural(UNITS[low], "" if before in {"1", "one"} else "s")
    if not any(character.isdigit() for character in token):
        return None
    return _time(token) or _date(token) or _ordinal(token) or _range(token) or _quantity(token, before)


def _is_number(token: str) -> bool:
    return bool(re.fullmatch(r"[+\-−]?\d[\d.,\-–—]*", token))


def _plural(noun: str, ending: str) -> str:
    head, _, tail = noun.partition(" ")
    head = PLURALS.get(head, head + ending) if ending else head
    return f"{head} {tail}".strip()


def _time(token: str) -> str | None:
    found = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?([ap]\.?m\.?)?", token, re.IGNORECASE)
    if not found or int(found[1]) > 24 or int(found[2]) > 59:
        return None
    hour, minute = int(found[1]), int(found[2])
    said = numbers.cardinal(hour, "en")
    if minute:
        said += (" oh " if minute < 10 else " ") + numbers.cardinal(minute, "en")
    elif not found[4]:
        said += " o'clock" if 0 < hour <= 12 else " hundred"
    if found[3]:
        said += f" and {numbers.cardinal(int(found[3]), 'en')} seconds"
    return said + (f" {found[4][0].lower()} m" if found[4] else "")


def _date(token: str) -> str | None:
    found = re.fullmatch(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})", token)
    iso = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", token)
    if iso:
        year, month, day = int(iso[1]), int(iso[2]), int(iso[3])
    elif found:
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        # 5/12 is May 12 as Americans write it; with full stops the day is first.
        month, day = (first, second) if found[2] == "/" and first <= 12 else (second, first)
    else:
        return None
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{MONTHS[month - 1]} {numbers.ordinal(day, 'en')} {numbers.year(year, 'en')}"


def _ordinal(token: str) -> str | None:
    found = re.fullmatch(rf"({_NUMBER})(st|nd|rd|th)", token, re.IGNORECASE)
    if found:
        return numbers.ordinal(_integer(found[1]), "en")
    decade = re.fullmatch(r"['’]?(\d{2}|\d{3}0)['’]?s", token)
    if decade:
        said = numbers.year(int(decade[1]), "en")
        return re.sub(r"y$", "ies", said) if said.endswith("y") else said + "s"
    return None


def _range(token: str) -> str | None:
    found = re.fullmatch(r"(\d+)\s?[-–—]\s?(\d+)(%?)", token)
    if found:
        left, right = _plain(found[1]), _plain(found[2])
        return f"{left} to {right}" + (" percent" if found[3] else "")
    fraction = re.fullmatch(r"(\d{1,2})/(\d{1,3})", token)
    if fraction and int(fraction[2]):
        above, below = int(fraction[1]), int(fraction[2])
        name = {2: "half", 4: "quarter"}.get(below, numbers.ordinal(below, "en"))
        plural = "halves" if below == 2 else name + "s"
        return f"{numbers.cardinal(above, 'en')} {name if above == 1 else plural}"
    return None


def _plain(digits: str) -> str:
    """A whole number without separators: years as years, what begins with 0 digit by digit."""
    if len(digits) == 4 and 1100 <= int(digits) < 2100 and int(digits) % 1000:
        return numbers.year(int(digits), "en")
    if digits[0] == "0" and len(digits) > 1:
        return " ".join(numbers.cardinal(int(digit), "en") for digit in digits)
    return numbers.cardinal(int(digits), "en")


def _integer(digits: str) -> int:
    return int(digits.replace(",", ""))


def _quantity(token: str, before: str) -> str | None:
    found = _QUANTITY.fullmatch(token)
    if not found or (found[5] and found[5].lower() not in UNITS and found[5] not in CURRENCIES):
        return None
    sign, symbol, whole, fraction, unit = found.groups()
    money = symbol or (unit if unit in CURRENCIES else "")
    if fraction is not None and not money:
        said = numbers.decimal(whole.replace(",", ""), fraction, "en")
    else:
        bare = not (symbol or unit or sign or "," in whole)
        said = _plain(whole) if bare else numbers.cardinal(_integer(whole), "en")
    said = SIGNS[sign] + said
    one = _integer(whole) == 1 and not fraction
    if money:
        noun, part = CURRENCIES[money]
        said += " " + _plural(noun, "" if one else "s")
        if fraction and int(fraction):
            cents = int(fraction[:2].ljust(2, "0"))
            said += f" and {numbers.cardinal(cents, 'en')} {_plural(part, '' if cents == 1 else 's')}"
        return said
    if unit:
        said += " " + _plural(UNITS[unit.lower()], "" if one else "s")
    return said
