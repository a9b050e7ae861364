"""Words to speakers: who said what, from the words' times and the turns of a diarization.

Each word goes to whoever speaks during most of it. Turns and words are both a few tenths of a second off, so that at
a change of speaker a word or two fall to the wrong side; hence a sentence keeps together where only a crumb of it was
given to somebody else. What is known of sentences is their punctuation; where an engine writes none, their pauses.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

from voicekit.stages import merging
from voicekit.types import Segment, Turn, Word

NEAREST = 1.0
"""Seconds: a word outside of all turns is given to the nearest one, up to this distance."""

CRUMB = 0.5
"""Seconds: whoever is heard in a sentence for less than this beside another speaker did not say that part of it.

Diarizers place boundaries to about 0.25 s (the collar of their evaluations), engines words to about 0.2 s."""

TORN_WORDS = 2
"""That many words at a sentence's edge may be longer, where they only continue what is said beyond that edge ..."""

TORN = 1.0
"""... but not longer than this, in seconds, and no more than a third of the sentence's words."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What :func:`attribute` found.

    Attributes
    ----------
    segments : tuple of Segment
        In the order they had; each with one speaker, or with none.
    unattributed : int
        Words that have no speaker.
    """

    segments: tuple[Segment, ...]
    unattributed: int


def attribute(segments: Sequence[Segment], turns: Sequence[Turn], exclusive: Sequence[Turn],
              nearest: float = NEAREST) -> Attribution:
    """Give every word its speaker, and divide segments where the speaker changes.

    A word goes to the speaker whose exclusive turns cover most of it; one that no turn touches to the nearest turn;
    one that is far from all turns has no speaker, but stays. Then sentences are made whole: a run of words that is
    heard for less than :data:`CRUMB` seconds follows the rest of its sentence, and so do one or two words at its edge
    that belong to who speaks beyond it (:data:`TORN_WORDS`, :data:`TORN`). Longer runs are real changes.

    A sentence ends at a full stop or the like, and at the pauses that end a segment (:mod:`voicekit.stages.merging`:
    0.8 s, or 0.35 s in text without any full stop, so that there a sentence is a segment). It is not looked at where
    segments end, nor who the words' speakers were; so to attribute the result again changes nothing.

    Parameters
    ----------
    segments : sequence of Segment
        In order of time. Those without words are attributed as a whole.
    turns : sequence of Turn
        In any order; where turns of several speakers overlap, words whose middle lies there are marked.
    exclusive : sequence of Turn
        At most one speaker at a time. Where they overlap nevertheless, the one that begins first counts.
    nearest : float, optional
        Seconds, from a word to the turn that it may be given to.

    Returns
    -------
    Attribution
        The words are the same, in the same order. A segment that is not divided keeps its text and its times; where
        one is, its parts have those of their words.

    Notes
    -----
    Takes O((words + turns) log (words + turns)): 2 s for 100,000 words and 20,000 turns, which is twelve hours.

    Examples
    --------
    >>> words = (Word(0.0, 0.5, " Ready?", 1), Word(0.9, 1.2, " Yes.", 1))
    >>> spoken = [Turn(0.0, 0.6, "A"), Turn(0.8, 1.3, "B")]
    >>> found = attribute([Segment(0, 1.2, "Ready? Yes.", words)], spoken, spoken)
    >>> [(one.speaker, one.text) for one in found.segments]
    [('A', 'Ready?'), ('B', 'Yes.')]
    """
    said, crowds = _Turns(exclusive), _overlapped(turns)
    units = _units(segments)
    for unit in units:
        unit.speaker, unit.heard = said.speaker(unit.start, unit.end, nearest)
    given = [unit.speaker for unit in units]
    for first, last in _sentences(units):
        beyond = (given[first - 1] if first and units[first].start - units[first - 1].end <= nearest else None,
                  given[last] if last < len(units) and units[last].start - units[last - 1].end <= nearest else None)
        _make_whole(units[first:last], beyond)
    speakers = (unit.speaker for unit in units for _ in unit.words)
    divided: list[Segment] = []
    for segment in segments:
        words = [replace(word, speaker=next(speakers), overlap=crowds.holds((word.start + word.end) / 2))
                 for word in segment.words]
        if words:
            divided += _divided(segment, words)
        else:
            whole = said.speaker(*_ordered(segment.start, segment.end), nearest)[0]
            divided.append(replace(segment, speaker=whole))
    return Attribution(tuple(divided), sum(_words_in(one) for one in divided if one.speaker is None))


