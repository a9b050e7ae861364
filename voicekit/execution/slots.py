"""Worker slots on this machine: any picklable function over any pieces, each slot its own process.

A slot is a ``ProcessPoolExecutor`` of one process, so a crash names its piece and costs no neighbour,
and each slot has its own device and thread cap. The start method is ``spawn``: neither CUDA nor
CTranslate2 survives a fork. Whatever happens is put as an event on one queue, so the caller has one
loop and no locks.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Generic, TypeVar

from voicekit.execution.backlog import Backlog, Entry
from voicekit.execution.work import Report, Sharing, SlotContext, Work
from voicekit.profiling import step

Tag = TypeVar("Tag")

_SPAWN = multiprocessing.get_context("spawn")
_STARTING = threading.Lock()  # a child inherits the environment of the moment it starts in

_PR_SET_PDEATHSIG = 1

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")

# numpy's matrix products round differently with the number of threads, and the words of a recording must
# not depend on how many workers share the cores. What is left to numpy (a spectrogram) is little work.
_NUMPY_ALONE = {"OPENBLAS_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Progress(Generic[Tag]):
    """The piece reports something. Comes before the event of the piece's end."""

    tag: Tag
    slot: int
    payload: Any


@dataclass(frozen=True, slots=True)
class Started(Generic[Tag]):
    """A slot took the piece."""

    tag: Tag
    slot: int


@dataclass(frozen=True, slots=True)
class Finished(Generic[Tag]):
    """The piece is done."""

    tag: Tag
    slot: int
    result: Any


@dataclass(frozen=True, slots=True)
class Raised(Generic[Tag]):
    """The piece raised an error; the worker lives on."""

    tag: Tag
    slot: int
    error: BaseException


@dataclass(frozen=True, slots=True)
class Died(Generic[Tag]):
    """The worker process died with the piece; all its progress was delivered before.

    ``exitcode`` is negative for a signal, as in :mod:`multiprocessing`.
    """

    tag: Tag
    slot: int
    exitcode: int | None


Event = Progress[Tag] | Started[Tag] | Finished[Tag] | Raised[Tag] | Died[Tag]


class Slots(Generic[Tag]):
    """A set of worker slots that share one queue of pieces.

    Processes start when their slot gets its first piece, and are replaced when they die.

    Parameters
    ----------
    contexts : sequence of SlotContext
        One per slot.
    events : queue.Queue
        Where every :data:`Event` is put, and nothing is ever taken from.

    Examples
    --------
    ::

        events = queue.Queue()
        with Slots([SlotContext(0, "cpu", 1)], events) as slots:
            slots.submit("tag", function, piece)
            event = events.get()
    """

    def __init__(self, contexts: Sequence[SlotContext], events: queue.Queue[Any]) -> None:
        self._backlog: Backlog = Backlog()
        self._slots = [_Slot(context, self._backlog, events) for context in contexts]

    def __enter__(self) -> Slots[Tag]:
        for slot in self._slots:
            slot.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(kill=kind is not None)

    def submit(self, tag: Tag, work: Work, piece: Any, *, urgent: bool = False,
               sharing: Sharing | None = None) -> None:
        """Queue a piece; the first idle slot takes it.

        Parameters
        ----------
        tag
            Comes back with every event of the piece.
        work : callable
            A module-level function ``work(piece, context, report)``.
        piece
            Anything picklable.
        urgent : bool
            Before all that wait.
        sharing : Sharing, optional
            A slot may take it together with others that wait. Each has events of its own, as if it were alone.
        """
        self._backlog.put(Entry(tag, work, piece, sharing), urgent=urgent)

    def cancel(self, match: Callable[[Tag], bool]) -> list[Tag]:
        """Forget the waiting pieces whose tag matches; running ones go on. Returns their tags, in order."""
        return self._backlog.discard(match)

    def kill(self, index: int) -> None:
        """Kill the worker of a slot; its piece ends as :class:`Died`, and the slot gets a new one."""
        self._slots[index].kill()

    def close(self, *, kill: bool = False) -> None:
        """End all workers: after their last piece, or with `kill` at once."""
        if kill:
            self.cancel(lambda tag: True)
            for slot in self._slots:
                slot.abandon()
        self._backlog.close()
        with step("end the workers"):
            for slot in self._slots:
                slot.join()


