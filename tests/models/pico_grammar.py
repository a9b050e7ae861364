"""The small language of the pico Whisper: sentences of English and Russian that say the same.

Every phrase stands in both languages, and the phrases of a sentence come in the same order in both;
so a sentence can be spoken in one and written in the other. The nouns that are acted upon are
masculine things, so that Russian adjectives need one form only.
"""

from __future__ import annotations

import functools
import random
import zlib
from dataclasses import dataclass

Phrase = tuple[str, str]
"""The same words in English and in Russian."""

LANGUAGES = ("en", "ru")

OWNERS = [("my", "мой"), ("your", "твой"), ("our", "наш")]
PERSONS = [("brother", "брат"), ("friend", "друг"), ("neighbor", "сосед"), ("father", "отец"), ("son", "сын"),
           ("doctor", "доктор"), ("teacher", "учитель")]
DEEDS = [("sees", "видит"), ("finds", "находит"), ("takes", "берёт"), ("knows", "знает"), ("likes", "любит"),
         ("buys", "покупает"), ("carries", "несёт"), ("draws", "рисует"), ("forgot", "забыл")]
KINDS = [("red", "красный"), ("white", "белый"), ("black", "чёрный"), ("blue", "синий"), ("grey", "серый"),
         ("old", "старый"), ("new", "новый"), ("big", "большой"), ("small", "маленький")]
THINGS = [("house", "дом"), ("garden", "сад"), ("table", "стол"), ("chair", "стул"), ("bridge", "мост"),
          ("knife", "нож"), ("bread", "хлеб"), ("soup", "суп"), ("tea", "чай"), ("key", "ключ"), ("ball", "мяч"),
          ("phone", "телефон"), ("film", "фильм"), ("train", "поезд"), ("ship", "корабль"), ("answer", "ответ"),
          ("question", "вопрос"), ("forest", "лес"), ("city", "город"), ("park", "парк"), ("onion", "лук")]
# "in the" and "on the" are one word to espeak-ng, without a time for the second.
PLACES = [("here", "здесь"), ("there", "там"), ("at home", "дома"), ("in town", "в городе"),
          ("under the table", "под столом"), ("by the river", "у реки"), ("at the market", "на рынке"),
          ("by the window", "у окна")]
TIMES = [("today", "сегодня"), ("tomorrow", "завтра"), ("yesterday", "вчера"), ("this morning", "утром"),
         ("this evening", "вечером"), ("at night", "ночью"), ("always", "всегда"), ("this winter", "зимой"),
         ("this summer", "летом"), ("soon", "скоро"), ("again", "снова")]
ORDERS = [("open", "открой"), ("close", "закрой"), ("find", "найди"), ("take", "возьми")]
NUMBERS = [("zero", "ноль"), ("one", "один"), ("two", "два"), ("three", "три"), ("four", "четыре"), ("five", "пять"),
           ("six", "шесть"), ("seven", "семь"), ("eight", "восемь"), ("nine", "девять"), ("ten", "десять")]
PLEASE, WHERE, NUMBER = ("please", "пожалуйста"), ("where is", "где"), ("number", "номер")


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, phrase by phrase, and the mark that ends it."""

    phrases: tuple[Phrase, ...]
    mark: str

    def words(self, language: str) -> list[str]:
        """The words in a language, without the mark."""
        return [word for phrase in self.phrases for word in phrase[LANGUAGES.index(language)].split()]

    def text(self, language: str) -> str:
        """As it is written."""
        return " ".join(self.words(language)) + self.mark

    @property
    def held_out(self) -> bool:
        """Whether it is kept for the tests: one sentence in eight, by its text, is never trained on."""
        return zlib.crc32(self.text("en").encode()) % 8 == 0


def sentence(rng: random.Random, held_out: bool) -> Sentence:
    """A random sentence, of those that were kept for the tests or of the others."""
    while True:
        made = _any(rng)
        if made.held_out == held_out:
            return made


def _any(rng: random.Random) -> Sentence:
    article = ("the", "")
    end = [*([rng.choice(PLACES)] if rng.random() < 0.4 else []), *([rng.choice(TIMES)] if rng.random() < 0.4 else [])]
    what = [rng.choice(KINDS), rng.choice(THINGS)]
    kind = rng.random()
    if kind < 0.45:
        who = [rng.choice(OWNERS), rng.choice(PERSONS), rng.choice(DEEDS)]
        return Sentence((*who, article, *what, *end), ".")
    if kind < 0.62:
        return Sentence((PLEASE, rng.choice(ORDERS), article, *what, *end), ".")
    if kind < 0.76:
        return Sentence((WHERE, rng.choice(OWNERS), *what, *end[-1:]), "?")
    if kind < 0.88:
        return Sentence((NUMBER, *rng.choices(NUMBERS, k=rng.randint(2, 6))), ".")
    when = rng.choice(TIMES)
    return Sentence((when, rng.choice(OWNERS), rng.choice(PERSONS), rng.choice(DEEDS), article, rng.choice(THINGS)), ".")


@functools.cache
def vocabulary(language: str) -> tuple[str, ...]:
    """Every word of a language, in alphabetical order."""
    lists = (OWNERS, PERSONS, DEEDS, KINDS, THINGS, PLACES, TIMES, ORDERS, NUMBERS, [PLEASE, WHERE, NUMBER, ("the", "")])
    index = LANGUAGES.index(language)
    return tuple(sorted({word for phrases in lists for phrase in phrases for word in phrase[index].split()}))
