"""Writing the text: the likeliest token, or the likeliest of several hypotheses, step by step.

The rules and the beam search are those of openai-whisper (MIT, ``whisper/decoding.py``): which timestamps may come
next, when a hypothesis is complete, and which of them is best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FORBIDDEN = -1e30
"""What is added to the score of a token that may not be written: far below all, and still a number."""

LATEST_FIRST = 50
"""The first timestamp of a window is at most so many steps of 20 ms after its beginning."""

Attention = NDArray[np.uint16]
"""Where one token looked, shape (heads, frames), bfloat16 as numpy can hold it; each head's sums to 1."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of the decoder gives for every row.

    Attributes
    ----------
    scores : ndarray, shape (rows, candidates), float32
        Log-probabilities, the best first.
    candidates : ndarray, shape (rows, candidates), int
    attention : ndarray, shape (rows, heads, places, frames), uint16, or None
        Where each place of each row looked.
    """

    scores: NDArray[np.float32]
    candidates: NDArray[np.integer[Any]]
    attention: NDArray[np.uint16] | None


@dataclass(slots=True)
class Rules:
    """What may come next, for every row, float32, shape (rows, 1).

    `text` and `closing` are added to the scores of text, and of the end of the text; `first` is 1 where the first
    token is written; timestamps may come from `lowest` to `highest`.
    """

    text: NDArray[np.float32]
    closing: NDArray[np.float32]
    first: NDArray[np.float32]
    lowest: NDArray[np.float32]
    highest: NDArray[np.float32]


class Stepper(Protocol):
    """A decoder that was given the sound of some windows; each has the same number of rows."""

    def begin(self, start: Sequence[int], rules: Rules) -> Step:
        """Show the tokens to every row, one row to a hypothesis."""
        ...

    def step(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], rules: Rules) -> Step:
        """Go on with one token for every row, from the state of the row's parent."""
        ...

    def move(self, source: int, target: int) -> None:
        """Put a window's sound in the place of another's, which is done."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be written.

    Attributes
    ----------
    windows : int
        How many.
    start : tuple of int
        Tokens before the text.
    beams : int
        Hypotheses kept; 1 takes the likeliest token.
    no_repeat : int
        Length of a run of tokens that may not come twice; 0 lets any.
    limit : int
        Tokens at most.
    end, timestamps, vocabulary : int
        The end of the text, the first timestamp, and the number of all tokens.
    timed : bool
        Write timestamps.
    """

    windows: int
    start: tuple[int, ...]
    beams: int
    no_repeat: int
    limit: int
    end: int
    timestamps: int
    vocabulary: int
    timed: bool


@dataclass(frozen=True, slots=True)
class Written:
    """A hypothesis.

    Attributes
    ----------
    tokens : tuple of int
        Without the start and the end.
    scores : tuple of float
        Log-probability of each, and of the end where it was reached.
    attention : tuple of ndarray
        Where each place looked, from the last of the start on: the one that a token was written from.
    """

    tokens: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    attention: tuple[Attention, ...] = ()

    @property
    def score(self) -> float:
        """Log-probability of all of it."""
        return sum(self.scores)

    def closed(self, score: float) -> Written:
        """With the end of the text."""
        return Written(self.tokens, (*self.scores, score), self.attention)

    def longer(self, token: int, score: float, attention: Attention | None) -> Written:
        """With one more token, and where that looked."""
        return Written((*self.tokens, token), (*self.scores, score),
                       self.attention if attention is None else (*self.attention, attention))


def write(stepper: Stepper, task: Task) -> list[Written]:
    """Write the text of every window.

    Windows that are done make room: the last takes the place of one that is, so that no step is spent on it.

    Examples
    --------
    >>> Written((5,), (-0.5,)).closed(-0.25).score
    -0.75
    """
    live = [_Window(index, task) for index in range(task.windows)]
    done: dict[int, Written] = {}
    step = stepper.begin(task.start, _rules(task, [Written()] * (task.windows * task.beams)))
    _look_back(live, step)
    while True:
        for place, window in enumerate(live):
            window.extend(step, place * task.beams)
        finished = [place for place, window in enumerate(live) if window.done]
        done.update((live[place].index, live[place].best()) for place in finished)
        live, sources = _close_ranks(stepper, live, finished)
        if not live:
            return [done[index] for index in range(task.windows)]
        rows = [row for window in live for row in window.rows]
        parents = [source * task.beams + parent for source, window in zip(sources, live, strict=True)
                   for parent in window.parents]
        step = stepper.step(np.array([[row.tokens[-1]] for row in rows], np.int64), np.array(parents, np.int32),
                            _rules(task, rows))
        _look(live, step)


def _close_ranks(stepper: Stepper, live: list[_Window], finished: Sequence[int]) -> tuple[list[_Window], list[int]]:
    """The windows that go on, in the order of their sound, and where each was."""
    places = list(range(len(live)))
    count = len(live) - len(finished)
    last = [place for place in range(count, len(live)) if place not in finished]
    for hole, source in zip((place for place in finished if place < count), last, strict=True):
        stepper.move(source, hole)
        places[hole] = source
    return [live[place] for place in places[:count]], places[:count]


