"""When a worker has been silent for so long that it must hang.

How long a batch may take is told from its audio and from how slow batches have been so far, so that a slow
machine is given time and a fast one not kept waiting.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

AT_LEAST = 20.0
"""Seconds that any batch may take."""

LOADING = 900.0
"""Seconds for a worker to start and load its model: from a slow disk that takes minutes."""

FIRST = 60.0
"""Times its own length that a batch may take before any was finished."""

MARGIN = 10.0
"""Times as slow as the slowest batch so far a batch may be."""


@dataclass
class _Wait:
    since: float
    seconds: float
    allowed: float
    work: str = ""


class Watch:
    """Deadlines of the slots.

    Parameters
    ----------
    patience : float or None
        Times its own length that audio may take; None tells it from the batches so far.
    clock : callable
        Seconds that pass while the machine is awake.
    """

    def __init__(self, patience: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._waits: dict[int, _Wait] = {}
        self._slowest: dict[str, float] = {}
        self._looked = clock()

    def started(self, slot: int) -> None:
        """A slot took a piece, and may first have to load its model."""
        self._waits[slot] = _Wait(self._clock(), 0.0, LOADING)

    def begun(self, slot: int, seconds: float, work: str = "") -> None:
        """A slot is on a batch of so many seconds of audio; `work` says what it does, for each has its own pace.

        What is begun before that is done is done together.
        """
        before = self._waits.get(slot)
        seconds += before.seconds if before is not None else 0.0
        slowest = self._slowest.get(work)
        pace = self._patience or (max(MARGIN * slowest, 1.0) if slowest else FIRST)
        self._waits[slot] = _Wait(self._clock(), seconds, AT_LEAST + pace * seconds, work)

    def done(self, slot: int) -> None:
        """The batch is done; the next thing this slot tells will come soon."""
        wait = self._waits.get(slot)
        if wait is not None and wait.seconds:
            pace = (self._clock() - wait.since) / wait.seconds
            self._slowest[wait.work] = max(self._slowest.get(wait.work, 0.0), pace)
            self._waits[slot] = _Wait(self._clock(), 0.0, LOADING)

    def heard(self, slot: int) -> None:
        """A sign of life: what it is doing may take as long again."""
        if slot in self._waits:
            self._waits[slot].since = self._clock()

    def rested(self, slot: int) -> None:
        """The slot has nothing to do."""
        self._waits.pop(slot, None)

    def hanging(self) -> dict[int, float]:
        """Slots that are over their time, and how long they have been silent. Ask about once a second."""
        now = self._clock()
        away = now - self._looked - 5.0
        if away > 0:  # this process itself was stopped, and with it most likely the workers
            for wait in self._waits.values():
                wait.since += away
        self._looked = now
        return {slot: now - wait.since for slot, wait in self._waits.items() if now - wait.since > wait.allowed}
