"""Profiling one run: begun before its first file is touched, and ended after the last is written."""

from __future__ import annotations

import cProfile
import contextlib
import dataclasses
import datetime
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from voicekit.errors import OutputError, UsageError
from voicekit.profiling import folder as folders
from voicekit.profiling import functions, usage
from voicekit.profiling.records import ProcessRecord, Unit, Work
from voicekit.profiling.steps import Recorder, record
from voicekit.profiling.summary import State
from voicekit.profiling.surroundings import machine
from voicekit.profiling.switch import active, switch
from voicekit.profiling.workers import Profiled
from voicekit.profiling.writing import Measured, begin, finish
from voicekit.provenance import TimelineEntry

MAIN = "run"
"""The stage of the thread that the run goes on in."""


class Session:
    """Measure all that happens in a block, here and in the workers that it starts.

    Parameters
    ----------
    folder : path
        Where the profile goes; see :mod:`voicekit.profiling`.
    replace : bool
        Whether a profile that is there may be replaced.
    options : mapping, optional
        What the run was asked for, to be written beside the figures.
    program : bool
        Whether the run is all that this process does, so that its start counts too.

    Raises
    ------
    UsageError
        If the folder holds other things, or this process is being profiled already.
    OutputError
        If the folder cannot be written.

    Examples
    --------
    >>> with Session("talk.profile"):  # doctest: +SKIP
    ...     transcribe("talk.mp3")
    """

    def __init__(self, folder: str | os.PathLike[str], *, replace: bool = False,
                 options: Mapping[str, object] | None = None, program: bool = False) -> None:
        self.folder = Path(folder).absolute()
        self._replace = replace
        self._options = dict(options or {})
        self._program = program
        self._units: list[Unit] = []
        self._works: list[tuple[int, Work]] = []
        self._notes: dict[str, None] = {}
        self._recorder = Recorder(time.thread_time)
        self.written = False
        """Whether the profile is on disk."""

    def __enter__(self) -> Session:
        if active() is not None:
            raise UsageError("This process is being profiled already.", "Profile one run at a time.")
        folders.claim(self.folder, replace=self._replace)
        self._began_at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        try:
            begin(self.folder, self._began_at, self._options)
        except (OSError, OutputError) as error:
            raise folders.explained(error, self.folder) from error
        self._first = time.monotonic()
        self._born = usage.born() if self._program else self._first
        self._first_cpu = time.process_time() if self._program else 0.0
        self._cpu_before = 0.0 if self._program else time.process_time()
        self._moved = (0, 0) if self._program else usage.moved()
        record(self._recorder)
        switch(self)
        self._main = self.thread(MAIN)
        self._main.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self._main.__exit__(kind, error, traceback)
        record(None)
        switch(None)
        state: State = "finished"
        if kind is not None:
            state = "failed" if issubclass(kind, Exception) else "interrupted"
        try:
            finish(self.folder, self._measured(state))
            self.written = True
        except (OSError, OutputError) as problem:
            if kind is None:  # else that is what the user must know
                raise folders.explained(problem, self.folder) from problem

    def measured(self, work: Callable[[Any, Any, Any], Any], stage: str) -> Profiled:
        """See :class:`voicekit.profiling.switch.Profiler`."""
        return Profiled(work, str(self.folder / folders.PARTS), stage)

    @contextlib.contextmanager
    def thread(self, stage: str) -> Iterator[None]:
        """See :class:`voicekit.profiling.switch.Profiler`; to be called in that thread."""
        profile = cProfile.Profile()
        moved, cpu, began = usage.moved("thread-self"), time.thread_time(), time.monotonic()
        seen = True
        try:
            profile.enable()
        except ValueError:
            # From Python 3.12 on a process has room for one.
            seen = False
            self._notes[f"The functions of the stage {stage} could not be counted: another profiler is at work in "
                        "this process."] = None
        try:
            with self._recorder.step(stage, {}):
                yield
        finally:
            if seen:
                profile.disable()
            read, written = usage.between(moved, usage.moved("thread-self"))
            counted = functions.counted(profile) if seen else None
            work = Work(stage, began, time.monotonic(), time.thread_time() - cpu, (), read, written, counted)
            self._works.append((threading.get_ident(), work))

    def timeline(self, source: str, entries: Sequence[TimelineEntry], zero: float) -> None:
        """See :class:`voicekit.profiling.switch.Profiler`."""
        self._units += [Unit(source, entry, zero) for entry in entries]

    def _measured(self, state: State) -> Measured:
        # A thread's number may be given to another one after its end, so the times count too.
        entries = self._recorder.take()
        works = tuple(
            dataclasses.replace(work, steps=tuple(entry for entry in entries if entry.thread == thread
                                                  and work.began <= entry.began and entry.ended <= work.ended))
            for thread, work in sorted(self._works, key=lambda item: item[1].began))
        read, written = usage.between(self._moved, usage.moved())
        parent = ProcessRecord(
            "parent", os.getpid(), None, "cpu", len(works), self._born, self._first,
            max(work.ended for work in works), self._first_cpu, time.process_time() - self._cpu_before, works, None,
            read, written, usage.peak_memory())
        return Measured(state, self._began_at, self._options, machine(), parent, tuple(self._units),
                        tuple(self._notes))
