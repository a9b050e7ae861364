"""A profile as tables for people."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

from voicekit.cli.progress import clock, count
from voicekit.errors import UsageError
from voicekit.profiling.advice import advice, slowest
from voicekit.profiling.functions import FunctionLine
from voicekit.profiling.summary import ComponentLine, ProcessLine, StageLine, Summary

LEAST = 0.005
"""Components with a smaller share of the wall time are put into one line."""

_WIDTH = 110


def table(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> Iterator[str]:
    """Lines of a table; the first `left` columns are flush left.

    Examples
    --------
    >>> list(table(["what", "s"], [["decode", "1.5"]]))
    ['what      s', 'decode  1.5']
    """
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        cells = [cell.ljust(width) if column < left else cell.rjust(width)
                 for column, (cell, width) in enumerate(zip(row, widths, strict=True))]
        yield "  ".join(cells).rstrip()


def size(number: int | None) -> str:
    """Bytes for people.

    Examples
    --------
    >>> size(1_234_000_000), size(45_600), size(None)
    ('1.23 GB', '0.0 MB', '-')
    """
    if number is None:
        return "-"
    return f"{number / 1e9:.2f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def as_json(summary: Summary) -> Iterator[str]:
    """All figures, and what would help."""
    told = [dataclasses.asdict(one) for one in advice(summary)]
    yield json.dumps({**dataclasses.asdict(summary), "advice": told}, ensure_ascii=False, indent=1)


def shown(summary: Summary, folder: Path, top: int, stage: str | None) -> Iterator[str]:
    """Everything a person may want to know.

    Raises
    ------
    UsageError
        If there is no such stage.
    """
    stages = [one for one in summary.stages if stage is None or one.name == stage]
    if not stages and stage is not None:
        raise UsageError(f"The profile has no stage {stage}.",
                         f"There are: {', '.join(one.name for one in summary.stages)}.")
    yield from _head(summary, folder)
    yield ""
    yield from _components(summary)
    told = advice(summary)
    if told:
        yield ""
        yield "What would help"
        for one in told:
            yield from _wrapped(f"  {one.about}: {one.text}")
    yield ""
    yield from table(["process", "device", "start-up", "loading", "busy", "waiting", "lost", "CPU", "read", "written",
                      "memory", "on GPU"], [_process(one) for one in summary.processes], left=2)
    for line in stages:
        yield from _stage(line, top)
    for note in summary.notes:
        yield from _wrapped(f"Note: {note}")


def _head(summary: Summary, folder: Path) -> Iterator[str]:
    machine = summary.machine
    speed = f" ({summary.audio / summary.wall:.1f}x real time)" if summary.audio and summary.wall else ""
    ended = "" if summary.state == "finished" else f", {summary.state}"
    yield f"Profile   {folder}: {summary.began}, voicekit {summary.version}{ended}"
    yield (f"Run       {clock(summary.audio)} of audio in {summary.wall:.1f} s{speed}, "
           f"{count(len(summary.recordings), 'recording')}, {count(len(summary.workers), 'worker')}")
    yield (f"Machine   {machine.cpu}, {count(machine.cores, 'core')}, {size(machine.memory)}"
           + "".join(f", {gpu}" for gpu in machine.gpus) + f", Python {machine.python}")
    worst = slowest(summary)
    if worst is not None:
        yield f"Slowest   {worst.name}: {worst.wall:.1f} s of {summary.wall:.1f} s, {worst.share:.0%}"


def _components(summary: Summary) -> Iterator[str]:
    large = [one for one in summary.components if one.share >= LEAST]
    small = [one for one in summary.components if one.share < LEAST and one.step != "wait"]
    rows = [_component(one) for one in large]
    if small:
        rest = ComponentLine("", "", sum(one.wall for one in small), sum(one.share for one in small),
                             sum(one.seconds for one in small), sum(one.cpu for one in small),
                             sum(one.calls for one in small))
        rows.append([f"{len(small)} others", *_component(rest)[1:]])
    yield from table(["where the wall time went", "wall", "share", "in all", "CPU", "times"], rows)


def _component(one: ComponentLine) -> list[str]:
    spent = [f"{one.seconds:.2f} s", f"{one.cpu:.2f} s", str(one.calls)] if one.step != "wait" else ["-", "-", "-"]
    return [one.name, f"{one.wall:.2f} s", f"{one.share:.1%}", *spent]


def _process(one: ProcessLine) -> list[str]:
    seconds = [f"{value:.2f} s" for value in (one.start_up, one.loading, one.busy, one.waiting, one.lost, one.cpu)]
    return [one.name, one.device, *seconds, *map(size, (one.read, one.written, one.peak_memory, one.gpu_memory))]


def _stage(stage: StageLine, top: int) -> Iterator[str]:
    yield ""
    yield (f"Stage {stage.name}: {count(stage.pieces, 'piece')}, {stage.wall:.2f} s of wall time, "
           f"{stage.seconds:.2f} s in all, {stage.cpu:.2f} s CPU, {size(stage.read)} read, "
           f"{size(stage.written)} written, {stage.functions} functions")
    if not top or not stage.functions:
        return
    yield from _functions("own", stage.by_own[:top])
    yield from _functions("cumulative", stage.by_cumulative[:top])


def _functions(by: str, lines: Sequence[FunctionLine]) -> Iterator[str]:
    rows = [[f"  {one.name}"[:50], one.place[-50:], f"{one.own:.3f} s", f"{one.cumulative:.3f} s", str(one.calls)]
            for one in lines]
    yield from table([f"  by {by} time", "", "own", "cumulative", "calls"], rows, left=2)


def _wrapped(text: str) -> Iterator[str]:
    indent = text[:len(text) - len(text.lstrip())]
    yield from textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
