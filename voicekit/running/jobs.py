"""One recording on its way through the workers: which pieces are out, what came back, what was lost.

A worker that dies takes its piece with it. The batch it was on is the suspect: it is tried once more,
window by window and alone; the rest of the chunk goes on elsewhere. A window that a second worker dies
of is given up, and the ledger says so. So one poisonous window costs two workers and no other window.
"""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from voicekit.types import Chunk, Receipt, Recording, U
from voicekit.worker.reports import BatchBegun, BatchDone, Told

STRIKES = 2
"""Workers that may die of a window."""

Result = TypeVar("Result")


@dataclass(eq=False)
class Piece:
    """A chunk on its way, and how far it has come."""

    job: Job[Any, Any]
    chunk: Chunk[Any]
    strikes: int = 0
    current: int | None = None

    @property
    def source(self) -> str:
        """For people: which recording this is."""
        return self.job.recording.source.name

    @property
    def what(self) -> str:
        """For people: which part of the recording this is."""
        units = self.chunk.units
        return f"{_clock(units[0].start)}-{_clock(units[-1].end)}"


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


class Job(Generic[U, Result]):
    """The state of one recording in one stage: of its windows, or of its sentences.

    Parameters
    ----------
    recording : Recording
        What is worked on.
    units : sequence of Window or of Sentence
        Its plan.
    chunks : sequence of Chunk
        Those without a result, as they are handed out.
    found : mapping of int to result, optional
        By index of the window or sentence, what an earlier run has made.
    whole : bool
        Whether this is the whole plan. If not, there will be more of it.
    """

    def __init__(self, recording: Recording, units: Sequence[U], chunks: Sequence[Chunk[U]],
                 found: Mapping[int, Result] | None = None, *, whole: bool = True) -> None:
        self.units: tuple[U, ...] = ()
        self.results: dict[int, Result] = {}
        self.found = 0
        self._chunks: list[Chunk[U]] = []
        self._new: list[U] = []
        self.more(recording, units, chunks, found or {}, whole=whole)
        self.given_up: dict[int, str] = {}
        self.devices: set[str] = set()
        self.warnings: list[str] = []
        self.downgrades: list[str] = []
        self._losses_at_start = 0
        self._busy = self._measured = 0.0

    def more(self, recording: Recording, units: Sequence[U], chunks: Sequence[Chunk[U]],
             found: Mapping[int, Result], *, whole: bool) -> None:
        """The plan goes on; parameters are those of the class.

        Parameters
        ----------
        recording
            As far as it is known now.
        units
            Those that follow.
        chunks
            What is to be handed out now.
        found
            Which of the new units have a result.
        whole
            Whether the plan ends here.
        """
        self.recording, self.whole = recording, whole
        self.units += tuple(units)
        self.results.update(found)
        self.found += len(found)
        self._chunks += chunks
        self._new += [unit for unit in units if unit.index in found]

    def pieces(self) -> tuple[Piece, ...]:
        """What to hand out, each piece once."""
        chunks, self._chunks = self._chunks, []
        return tuple(Piece(self, chunk) for chunk in chunks)

    def new_found(self) -> tuple[U, ...]:
        """The units that an earlier run has made, each once."""
        units, self._new = self._new, []
        return tuple(units)

    @property
    def done(self) -> bool:
        """Whether every window or sentence has a result or was given up, and none will follow."""
        return self.whole and len(self.results) + len(self.given_up) == len(self.units)

    def progress(self, piece: Piece, payload: BatchBegun | BatchDone) -> float:
        """Note what a worker reports; seconds of audio that are newly finished."""
        if isinstance(payload, BatchBegun):
            piece.current = payload.batch
            self._losses_at_start = 0
            return 0.0
        fresh = [index for index in payload.results if index not in self.results]
        self.results.update(payload.results)
        self.found += len(payload.found)
        return payload.seconds if fresh else 0.0

    def tell(self, told: Told) -> bool:
        """Note a warning or a downgrade, once; whether it was new."""
        notes = self.downgrades if told.downgrade else self.warnings
        fresh = told.message not in notes
        if fresh:
            notes.append(told.message)
        return fresh

    def finished(self, receipt: Receipt) -> None:
        """Note that a whole piece is done."""
        self.devices.update(receipt.devices)
        if receipt.busy is not None:
            self._busy += receipt.busy * receipt.seconds
            self._measured += receipt.seconds

    @property
    def where(self) -> str:
        """For people: the devices that did the work, and how busy they were where that was measured."""
        busy = f", {self._busy / self._measured:.0f} % busy" if self._measured else ""
        return ", ".join(sorted(self.devices)) + busy

    def lost_at_start(self, piece: Piece) -> bool:
        """Whether worker after worker was lost before it began a batch: no window is to blame."""
        if piece.current is None:
            self._losses_at_start += 1
        return self._losses_at_start >= STRIKES

    def lost(self, piece: Piece, why: str) -> tuple[list[Piece], float]:
        """A worker was lost with this piece.

        Returns
        -------
        pieces : list of Piece
            What to hand out instead.
        seconds : float
            Of windows that were given up.
        """
        left = [batch for batch in piece.chunk.batches if any(w.index not in self.results for w in batch)]
        if not left:
            return [], 0.0
        if piece.current is None:  # no window had begun, so none is to blame
            return [Piece(self, self._part(piece, left), piece.strikes)], 0.0
        suspect = left[0]  # batches are worked off in order, so the first without a result is the one
        if len(suspect) == 1 and piece.strikes + 1 >= STRIKES:
            self.given_up[suspect[0].index] = why
            return self._again(piece, left[1:]), suspect[0].duration
        self.warnings.append(f"A worker was lost at {piece.what} ({why}); what it was on is tried again.")
        alone = [Piece(self, self._part(piece, [(window,)]), piece.strikes + 1) for window in suspect]
        return alone + self._again(piece, left[1:]), 0.0

    def _again(self, piece: Piece, batches: Sequence[tuple[U, ...]]) -> list[Piece]:
        return [Piece(self, self._part(piece, batches))] if batches else []

    @staticmethod
    def _part(piece: Piece, batches: Sequence[tuple[U, ...]]) -> Chunk[U]:
        return dataclasses.replace(piece.chunk, batches=tuple(batches))


def why_died(exitcode: int | None) -> str:
    """What an exit code says about a worker's end.

    Examples
    --------
    >>> why_died(-9)
    'the worker was killed by SIGKILL, perhaps for want of memory'
    """
    if exitcode is None or exitcode >= 0:
        return f"the worker process ended with exit code {exitcode}"
    name = signal.Signals(-exitcode).name
    return f"the worker was killed by {name}" + (", perhaps for want of memory" if name == "SIGKILL" else "")
