"""What each thread of a profiled run did when, as rows of blocks, from its ``trace.json``."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from voicekit.errors import InputError
from voicekit.formats.report.colours import STAGES
from voicekit.plotting.canvas import BAD, FAINT, IDLE, shown
from voicekit.plotting.panels import clock_axis, label_rows, legend, moment
from voicekit.profiling.accounting import LOST, PROFILING, START_UP
from voicekit.profiling.folder import TRACE
from voicekit.profiling.steps import LOAD, WAIT
from voicekit.profiling.summary import ProcessLine
from voicekit.profiling.trace import LANES, UNITS

ROWS = 32
"""Threads that get a row each; the others are told in number."""

_MARKS = {START_UP: ("start-up", "#c9a227"), LOAD: ("loading a model", "#d9662b"), WAIT: ("waiting", IDLE),
          LOST: ("lost", BAD)}
"""What is shown of a stage beside its name."""


class Block(NamedTuple):
    """What was done from one moment to another, in seconds since the run began: a stage, or a mark of it."""

    began: float
    seconds: float
    kind: str


class Row(NamedTuple):
    """A thread of steps: what to call it, from when to when there was one, and its blocks, the outer ones first."""

    label: str
    began: float
    ended: float
    blocks: tuple[Block, ...]


def rows(folder: Path, processes: Sequence[ProcessLine]) -> list[Row]:
    """The threads of a profile, those of the parent first.

    Raises
    ------
    InputError
        If the trace is not there, or damaged.
    """
    path = folder / TRACE
    try:
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
        threads: dict[int, list[Block]] = defaultdict(list)
        for event in events:
            if event["ph"] == "X" and event["tid"] % LANES < UNITS:
                threads[event["tid"]].append(_block(event))
        return [_row(thread, blocks, processes) for thread, blocks in sorted(threads.items())]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path} cannot be read: {error}.",
                         "Make the profile again with: run_parallel.py INPUT --profile DIR") from error


def _block(event: dict[str, Any]) -> Block:
    kind = event["name"] if event["name"] in _MARKS else event["cat"]
    return Block(event["ts"] / 1e6, event["dur"] / 1e6, kind)


def _row(thread: int, blocks: Sequence[Block], processes: Sequence[ProcessLine]) -> Row:
    process = processes[thread // LANES - 1]
    ordered = tuple(sorted(blocks, key=lambda block: (block.began, -block.seconds)))
    if thread % LANES:
        last = max(block.began + block.seconds for block in ordered)
        return Row(f"{process.name}, {ordered[0].kind}", ordered[0].began, last, ordered)
    memory = "" if process.peak_memory is None else f", {process.peak_memory / 1e9:.2f} GB"
    return Row(f"{process.name}{memory}", process.began, process.began + process.life, ordered)


def draw(axes: Any, found: Sequence[Row]) -> None:
    """One row below the other."""
    more = len(found) - ROWS
    axes.set_title("What each process did when" + (f" (and {more} more)" if more > 0 else ""))
    used: dict[str, str] = {}
    end = max(row.ended for row in found) or 1.0
    for number, row in enumerate(found[:ROWS]):
        axes.broken_barh([(row.began, row.ended - row.began)], (number - 0.36, 0.72), facecolors=IDLE)
        for kind, spans in _by_kind(row.blocks):
            word, colour = _MARKS.get(kind) or (kind if kind in STAGES else "the rest", STAGES.get(kind, FAINT))
            used[word] = colour
            axes.broken_barh(spans, (number - 0.36, 0.72), facecolors=colour)
    used["waiting"] = IDLE
    label_rows(axes, [shown(row.label) for row in found[:ROWS]])
    clock_axis(axes, end)
    axes.xaxis.set_major_formatter(lambda at, _: moment(at) if end >= 120 else f"{at:g} s")
    legend(axes, [(colour, word) for word, colour in used.items()])


def _by_kind(blocks: Sequence[Block]) -> Iterator[tuple[str, list[tuple[float, float]]]]:
    """What is drawn in one go: first the stages, then on top of them what is marked in them."""
    order = [block for block in blocks if block.kind not in _MARKS] + [one for one in blocks if one.kind in _MARKS]
    kinds: dict[str, list[tuple[float, float]]] = {}
    for block in order:
        if block.kind != PROFILING:
            kinds.setdefault(block.kind, []).append((block.began, block.seconds))
    yield from kinds.items()