def _divided(segment: Segment, words: Sequence[Word]) -> Iterator[Segment]:
    parts = [tuple(part) for _, part in groupby(words, key=lambda word: word.speaker)]
    if len(parts) == 1:
        yield replace(segment, words=parts[0], speaker=parts[0][0].speaker)
        return
    for part in parts:
        yield Segment(min(word.start for word in part), max(word.end for word in part),
                      "".join(word.word for word in part).strip(), part, part[0].speaker)


def _words_in(segment: Segment) -> int:
    return len(segment.words) or len(segment.text.split())


def _ordered(start: float, end: float) -> tuple[float, float]:
    return (start, end) if start <= end else (end, start)


# -- turns ---------------------------------------------------------------------------------------------------------

_Heard: TypeAlias = "tuple[str | None, float]"
"""A speaker, and for how many seconds."""


class _Turns:
    """Exclusive turns, to be asked who spoke. What begins inside an earlier turn is cut, so that a look is short."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns: list[Turn] = []
        for turn in sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker)):
            start = max(turn.start, self._turns[-1].end) if self._turns else turn.start
            if start < turn.end:
                self._turns.append(replace(turn, start=start))
        self._starts = [turn.start for turn in self._turns]
        self._ends = [turn.end for turn in self._turns]

    def speaker(self, start: float, end: float, nearest: float) -> _Heard:
        """Who is heard most between two times, and how long; else who is nearest; of two who are equal, the first."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        heard: dict[str, float] = {}
        for turn in self._turns[first:last]:
            heard[turn.speaker] = heard.get(turn.speaker, 0.0) + min(turn.end, end) - max(turn.start, start)
        if heard:
            loudest = max(heard, key=lambda speaker: heard[speaker])
            return loudest, heard[loudest]
        # Nothing overlaps: turn `first` is the next one, unless a word without length lies inside of it.
        near = [(max(turn.start - end, start - turn.end, 0.0), turn.speaker)
                for turn in self._turns[max(first - 1, 0):first + 1]]
        distance, speaker = min(near, key=lambda each: each[0], default=(nearest, None))
        return (speaker, 0.0) if distance <= nearest else (None, 0.0)


@dataclass(frozen=True, slots=True)
class _Stretches:
    """Stretches of time that do not overlap, in order."""

    starts: list[float]
    ends: list[float]

    def holds(self, time: float) -> bool:
        at = bisect_right(self.starts, time) - 1
        return at >= 0 and time < self.ends[at]


def _overlapped(turns: Iterable[Turn]) -> _Stretches:
    """Where at least two speak."""
    changes = [(turn.start, 1, turn.speaker) for turn in turns if turn.start < turn.end]
    changes += [(turn.end, -1, turn.speaker) for turn in turns if turn.start < turn.end]
    speaking: Counter[str] = Counter()
    found = _Stretches([], [])
    for time, change, speaker in sorted(changes):  # at one moment, ends come first
        before = len(speaking)
        speaking[speaker] += change
        if not speaking[speaker]:
            del speaking[speaker]
        if before < 2 <= len(speaking):
            found.starts.append(time)
        elif len(speaking) < 2 <= before:
            found.ends.append(time)
    return found


# -- sentences -----------------------------------------------------------------------------------------------------

@dataclass(slots=True)
class _Unit:
    """What one speaker says for certain: a word, with signs and with parts of words that no space divides from it."""

    words: list[Word]
    segment: int
    wordless: int  # segments without words so far: they end a sentence
    speaker: str | None = None
    heard: float = 0.0

    @property
    def start(self) -> float:
        return min(min(word.start, word.end) for word in self.words)

    @property
    def end(self) -> float:
        return max(max(word.start, word.end) for word in self.words)


def _units(segments: Sequence[Segment]) -> list[_Unit]:
    # In a script without spaces every word seems to be part of the one before.
    words = [word.word for segment in segments for word in segment.words]
    apart = [word[:1].isspace() or before[-1:].isspace() for before, word in zip(words, words[1:], strict=False)]
    spaced = 2 * sum(apart) >= len(apart)
    units: list[_Unit] = []
    wordless = 0
    for index, segment in enumerate(segments):
        wordless += not segment.words
        for word in segment.words:
            last = units[-1] if units and units[-1].segment == index else None
            if last is not None and _glued(last.words, word, spaced):
                last.words.append(word)
            else:
                units.append(_Unit([word], index, wordless))
    return units


