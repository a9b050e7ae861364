"""What was measured, as it was measured; nothing is added up yet. Times are :func:`time.monotonic`'s."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicekit.profiling import functions
from voicekit.profiling.functions import Stats
from voicekit.profiling.steps import Entry
from voicekit.provenance import TimelineEntry, worker_name


@dataclass(frozen=True, slots=True)
class Work:
    """A piece that a worker did; or all that one thread of the parent did.

    Attributes
    ----------
    stage : str
        What it belongs to.
    began, ended, cpu : float
        Seconds.
    steps : tuple of Entry
        What was done when; that of the stage itself among them, and what lies between this piece and the one before.
    read, written : int or None
        Bytes.
    functions : Stats or None
        None where they could not be counted.
    """

    stage: str
    began: float
    ended: float
    cpu: float
    steps: tuple[Entry, ...]
    read: int | None = None
    written: int | None = None
    functions: Stats | None = None


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process.

    Attributes
    ----------
    name : str
        For people.
    pid : int
        The system's number.
    slot : int or None
        Number of the worker; LOADER is what loaded the model for all; None is the parent.
    device, threads : str, int
        Where it computes, and with how many CPU threads.
    born, first, ended : float
        When it was started, when it had started, and when it was over.
    first_cpu, cpu : float
        CPU seconds until it had started, and in all.
    works : tuple of Work
        In order of time.
    lost : tuple of (str, float), or None
        The stage that it was on when it was killed, and since when.
    read, written, peak_memory, gpu_memory : int or None
        Bytes; None where the system does not tell.
    unwritten : int
        Files that it could not write.
    """

    name: str
    pid: int
    slot: int | None
    device: str
    threads: int
    born: float
    first: float
    ended: float
    first_cpu: float
    cpu: float
    works: tuple[Work, ...]
    lost: tuple[str, float] | None = None
    read: int | None = None
    written: int | None = None
    peak_memory: int | None = None
    gpu_memory: int | None = None
    unwritten: int = 0


@dataclass(frozen=True, slots=True)
class Unit:
    """A window, a stretch, a sentence, or what was done once for a recording.

    Attributes
    ----------
    source : str
        The recording's name.
    entry : TimelineEntry
        What the run noted of it.
    zero : float
        What the entry's times count from.
    """

    source: str
    entry: TimelineEntry
    zero: float

    @property
    def began(self) -> float:
        """When, by :func:`time.monotonic`."""
        return self.zero + self.entry.began

    @property
    def ended(self) -> float:
        """The same of its end."""
        return self.zero + self.entry.ended


def workers(folder: Path, ended: float, units: Sequence[Unit]) -> tuple[ProcessRecord, ...]:
    """What the workers have written, in the order in which they began.

    Parameters
    ----------
    folder : path
        Where.
    ended : float
        When the run was over.
    units : sequence of Unit
        Tells when a worker was lost.
    """
    beginnings = sorted((_json(path) for path in folder.glob("*.json") if path.name.count(".") == 1),
                        key=lambda found: float(found["born"]))
    counts: dict[int, int] = defaultdict(int)
    records = []
    for place, beginning in enumerate(beginnings):
        slot = int(beginning["slot"])
        counts[slot] += 1
        after = [float(other["born"]) for other in beginnings[place + 1:] if other["slot"] == slot]
        records.append(_worker(folder, beginning, counts[slot], min([ended, *after]), units))
    return tuple(records)


def _worker(folder: Path, beginning: dict[str, Any], number: int, ended: float,
            units: Sequence[Unit]) -> ProcessRecord:
    slot, pid = int(beginning["slot"]), int(beginning["pid"])
    parts = [(path, _json(path)) for path in sorted(folder.glob(f"{slot}-{pid}.*.json"))]
    works = tuple(_work(path, part) for path, part in parts)
    on, unwritten = beginning["on"], int(beginning["unwritten"])
    over = unwritten or (folder / f"{slot}-{pid}.{on['number']:06d}.json").exists()
    lost = None if over else (str(on["stage"]), float(on["began"]))
    if lost is not None:
        # The parent noticed it at the end of what it had on its timeline.
        noticed = [unit.ended for unit in units if unit.entry.worker == slot and unit.entry.fate == "lost"
                   and unit.ended >= lost[1]]
        ended = max(lost[1], min([ended, *noticed]))

    def most(name: str) -> int | None:
        return max((part[name] for _, part in parts if part[name] is not None), default=None)

    def total(name: str) -> int | None:
        known = [part[name] for _, part in parts if part[name] is not None]
        return sum(known) if known else None

    first_cpu = float(beginning["first_cpu"])
    return ProcessRecord(
        worker_name(slot) + (f", process {number}" if number > 1 else ""), pid, slot, str(beginning["device"]),
        int(beginning["threads"]), float(beginning["born"]), float(beginning["first"]), ended, first_cpu,
        first_cpu + sum(work.cpu for work in works), works, lost, total("read"), total("written"),
        most("peak_memory"), most("gpu_memory"), unwritten)


def _work(path: Path, part: dict[str, Any]) -> Work:
    counted = functions.unpacked(path.with_suffix(".pstats").read_bytes()) if part["functions"] else None
    return Work(part["stage"], part["began"], part["ended"], part["cpu"], tuple(Entry(*one) for one in part["steps"]),
                part["read"], part["written"], counted)


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found