def _look_back(live: Sequence[_Window], step: Step) -> None:
    """Every hypothesis begins with where the start looked."""
    if step.attention is not None:
        for place, window in enumerate(live):
            seen = step.attention[place * window.task.beams]
            begun = tuple(seen[:, at] for at in range(seen.shape[1]))
            window.rows = [Written(attention=begun) for _ in window.rows]


def _look(live: Sequence[_Window], step: Step) -> None:
    """Every hypothesis goes on with where its last token looked."""
    if step.attention is None:
        return
    rows = iter(step.attention)
    for window in live:
        window.rows = [Written(row.tokens, row.scores, (*row.attention, next(rows)[:, 0]))
                       for row in window.rows]


class _Window:
    """A window while its text is being written."""

    def __init__(self, index: int, task: Task) -> None:
        self.index, self.task = index, task
        self.rows = [Written()] * task.beams
        self.parents = list(range(task.beams))
        self._complete: list[Written] = []
        self._at_end = False

    @property
    def done(self) -> bool:
        """Whether nothing more is to be written."""
        return (self._at_end or len(self._complete) >= self.task.beams
                or len(self.rows[0].tokens) >= self.task.limit)

    def best(self) -> Written:
        """The likeliest per token."""
        return max(self._complete or self.rows, key=lambda one: one.score / max(len(one.tokens), 1))

    def extend(self, step: Step, first: int) -> None:
        """Choose from the candidates of this window's rows, which begin at `first`."""
        beams, end = self.task.beams, self.task.end
        found: dict[tuple[int, ...], tuple[float, int, int, float]] = {}
        for beam, row in enumerate(self.rows):
            for token, score in self._allowed(row, step, first + beam):
                # The rows are equal at first, and so are their candidates.
                found.setdefault((*row.tokens, token), (row.score + score, beam, token, score))
        rows: list[Written] = []
        self.parents = []
        for _, beam, token, score in sorted(found.values(), key=lambda one: -one[0]):
            if token == end:
                self._complete.append(self.rows[beam].closed(score))
            else:
                rows.append(self.rows[beam].longer(token, score, None))
                self.parents.append(beam)
            if len(rows) == beams or (beams == 1 and self._complete):
                break
        if rows:  # the last stands in for those that are missing
            self.rows = rows + [rows[-1]] * (beams - len(rows))
            self.parents += self.parents[-1:] * (beams - len(rows))
        self._at_end = not rows

    def _allowed(self, row: Written, step: Step, place: int) -> Iterator[tuple[int, float]]:
        """The row's best candidates: one more than there are hypotheses, as one may be the end."""
        again = _repeating(row.tokens, self.task.no_repeat) if self.task.no_repeat else frozenset()
        wanted = self.task.beams + (self.task.beams > 1)
        for token, score in zip(step.candidates[place].tolist(), step.scores[place].tolist(), strict=True):
            if token not in again and score > FORBIDDEN / 2:
                yield token, score
                wanted -= 1
                if not wanted:
                    return


def _repeating(tokens: Sequence[int], length: int) -> frozenset[int]:
    """Tokens with which a run of that length would come a second time."""
    if len(tokens) < length:
        return frozenset()
    tail = tuple(tokens[len(tokens) - length + 1:])
    return frozenset(tokens[at + length - 1] for at in range(len(tokens) - length + 1)
                     if tuple(tokens[at:at + length - 1]) == tail)


def free(rows: int) -> Rules:
    """No rule but that there are no timestamps."""
    def column(value: float) -> NDArray[np.float32]:
        return np.full((rows, 1), value, np.float32)

    return Rules(column(0), column(0), column(0), column(1e9), column(1e9))


def _rules(task: Task, rows: Sequence[Written]) -> Rules:
    """What may come next in each row."""
    rules = free(len(rows))
    rules.first[:] = [[not row.tokens] for row in rows]
    if not task.timed:
        return rules
    for index, row in enumerate(rows):
        text, closing, lowest, highest = _timed(task, row.tokens)
        rules.text[index], rules.closing[index] = (0 if may else FORBIDDEN for may in (text, closing))
        rules.lowest[index], rules.highest[index] = lowest, highest
    return rules


def _timed(task: Task, tokens: Sequence[int]) -> tuple[bool, bool, int, int]:
    """Whether text may come, whether the end may, and the timestamps from and to which others may."""
    begin, last = task.timestamps, task.vocabulary - 1
    if not tokens:
        return False, False, begin, begin + LATEST_FIRST
    closed = tokens[-1] >= begin
    paired = len(tokens) < 2 or tokens[-2] >= begin
    earliest = next((token for token in reversed(tokens) if token >= begin), begin)
    if closed and paired:  # a time has just opened a segment: text has to follow
        return True, True, task.vocabulary, last
    if closed:  # a time has closed one: the same may open the next
        return False, True, earliest, last
    return True, True, earliest + 1, last
