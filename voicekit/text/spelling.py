"""Words as they are to be said: numbers, dates, units, abbreviations and foreign letters spelt out.

English, Russian, Ukrainian and Belarusian have rules of their own; every other language that num2words has gets
its numbers spelt out; in a language that num2words does not have, digits are left to the voice. What cannot be said
(emoji, formulas) becomes a word without text, so that every word of the transcript keeps its time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from voicekit.spoken import SpelledWord
from voicekit.text import english, letters, numbers, slavic, slavic_words
from voicekit.types import Word

_STOPS = ".,!?;:…—–"
_URL = re.compile(r"(?:https?://|www\.)\S+|[\w.-]+@[\w-]+\.[\w.-]+|(?:[\w-]+\.)+(?:com|org|net|ru|io|ua|by|рф|edu|"
                  r"gov|info|dev|ai|de|uk|su|me|tv|app)(?:/\S*)?", re.IGNORECASE)
_FORMULA = re.compile(r".*[\\^∑∫√∞≤≥≠{}|<>_].*|(?=.*[=*])(?=.*[\dA-Za-z]).*[=*].*")
_FULL_WIDTH = str.maketrans("。，！？；：、「」『』（）·", ".,!?;:,\"\"\"\"() ")
_DIGIT_GROUP = re.compile(r"\d{3}")
_SPACED_NUMBERS = frozenset("ru uk be fr pl cs sk bg sv no nn fi da".split())


def spell(words: Sequence[Word], language: str) -> tuple[SpelledWord, ...]:
    """The words of a sentence as they are to be said, one for one.

    Parameters
    ----------
    words : sequence of Word
        Of one sentence: neighbours decide the case of a number.
    language : str
        Code of the recording's language.

    Examples
    --------
    >>> words = [Word(0, 1, each, 1) for each in (" В", " 1990", " году.")]
    >>> [(word.text, word.after) for word in spell(words, "ru")]
    [('В', ''), ('тысяча девятьсот девяностом', ''), ('году', '.')]
    """
    parts = [_parts(word.word, language) for word in words]
    tokens = [token for token, _ in parts]
    _join_groups(tokens, [after for _, after in parts], language)
    said: list[SpelledWord] = []
    for index, (token, (_, after)) in enumerate(zip(tokens, parts, strict=True)):
        earlier, before, following = _around(tokens, index)
        text = _say(token, after, earlier, before, following, language) if token else ""
        if index == len(tokens) - 1 and not after and words[index].word.rstrip().endswith("."):
            after = "."  # it was taken for a part of an abbreviation
        said.append(SpelledWord(text, after))
    return tuple(said)


def _around(tokens: Sequence[str], index: int) -> tuple[str, str, str]:
    """The two tokens before and the one after, without those that say nothing."""
    left = [token for token in tokens[max(index - 4, 0):index] if token]
    right = [token for token in tokens[index + 1:index + 3] if token]
    return (left[-2] if len(left) > 1 else "", left[-1] if left else "", right[0] if right else "")


def _parts(word: str, language: str) -> tuple[str, str]:
    """What is to be said of a word, and the punctuation after it."""
    text = unicodedata.normalize("NFC", word).strip()
    if language in {"zh", "ja", "yue", "ko"}:
        text = unicodedata.normalize("NFKC", text).translate(_FULL_WIDTH)
    text = text.replace("\u00ad", "").replace("\u200b", "").replace("\ufeff", "").replace("\u0301", "")
    text = text.strip("\"«»“”„‘‚()[]{}‹›*~`_|<>\\ ").strip()
    stripped = text.rstrip(_STOPS + "-\"«»“”„)]}‹›*~`'’ ")
    tail = text[len(stripped):]
    if stripped.lower().endswith(("dogs'", "s'")) and tail.startswith("'"):
        stripped += "'"
    after = _after(tail)
    if "." in tail and _abbreviated(stripped, tail, language):
        return stripped + ".", _after(tail.replace(".", "", 1))
    begin = stripped.lstrip(_STOPS.replace("-", "") + "'’\"")
    return (begin, after) if begin else ("", after or _after(stripped))


def _after(tail: str) -> str:
    """One mark that stands for all: the one that says most of how the sentence sounds."""
    for mark in ("?", "!", "…", ".", ";", ":", "—", ","):
        if mark in tail.replace("...", "…").replace("–", "—"):
            return mark
    return "—" if tail.strip() == "-" else ""


def _abbreviated(stripped: str, tail: str, language: str) -> bool:
    """Whether a full stop belongs to the word."""
    low = stripped.lower() + "."
    if language == "en":
        return low in english.ABBREVIATIONS or bool(re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", stripped))
    if language in slavic.LANGUAGES:
        rows = slavic_words.SPLIT[language]
        return (low in slavic_words.ABBREVIATIONS[language] or low in {"г.", "гг.", "р.", "рр."}
                or any(low in pair for pair in rows) or bool(re.fullmatch(r"[А-ЯЁІЇЄЎA-Z]", stripped)))
    return False


def _join_groups(tokens: list[str], afters: Sequence[str], language: str) -> None:
    """1 000 000 in three words becomes one number in the first."""
    if language not in _SPACED_NUMBERS:
        return
    for index in range(len(tokens)):
        if not re.fullmatch(r"[+\-−$€£]?[1-9]\d{0,2}", tokens[index]):
            continue
        end = index + 1
        while end < len(tokens) and _DIGIT_GROUP.fullmatch(tokens[end]) and not afters[end - 1]:
            end += 1
        if end > index + 1 and (end > index + 2 or tokens[index + 1] == "000" or len(tokens[index]) < 3):
            tokens[index] = "".join(tokens[index:end])
            tokens[index + 1:end] = [""] * (end - index - 1)


def _say(token: str, after: str, earlier: str, before: str, following: str, language: str) -> str:
    if language in slavic.LANGUAGES:
        pairs = slavic_words.SPLIT[language]
        low = token.lower()
        if (low, following.lower().rstrip(".") + ".") in pairs:
            return pairs[low, following.lower().rstrip(".") + "."][0]
        if (before.lower(), low.rstrip(".") + ".") in pairs:
            return pairs[before.lower(), low.rstrip(".") + "."][1]
    if _URL.fullmatch(token):
        return _address(token, language)
    known = _expand(token, earlier, before, following, language)
    if known is not None:
        return _tidy(known)
    if _FORMULA.fullmatch(token):
        return ""
    pieces = [piece for piece in re.split(r"[^\w'’\-]|_", token) if piece.strip("-'’")]
    return _tidy(" ".join(_piece(piece, language) for piece in pieces))


def _expand(token: str, earlier: str, before: str, following: str, language: str) -> str | None:
    """By the rules of the language; None where they have none."""
    if language == "en":
        return english.expand(token, before, following)
    if language in slavic.LANGUAGES:
        return slavic.expand(token, before, following, language, earlier)
    if not any(character.isdecimal() for character in token):
        return None
    if not numbers.known(language):
        return token
    return _plain_number(token, language)


def _plain_number(token: str, language: str) -> str | None:
    """A number in a language that has no rules of its own here."""
    found = re.fullmatch(r"([+\-−]?)(\d{1,3}(?:[.,'\u00a0]\d{3})+|\d+)(?:[.,](\d+))?(%?)", token)
    if found is None:
        return None
    sign, whole, fraction, percent = found.groups()
    digits = re.sub(r"\D", "", whole)
    said = (numbers.decimal(digits, fraction, language) if fraction is not None
            else numbers.cardinal(int(digits), language))
    minus = {"de": "minus ", "fr": "moins ", "es": "menos ", "it": "meno ", "pt": "menos "}.get(language, "minus ")
    cent = {"de": " Prozent", "fr": " pour cent", "es": " por ciento", "it": " per cento", "pt": " por cento",
            "pl": " procent", "nl": " procent", "tr": " yüzde", "cs": " procent", "sv": " procent"}
    return (minus if sign in ("-", "−") else "") + said + (cent.get(language, "") if percent else "")


def _piece(piece: str, language: str) -> str:
    """Letters, or letters and digits together (GPT-4, COVID-19, MP3), without signs."""
    runs = re.findall(r"\d+|[^\W\d_]+(?:['’][^\W\d_]+)*['’]?|-", piece)
    if len(runs) > 1 and any(run.isdecimal() for run in runs):
        return " ".join(_run(run, language) for run in runs if run != "-")
    return "".join(_run(run, language) for run in runs).strip("-")


def _run(run: str, language: str) -> str:
    if run == "-":
        return run
    if run.isdecimal():
        return numbers.cardinal(int(run), language) if numbers.known(language) else run
    latin, cyrillic = _has(run, "LATIN"), _has(run, "CYRILLIC")
    if language in letters.CYRILLIC and latin and not cyrillic:
        return letters.latin_in_cyrillic(run, language)
    if language not in letters.CYRILLIC and cyrillic:
        return letters.cyrillic_in_latin(run) if language not in {"zh", "ja", "ko"} else ""
    if language in slavic.LANGUAGES and cyrillic and run.isupper() and len(run) > 1 and _unsayable(run):
        return letters.letter_names(run, language)
    return run


def _unsayable(run: str) -> bool:
    """Whether capital Cyrillic letters are read one by one: США is a word, ФСБ and СССР are not."""
    vowels = sum(letter in "АЕЁИОУЫЭЮЯІЇЄ" for letter in run)
    return vowels == 0 and len(run) <= 6


def _has(text: str, script: str) -> bool:
    return any(unicodedata.name(character, "").startswith(script) for character in text)


def _address(token: str, language: str) -> str:
    """An address of the web or of mail: example точка ком."""
    signs = slavic_words.SPOKEN.get(language) or dict(dot=english.DOT, at=english.AT, slash=english.SLASH,
                                                      dash=english.DASH)
    plain = re.sub(r"^https?://(?:www\.)?", "", token, flags=re.IGNORECASE).partition("?")[0].strip("/")
    said = []
    for part in re.findall(r"[^\W_]+|[^\w\s]|_", plain)[:24]:
        named = {".": signs["dot"], "@": signs["at"], "/": signs["slash"], "-": signs["dash"]}.get(part)
        said.append(named if named is not None else _piece(part, language))
    return _tidy(" ".join(said))


def _tidy(text: str) -> str:
    """Letters, hyphens, apostrophes and single spaces (and digits, where they are left to the voice)."""
    kept = "".join(character if character.isalnum() or unicodedata.category(character) in ("Mn", "Mc")
                   or character in "-'’" else " " for character in text.replace("’", "'"))
    return " ".join(kept.split()).strip("-")
