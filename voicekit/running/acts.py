"""What the loop of a run and the stages of one file ask of each other.

A file goes through one act after another: it is transcribed, and where it is to be spoken again, spoken. An act hands
its work out in two forms: a job of many units, whose loss is limited to the units in flight, and errands, which are
done once for the whole recording.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from voicekit.errors import VoicekitError
from voicekit.execution.work import Sharing, Work
from voicekit.options import RunOptions
from voicekit.running.crew import Crew
from voicekit.running.events import Observe
from voicekit.running.jobs import Job
from voicekit.running.known import Known
from voicekit.running.preparation import Outcome
from voicekit.store import Cache
from voicekit.types import Chunk, InputFile, Recording


Rescue = Callable[[VoicekitError], None]
"""What to do with an error, instead of ending the file with it."""


class Act(Protocol):
    """One stage of one file, while its job is out."""

    @property
    def file(self) -> InputFile:
        """The file."""
        ...

    @property
    def stage(self) -> str:
        """What is done, in one word."""
        ...

    @property
    def rescue(self) -> Rescue | None:
        """What to do where it fails; None ends the file with the error."""
        ...

    def task(self, chunk: Chunk[Any]) -> tuple[Work, Any]:
        """What a worker does with a chunk: the function and its argument."""
        ...

    def sharing(self, chunk: Chunk[Any]) -> Sharing | None:
        """How a worker may do a chunk together with those of other recordings; None if it may not."""
        ...

    def complete(self, job: Job[Any, Any]) -> None:
        """Every unit is accounted for: go on to the next act, or end the file."""
        ...


@dataclass(eq=False)
class Errand:
    """A piece of work that is done once for a recording.

    Attributes
    ----------
    recording : Recording
        The recording.
    what : str
        For people: what is done.
    work, task
        The function for the worker, and its argument.
    then : callable
        Gets the result.
    failed : callable
        Gets why two workers died of it, and gives the error for that.
    rescue : callable or None
        What to do where it fails; None ends the file with the error.
    strikes : int
        Workers that died of it.
    """

    file: InputFile
    recording: Recording
    what: str
    work: Work
    task: Any
    then: Callable[[Any], None]
    failed: Callable[[str], Exception]
    rescue: Rescue | None = None
    strikes: int = 0

    @property
    def source(self) -> str:
        """For people: which recording this is."""
        return self.file.name


@dataclass(frozen=True, slots=True)
class Warming:
    """A worker loads its model before there is anything for it to do."""

    source: str
    what: str = "loading the model"


class Desk(Protocol):
    """What an act asks of the loop."""

    options: RunOptions
    crew: Crew
    known: Known
    cache: Cache
    folder: Path
    observe: Observe
    warnings: list[str]

    def russian(self) -> Crew | None:
        """The crew for recordings found to be Russian, if it is another one."""
        ...

    def hand_out(self, job: Job[Any, Any], act: Act) -> None:
        """Give the pieces of a job to the workers; the act completes it. Again, when there is more of it."""
        ...

    def recall(self, job: Job[Any, Any]) -> list[Chunk[Any]]:
        """Take back what no worker has begun, but for what is tried again."""
        ...

    def in_hand(self, stage: str) -> list[tuple[int, float]]:
        """What each worker is on: how many units its batch has, and about how many of them are still to be done."""
        ...

    def send(self, errand: Errand) -> None:
        """Give an errand to the next free worker."""
        ...

    def warm(self, workers: int, source: str) -> None:
        """Have so many workers load the engine of the run, but for those that were told to before."""
        ...

    def end(self, outcome: Outcome, recording: Recording | None) -> None:
        """A file is done with."""
        ...
