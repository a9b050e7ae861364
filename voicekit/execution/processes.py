"""A worker process and the pipe to it: a piece goes in, and what it reports and its result come back, in order."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Protocol

from voicekit.execution.turns import ask_for_long_turns
from voicekit.execution.work import Report, SlotContext, Work

SPAWN = multiprocessing.get_context("spawn")

_STARTING = threading.Lock()  # a child inherits the environment of the moment it starts in

_PR_SET_PDEATHSIG = 1

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

# numpy's matrix products round differently with the number of threads, and the words of a recording must
# not depend on how many workers share the cores. What is left to numpy (a spectrogram) is little work.
_NUMPY_ALONE = {"OPENBLAS_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}

_TUNABLES = "GLIBC_TUNABLES"

_LARGE_PAGES = "glibc.malloc.hugetlb=1"
"""Linux is asked for pages of 2 MB where it gives them to who asks, as most distributions have it: large matrices are
in so many pages of 4 KB that a processor is busy with finding them for some 8 % of the time."""

_PATIENCE = 10.0
"""Seconds that an idle process has to end by itself."""

_PROGRESS, _RESULT, _ERROR = range(3)

_END = b""


class WorkerDied(Exception):
    """The process is gone, or was never whole."""


class Process(Protocol):
    """What a worker needs of its process, however that came to be."""

    @property
    def sentinel(self) -> int:
        """A file descriptor that is ready when the process has ended."""
        ...

    def kill(self) -> None:
        """End it at once; nothing where it has ended."""
        ...

    def exitcode(self) -> int | None:
        """How it ended, which it has; negative for a signal, None where nobody knows."""
        ...


class Worker:
    """One process, which does one piece after the other.

    Used by one thread; only `kill` may come from another.
    """

    def __init__(self, process: Process, connection: Connection) -> None:
        self._process = process
        self._connection = connection

    def call(self, work: Work, piece: Any, listener: Report) -> Any:
        """Do a piece there, and hand on what it reports meanwhile.

        Raises
        ------
        WorkerDied
            If the process ended before the piece did. All that it had reported was handed on before.
        BaseException
            What the piece raised; or that it, or what it returned, cannot be sent.
        """
        task = ForkingPickler.dumps((work, piece))
        try:
            self._connection.send_bytes(task)
        except OSError:
            raise WorkerDied from None
        while True:
            kind, payload = self._received()
            if kind == _PROGRESS:
                listener(payload)
            elif kind == _RESULT:
                return payload
            else:
                error, told = payload
                raise error from _InWorker(told)

    def _received(self) -> Any:
        # A process of the worker's own may hold the pipe open after the worker's death. One that is killed may leave
        # half a message.
        try:
            if self._connection not in wait([self._connection, self._process.sentinel]):
                raise EOFError
            message = self._connection.recv_bytes()
        except (EOFError, OSError):
            raise WorkerDied from None
        try:
            return pickle.loads(message)
        except BaseException:
            # What else it sends would be taken for the answer to the next piece.
            self._process.kill()
            wait([self._process.sentinel])
            raise

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return not wait([self._process.sentinel], timeout=0)

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()

    def bury(self) -> int | None:
        """Clean up after a death; tells the exit code."""
        self._connection.close()
        if not wait([self._process.sentinel], timeout=_PATIENCE):
            self._process.kill()
            wait([self._process.sentinel])
        return self._process.exitcode()

    def close(self) -> None:
        """Let the process end."""
        with contextlib.suppress(OSError):
            self._connection.send_bytes(_END)
        self.bury()


class _InWorker(Exception):
    """Where in the worker an error came from, for whoever looks at its traceback."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


class Spawned:
    """A process that began as a fresh interpreter.

    Parameters
    ----------
    target : callable
        A function of a module: what the process does.
    context : SlotContext
        Its threads set what libraries read when they load.
    args
        What the function gets: pipes' ends among them.
    """

    def __init__(self, target: Any, context: SlotContext, *args: Any) -> None:
        with _STARTING, _environment({**dict.fromkeys(_THREAD_VARIABLES, str(context.threads)), **_NUMPY_ALONE,
                                      _TUNABLES: _with_large_pages(os.environ.get(_TUNABLES, ""))}):
            self._process: BaseProcess = SPAWN.Process(target=target, args=(*args, born_now(context)))
            self._process.start()

    @property
    def sentinel(self) -> int:
        """See :class:`Process`."""
        return self._process.sentinel

    def kill(self) -> None:
        """See :class:`Process`."""
        self._process.kill()

    def exitcode(self) -> int | None:
        """See :class:`Process`."""
        self._process.join()
        return self._process.exitcode


def spawn(context: SlotContext) -> Worker:
    """A worker that shares nothing with any other process.

    Parameters
    ----------
    context : SlotContext
        Where it runs.
    """
    ours, theirs = SPAWN.Pipe()
    process = Spawned(_spawned, context, theirs)
    theirs.close()  # the worker's copy is then the only one, and its death ends the stream
    return Worker(process, ours)


def _with_large_pages(tunables: str) -> str:
    """What the user has set stays."""
    return tunables if "glibc.malloc.hugetlb" in tunables else ":".join(filter(None, (tunables, _LARGE_PAGES)))


def born_now(context: SlotContext) -> SlotContext:
    return replace(context, born=time.monotonic())


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    saved = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# ---- inside the worker process ----


def _spawned(connection: Connection, context: SlotContext) -> None:
    depend_on_the_run()
    die_with_the_parent()
    serve(connection, context)


def depend_on_the_run() -> None:
    """End when the run does, and only then."""
    # ctrl-C goes to the whole process group; only the run decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_run, daemon=True).start()


def die_with_the_parent() -> None:
    """From the kernel, at once: a thread has to wait while a library holds the interpreter.

    The signal comes when the thread ends that started this process, so that must be one that lives as long.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_the_run() -> None:
    """A run killed by SIGKILL cannot end its workers, so they watch for its end themselves."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def serve(connection: Connection, context: SlotContext) -> None:
    """Do pieces until there are no more."""
    ask_for_long_turns()

    def report(payload: Any) -> None:
        connection.send((_PROGRESS, payload))

    while True:
        try:
            task = connection.recv_bytes()
        except (EOFError, OSError):  # the run is gone
            return
        if task == _END:
            return
        with contextlib.suppress(BrokenPipeError):  # then no other piece comes either
            connection.send_bytes(_answer(task, context, report))


def _answer(task: bytes, context: SlotContext, report: Report) -> bytes:
    try:
        work, piece = pickle.loads(task)
        return bytes(ForkingPickler.dumps((_RESULT, work(piece, context, report))))
    except BaseException as error:  # the run decides what it means
        return bytes(ForkingPickler.dumps((_ERROR, (_portable(error), traceback.format_exc()))))


def _portable(error: BaseException) -> BaseException:
    """The error, or one that says the same: some errors cannot be rebuilt in another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
