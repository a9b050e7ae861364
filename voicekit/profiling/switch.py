"""Whether this process is being profiled, and what a run hands over if it is. Imports nothing that costs time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from voicekit.provenance import TimelineEntry

Work = Callable[[Any, Any, Any], Any]
"""``work(piece, context, report)``, as a worker calls it."""


class Profiler(Protocol):
    """What measures a run; see :class:`voicekit.profiling.session.Session`."""

    def measured(self, work: Work, stage: str) -> Work:
        """The work of a worker, to be measured there."""
        ...

    def thread(self, stage: str) -> AbstractContextManager[None]:
        """Measure a thread of this process while a block runs in it."""
        ...

    def timeline(self, source: str, entries: Sequence[TimelineEntry], zero: float) -> None:
        """Take note of what was done for a recording; its times count from `zero`, by :func:`time.monotonic`."""
        ...


PREPARE = "prepare"
"""The stage of the thread that decodes recordings ahead of the workers."""

_profiler: Profiler | None = None


def active() -> Profiler | None:
    """What measures this process now, if anything does."""
    return _profiler


def switch(profiler: Profiler | None) -> None:
    """From here on this measures the process; None for nothing."""
    global _profiler
    _profiler = profiler


def measured(work: Work, stage: str) -> Work:
    """The work of a worker: as it is, or to be measured there if anybody profiles.

    Parameters
    ----------
    work : callable
        A function of a module.
    stage : str
        What it belongs to.

    Examples
    --------
    >>> measured(print, "transcribe") is print
    True
    """
    return work if _profiler is None else _profiler.measured(work, stage)


def thread(stage: str) -> AbstractContextManager[None]:
    """Measure a thread of this process while a block runs in it, if anybody profiles."""
    return nullcontext() if _profiler is None else _profiler.thread(stage)


def timeline(source: str, entries: Sequence[TimelineEntry], zero: float) -> None:
    """Hand over what was done for a recording, if anybody profiles."""
    if _profiler is not None:
        _profiler.timeline(source, entries, zero)
