"""Every contestant in turn, round after round, in an order that alternates."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicekit.benchmark.commands import Measured, measure
from voicekit.benchmark.contestants import Contestant, Result

Tell = Callable[[str], None]
"""Gets a line for people about what goes on."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of one contestant."""

    measured: Measured
    result: Result


@dataclass(frozen=True, slots=True)
class Score:
    """All runs of one contestant.

    Attributes
    ----------
    name : str
        The contestant's.
    turns : tuple of Turn
        One for each round.
    """

    name: str
    turns: tuple[Turn, ...]

    @property
    def seconds(self) -> tuple[float, ...]:
        """Of each round, from start to exit."""
        return tuple(turn.measured.seconds for turn in self.turns)

    @property
    def median(self) -> float:
        """Of the seconds."""
        return statistics.median(self.seconds)

    @property
    def after_loading(self) -> float:
        """Median of the seconds after the model was loaded."""
        return statistics.median(turn.result.after_loading for turn in self.turns)

    @property
    def memory(self) -> int | None:
        """Median of the peaks, in bytes; None where memory is not told."""
        known = [turn.measured.memory for turn in self.turns if turn.measured.memory is not None]
        return round(statistics.median(known)) if known else None

    @property
    def tokens(self) -> float:
        """For each window, in the mean of all rounds."""
        windows = sum(len(turn.result.windows) for turn in self.turns)
        return sum(turn.result.tokens for turn in self.turns) / max(windows, 1)

    @property
    def settings(self) -> Mapping[str, int | str]:
        """Of the first round."""
        return self.turns[0].result.settings


def order(count: int, rounds: int) -> Iterator[range]:
    """Places of the contestants, round by round: forwards, then backwards.

    So whoever comes right after a hungry neighbour, or late in a round that grows hot, does not always do so.

    Examples
    --------
    >>> [list(one) for one in order(3, 3)]
    [[0, 1, 2], [2, 1, 0], [0, 1, 2]]
    """
    for number in range(rounds):
        yield range(count) if number % 2 == 0 else range(count - 1, -1, -1)


def hold(contestants: Sequence[Contestant], rounds: int, folder: Path, tell: Tell) -> tuple[Score, ...]:
    """Let everyone run as often as there are rounds.

    Parameters
    ----------
    contestants : sequence of Contestant
        With names that differ.
    rounds : int
        At least one.
    folder : Path
        For what they write.
    tell : callable
        Gets a line for each run.

    Returns
    -------
    tuple of Score
        In the order of the contestants.

    Raises
    ------
    ProcessingError
        If one fails.
    """
    turns: list[list[Turn]] = [[] for _ in contestants]
    for number, places in enumerate(order(len(contestants), rounds), 1):
        for place in places:
            turn = run(contestants[place], folder)
            turns[place].append(turn)
            tell(f"round {number} of {rounds}: {contestants[place].name} {turn.measured.seconds:.1f} s")
    return tuple(Score(one.name, tuple(found)) for one, found in zip(contestants, turns, strict=True))


def run(contestant: Contestant, folder: Path) -> Turn:
    """Let one of them run once."""
    return Turn(measure(contestant.name, contestant.command(folder), folder), contestant.result(folder))


def ratio(ours: Score, theirs: Score) -> float:
    """Our speed over theirs: the median over the rounds, each round compared within itself.

    Examples
    --------
    >>> def score(*seconds):
    ...     return Score("", tuple(Turn(Measured(one, None), None) for one in seconds))
    >>> ratio(score(2.0, 3.0, 2.0), score(4.0, 9.0, 5.0))
    2.5
    """
    return statistics.median(their / our for our, their in zip(ours.seconds, theirs.seconds, strict=True))
