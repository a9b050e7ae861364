"""Who did what when, noted from the events of a run as they pass."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicekit.provenance import Fate, TimelineEntry
from voicekit.running.acts import Act, Errand
from voicekit.running.jobs import Piece
from voicekit.types import InputFile, Unit
from voicekit.worker.reports import BatchDone


@dataclass(frozen=True, slots=True)
class _Open:
    """What a slot is on."""

    file: InputFile
    stage: str
    began: float
    units: tuple[Unit, ...] = ()
    whole: float = 0.0


class Timeline:
    """The pieces of work of every file of a run.

    Parameters
    ----------
    clock : callable
        Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.zero = clock()
        """What all times count from."""
        self._open: dict[tuple[int, Errand | Piece], _Open] = {}
        self._entries: dict[InputFile, list[TimelineEntry]] = defaultdict(list)

    def prepared(self, file: InputFile, duration: float, began: float, ended: float) -> None:
        """A file was decoded and its speech found, between two moments of the clock."""
        self._entries[file].append(TimelineEntry("prepare", 0.0, duration, self._since(began), self._since(ended)))

    def found(self, act: Act, units: Sequence[Unit]) -> None:
        """The results of these were in the store, so no worker gets them."""
        now = self._since(self._clock())
        self._entries[act.file] += [
            TimelineEntry(act.stage, unit.start, unit.end, now, now, index=unit.index, batch=unit.index, fate="found")
            for unit in units]

    def errand(self, slot: int, errand: Errand) -> None:
        """A worker took an errand."""
        self._open[slot, errand] = _Open(errand.file, errand.what, self._clock(),
                                         whole=errand.recording.source.duration)

    def batch(self, slot: int, piece: Piece, act: Act, units: Sequence[Unit]) -> None:
        """A worker began a batch of a piece, perhaps together with one of another."""
        self._open[slot, piece] = _Open(act.file, act.stage, self._clock(), tuple(units))

    def done(self, slot: int, what: Errand | Piece, done: BatchDone | None = None) -> None:
        """A worker finished its batch or errand."""
        self._close(slot, what, "done", done.found if done is not None else ())

    def lost(self, slot: int) -> None:
        """A worker died of what it was on, or raised an error; it may have been on nothing."""
        for number, what in list(self._open):
            if number == slot:
                self._close(slot, what, "lost")

    def in_hand(self, stage: str) -> list[tuple[int, float]]:
        """What each worker is on: how many units its batch has, and about how many of them are still to be done.

        That goes by the pace of the batches before; where there are none, all are.
        """
        now, pace = self._clock(), self._pace(stage)
        workers: dict[int, list[_Open]] = defaultdict(list)
        for (slot, _), open_ in self._open.items():
            if open_.stage == stage and open_.units:
                workers[slot].append(open_)
        found = []
        for open_ones in workers.values():
            units = sum(len(open_.units) for open_ in open_ones)
            passed = now - min(open_.began for open_ in open_ones)
            found.append((units, units - min(passed / pace, units) if pace else float(units)))
        return found

    def _pace(self, stage: str) -> float:
        """Seconds that a worker took for a unit, 0 where none has done any."""
        done = sorted((entry.worker or 0, entry.began, entry.ended)
                      for entries in self._entries.values() for entry in entries
                      if entry.stage == stage and entry.fate == "done")
        busy = 0.0
        for _, spans in itertools.groupby(done, key=lambda span: span[0]):
            until = 0.0
            for _, began, ended in spans:  # those of a batch overlap
                busy += max(0.0, ended - max(began, until))
                until = max(until, ended)
        return busy / len(done) if done else 0.0

    def of(self, file: InputFile) -> tuple[TimelineEntry, ...]:
        """All that was noted of a file, in order of time; it is forgotten here."""
        return tuple(sorted(self._entries.pop(file, ()), key=lambda entry: (entry.began, entry.start)))

    def unfinished(self) -> list[InputFile]:
        """The files of which something was noted that nobody has asked for yet."""
        return list(self._entries)

    def _close(self, slot: int, what: Errand | Piece, fate: Fate, found: Sequence[int] = ()) -> None:
        open_ = self._open.pop((slot, what), None)
        if open_ is None:
            return
        began, ended = self._since(open_.began), self._since(self._clock())
        entries = self._entries[open_.file]
        if not open_.units:
            entries.append(TimelineEntry(open_.stage, 0.0, open_.whole, began, ended, slot, fate=fate))
        for unit in open_.units:
            entries.append(TimelineEntry(open_.stage, unit.start, unit.end, began, ended, slot, unit.index,
                                         open_.units[0].index, "found" if unit.index in found else fate))

    def _since(self, moment: float) -> float:
        return round(max(0.0, moment - self.zero), 3)
