"""Russian words in espeak-ng's own phonemes, for versions before 1.53, which read no stress mark.

Where a stress is moves the vowels around it too, so that a word with another stress is another string of phonemes.
The rules follow what espeak-ng 1.51 itself says of words whose stress it knows. Ukrainian and Belarusian words,
for whose stress espeak-ng has no such rules, are left as they are.
"""

from __future__ import annotations

import re
from itertools import pairwise

from voicekit.spoken import SpelledWord

VOWELS = "аеёиоуыэюя"
_SOFTENING = "еёиюяь"
_PLAIN = dict(zip("бвгджзйклмнпрстфхцчшщ",
                  "b v g d Z z j k l m n p r s t f x ts tS; S S;".split(), strict=True))
_DEVOICED = dict(zip("бвгджз", "пфктшс", strict=True))
_VOICED = dict(zip("пткшсф", "бдгжзв", strict=True))
_VOICELESS, _VOICING = "пфктшсхцчщ", "бгджз"
_HARD, _SOFT = "жшц", "чщй"
_WRITTEN = [(re.compile(pattern, re.IGNORECASE), sound) for pattern, sound in (
    ("ть?с(?=я$)", "ц"), ("(?<![а-яё])ч(?=то)", "ш"), ("(?<=коне)ч(?=н)", "ш"),
    ("(?<=^се)г(?=одня)", "в"), ("(?<=з)д(?=н)", ""), ("л(?=нц)", ""), ("в(?=ств)", ""), ("[сз]ч", "щ"),
    ("[тд]ц", "ц"), ("с(?=ш)|з(?=ш)", "ш"), ("[сз](?=ж)", "ж"), ("г(?=к)", "х"), ("[тд](?=ч)", ""))]
"""Letters and how they are said, before voices of consonants are made alike; a stressed vowel is a capital."""

_VOWEL = re.compile("[',]?(?:ja|ju|[AaEeiIoVuUy8])")
_WITH_G = re.compile("(не|на|по)?(много|строго|дорого|убого|полого|отлого|лого)|ого")


def mnemonics(word: SpelledWord, language: str) -> str:
    """A word in brackets, ready to stand in a text for espeak-ng; empty where there are no rules for it.

    Parameters
    ----------
    word : SpelledWord
        With its stresses; may hold several words.
    language : str
        Language code.

    Examples
    --------
    >>> mnemonics(SpelledWord("замок", stressed=(1,)), "ru")
    "[[z'AmVk]]"
    """
    text = word.text.lower()
    if language != "ru" or not word.stressed or not re.fullmatch("[а-яё -]+", text):
        return ""
    parts = [(found[0], found.start()) for found in re.finditer("[а-яё]+", text)]
    said = [_part(part, [place - start for place in word.stressed if start <= place < start + len(part)])
            for part, start in parts]
    return f"[[{' '.join(said)}]]"


def differs(word: SpelledWord, phonemes: str) -> bool:
    """Whether espeak-ng, left to itself, stresses another vowel.

    A word of one vowel is left to it: whether был or на is stressed depends on the sentence.

    Parameters
    ----------
    word : SpelledWord
        With its stresses.
    phonemes : str
        What espeak-ng makes of it, with a space between the phonemes.

    Examples
    --------
    >>> differs(SpelledWord("замок", stressed=(1,)), "z a m 'o k")
    True
    """
    text = word.text.lower()
    if sum(letter in VOWELS for letter in text) < 2:
        return False
    wanted = {sum(letter in VOWELS for letter in text[:place]) for place in word.stressed}
    vowels = [name for name in phonemes.split() if _VOWEL.match(name)]
    return {number for number, name in enumerate(vowels) if name.startswith("'")} != wanted


def _part(letters: str, stressed: list[int]) -> str:
    """One word; ``ё`` is stressed where nothing else is."""
    if not stressed and "ё" in letters:
        stressed = [letters.index("ё")]
    marked = _as_said("".join(letter.upper() if place in stressed else letter
                              for place, letter in enumerate(letters)))
    plain = marked.lower()
    places = [place for place, letter in enumerate(marked) if letter.isupper()]
    vowels = [place for place, letter in enumerate(plain) if letter in VOWELS]
    said = []
    for place, letter in enumerate(plain):
        before, after = plain[place - 1:place] if place else "", plain[place + 1:place + 2]
        if letter in VOWELS:
            pretonic = bool(places) and (place, places[-1]) in pairwise(vowels)
            said.append(_vowel(letter, before, place in places, pretonic, last=not after, first=not before))
        elif letter in _PLAIN:
            beside = plain[place + 2:place + 3] if letter in "сз" and after in tuple("тдн") else after
            said.append(_PLAIN[letter] + ";" * (beside in tuple(_SOFTENING) and letter not in _HARD + _SOFT))
    return "".join(said)


def _as_said(marked: str) -> str:
    """Spelling that tells of the sounds: assimilation, devoicing, and what is not pronounced."""
    if marked.lower().endswith(("ого", "его")) and not _WITH_G.fullmatch(marked.lower()):
        marked = f"{marked[:-2]}в{marked[-1]}"
    for pattern, sound in _WRITTEN:
        marked = pattern.sub(sound, marked)
    letters = list(marked)
    for place in range(len(letters) - 1, -1, -1):
        letter = letters[place]
        rest = [other for other in letters[place + 1:] if other != "ь"]
        following = rest[0] if rest else ""
        if letter in _DEVOICED and (not following or following in _VOICELESS):
            letters[place] = _DEVOICED[letter]
        elif letter in _VOICED and following and following in _VOICING:
            letters[place] = _VOICED[letter]
    return "".join(letters)


def _vowel(letter: str, before: str, stressed: bool, pretonic: bool, *, last: bool, first: bool) -> str:
    """The sound of a vowel, with its stress and the glide before it."""
    if letter == "и" and last:
        sound = "I"
    elif stressed:
        sound = _stressed_vowel(letter, before)
    else:
        sound = _weak_vowel(letter, before, pretonic, last, first)
    glide = "j" if letter in "еёюя" and (first or before in "ьъ" + VOWELS) else ""
    if letter in "ая" and glide or letter == "ю" and glide:
        glide, sound = ("j" if before in ("ь", "ъ") else ""), {"ю": "ju"}.get(letter, "ja")
    elif before in ("ь", "ъ") and glide:
        glide = "j" if letter == "ё" else "jj"
    elif letter in "ио" and before == "ь":
        glide = "j"
    return glide + "'" * stressed + sound


def _stressed_vowel(letter: str, before: str) -> str:
    if letter in "ие" and before and before in _HARD:
        return "y" if letter == "и" else "E"
    if letter == "ё" and before and before in "жшчщ":
        return "o"
    if letter == "и" and not before:
        return "I"
    return dict(zip("аяоёуюыиэе", "AAo8uuyiEe", strict=True))[letter]


def _weak_vowel(letter: str, before: str, pretonic: bool, last: bool, first: bool) -> str:
    if letter in "ие" and before and before in _HARD:
        return "y"
    if letter == "е" and (first or before in "ьъ" + VOWELS):
        return "I"
    if letter == "и" and first:
        return "I"
    if letter in "ая":
        if last:
            return "V" if letter == "я" or before in ("ч", "щ") else "a#"
        return "a" if pretonic or first else "V"
    return {"о": "V", "ё": "8", "у": "u", "ю": "u", "ы": "y", "и": "i", "э": "E#", "е": "i"}[letter]
