"""Workers that are copies of one process: a model is loaded once, and all of them read the same pages of it.

A fork takes some 20 ms where loading takes seconds, and memory is taken only for what a worker changes. Not every
library survives it: what is copied must need no thread but the caller's, for no other is in the copy. (The name is
what Android and Chromium call such a process.)
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from pathlib import Path
from typing import Any, NoReturn

from voicekit.execution.processes import (
    SPAWN, Spawned, Worker, WorkerDied, born_now, depend_on_the_run, die_with_the_parent, serve)
from voicekit.execution.work import SlotContext, Work
from voicekit.provenance import LOADER

_LOAD, _LOADED, _NOT_LOADED = "load", "loaded", "not loaded"

_CALM = 1.0
"""Seconds that other threads have to fall asleep before a fork."""


class Zygote:
    """The process that workers are copies of; it loads when the first is wanted.

    Parameters
    ----------
    work : callable
        As workers get it: what to do before any copy is made.
    piece
        What to do it with.

    Notes
    -----
    Where the work raises an error, or reports anything, there are no copies: workers are then to be made one by
    one, and each will say for itself what is wrong. Any thread may ask.
    """

    def __init__(self, work: Work, piece: Any) -> None:
        self._task = work, piece
        self._lock = threading.Lock()
        self._process: Spawned | None = None
        self._connection: Connection | None = None
        self._barren = self._killed = self._loaded = False

    def begin(self, context: SlotContext) -> None:
        """Start the process: it imports what the work needs, and loads nothing before a worker is wanted.

        Parameters
        ----------
        context : SlotContext
            That of a worker.
        """
        with self._lock, contextlib.suppress(OSError):  # what is in the way is met again
            self._start(context)

    def fork(self, context: SlotContext) -> Worker | None:
        """A new worker; None where there can be none.

        Parameters
        ----------
        context : SlotContext
            Where it runs; of all contexts only the number may differ.
        """
        with self._lock:
            if self._barren:
                return None
            try:
                return self._fork(context)
            except (EOFError, OSError, WorkerDied):
                self._barren = True
                return None

    def _fork(self, context: SlotContext) -> Worker:
        connection = self._connection or self._start(context)
        if not self._loaded:
            connection.send(_LOAD)
            if connection.recv() != _LOADED:
                raise WorkerDied
            self._loaded = True
        ours, theirs = SPAWN.Pipe()
        try:
            connection.send(context)
            send_handle(connection, theirs.fileno(), None)
            pid = connection.recv()
        finally:
            theirs.close()
        if pid is None:
            raise WorkerDied
        return Worker(_Copy(self, pid), ours)

    def _start(self, context: SlotContext) -> Connection:
        connection, theirs = SPAWN.Pipe()
        self._process = Spawned(_live, replace(context, index=LOADER), theirs, *self._task)
        theirs.close()
        if self._killed:  # meanwhile
            self._process.kill()
        self._connection = connection
        return connection

    def buried(self, pid: int) -> int | None:
        """How a copy ended, which it has."""
        with self._lock:
            try:
                assert self._connection is not None
                self._connection.send(pid)
                code = self._connection.recv()
                assert isinstance(code, int)
                return code
            except (EOFError, OSError):  # then the copies ended with it
                return None

    def kill(self) -> None:
        """End it at once, and its copies with it."""
        self._killed = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End it when its copies have ended."""
        if self._connection is not None and self._process is not None:
            if not self._loaded:  # it may still be starting, for nobody
                self._process.kill()
            Worker(self._process, self._connection).bury()


class _Copy:
    """The process of a copy. It is no child of this one, so a file descriptor stands for it."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self._zygote, self._pid = zygote, pid
        self.sentinel = os.pidfd_open(pid)  # the number stays its own until it is buried
        self._lock = threading.Lock()
        self._buried = False

    def kill(self) -> None:
        """See :class:`~voicekit.execution.processes.Process`."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if not self._buried:  # then the descriptor may be another's
                signal.pidfd_send_signal(self.sentinel, signal.SIGKILL)

    def exitcode(self) -> int | None:
        """See :class:`~voicekit.execution.processes.Process`."""
        code = self._zygote.buried(self._pid)
        with self._lock:
            self._buried = True
            os.close(self.sentinel)
        return code


# ---- inside the process ----


def _live(connection: Connection, work: Work, piece: Any, context: SlotContext) -> None:
    depend_on_the_run()
    ready = time.monotonic()
    try:
        connection.recv()
    except EOFError:  # nobody wanted a worker
        return
    context = replace(context, born=context.born + time.monotonic() - ready)  # waiting is not starting
    told: list[Any] = []
    try:
        work(piece, context, told.append)
    except BaseException:  # workers that load it themselves will say it
        told.append(traceback.format_exc())
    _give_back()
    connection.send(_NOT_LOADED if told else _LOADED)
    while not told:
        try:
            asked = connection.recv()
        except EOFError:
            return
        if isinstance(asked, SlotContext):
            connection.send(_forked(connection, recv_handle(connection), asked))
        else:
            connection.send(os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1]))


def _give_back() -> None:
    """Give memory that loading has freed back to the system: what it keeps here, copies would take once more."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError):  # it is GNU's
            ctypes.CDLL(None).malloc_trim(0)


def _forked(connection: Connection, handle: int, context: SlotContext) -> int | None:
    """The number of the new process; None where the system has no room for one."""
    _until_others_sleep()
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        # From Python 3.12 on a fork beside other threads is warned of: here they sleep, and none is needed.
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            pid = os.fork()
        except OSError:
            os.close(handle)
            return None
    if pid == 0:
        connection.close()
        _copied(Connection(handle), context)
    os.close(handle)
    return pid


def _until_others_sleep() -> None:
    """What another thread has locked when the process is copied stays locked in the copy for ever. The threads of
    a library that computed a moment ago are about to sleep, and a sleeping one holds nothing; but one that sleeps
    only until it gets the interpreter wakes when this one does not look."""
    mine, deadline = threading.get_native_id(), time.monotonic() + _CALM
    tasks = Path("/proc/self/task")
    calm = False
    while time.monotonic() < deadline:
        before, calm = calm, not any(_awake(task) for task in tasks.iterdir() if int(task.name) != mine)
        if before and calm:
            return
        time.sleep(0.001)


def _awake(task: Path) -> bool:
    with contextlib.suppress(OSError):  # it has just ended
        return (task / "stat").read_text().rpartition(")")[2].split()[0] != "S"
    return False


def _copied(connection: Connection, context: SlotContext) -> NoReturn:
    code = 1
    try:
        depend_on_the_run()
        die_with_the_parent()
        serve(connection, born_now(context))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        # What libraries do when a process ends would wait for threads that are not in the copy.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