class _Slot(threading.Thread):
    """One slot: waits for pieces, owns one worker process at a time."""

    def __init__(self, context: SlotContext, backlog: Backlog, events: queue.Queue[Any]) -> None:
        super().__init__(name=f"slot-{context.index}", daemon=True)
        self._context = context
        self._backlog = backlog
        self._events = events
        self._worker: _Worker | None = None
        self._abandoned = False

    def run(self) -> None:
        while entries := self._backlog.take():
            self._do(entries)
        if self._worker is not None:
            self._worker.close()

    def abandon(self) -> None:
        """Kill the worker and do no more pieces."""
        self._abandoned = True
        self.kill()

    def kill(self) -> None:
        """Kill the worker, whatever it does."""
        worker = self._worker
        if worker is not None:
            worker.kill()

    def _do(self, entries: Sequence[Entry]) -> None:
        if self._abandoned:
            return
        index, tags = self._context.index, [entry.tag for entry in entries]
        worker = None
        try:
            if self._worker is not None and not self._worker.alive:
                self._worker.bury()  # it died idle: no piece is to blame
                self._worker = None
            worker = self._worker = self._worker or _Worker(self._context)
            if self._abandoned:  # between the check and the start
                worker.kill()
            for tag in tags:
                self._events.put(Started(tag, index))
            results = self._called(worker, entries)
        except BrokenProcessPool:
            self._worker = None
            exitcode = worker.bury() if worker is not None else None
            for tag in tags:
                self._events.put(Died(tag, index, exitcode))
        except BaseException as error:  # handed to the caller's loop, which decides
            if len(entries) == 1:
                self._events.put(Raised(tags[0], index, error))
            else:  # one of them may be to blame
                for entry in entries:
                    self._do([entry])
        else:
            for tag, result in zip(tags, results, strict=True):
                self._events.put(Finished(tag, index, result))

    def _called(self, worker: _Worker, entries: Sequence[Entry]) -> Sequence[Any]:
        """A result for each."""
        def told(place: int, payload: Any) -> None:
            self._events.put(Progress(entries[place].tag, self._context.index, payload))

        first = entries[0]
        if len(entries) == 1 or first.sharing is None:
            return [worker.call(first.work, first.piece, lambda payload: told(0, payload))]
        pieces = tuple(entry.piece for entry in entries)
        results: Sequence[Any] = worker.call(first.sharing.work, pieces, lambda report: told(*report))
        return results


class _Worker:
    """One process in a pool of its own, and the pipe its progress comes through."""

    def __init__(self, context: SlotContext) -> None:
        self._receiver, sender = _SPAWN.Pipe(duplex=False)
        self._numbers = itertools.count()
        self._listeners: dict[int, Report] = {}
        self._told_all = threading.Event()
        with _STARTING, _environment({**dict.fromkeys(_THREAD_VARIABLES, str(context.threads)), **_NUMPY_ALONE}):
            self._pool = ProcessPoolExecutor(1, _SPAWN, initializer=_enter,
                                             initargs=(sender, replace(context, born=time.monotonic())))
            before = set(multiprocessing.active_children())
            self._hello: Future[int] = self._pool.submit(os.getpid)  # starts the process now
            born = [child for child in multiprocessing.active_children() if child not in before]
        self._process: BaseProcess | None = born[0] if born else None
        sender.close()  # the worker's copy is then the only one, and its death ends the stream
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def call(self, work: Work, piece: Any, listener: Report) -> Any:
        task = ForkingPickler.dumps((work, piece))  # here, so that what cannot be sent is an error and no wait
        number = next(self._numbers)
        self._listeners[number] = listener
        self._told_all = threading.Event()
        try:
            return self._pool.submit(_call, number, bytes(task)).result()
        finally:
            # The result comes another way than the progress: wait until that is through, or the worker gone.
            while not self._told_all.wait(timeout=0.1) and self._reader.is_alive():
                pass
            del self._listeners[number]

    def _read(self) -> None:
        # A worker that is killed may leave half a message; both errors mean the end of the stream.
        with contextlib.suppress(EOFError, OSError):
            while True:
                number, last, payload = self._receiver.recv()
                if last:
                    self._told_all.set()
                else:
                    self._listeners[number](payload)
        self._told_all.set()

    @property
    def alive(self) -> bool:
        return self._process is None or self._process.is_alive()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def bury(self) -> int | None:
        """After a death: deliver the last progress, clean up, tell the exit code."""
        self._reader.join(timeout=10)
        self._receiver.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        return self._process.exitcode if self._process is not None else None

    def close(self) -> None:
        self._pool.shutdown(wait=True)
        self._reader.join(timeout=10)
        self._receiver.close()


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

_sender: Connection | None = None
_context: SlotContext | None = None


def _enter(sender: Connection, context: SlotContext) -> None:
    global _sender, _context
    _sender, _context = sender, context
    # ctrl-C goes to the whole process group; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    if sys.platform.startswith("linux"):
        # The same from the kernel, at once: the thread has to wait while a library holds the interpreter.
        # (The signal comes when the slot's thread ends; by then it has closed its worker.)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _die_with_parent() -> None:
    """A parent killed by SIGKILL cannot end its workers, so they watch for its end themselves."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _portable(error: Exception) -> Exception:
    """The error, or one that says the same: some errors cannot be rebuilt in another process, and the
    attempt there would break the pool."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _call(number: int, task: bytes) -> Any:
    sender, context = _sender, _context
    assert sender is not None and context is not None
    try:
        work, piece = pickle.loads(task)
        return work(piece, context, lambda payload: sender.send((number, False, payload)))
    except Exception as error:
        raise _portable(error) from None
    finally:
        sender.send((number, True, None))
