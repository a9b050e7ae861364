"""Putting a profile together and on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicekit.placing import placed, write_text
from voicekit.profiling import accounting, folder, functions
from voicekit.profiling.records import ProcessRecord, Unit, Work, workers
from voicekit.profiling.steps import DECODE, WAIT
from voicekit.profiling.summary import (
    FILE, RUNNING, SCHEMA, ComponentLine, MachineLine, ProcessLine, RecordingLine, StageLine, State, Summary, dumped)
from voicekit.profiling.switch import PREPARE
from voicekit.profiling.trace import trace
from voicekit.version import __version__

KEPT = 50
"""Functions of each stage that ``profile.json`` names, by own and by cumulative time; the pstats files have all."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the parent knows at the end of a run."""

    state: State
    began: str
    options: Mapping[str, object]
    machine: MachineLine
    parent: ProcessRecord
    units: tuple[Unit, ...]
    notes: tuple[str, ...]


def begin(into: Path, began: str, options: Mapping[str, object]) -> None:
    """Say that a profile is being made here; so the folder is known to be one, and that it can be written."""
    empty = MachineLine("", 0, None, (), "", "", {})
    write_text(into / FILE, dumped(Summary(SCHEMA, __version__, RUNNING, began, 0.0, 0.0, options, empty)))
    (into / folder.PARTS).mkdir(exist_ok=True)


def finish(into: Path, measured: Measured) -> None:
    """Put all parts together.

    Raises
    ------
    OSError, OutputError
        If a file cannot be written.
    """
    parent = measured.parent
    processes = (parent, *workers(into / folder.PARTS, parent.ended, measured.units))
    write_text(into / folder.TRACE, trace(processes, measured.units, parent.born))
    stages = _by_stage(processes)
    counted = {stage: functions.merged(work.functions for work in works if work.functions is not None)
               for stage, works in stages.items()}
    (into / folder.STAGES).mkdir(exist_ok=True)
    for stage, stats in counted.items():
        _write(into / folder.STAGES / f"{stage.replace(' ', '-').replace('/', '-')}.pstats", functions.packed(stats))
    _write(into / folder.PSTATS, functions.packed(functions.merged(counted.values())))
    lines = tuple(_stage(stage, works, counted[stage], processes) for stage, works in stages.items())
    write_text(into / FILE, dumped(_summary(measured, processes, lines)))
    _remove_parts(into)


def _write(path: Path, data: bytes) -> None:
    with placed(path) as file:
        file.write(data)


def _remove_parts(into: Path) -> None:
    parts = into / folder.PARTS
    for path in parts.iterdir():
        path.unlink()
    parts.rmdir()


def _by_stage(processes: Sequence[ProcessRecord]) -> dict[str, list[Work]]:
    stages: dict[str, list[Work]] = defaultdict(list)
    for process in processes:
        for work in process.works:
            stages[work.stage].append(work)
    return dict(stages)


def _summary(measured: Measured, processes: Sequence[ProcessRecord], stages: tuple[StageLine, ...]) -> Summary:
    parent = measured.parent
    recordings = tuple(_recordings(parent.works))
    unwritten = sum(process.unwritten for process in processes)
    notes = [*measured.notes]
    if unwritten:
        notes.append(f"{unwritten} files of measurements could not be written: figures of workers are missing.")
    lost = [process.name for process in processes if process.lost is not None]
    if lost:
        notes.append(f"Of what {', '.join(lost)} was on at the end only the time is known.")
    if parent.read is None:
        notes.append("This system does not tell how many bytes are read and written.")
    if parent.peak_memory is None:
        notes.append("This system does not tell how much memory a process held at most.")
    return Summary(
        SCHEMA, __version__, measured.state, measured.began, _round(parent.ended - parent.born),
        _round(sum(one.seconds for one in recordings)), measured.options, measured.machine, recordings,
        tuple(_process(process, parent.born) for process in processes), _components(processes), stages, tuple(notes))


def _recordings(works: Iterable[Work]) -> Iterable[RecordingLine]:
    # What is decoded elsewhere was made by the run itself, to be measured.
    for step in (step for work in works if work.stage == PREPARE for step in work.steps):
        seconds = step.labels.get("seconds")
        if step.name == DECODE and isinstance(seconds, float):
            yield RecordingLine(str(step.labels.get("source")), _round(seconds))


def _process(process: ProcessRecord, zero: float) -> ProcessLine:
    kinds = {name: _round(seconds) for name, seconds in accounting.kinds(process).items()}
    return ProcessLine(
        process.name, process.pid, process.slot, process.device, process.threads,
        "ended" if process.lost is None else "lost", _round(process.born - zero), **kinds, cpu=_round(process.cpu),
        read=process.read, written=process.written, peak_memory=process.peak_memory, gpu_memory=process.gpu_memory)


def _components(processes: Sequence[ProcessRecord]) -> tuple[ComponentLine, ...]:
    parent = processes[0]
    wall = accounting.shares(processes, parent.born, parent.ended)
    spent = accounting.spent(processes)
    whole = parent.ended - parent.born or 1.0
    lines = []
    for key in {*wall, *spent}:
        seconds, cpu, calls = spent.get(key, accounting.Spent(0.0, 0.0, 0))
        share = wall.get(key, 0.0)
        lines.append(ComponentLine(*key, _round(share), round(share / whole, 4), _round(seconds), _round(cpu), calls))
    return tuple(sorted(lines, key=lambda one: (-one.wall, -one.seconds, one.name)))


def _stage(stage: str, works: Sequence[Work], stats: functions.Stats,
           processes: Sequence[ProcessRecord]) -> StageLine:
    busy = [one for process in processes for thread in accounting.lived(process) for one in thread
            if one.component[0] == stage and one.component[1] != WAIT]

    def total(field: str) -> int | None:
        known = [getattr(work, field) for work in works if getattr(work, field) is not None]
        return sum(known) if known else None

    return StageLine(
        stage, len(works), _round(accounting.covered((one.began, one.ended) for one in busy)),
        _round(sum(one.ended - one.began for one in busy)), _round(sum(work.cpu for work in works)), total("read"),
        total("written"), len(stats), functions.top(stats, KEPT, "own"), functions.top(stats, KEPT, "cumulative"))


def _round(seconds: float) -> float:
    return round(seconds, 4)
