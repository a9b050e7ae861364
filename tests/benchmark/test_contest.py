"""Who runs when, how rounds are compared, and what two must have in common to be compared."""

from __future__ import annotations

import statistics
from pathlib import Path

from tests.models import random_whisper
from voicekit.benchmark import contest
from voicekit.benchmark.commands import Measured
from voicekit.benchmark.comparison import _unlike
from voicekit.benchmark.contest import Score, Turn
from voicekit.benchmark.contestants import Job, Result
from voicekit.benchmark.models import BenchmarkModel
from voicekit.benchmark.recording import BenchmarkRecording
from voicekit.benchmark.sweep import Sweep
from voicekit.cli import bench_tables

WINDOWS = ((0.0, 25.0), (25.5, 50.0))


def score(*seconds: float, tokens: int = 160, windows: tuple[tuple[float, float], ...] = WINDOWS,
          memory: int | None = None, **settings: int) -> Score:
    return Score("x", tuple(Turn(Measured(one, memory), Result(windows, tokens, one / 2, settings, 1)) for one in seconds))


def test_the_order_alternates() -> None:
    rounds = [list(one) for one in contest.order(3, 4)]
    assert rounds == [[0, 1, 2], [2, 1, 0], [0, 1, 2], [2, 1, 0]]
    assert [statistics.mean(one.index(place) for one in rounds) for place in range(3)] == [1, 1, 1]


def test_rounds_are_compared_within_themselves() -> None:
    # The machine was slow in the second round, for both.
    assert contest.ratio(score(2.0, 20.0, 2.0), score(4.0, 44.0, 5.0)) == 2.2


def test_a_score_tells_medians() -> None:
    one = score(3.0, 1.0, 2.0, memory=7)
    assert (one.median, one.after_loading, one.memory, one.tokens) == (2.0, 1.0, 7, 80.0)
    assert score(1.0).memory is None


def test_only_like_is_compared_with_like() -> None:
    assert _unlike(score(1.0), score(1.0, tokens=159)) is None
    assert "78.0 tokens a window, and voicekit 80.0" in (_unlike(score(1.0), score(1.0, tokens=156)) or "")
    assert "other windows" in (_unlike(score(1.0, windows=((0.0, 30.0), WINDOWS[1])), score(1.0)) or "")


def test_a_sweep_tells_its_choice_from_how_runs_differ() -> None:
    job = Job(BenchmarkRecording(Path("talk.mp3"), "talk", 50.0),
              BenchmarkModel("tiny", Path("tiny"), None, random_whisper.TINY, random=False), "cpu", True)
    settings = score(4.0, workers=1, batch_size=8), score(5.0, workers=2, batch_size=4), score(8.0, workers=1, batch_size=1)
    auto = score(6.0, workers=2, batch_size=4)
    found = Sweep(job, auto, settings)
    assert (found.auto_over_best, found.chosen_over_best) == (1.5, 1.25)
    table = "\n".join(bench_tables.sweep(found))
    assert "It chose workers 2, threads -, batch 4" in table and "1.25 times" in table
    elsewhere = Sweep(job, auto, (settings[0], settings[2]))
    assert elsewhere.chosen_over_best is None
    assert "It chose" not in "\n".join(bench_tables.sweep(elsewhere))
