"""From words to sentences: the pieces that are spoken again, each by itself.

A sentence ends at a full stop, at a pause, where another speaker begins, and where it would grow too long.
Text without punctuation is divided by its pauses alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from voicekit.spoken import Sentence
from voicekit.types import Segment, Word

PAUSE = 0.6
"""Seconds of silence that end a sentence."""

BREATH = 0.25
"""Seconds that make an end of what may be one: ``etc.`` before a capital letter."""

LONGEST = 12.0
"""Seconds; a longer sentence is divided at its longest pause or at a comma."""

COMMA = 0.3
"""Seconds of pause that a comma is worth when a long sentence is divided."""

NEVER_LAST = frozenset(
    "mr mrs ms dr prof st gen col sgt capt rev hon vs fig no vol pp approx dept est e.g i.e "
    "т ул им см стр рис гл ст пер просп пл наб г-н г-жа проф акад доц св тел ок напр т.е т.н т.к и.о "
    "вул просп див напр ім тов hr fr bzw z.b u.a mme mlle sra dra".split())
"""Abbreviations after which a sentence goes on."""

MAY_BE_LAST = frozenset(
    "etc inc ltd co corp jr sr a.m p.m u.s u.k ph.d b.c a.d т.д т.п д п др пр г гг в вв н.э тыс млн млрд трлн руб "
    "коп мин сек час кв обл р-н рр ст тис грн".split())
"""Abbreviations that end a sentence only before a capital letter and a breath."""

_CLOSING = "\"'»”’)]}›」』"
_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_TOKENS = re.compile(r"\s*\S+")
_INITIAL = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")


def sentences(segments: Sequence[Segment]) -> tuple[Sentence, ...]:
    """Divide a transcript into sentences.

    Parameters
    ----------
    segments : sequence of Segment
        In order of time. Where one has no word times, its words share its time by their letters.

    Examples
    --------
    >>> [one.text for one in sentences([Segment(0, 4, "Mr. Bean is here. He waves.")])]
    ['Mr. Bean is here.', 'He waves.']
    """
    words = [word for segment in segments for word in _words(segment) if word.word.strip()]
    pieces = [piece for sentence in _by_meaning(words) for piece in _by_length(sentence)]
    return tuple(Sentence(index, piece[0].start, max(word.end for word in piece), tuple(piece), piece[0].speaker)
                 for index, piece in enumerate(pieces))


def _words(segment: Segment) -> Iterable[Word]:
    if not segment.words:
        return _spread(segment)
    return [Word(word.start, max(word.end, word.start), word.word, word.probability, word.speaker or segment.speaker)
            for word in segment.words]


def _spread(segment: Segment) -> Iterator[Word]:
    """Words of a segment that has no word times."""
    tokens = [part for token in _TOKENS.findall(segment.text) for part in _characters(token)]
    letters = [1 + sum(character.isalnum() for character in token) for token in tokens]
    if tokens and not tokens[0].startswith(" "):
        tokens[0] = " " + tokens[0]
    scale = (segment.end - segment.start) / max(sum(letters), 1)
    times = [segment.start + scale * upto for upto in accumulate(letters, initial=0)]
    for token, start, end in zip(tokens, times, times[1:], strict=False):
        yield Word(round(start, 3), round(end, 3), token, 1.0, segment.speaker)


def _characters(token: str) -> list[str]:
    """A token as it is, or where its script has no spaces, its characters; punctuation stays with the one before."""
    if not _WITHOUT_SPACES.search(token):
        return [token]
    return re.findall(r"\s*(?:[A-Za-z0-9]+|\w)\W*|\s*\W+", token)


def _by_meaning(words: Sequence[Word]) -> Iterator[list[Word]]:
    current: list[Word] = []
    for word in words:
        if current and _ends(current[-1], word):
            yield current
            current = []
        current.append(word)
    if current:
        yield current


def _ends(word: Word, following: Word) -> bool:
    """Whether a sentence ends between two words."""
    gap = following.start - word.end
    if gap >= PAUSE or word.speaker != following.speaker:
        return True
    text = word.word.strip().rstrip(_CLOSING)
    if text.endswith(("。", "！", "？", "؟", "।", "۔")):
        return True
    if not text.endswith((".", "!", "?", "…")) or not following.word[:1].isspace():
        return False
    first = next((character for character in following.word if character.isalnum()), "")
    goes_on = first.islower()
    if not text.endswith(".") or text.endswith(".."):
        return not goes_on or gap >= BREATH
    name = text.strip(_CLOSING + "«“„‘([{‹").rstrip(".")
    if name.lower() in NEVER_LAST:
        return False
    if name.lower() in MAY_BE_LAST or _INITIAL.fullmatch(name):
        return not goes_on and gap >= BREATH
    return not goes_on


def _by_length(words: list[Word]) -> Iterator[list[Word]]:
    """Halves of what is too long, and halves of these, until nothing is."""
    if words[-1].end - words[0].start <= LONGEST or len(words) < 2:
        yield words
        return
    cut = max(_borders(words), key=lambda index: (_worth(words, index), -index))
    yield from _by_length(words[:cut])
    yield from _by_length(words[cut:])


def _borders(words: Sequence[Word]) -> list[int]:
    """Indices of words that a second half may begin with: with a space before, not too near the ends."""
    start, end = words[0].start, words[-1].end
    margin = min(2.0, (end - start) / 4)
    every = range(1, len(words))
    spaced = [index for index in every
              if words[index].word[:1].isspace() or _WITHOUT_SPACES.search(words[index].word)] or list(every)
    return [index for index in spaced
            if words[index].start - start >= margin and end - words[index].start >= margin] or spaced


def _worth(words: Sequence[Word], index: int) -> float:
    """How good a place to divide is, in seconds of pause; the nearer to the middle the better, a little."""
    before, after = words[index - 1], words[index]
    comma = COMMA if before.word.rstrip(_CLOSING).endswith((",", ";", ":", "—", "–", "、", "，")) else 0.0
    start, end = words[0].start, words[-1].end
    off = abs((before.end + after.start) / 2 - (start + end) / 2) / (end - start)
    return round(max(after.start - before.end, 0.0) + comma - 0.2 * off, 6)
