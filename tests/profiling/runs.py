"""Runs with --profile, and what must hold for each of them."""

from __future__ import annotations

import json
import os
import pstats
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.commands import command, environment
from voicekit.profiling.summary import Summary, load

FAULTS = Path(__file__).parents[1] / "faults"


@dataclass(frozen=True)
class Job:
    """The main job on the recordings of a folder, with one cache."""

    talks: Path
    model: Path
    folder: Path

    def command(self, *arguments: str) -> list[str]:
        inputs = [str(self.talks / one) if one.endswith(".wav") and (self.talks / one).exists() else one for one in arguments]
        # First, so that what a test gives comes last, and counts.
        return command("--model", self.model, "--language", "en", "--workers", "2", "--chunks", "0.3",
                       "--batch-size", "2", "--temp-dir", self.folder, *inputs)

    def environment(self, fault: dict[str, Any] | None = None, **more: str) -> dict[str, str]:
        found = environment(self.folder, VOICEKIT_CACHE=str(self.folder / "kept"), OMP_NUM_THREADS="1", **more)
        return found if fault is None else {**found, "VOICEKIT_FAULT": json.dumps(fault), "PYTHONPATH": str(FAULTS)}

    def run(self, *arguments: str, code: int = 0, fault: dict[str, Any] | None = None, **more: str) -> str:
        """Run to the end; what was said."""
        done = subprocess.run(self.command(*arguments), cwd=self.folder, env=self.environment(fault, **more), text=True,
                              capture_output=True, timeout=120)
        assert done.returncode == code and "Traceback" not in done.stderr, done.stderr
        return done.stderr


def events(folder: Path) -> list[dict[str, Any]]:
    """The trace, once it is known to be one."""
    found: list[dict[str, Any]] = json.loads((folder / "trace.json").read_text(encoding="utf-8"))["traceEvents"]
    threads: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    processes: dict[int, set[int]] = defaultdict(set)
    for event in found:
        assert {"ph", "ts", "pid", "tid", "name"} <= set(event) and event["ph"] in ("X", "M")
        assert all(isinstance(event[name], int) for name in ("ts", "pid", "tid")) and event["ts"] >= 0
        processes[event["tid"]].add(event["pid"])
        if event["ph"] == "X":
            assert isinstance(event["dur"], int) and event["dur"] >= 0
            threads[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert all(len(one) == 1 for one in processes.values()), "a thread belongs to one process"
    for slices in threads.values():
        open_: list[int] = []
        for began, ended in sorted(slices, key=lambda one: (one[0], -one[1])):
            while open_ and open_[-1] <= began:
                open_.pop()
            assert not open_ or ended <= open_[-1], "slices of a thread lie within each other or apart"
            open_.append(ended)
    named = {(event["pid"], event["tid"]) for event in found if event["name"] == "thread_name"}
    assert set(threads) <= named
    return found


def units(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The windows, stretches and sentences of a trace."""
    return [event for event in found if event.get("cat") == "unit"]


def check(folder: Path) -> Summary:
    """What every profile must be; returns its figures."""
    found = load(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["profile.json", "profile.pstats", "stages", "trace.json"]
    assert abs(sum(one.wall for one in found.components) - found.wall) < 0.01
    assert abs(sum(one.share for one in found.components) - 1) < 0.01
    for process in found.processes:
        parts = (process.start_up, process.loading, process.busy, process.waiting, process.lost, process.profiling)
        assert sum(parts) >= 0.99 * process.life and sum(parts) <= 1.01 * process.life
        assert min(parts) >= 0 and process.waiting_end <= process.waiting + 1e-3
        assert process.life <= found.wall + 0.01
    whole = pstats.Stats(str(folder / "profile.pstats"))
    for stage in found.stages:
        assert len(pstats.Stats(str(folder / "stages" / f"{stage.name.replace(' ', '-')}.pstats")).stats) == stage.functions > 0
        assert stage.by_own and stage.by_cumulative and stage.by_cumulative[0].cumulative <= found.wall * len(found.processes)
        assert set(pstats.Stats(str(folder / "stages" / f"{stage.name.replace(' ', '-')}.pstats")).stats) <= set(whole.stats)
    if os.path.exists("/proc/self/io"):
        assert all(process.read and process.peak_memory for process in found.processes if process.fate == "ended")
    return found
