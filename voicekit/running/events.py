"""What a run tells while it goes on, for progress bars and logs. Plain records; nobody has to listen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know.

    ``source`` is the input's name, or None for the whole run. A ``downgrade`` makes the result worse
    than what was asked for.
    """

    message: str
    source: str | None = None
    downgrade: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A recording is divided, as far as it is decoded; the last time, when it is ``whole``, all of it.

    ``duration`` and ``to_do`` are seconds: of the recording, and of the windows that had no result when they were
    planned; ``found`` is how many of the ``windows`` had one. ``what`` says what they are: windows or sentences.
    """

    source: str
    duration: float
    to_do: float
    windows: int
    chunks: int
    found: int = 0
    what: str = "windows"
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Working:
    """A worker took a chunk."""

    slot: int
    device: str
    source: str
    what: str


@dataclass(frozen=True, slots=True)
class Advanced:
    """Windows of this many seconds in all are finished."""

    slot: int
    source: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Idle:
    """A worker has nothing to do."""

    slot: int


RunEvent = Notice | Planned | Working | Advanced | Idle
Observe = Callable[[RunEvent], None]
