"""The timeline of a run as a Chrome trace, which Perfetto (ui.perfetto.dev) and ``chrome://tracing`` open.

Every process is a track of its own. Its steps are one thread of it; windows, stretches and sentences are others, one
for each place in a batch, for what is decoded together is done at the same time.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from voicekit.profiling.accounting import LOST, START_UP, by_thread, component
from voicekit.profiling.records import ProcessRecord, Unit

LANES = 1000
"""Threads that a process may have here."""

UNITS = 100
"""The first of them that shows windows, stretches and sentences."""


def trace(processes: Sequence[ProcessRecord], units: Sequence[Unit], zero: float) -> str:
    """All that was done, as JSON text.

    Parameters
    ----------
    processes : sequence of ProcessRecord
        The parent first.
    units : sequence of Unit
        What their times count from does not matter here.
    zero : float
        The moment that the trace begins with, by :func:`time.monotonic`.
    """
    events: list[dict[str, Any]] = []
    for place, process in enumerate(processes):
        events += _named("process_name", process, place, 0, process.name)
        events += [{**_event("process_sort_index", process, place, 0), "args": {"sort_index": place}}]
        events += _steps(process, place, zero)
    events += _units(processes, units, zero)
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    return f'{{"displayTimeUnit": "ms", "traceEvents": [\n{lines}\n]}}\n'


def _event(name: str, process: ProcessRecord, place: int, lane: int) -> dict[str, Any]:
    return {"ph": "M", "name": name, "pid": process.pid, "tid": (place + 1) * LANES + lane, "ts": 0}


def _named(kind: str, process: ProcessRecord, place: int, lane: int, name: str) -> Iterator[dict[str, Any]]:
    yield {**_event(kind, process, place, lane), "args": {"name": name}}


def _slice(process: ProcessRecord, place: int, lane: int, name: str, category: str, times: tuple[float, float],
           arguments: dict[str, Any]) -> dict[str, Any]:
    # Whole microseconds, rounded at both ends alike: what lies within another stays within it.
    began, ended = (max(0, round(moment * 1e6)) for moment in times)
    return {"ph": "X", "name": name, "cat": category, "pid": process.pid, "tid": (place + 1) * LANES + lane,
            "ts": began, "dur": ended - began, "args": arguments}


def _steps(process: ProcessRecord, place: int, zero: float) -> Iterator[dict[str, Any]]:
    yield from _named("thread_name", process, place, 0, "steps")
    for lane, steps in enumerate(by_thread(process).values()):
        if lane:
            yield from _named("thread_name", process, place, lane, f"steps of {steps[0].name}")
        outer = float("-inf")
        for step in steps:
            outermost = step.began >= outer
            if outermost:
                outer, root = step.ended, step.name
            yield _slice(process, place, lane, step.name, component(root, step.name, outermost=outermost)[0],
                         (step.began - zero, step.ended - zero),
                         {**step.labels, "cpu": round(step.cpu, 6), "own": round(step.own, 6)})
    yield _slice(process, place, 0, START_UP, START_UP, (process.born - zero, process.first - zero), {})
    if process.lost is not None:
        yield _slice(process, place, 0, LOST, process.lost[0], (process.lost[1] - zero, process.ended - zero), {})


def _units(processes: Sequence[ProcessRecord], units: Sequence[Unit], zero: float) -> Iterator[dict[str, Any]]:
    lanes: dict[int, list[float]] = defaultdict(list)
    for unit in sorted(units, key=lambda one: (one.began, one.entry.index or 0)):
        place = _place(processes, unit)
        process, entry = processes[place], unit.entry
        free = lanes[place]
        # The first lane on which nothing is left to be done; what takes no time never takes one from others.
        lane = next((index for index, ended in enumerate(free) if ended <= unit.began), len(free))
        if lane == len(free):
            free.append(0.0)
            yield from _named("thread_name", process, place, UNITS + lane, f"work, place {lane + 1} in the batch")
        free[lane] = unit.ended
        name = entry.stage if entry.index is None else f"{entry.stage} {entry.index}"
        yield _slice(process, place, UNITS + lane, name, "unit", (unit.began - zero, unit.ended - zero), {
            "source": unit.source, "stage": entry.stage, "index": entry.index, "batch": entry.batch,
            "start": entry.start, "end": entry.end, "fate": entry.fate, "worker": entry.worker})


def _place(processes: Sequence[ProcessRecord], unit: Unit) -> int:
    """The process that did it: of those that its worker had, the last that was born before its end."""
    own = [place for place, process in enumerate(processes)
           if process.slot == unit.entry.worker and process.born <= unit.ended]
    return own[-1] if own else 0
