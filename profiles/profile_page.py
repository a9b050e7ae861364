"""A profile as a page of ``profiles/results``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from voicekit.cli.profile_tables import size
from voicekit.cli.progress import count
from voicekit.profiling.advice import advice, slowest
from voicekit.profiling.functions import FunctionLine
from voicekit.profiling.summary import ComponentLine, StageLine, Summary

LEAST = 0.005
"""Of the wall time; components with less are put into one line."""

FUNCTIONS = 5
"""Of each stage, by own and by cumulative time."""


def page(name: str, about: str, line: str, summary: Summary) -> str:
    """All of it.

    Parameters
    ----------
    name, about : str
        Of the scenario.
    line : str
        The command that was measured.
    summary : Summary
        What came of it.
    """
    return "\n".join((*_head(name, about, line, summary), *_components(summary.components), *_advice(summary),
                      *_processes(summary), *_stages(summary.stages), *_notes(summary.notes))) + "\n"


def _head(name: str, about: str, line: str, summary: Summary) -> Iterator[str]:
    machine, worst = summary.machine, slowest(summary)
    memory = sum(one.peak_memory or 0 for one in summary.processes)
    packages = ", ".join(f"{package} {version}" for package, version in sorted(machine.packages.items()))
    yield from (f"# {name}", "", about, "", f"![The processes of the scenario {name} over time]({name}.png)", "",
                "```", line, "```", "",
                f"{summary.audio / 60:.1f} minutes of audio in {summary.wall:.1f} s: "
                f"**{summary.audio / summary.wall:.1f}x real time**; at most {size(memory)} of memory in "
                f"{count(len(summary.processes), 'process')}.", "")
    if worst is not None:
        yield from (f"Slowest is **{worst.name}**: {worst.wall:.1f} s, {worst.share:.0%} of the wall time.", "")
    system = machine.system.partition("-")[0]
    yield from (f"Measured {summary.began[:10]} on {machine.cpu}, {machine.cores} cores, {size(machine.memory)}, "
                f"{', '.join(machine.gpus) or 'no GPU'}, {system}, Python {machine.python}, voicekit "
                f"{summary.version}; {packages}. The machine is shared with others: trust the shares more than the "
                "seconds.", "")


def _components(components: Sequence[ComponentLine]) -> Iterator[str]:
    large = [one for one in components if one.share >= LEAST]
    small = [one for one in components if one.share < LEAST]
    yield from ("## Where the wall time went", "", "| | wall | share | in all processes | CPU | times |",
                "|---|--:|--:|--:|--:|--:|")
    for one in large:
        yield (f"| {one.name} | {one.wall:.2f} s | {one.share:.1%} | {one.seconds:.2f} s | {one.cpu:.2f} s "
               f"| {one.calls} |")
    if small:
        yield (f"| {len(small)} others | {sum(one.wall for one in small):.2f} s "
               f"| {sum(one.share for one in small):.1%} | {sum(one.seconds for one in small):.2f} s "
               f"| {sum(one.cpu for one in small):.2f} s | {sum(one.calls for one in small)} |")
    yield ""


def _advice(summary: Summary) -> Iterator[str]:
    told = advice(summary)
    if told:
        yield from ("What would help:", "", *(f"- {one.about}: {one.text}" for one in told), "")


def _processes(summary: Summary) -> Iterator[str]:
    yield from ("## Processes", "",
                "| | start-up | loading | busy | waiting | CPU | read | written | memory |",
                "|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for one in summary.processes:
        spent = (one.start_up, one.loading, one.busy, one.waiting, one.cpu)
        seconds = " | ".join(f"{value:.2f} s" for value in spent)
        yield f"| {one.name} | {seconds} | {size(one.read)} | {size(one.written)} | {size(one.peak_memory)} |"
    yield ""


def _stages(stages: Iterable[StageLine]) -> Iterator[str]:
    yield from ("## Functions", "")
    for stage in stages:
        yield (f"**{stage.name}**: {stage.wall:.2f} s of wall time, {stage.seconds:.2f} s in all, "
               f"{stage.cpu:.2f} s CPU, {size(stage.read)} read, {size(stage.written)} written")
        yield from ("", "| by own time | s | by cumulative time | s |", "|---|--:|---|--:|")
        for own, cumulative in zip(stage.by_own[:FUNCTIONS], stage.by_cumulative[:FUNCTIONS], strict=False):
            yield f"| {_function(own)} | {own.own:.2f} | {_function(cumulative)} | {cumulative.cumulative:.2f} |"
        yield ""


def _function(line: FunctionLine) -> str:
    name = line.name.removeprefix("<").removesuffix(">").replace("|", "\\|")
    return f"`{name}`" + ("" if line.place == "built in" else f" {line.place}")


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield from (*(f"Note: {note}" for note in notes), "")
