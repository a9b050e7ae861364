"""voicekit alone, with many numbers of workers and batch sizes; and how near its own choice comes to the best."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voicekit.benchmark import contest
from voicekit.benchmark.comparison import device_of, prepared
from voicekit.benchmark.contest import Score, Tell
from voicekit.benchmark.contestants import Job, Voicekit
from voicekit.benchmark.options import BenchmarkOptions
from voicekit.planning.machine import this_machine

MOST_WORKERS = 8
"""More are not tried: each holds a model."""

CPU_BATCHES = (1, 4, 8, 16)
GPU_BATCHES = (4, 8, 16, 32)

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Sweep:
    """What came of it.

    Attributes
    ----------
    job : Job
        What was transcribed.
    auto : Score
        With ``--workers auto --batch-size auto``.
    scores : tuple of Score
        The others, the fastest first.
    """

    job: Job
    auto: Score
    scores: tuple[Score, ...]

    @property
    def auto_over_best(self) -> float:
        """Seconds of voicekit's own choice over those of the fastest setting: 1 is as good."""
        return self.auto.median / self.scores[0].median

    @property
    def chosen_over_best(self) -> float | None:
        """The same of the setting that it chose, where it is one of these: how far the two differ is how far runs on
        this machine do."""
        chosen = next((one for one in self.scores if one.settings == self.auto.settings), None)
        return chosen.median / self.scores[0].median if chosen else None


def sweep(options: BenchmarkOptions, tell: Tell) -> Sweep:
    """Measure every setting.

    Parameters
    ----------
    options : BenchmarkOptions
        As asked for; peers are not asked.
    tell : callable
        Gets a line for everything that goes on.

    Raises
    ------
    VoicekitError
        If a run fails.
    """
    device = device_of(options.device)
    with tempfile.TemporaryDirectory(prefix="voicekit-bench-") as name:
        folder = Path(name)
        job = prepared(options, device, folder, False, tell)
        auto = Voicekit(job, options.engine, name=AUTO)
        first = contest.run(auto, folder)
        tell(f"voicekit for the first time, which does not count: {first.measured.seconds:.1f} s")
        cores = this_machine().cores if device == "cpu" else 2
        contestants = list(_settings(job, options.engine, cores, len(first.result.windows)))
        middle = len(contestants) // 2  # of every round: a machine may be slow at its beginning, or hot at its end
        contestants.insert(middle, auto)
        scores = list(contest.hold(contestants, options.rounds, folder, tell))
    own = scores.pop(middle)
    return Sweep(job, own, tuple(sorted(scores, key=lambda score: score.median)))


def _settings(job: Job, engine: str, cores: int, windows: int) -> Iterator[Voicekit]:
    """Workers from one to as many as there are cores, doubling; threads follow from them: the cores are divided."""
    most = min(cores, MOST_WORKERS)
    counts = sorted({most, *(2 ** power for power in range(4) if 2 ** power <= most)})
    sizes = GPU_BATCHES if job.device == "cuda" else CPU_BATCHES
    for workers in counts:
        for batch in dict.fromkeys(min(size, windows) for size in sizes):
            yield Voicekit(job, engine, str(workers), str(batch), f"workers {workers}, batch {batch}")
