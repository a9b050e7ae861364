"""Worker slots on this machine: any picklable function over any pieces, each slot its own process.

A crash names its piece and costs no neighbour, and each slot has its own device and thread cap. Workers
are spawned: neither CUDA nor CTranslate2 survives a fork. What does survive it is loaded once, in a
process that they are copies of. Whatever happens is put as an event on one queue, so the caller has one
loop and no locks.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from voicekit.execution.backlog import Backlog, Entry
from voicekit.execution.processes import Worker, WorkerDied, spawn
from voicekit.execution.work import Sharing, SlotContext, Work
from voicekit.execution.zygote import Zygote
from voicekit.profiling import step

Tag = TypeVar("Tag")


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

    Processes start when their slot gets its first piece, and are replaced when they die; what they are copies of
    starts at once.

    Parameters
    ----------
    contexts : sequence of SlotContext
        One per slot.
    events : queue.Queue
        Where every :data:`Event` is put, and nothing is ever taken from.
    zygote : Zygote, optional
        What workers are copies of, as far as it can be had.

    Examples
    --------
    ::

        events = queue.Queue()
        with Slots([SlotContext(0, "cpu", 1)], events) as slots:
            slots.submit("tag", function, piece)
            event = events.get()
    """

    def __init__(self, contexts: Sequence[SlotContext], events: queue.Queue[Any],
                 zygote: Zygote | None = None) -> None:
        self._backlog: Backlog = Backlog()
        self._zygote, self._context = zygote, contexts[0]
        self._slots = [_Slot(context, self._backlog, events, zygote) for context in contexts]

    def __enter__(self) -> Slots[Tag]:
        if self._zygote is not None:
            self._zygote.begin(self._context)
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
            if self._zygote is not None:
                self._zygote.kill()  # a slot may be waiting for it
        self._backlog.close()
        with step("end the workers"):
            for slot in self._slots:
                slot.join()
            if self._zygote is not None:
                self._zygote.close()


class _Slot(threading.Thread):
    """One slot: waits for pieces, owns one worker process at a time."""

    def __init__(self, context: SlotContext, backlog: Backlog, events: queue.Queue[Any],
                 zygote: Zygote | None) -> None:
        super().__init__(name=f"slot-{context.index}", daemon=True)
        self._context = context
        self._backlog = backlog
        self._events = events
        self._zygote = zygote
        self._forks = True
        self._worker: Worker | None = None
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
        """Kill the worker, whatever it does; or what it waits for to come into being."""
        worker = self._worker
        if worker is not None:
            worker.kill()
        elif self._zygote is not None:
            self._zygote.kill()
        self._forks = False  # it may have hung because it was a copy

    def _do(self, entries: Sequence[Entry]) -> None:
        if self._abandoned:
            return
        index, tags = self._context.index, [entry.tag for entry in entries]
        worker = None
        for tag in tags:
            self._events.put(Started(tag, index))
        try:
            if self._worker is not None and not self._worker.alive:
                self._worker.bury()  # it died idle: no piece is to blame
                self._worker = None
            worker = self._worker = self._worker or self._new_worker()
            if self._abandoned:  # between the check and the start
                worker.kill()
            results = self._called(worker, entries)
        except WorkerDied:
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

    def _new_worker(self) -> Worker:
        if self._zygote is not None and self._forks:
            # The first has to wait until all is loaded; nobody else could begin meanwhile.
            with self._backlog.held():
                worker = self._zygote.fork(self._context)
            if worker is not None:
                return worker
            if self._abandoned or not self._forks:  # it was killed while it waited
                raise WorkerDied
        return spawn(self._context)

    def _called(self, worker: Worker, entries: Sequence[Entry]) -> Sequence[Any]:
        """A result for each."""
        def told(place: int, payload: Any) -> None:
            self._events.put(Progress(entries[place].tag, self._context.index, payload))

        first = entries[0]
        if len(entries) == 1 or first.sharing is None:
            return [worker.call(first.work, first.piece, lambda payload: told(0, payload))]
        pieces = tuple(entry.piece for entry in entries)
        results: Sequence[Any] = worker.call(first.sharing.work, pieces, lambda report: told(*report))
        return results