def _glued(before: Sequence[Word], word: Word, spaced: bool) -> bool:
    if not _lettered(word) or not any(_lettered(each) for each in before):
        return True
    return spaced and not (word.word[0].isspace() or before[-1].word[-1:].isspace())


def _lettered(word: Word) -> bool:
    return any(character.isalnum() for character in word.word)


def _sentences(units: Sequence[_Unit]) -> Iterator[tuple[int, int]]:
    """Where each begins and ends, in units."""
    punctuated = any(merging.closes(word) for unit in units for word in unit.words)
    pause = merging.PAUSE if punctuated else merging.PAUSE_WITHOUT_PUNCTUATION
    first = 0
    for at in range(1, len(units)):
        before, unit = units[at - 1], units[at]
        if (before.wordless != unit.wordless or unit.start - before.end >= pause
                or merging.ends_sentence(before.words[-1], unit.words[0])):
            yield first, at
            first = at
    if units:
        yield first, len(units)


@dataclass(slots=True, eq=False)
class _Run:
    """Neighbouring units of one speaker, ``first`` to ``last - 1``. ``heard`` is what speaks for that speaker."""

    first: int
    last: int
    speaker: str | None
    heard: float
    before: _Run | None = None
    after: _Run | None = None
    gone: bool = False

    def strongest_neighbour(self) -> _Run | None:
        """Whom to follow: never nobody."""
        known = [run for run in (self.before, self.after) if run is not None and run.speaker is not None]
        return max(known, key=lambda run: run.heard, default=None)


def _make_whole(sentence: Sequence[_Unit], beyond: tuple[str | None, str | None]) -> None:
    """Give crumbs of a sentence to the speaker of the rest; ``beyond`` are those who speak before and after it."""
    runs = list(_runs(sentence))
    if len(runs) < 2:
        return
    for one, other in zip(runs, runs[1:], strict=False):
        one.after, other.before = other, one
    # The smallest first: what it is given to has then grown, and may no longer be a crumb itself.
    waiting = [(run.heard, at) for at, run in enumerate(runs)]
    heapq.heapify(waiting)
    while waiting:
        run = runs[heapq.heappop(waiting)[1]]
        target = run.strongest_neighbour()
        if not run.gone and target is not None and _follows(run, len(sentence), beyond):
            runs.append(_absorb(run, target))
            heapq.heappush(waiting, (runs[-1].heard, len(runs) - 1))
    for run in runs:
        if not run.gone:
            for unit in sentence[run.first:run.last]:
                unit.speaker = run.speaker


def _runs(sentence: Sequence[_Unit]) -> Iterator[_Run]:
    first = 0
    for speaker, group in groupby(sentence, key=lambda unit: unit.speaker):
        units = list(group)
        # Nobody is heard where there is nobody: then the words' own length says whether they are a crumb.
        heard = sum(unit.heard if speaker is not None else unit.end - unit.start for unit in units)
        yield _Run(first, first + len(units), speaker, heard)
        first += len(units)


def _follows(run: _Run, units_in_sentence: int, beyond: tuple[str | None, str | None]) -> bool:
    if run.heard < CRUMB:
        return True
    continues = ((run.before is None and run.speaker == beyond[0])
                 or (run.after is None and run.speaker == beyond[1]))
    return (continues and run.speaker is not None and run.heard < TORN
            and run.last - run.first <= min(TORN_WORDS, units_in_sentence // 3))


def _absorb(run: _Run, target: _Run) -> _Run:
    """Hand a run over to a neighbour, and join that with the run on the other side where it is the same speaker's."""
    joined = [one for one in (run.before, run, run.after)
              if one is not None and (one is run or one.speaker == target.speaker)]
    grown = _Run(joined[0].first, joined[-1].last, target.speaker, sum(one.heard for one in joined if one is not run),
                 joined[0].before, joined[-1].after)
    for one in joined:
        one.gone = True
    if grown.before is not None:
        grown.before.after = grown
    if grown.after is not None:
        grown.after.before = grown
    return grown
