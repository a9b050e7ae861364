"""What a worker measures of itself: after every piece it is on disk, so a worker that dies loses one piece."""

from __future__ import annotations

import cProfile
import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from voicekit.profiling import functions, usage
from voicekit.profiling.steps import Recorder, record

WRITING = "write its profile"
"""The step in which a worker puts on disk what it has measured."""


class Place(Protocol):
    """Where a piece runs, as :class:`voicekit.execution.slots.SlotContext` says it."""

    @property
    def index(self) -> int:
        """Number of the worker."""
        ...

    @property
    def device(self) -> str:
        """What it computes on."""
        ...

    @property
    def threads(self) -> int:
        """CPU threads that it may use."""
        ...

    @property
    def born(self) -> float:
        """When its process was started, by :func:`time.monotonic`."""
        ...


@dataclass(frozen=True, slots=True)
class Profiled:
    """A piece of work that is measured where it is done; picklable if the work is.

    Attributes
    ----------
    work : callable
        ``work(piece, context, report)``, a function of a module.
    folder : str
        Where the worker writes what it has measured.
    stage : str
        What the piece belongs to.
    """

    work: Callable[[Any, Any, Any], Any]
    folder: str
    stage: str

    def __call__(self, piece: Any, context: Place, report: Callable[[Any], None]) -> Any:
        """Do it."""
        return _here(self.folder, context).do(self, piece, context, report)


_diary: _Diary | None = None


def _here(folder: str, context: Place) -> _Diary:
    global _diary
    if _diary is None or _diary.pid != os.getpid():  # a copy of a process that had one begins its own
        _diary = _Diary(Path(folder), context)
    return _diary


class _Diary:
    """All that this process notes: its beginning in one file, and each piece in one of its own."""

    def __init__(self, folder: Path, place: Place) -> None:
        self._folder = folder
        self.pid = os.getpid()
        self._name = f"{place.index}-{self.pid}"
        self._device = place.device
        self._number = self._unwritten = 0
        self._recorder = Recorder(time.process_time)
        record(self._recorder)
        self._beginning = {
            "slot": place.index, "pid": self.pid, "device": place.device, "threads": place.threads,
            "born": place.born, "first": time.monotonic(), "first_cpu": time.process_time()}

    def do(self, task: Profiled, piece: Any, context: Place, report: Callable[[Any], None]) -> Any:
        """Do a piece, and note what it cost."""
        # Should the process die of this piece, it is known what it was on, and since when.
        self._write(f"{self._name}.json", json.dumps({
            **self._beginning, "on": {"stage": task.stage, "began": time.monotonic(), "number": self._number},
            "unwritten": self._unwritten}).encode())
        profile = cProfile.Profile()
        moved, cpu, began = usage.moved(), time.process_time(), time.monotonic()
        try:
            with self._recorder.step(task.stage, {}):
                seen = _enabled(profile)
                try:
                    return task.work(piece, context, report)
                finally:
                    profile.disable()
        finally:
            ended, spent = time.monotonic(), time.process_time() - cpu
            with self._recorder.step(WRITING, {}):
                self._keep(task.stage, began, ended, spent, moved, profile if seen else None)

    def _keep(self, stage: str, began: float, ended: float, cpu: float, moved: usage.Bytes,
              profile: cProfile.Profile | None) -> None:
        name = f"{self._name}.{self._number:06d}"
        self._number += 1
        if profile is not None:
            self._write(f"{name}.pstats", functions.packed(functions.counted(profile)))
        read, written = usage.between(moved, usage.moved())
        # Last, for it says that there is no more to come.
        self._write(f"{name}.json", json.dumps({
            "stage": stage, "began": began, "ended": ended, "cpu": cpu, "read": read, "written": written,
            "peak_memory": usage.peak_memory(), "gpu_memory": usage.gpu_memory(self._device),
            "functions": profile is not None, "steps": self._recorder.take()}).encode())

    def _write(self, name: str, data: bytes) -> None:
        # A profile that cannot be written costs nothing but itself: the parent tells.
        try:
            new = self._folder / f"{name}.new"
            new.write_bytes(data)
            os.replace(new, self._folder / name)
        except OSError:
            self._unwritten += 1


def _enabled(profile: cProfile.Profile) -> bool:
    """Whether functions are counted: from Python 3.12 on one tool of a process may do that."""
    with suppress(ValueError):
        profile.enable()
        return True
    return False
