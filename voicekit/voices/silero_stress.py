"""silero-stress: where the stress is in Russian, Ukrainian and Belarusian words, and where е is ё.

The package carries its weights. Its import and its models set torch to one thread and switch gradients off for the
whole process; both are put back. Homographs are told apart by their neighbours, and better so clause by clause
than in a whole sentence, so clauses are what it is given.
"""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from voicekit.errors import EngineMissingError
from voicekit.spoken import SpelledWord
from voicekit.text import stress

CODES = {"ru": "ru", "uk": "ukr", "be": "bel"}
"""Language code to the package's own."""

_VOWELS = frozenset("аеёиоуыэюяіїєАЕЁИОУЫЭЮЯІЇЄ")


class SileroStresser:
    """See :class:`voicekit.protocols.Stresser`."""

    languages = frozenset(CODES)

    def stress(self, words: Sequence[SpelledWord], language: str) -> tuple[SpelledWord, ...]:
        """The same words with ``stressed`` set where it is known, and ё for е; as many, in the same order."""
        if language not in CODES:
            return tuple(words)
        accentor = _accentor(CODES[language])
        found: list[SpelledWord] = []
        for clause in _clauses(words):
            found += _stressed(accentor, clause)
        return tuple(found)


def _clauses(words: Sequence[SpelledWord]) -> Iterator[list[SpelledWord]]:
    clause: list[SpelledWord] = []
    for word in words:
        clause.append(word)
        if word.after:
            yield clause
            clause = []
    if clause:
        yield clause


def _stressed(accentor: Any, clause: list[SpelledWord]) -> list[SpelledWord]:
    said = [word for word in clause if word.text]
    if not said:
        return clause
    plain = " ".join(word.text for word in said)
    with _torch_as_it_was():
        marked, places = stress.from_plus(str(accentor(plain)))
    if not _same(plain, marked):  # it is no longer clear which letter is which
        return clause
    stressed = frozenset(place for place in places if marked[place] in _VOWELS)
    result, offset = [], 0
    for word in clause:
        if not word.text:
            result.append(word)
            continue
        end = offset + len(word.text)
        inside = tuple(place - offset for place in range(offset, end) if place in stressed)
        result.append(SpelledWord(marked[offset:end], word.after, inside))
        offset = end + 1
    return result


def _same(plain: str, marked: str) -> bool:
    """Whether only ё has changed."""
    return plain.translate(str.maketrans("ёЁ", "еЕ")) == marked.translate(str.maketrans("ёЁ", "еЕ"))


@contextlib.contextmanager
def _torch_as_it_was() -> Iterator[None]:
    import torch

    threads, gradients = torch.get_num_threads(), torch.is_grad_enabled()
    try:
        with torch.no_grad():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_grad_enabled(gradients)


@functools.lru_cache(maxsize=3)
def _accentor(code: str) -> Any:
    try:
        with _torch_as_it_was(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from silero_stress import load_accentor

            return load_accentor(code)
    except ImportError as error:
        raise EngineMissingError(f"Stress cannot be found: {error}.",
                                 'In voicekit\'s folder run: pip install -e ".[silero]"') from error
