"""What is handed out before all of a recording is known, and what is left when it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.planning.test_chunks import RECORDING, windows
from voicekit.running.crew import Crew
from voicekit.running.jobs import Job
from voicekit.running.transcribing import still_on
from voicekit.types import WindowResult


def crew(workers: int, batch_size: int) -> Any:
    plan = SimpleNamespace(workers=workers, batch_size=batch_size, devices=["cpu"] * workers, compute_type="int8")
    profile = SimpleNamespace(any_batch=frozenset({"int8"}))
    return Crew(SimpleNamespace(adapter=SimpleNamespace(profile=profile)), plan, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("workers, batch_size, wanted", [(2, 16, 8), (2, 8, 4), (8, 16, 4), (8, 8, 4), (8, 2, 2), (1, 1, 1)])
def test_early_batches_are_small_and_worth_it(workers: int, batch_size: int, wanted: int) -> None:
    assert crew(workers, batch_size).early_batch == wanted


def test_what_workers_are_still_on_counts_when_the_rest_is_divided() -> None:
    """One worker has begun eight windows: the other gets about as many more of the rest."""
    plan = windows(25)
    job: Any = Job(RECORDING, plan, (), whole=False)
    two = crew(2, 16)
    begun = still_on(job, plan[8:], two, [])
    assert begun == [8.0], "it loads the model"
    assert [len(batch) for batch in two.divided(plan[8:], begun)] == [12, 5]
    assert still_on(job, plan, two, []) == []
    assert still_on(job, plan[16:], two, []) == [8.0, 8.0]


def test_a_worker_that_is_nearly_done_gets_more_of_the_rest() -> None:
    plan = windows(30)
    job: Any = Job(RECORDING, plan, (), whole=False)
    two = crew(2, 8)
    begun = still_on(job, plan[8:], two, [(4, 1.0)])
    assert begun == [1.0, 4.0], "the other one has taken its batch, and not told yet"
    job.results[0] = WindowResult("no speech found")
    begun = still_on(job, plan[9:], two, [(4, 0.5), (4, 3.5)])
    assert begun == [0.5, 3.5]
    # 12.5 - 0.5 windows for the first, 12.5 - 3.5 for the second, in the order in which they will take them.
    assert [len(batch) for batch in two.divided(plan[9:], begun)] == [6, 4, 6, 5]
    together = [(6, 2.0), (4, 3.0)]  # some of them of another recording
    assert still_on(job, plan[9:], two, together) == [2.0, 3.0]
