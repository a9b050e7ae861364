"""What is handed out before all of a recording is known, and what is left when it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.planning.test_chunks import RECORDING, windows
from voicekit.running.crew import Crew
from voicekit.running.jobs import Job
from voicekit.running.transcribing import Transcribing
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
    begun = Transcribing._begun(job, plan[8:], two)
    assert begun == [8.0]
    assert [len(batch) for batch in two.divided(plan[8:], begun)] == [12, 5]
    assert Transcribing._begun(job, plan, two) == []
    assert Transcribing._begun(job, plan[16:], two) == [8.0, 8.0]
    job.results[0] = WindowResult("no speech found")
    assert Transcribing._begun(job, plan[17:], two) == [4.0, 4.0], "half done, where something is done already"
