"""A benchmark as tables for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from voicekit.benchmark.comparison import Comparison
from voicekit.benchmark.contest import Score
from voicekit.benchmark.contestants import Job
from voicekit.benchmark.floors import Floor
from voicekit.benchmark.models import WARNING
from voicekit.benchmark.sweep import Sweep
from voicekit.cli.profile_tables import size, table
from voicekit.cli.progress import clock, count
from voicekit.profiling.surroundings import machine

_WIDTH = 110

_HEAD = ("seconds", "from", "to", "x real time", "after loading", "memory", "tokens a window")


def comparison(found: Comparison) -> Iterator[str]:
    """Everything that a person may want to know of a comparison."""
    yield from _head(found.job, found.ours)
    yield ""
    rows = [[score.name, *_cells(score, found.job), _ratio(score, found)] for score in found.scores]
    yield from table(["", *_HEAD, "voicekit is"], rows)
    for score in found.scores:
        yield from _wrapped(f"  {score.name}: {_settings(score)}")
    for name, why in found.refused.items():
        yield from _wrapped(f"Not compared with {name}: {why}.")
    if found.trials:
        yield ""
        rows = [[str(trial.batch_size), str(trial.threads), f"{trial.seconds:.2f}"] for trial in found.trials]
        yield from table(["batch size of faster-whisper-batched", "threads", "seconds"], rows)
    if found.floors:
        yield ""
        yield from _floors(found)
    for note in found.notes:
        yield from _wrapped(f"Note: {note}")


def sweep(found: Sweep) -> Iterator[str]:
    """Everything that a person may want to know of a sweep."""
    yield from _head(found.job, found.auto)
    yield ""
    rows = [[*_division(score), *_cells(score, found.job)] for score in (*found.scores, found.auto)]
    rows[-1][0] = f"auto: {rows[-1][0]}"
    yield from table(["workers", "threads", "batch", *_HEAD], rows)
    yield ""
    yield (f"--workers auto --batch-size auto takes {found.auto_over_best:.2f} times as long as the fastest of these "
           "settings.")
    if found.chosen_over_best is not None:
        workers, threads, batch = _division(found.auto)
        yield (f"It chose workers {workers}, threads {threads}, batch {batch}: asked for by name, that setting takes "
               f"{found.chosen_over_best:.2f} times as long. What lies between the two is the machine.")


def _head(job: Job, score: Score) -> Iterator[str]:
    here = machine()
    words = "with word times" if job.word_timestamps else "without word times"
    windows = len(score.turns[0].result.windows)
    yield (f"Machine    {here.cpu}, {count(here.cores, 'core')}, {size(here.memory)}"
           + "".join(f", {gpu}" for gpu in here.gpus) + f", Python {here.python}")
    yield f"Recording  {job.recording.name}, {clock(job.recording.seconds)}, {count(windows, 'window')}"
    yield f"Model      {job.model.name} on {job.device}, greedy, {words}"
    if job.model.random:
        yield f"           {WARNING}"
    yield f"Measured   {count(len(score.turns), 'round')}; seconds from start to exit, median"


def _cells(score: Score, job: Job) -> list[str]:
    memory = size(score.memory) if score.memory is not None else "not measured"
    return [f"{score.median:.1f}", f"{min(score.seconds):.1f}", f"{max(score.seconds):.1f}",
            f"{job.recording.seconds / score.median:.1f}x", f"{score.after_loading:.1f}", memory,
            f"{score.tokens:.1f}"]


def _ratio(score: Score, found: Comparison) -> str:
    if score.name == found.ours.name:
        return ""
    return f"{found.ratios[score.name]:.2f}x as fast" if score.name in found.ratios else "not compared"


def _settings(score: Score) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in score.settings.items())


def _division(score: Score) -> list[str]:
    return [str(score.settings.get(name, "-")) for name in ("workers", "threads", "batch_size")]


def _floors(found: Comparison) -> Iterator[str]:
    rows = [[name, *_floor(name, floor), f"{floor.seconds:.2f} s", f"{found.ours.median / floor.seconds:.1f}x"]
            for name, floor in found.floors.items()]
    yield from table(["floor", "at least", "in a second", "so at least", "voicekit takes"], rows)
    for name, floor in found.floors.items():
        yield from _wrapped(f"  {name}: {floor.assumptions}; measured with {floor.measured_with}.")


def _floor(name: str, floor: Floor) -> list[str]:
    unit = "GB" if name == "memory" else "operations"
    if unit == "GB":
        return [f"{floor.amount / 1e9:.1f} GB", f"{floor.rate / 1e9:.1f} GB"]
    return [f"{floor.amount / 1e12:.2f} T {unit}", f"{floor.rate / 1e12:.2f} T"]


def _wrapped(text: str) -> Iterator[str]:
    indent = text[:len(text) - len(text.lstrip())]
    yield from textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ")
