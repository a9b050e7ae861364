"""The JSON of a benchmark, ``voicekit.bench/1``.

::

    {"schema": "voicekit.bench/1", "version": ..., "began": ..., "machine": {...}, "options": {...},
     "recording": {"name", "seconds"}, "model": {"name", "random", "shape"}, "device": ...,
     "windows": [[start, end], ...],
     "contestants": [{"name", "settings", "seconds": [per round], "median", "x_real_time", "after_loading",
                      "peak_memory" (bytes or null), "tokens_per_window"}, ...],   voicekit's comes first
     "ratio": {peer: voicekit's speed over its}, "refused": {peer: why there is no ratio},
     "search": [{"batch_size", "threads", "seconds"}, ...],
     "floors": {"arithmetic" and "memory": {"amount", "rate", "measured_with", "assumptions", "seconds", "distance"}},
     "notes": [...]}

``--sweep`` writes ``sweep`` instead of what follows ``windows``: ``settings`` as contestants, ``auto`` as one,
``auto_over_best``, and ``chosen_over_best``: the same of the setting that auto chose, null if it is none of these.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from pathlib import Path

from voicekit.benchmark.comparison import Comparison
from voicekit.benchmark.contest import Score
from voicekit.benchmark.contestants import Job
from voicekit.benchmark.floors import Floor
from voicekit.benchmark.models import WARNING
from voicekit.benchmark.options import BenchmarkOptions
from voicekit.benchmark.shapes import Shape
from voicekit.benchmark.sweep import Sweep
from voicekit.placing import placed
from voicekit.profiling.surroundings import machine
from voicekit.version import __version__

SCHEMA = "voicekit.bench/1"

Document = dict[str, object]


def of_comparison(found: Comparison, options: BenchmarkOptions) -> Document:
    """All figures of a comparison."""
    seconds = found.job.recording.seconds
    ours = found.ours.median
    return {**_head(found.job, options), "windows": [list(one) for one in found.ours.turns[0].result.windows],
            "contestants": [_score(one, seconds) for one in found.scores],
            "ratio": {name: round(value, 4) for name, value in found.ratios.items()},
            "refused": found.refused,
            "search": [dataclasses.asdict(trial) for trial in found.trials],
            "floors": {name: _floor(one, ours) for name, one in found.floors.items()},
            "notes": [*([WARNING] if found.job.model.random else []), *found.notes]}


def of_sweep(found: Sweep, options: BenchmarkOptions) -> Document:
    """All figures of a sweep."""
    seconds, chosen = found.job.recording.seconds, found.chosen_over_best
    return {**_head(found.job, options), "windows": [list(one) for one in found.auto.turns[0].result.windows],
            "sweep": {"settings": [_score(one, seconds) for one in found.scores],
                      "auto": _score(found.auto, seconds), "auto_over_best": round(found.auto_over_best, 4),
                      "chosen_over_best": round(chosen, 4) if chosen is not None else None},
            "notes": [WARNING] if found.job.model.random else []}


def write(document: Mapping[str, object], target: Path) -> None:
    """Put it on disk, whole; one that is there is replaced.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with placed(target) as file:
        file.write(json.dumps(document, ensure_ascii=False, indent=1, default=str).encode() + b"\n")


def _head(job: Job, options: BenchmarkOptions) -> Document:
    recording, model = job.recording, job.model
    asked = {name: value for name, value in dataclasses.asdict(options).items() if name not in ("recording", "keep")}
    return {"schema": SCHEMA, "version": __version__, "began": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "machine": dataclasses.asdict(machine()), "options": asked,
            "recording": {"name": recording.name, "seconds": recording.seconds},
            "model": {"name": model.name, "random": model.random, "shape": _dimensions(model.shape)},
            "device": job.device}


def _score(score: Score, seconds: float) -> Document:
    return {"name": score.name, "settings": dict(score.settings),
            "seconds": [round(one, 3) for one in score.seconds], "median": round(score.median, 3),
            "x_real_time": round(seconds / score.median, 3), "after_loading": round(score.after_loading, 3),
            "peak_memory": score.memory, "tokens_per_window": round(score.tokens, 3)}


def _floor(floor: Floor, ours: float) -> Document:
    return {**dataclasses.asdict(floor), "seconds": round(floor.seconds, 4),
            "distance": round(ours / floor.seconds, 3)}


def _dimensions(shape: Shape) -> dict[str, int]:
    """What its speed depends on."""
    return {name: value for name, value in dataclasses.asdict(shape).items() if name != "following"}
