"""The stressed vowel of a word, as each synthesizer wants it written.

In our types the stress is neutral: :attr:`SpelledWord.stressed` counts the letters. Silero and silero-stress put
``+`` before the vowel, espeak-ng from 1.53 on and most others read U+0301 after it, and older espeak-ng takes
neither: see :mod:`voicekit.text.espeak_phonemes`.
"""

from __future__ import annotations

from voicekit.spoken import SpelledWord

PLUS, ACUTE = "+", "\u0301"


def with_plus(word: SpelledWord) -> str:
    """The word with ``+`` before each stressed vowel.

    Examples
    --------
    >>> with_plus(SpelledWord("замок", stressed=(3,)))
    'зам+ок'
    """
    return "".join(PLUS * (place in word.stressed) + letter for place, letter in enumerate(word.text))


def with_acute(word: SpelledWord) -> str:
    """The word with U+0301 after each stressed vowel, but for ё, which has its mark.

    Examples
    --------
    >>> with_acute(SpelledWord("замок", stressed=(1,)))
    'за́мок'
    """
    return "".join(letter + ACUTE * (place in word.stressed and letter not in "ёЁ")
                   for place, letter in enumerate(word.text))


def from_plus(marked: str) -> tuple[str, tuple[int, ...]]:
    """A text without its ``+`` marks, and the places of the letters that had one.

    Examples
    --------
    >>> from_plus("ст+о дв+адцать")
    ('сто двадцать', (2, 6))
    """
    text: list[str] = []
    stressed: list[int] = []
    for letter in marked:
        if letter == PLUS:
            stressed.append(len(text))
        else:
            text.append(letter)
    plain = "".join(text)
    return plain, tuple(place for place in stressed if place < len(plain))
