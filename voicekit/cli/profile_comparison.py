"""Two profiles side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from voicekit.cli.profile_tables import LEAST, size, table
from voicekit.profiling.summary import ComponentLine, Summary


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of both; None where one of them has none."""

    name: str
    before: float | None
    after: float | None

    @property
    def ratio(self) -> float | None:
        """After, divided by before."""
        return self.after / self.before if self.before and self.after is not None else None


def warnings(before: Summary, after: Summary) -> tuple[str, ...]:
    """Why the two may not be comparable."""
    found = []
    machines = [(one.machine.cpu, one.machine.cores, one.machine.gpus) for one in (before, after)]
    if machines[0] != machines[1]:
        shown = [", ".join([cpu, f"{cores} cores", *gpus]) for cpu, cores, gpus in machines]
        found.append(f"The machines differ: {shown[0]} and {shown[1]}.")
    lengths = [sorted(round(one.seconds, 1) for one in summary.recordings) for summary in (before, after)]
    if lengths[0] != lengths[1]:
        found.append(f"The recordings differ: {before.audio:.1f} s and {after.audio:.1f} s in all.")
    for name, summary in (("first", before), ("second", after)):
        if summary.state != "finished":
            found.append(f"The run of the {name} did not come to its end: {summary.state}.")
    return tuple(found)


def changes(before: Summary, after: Summary) -> tuple[tuple[str, str, str], ...]:
    """Options and versions that differ: name, before, after."""
    pairs: list[tuple[Mapping[str, object], Mapping[str, object]]] = [
        (before.options, after.options), (before.machine.packages, after.machine.packages),
        ({"voicekit": before.version, "Python": before.machine.python, "system": before.machine.system},
         {"voicekit": after.version, "Python": after.machine.python, "system": after.machine.system})]
    return tuple((name, _text(first.get(name)), _text(second.get(name))) for first, second in pairs
                 for name in sorted({*first, *second}) if first.get(name) != second.get(name))


def _text(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def totals(before: Summary, after: Summary) -> tuple[Difference, ...]:
    """Figures of the whole run: seconds, and bytes of memory."""
    def memory(summary: Summary) -> float | None:
        known = [one.peak_memory for one in summary.processes if one.peak_memory is not None]
        return max(known, default=None)

    def sums(summary: Summary) -> dict[str, float]:
        workers = summary.workers
        return {"wall": summary.wall,
                "CPU": sum(one.cpu for one in summary.processes),
                "workers: start-up": sum(one.start_up for one in workers),
                "workers: loading": sum(one.loading for one in workers),
                "workers: busy": sum(one.busy for one in workers),
                "workers: waiting": sum(one.waiting for one in workers)}

    first, second = sums(before), sums(after)
    return (*(Difference(name, first[name], second[name]) for name in first),
            Difference("memory of the largest process", memory(before), memory(after)))


def components(before: Summary, after: Summary) -> tuple[Difference, ...]:
    """Seconds of each component over all processes, the largest change first."""
    def by_name(summary: Summary) -> dict[str, ComponentLine]:
        return {one.name: one for one in summary.components if one.step != "wait"}

    first, second = by_name(before), by_name(after)
    kept = [name for name in {**first, **second}
            if max(line.seconds / (summary.wall or 1.0) for found, summary in ((first, before), (second, after))
                   if (line := found.get(name)) is not None) >= LEAST]
    found = [Difference(name, first[name].seconds if name in first else None,
                        second[name].seconds if name in second else None) for name in kept]
    return tuple(sorted(found, key=lambda one: (-abs((one.after or 0.0) - (one.before or 0.0)), one.name)))


def as_json(before: Summary, after: Summary) -> Iterator[str]:
    """The same for programs."""
    def plain(one: Difference) -> dict[str, object]:
        return {"name": one.name, "before": one.before, "after": one.after, "ratio": one.ratio}

    yield json.dumps({
        "warnings": warnings(before, after),
        "changes": [dict(zip(("name", "before", "after"), one, strict=True)) for one in changes(before, after)],
        "totals": [plain(one) for one in totals(before, after)],
        "components": [plain(one) for one in components(before, after)]}, ensure_ascii=False, indent=1)


def shown(before: Summary, after: Summary) -> Iterator[str]:
    """What differs, and what that did, for people."""
    for warning in warnings(before, after):
        yield f"Warning: {warning}"
    differing = changes(before, after)
    if differing:
        yield from table(["what differs", "A", "B"], differing, left=3)
        yield ""
    rows = [_row(one, bytes_="memory" in one.name) for one in totals(before, after)]
    yield from table(["whole run", "A", "B", "B / A"], rows)
    yield ""
    rows = [_row(one) for one in components(before, after)]
    yield from table(["seconds over all processes", "A", "B", "B / A"], rows)


def _row(one: Difference, *, bytes_: bool = False) -> list[str]:
    def text(value: float | None) -> str:
        if value is None:
            return "-"
        return size(int(value)) if bytes_ else f"{value:.2f} s"

    return [one.name, text(one.before), text(one.after), "-" if one.ratio is None else f"{one.ratio:.2f}"]
