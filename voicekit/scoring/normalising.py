"""Words as they are compared: what a listener would not call a difference is taken away, and said.

Scripts are told apart by character, not by language: recordings mix languages.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

_UNSPACED = re.compile("([\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3100-\u312f\u31a0-\u9fff"
                       "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff])")
"""Thai, Lao, Tibetan, Myanmar, Khmer, Chinese, Japanese. (Korean has spaces.)"""

_STRESS = frozenset("\u0300\u0301")
_POINTS = {"ar": frozenset(map(chr, (*range(0x64b, 0x653), 0x670, 0x640))),
           "he": frozenset(map(chr, range(0x591, 0x5c8)))}
_STRESSED = ("ru", "uk", "be")

GENERAL = ("Unicode NFKC, lower case", "punctuation and symbols off, hyphens divide words",
           "apostrophes inside words stay", "numbers are not spelt out",
           "in scripts without spaces every character is a word")


def rules(language: str | None) -> tuple[str, ...]:
    """What :func:`normalise` does, in words.

    Examples
    --------
    >>> rules("ru")[-2:]
    ('stress marks off', 'ё = е')
    """
    special = []
    if language in _STRESSED:
        special.append("stress marks off")
    if language == "ru" or language is None:
        special.append("ё = е")
    if language in ("tr", "az"):
        special.append("I = ı, İ = i")
    if language == "ar":
        special.append("vowel signs and tatweel off")
    if language == "he":
        special.append("points off")
    return (*GENERAL, *special)


def normalise(text: str, language: str | None = None) -> str:
    """A text as it is compared; :func:`rules` says how.

    Parameters
    ----------
    text : str
        Of any length and script.
    language : str, optional
        Code; a few languages have rules of their own.

    Examples
    --------
    >>> normalise("Well, it's twenty-one — Ёлка!"), normalise("你好，GPU 3号")
    ("well it's twenty one елка", '你好 gpu 3号')
    """
    text = unicodedata.normalize("NFKC", text)
    if language in ("tr", "az"):
        text = text.replace("İ", "i").replace("I", "ı")
    text = text.lower().replace("’", "'").replace("ʼ", "'")
    if language in _STRESSED:
        text = unicodedata.normalize("NFC", "".join(
            each for each in unicodedata.normalize("NFD", text) if each not in _STRESS))
    if language == "ru" or language is None:
        text = text.replace("ё", "е")
    drop = _POINTS.get(language or "", frozenset())
    found = (word.strip("'") for word in "".join(_kept(each, drop) for each in text).split())
    return " ".join(word for word in found if word)


def _kept(character: str, drop: frozenset[str]) -> str:
    if character in drop:
        return ""
    category = unicodedata.category(character)
    # Marks are parts of letters in many scripts; format characters (joiners, soft hyphens) are not seen.
    if category[0] in "LNM" or character == "'":
        return character
    return "" if category == "Cf" else " "


def words(normalised: str) -> list[str]:
    """The words of a normalised text.

    Examples
    --------
    >>> words("你好 gpu 3号")
    ['你', '好', 'gpu', '3', '号']
    """
    return _with_marks(_UNSPACED.sub(r" \1 ", normalised).split())


def _with_marks(pieces: list[str]) -> list[str]:
    # A vowel sign is no word: it belongs to the character before it.
    joined: list[str] = []
    for piece in pieces:
        if joined and unicodedata.category(piece[0])[0] == "M":
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def characters(normalised: str) -> str:
    """The characters of a normalised text: spaces count, but for those between characters that need none.

    Examples
    --------
    >>> characters("你 好 gpu now")
    '你好gpu now'
    """
    unspaced = _UNSPACED.pattern
    return re.sub(f"(?<={unspaced[1:-1]}) | (?={unspaced[1:-1]})", "", normalised)


def script(text: str) -> str | None:
    """The script that nearly all letters belong to, as in their Unicode names; None where there is no such script.

    Examples
    --------
    >>> script("Привет, мир 5"), script("mixed текст"), script("123")
    ('CYRILLIC', None, None)
    """
    counts = Counter(unicodedata.name(letter, "").partition(" ")[0] for letter in text[:20_000] if letter.isalpha())
    if not counts:
        return None
    name, count = counts.most_common(1)[0]
    return name if count >= 0.9 * counts.total() else None
