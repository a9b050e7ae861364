"""Naming what is being done, so that a profile can say how long it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import NamedTuple

Label = str | int | float | bool | None
"""What a step may be labelled with: JSON's own values."""

WAIT = "wait"
"""The step in which nothing is done but waiting for others."""

LOAD = "load"
"""The step that loads a model."""

DECODE = "decode"
"""The step that decodes a recording; its labels ``source`` and ``seconds`` say which, and how long that is."""


class Entry(NamedTuple):
    """A step that is over.

    Attributes
    ----------
    name : str
        What was done.
    began, ended : float
        Seconds, by :func:`time.monotonic`.
    cpu : float
        CPU seconds from its beginning to its end.
    own, own_cpu : float
        Seconds and CPU seconds without those of the steps within it.
    thread : int
        As :func:`threading.get_ident` says it.
    labels : dict
        What it was done to.
    """

    name: str
    began: float
    ended: float
    cpu: float
    own: float
    own_cpu: float
    thread: int
    labels: dict[str, Label]


class Recorder:
    """Collects the steps of one process.

    Parameters
    ----------
    cpu : callable
        CPU seconds so far: of the thread where several work at once, of the process where one does and its libraries
        have threads of their own.
    """

    def __init__(self, cpu: Callable[[], float]) -> None:
        self.cpu = cpu
        self.entries: list[Entry] = []
        self._open = threading.local()

    def step(self, name: str, labels: dict[str, Label]) -> _Step:
        """A context manager that notes how long its block takes."""
        return _Step(self, name, labels)

    def note(self, labels: dict[str, Label]) -> None:
        """Label the innermost step of this thread that is not over."""
        steps = self.open_steps()
        if steps:
            steps[-1].labels.update(labels)

    def take(self) -> list[Entry]:
        """What is over so far; it is forgotten here."""
        entries, self.entries = self.entries, []
        return entries

    def open_steps(self) -> list[_Step]:
        """The steps of this thread that are not over, outermost first."""
        try:
            steps: list[_Step] = self._open.steps
        except AttributeError:
            steps = self._open.steps = []
        return steps


class _Step:
    __slots__ = ("labels", "_recorder", "_name", "_began", "_cpu", "_within", "_cpu_within")

    def __init__(self, recorder: Recorder, name: str, labels: dict[str, Label]) -> None:
        self.labels = labels
        self._recorder = recorder
        self._name = name
        self._within = self._cpu_within = 0.0

    def __enter__(self) -> None:
        self._recorder.open_steps().append(self)
        self._cpu = self._recorder.cpu()
        self._began = time.monotonic()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        ended = time.monotonic()
        recorder = self._recorder
        seconds, cpu = ended - self._began, recorder.cpu() - self._cpu
        steps = recorder.open_steps()
        steps.remove(self)
        if steps:
            steps[-1]._within += seconds
            steps[-1]._cpu_within += cpu
        recorder.entries.append(Entry(self._name, self._began, ended, cpu, seconds - self._within,
                                      cpu - self._cpu_within, threading.get_ident(), self.labels))


class _Nothing:
    """The step that is taken where nobody profiles."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        pass


_NOTHING = _Nothing()
_recorder: Recorder | None = None


def record(recorder: Recorder | None) -> None:
    """From here on the steps of this process go to this recorder; None for nowhere."""
    global _recorder
    _recorder = recorder


def step(name: str, /, **labels: Label) -> AbstractContextManager[None]:
    """Mark what a block does.

    Parameters
    ----------
    name : str
        What is done, in a word or two; the same work has the same name everywhere.
    **labels
        What it is done to. A profile sums up over them, its trace shows them.

    Examples
    --------
    >>> with step("decode", source="talk.mp3"):
    ...     pass
    """
    recorder = _recorder
    return _NOTHING if recorder is None else recorder.step(name, labels)


def note(**labels: Label) -> None:
    """Label the innermost step of this thread with what is known only now.

    Examples
    --------
    >>> with step("look up"):
    ...     note(found=True)
    """
    recorder = _recorder
    if recorder is not None:
        recorder.note(labels)
