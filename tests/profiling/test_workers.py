"""What workers measure of themselves, in real worker processes; one of them is really killed."""

from __future__ import annotations

import pstats
import queue
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.execution import jobs
from tests.profiling import pieces
from voicekit.execution.slots import Died, Finished, Raised, Slots
from voicekit.execution.work import SlotContext
from voicekit.profiling import switch
from voicekit.profiling.session import Session
from voicekit.profiling.summary import load


def run(folder: Path, *work: tuple[Any, Any, str], workers: int = 1) -> list[Any]:
    """Do pieces of work with a profile; what became of each."""
    events: queue.Queue[Any] = queue.Queue()
    ends: list[Any] = []
    with Session(folder):
        with Slots([SlotContext(index, "cpu", 1) for index in range(workers)], events) as slots:
            for tag, (function, piece, stage) in enumerate(work):
                slots.submit(tag, switch.measured(function, stage), piece)
            while len(ends) < len(work):
                event = events.get(timeout=60)
                ends += [event] if isinstance(event, (Finished, Raised, Died)) else []
    return ends


def test_two_stages_in_one_process(tmp_path: Path) -> None:
    ends = run(tmp_path / "p", (pieces.think, 300_000, "thinking"), (pieces.load, 0.2, "loading"), (pieces.think, 1000, "thinking"))
    assert [event.result for event in ends] == [sum(range(300_000)), "loaded", sum(range(1000))], "results are as they were"
    found = load(tmp_path / "p")
    (worker,) = found.workers
    assert worker.name == "worker 1" and worker.fate == "ended" and worker.start_up > 0
    parts = (worker.start_up, worker.loading, worker.busy, worker.waiting, worker.lost, worker.profiling)
    assert sum(parts) == pytest.approx(worker.life, rel=0.01)
    assert worker.loading == pytest.approx(0.2, abs=0.1) and worker.cpu > 0.01
    by_name = {component.name: component for component in found.components}
    assert by_name["thinking: count"].calls == 2 and by_name["loading: load"].calls == 1
    assert by_name["thinking: count"].cpu > 0.5 * by_name["thinking: count"].seconds
    stages = {stage.name: stage for stage in found.stages}
    assert stages["thinking"].pieces == 2
    assert stages["thinking"].by_cumulative[0].name == "think" and stages["thinking"].by_cumulative[0].calls == 2
    assert "think" in {name for _, _, name in pstats.Stats(str(tmp_path / "p" / "stages" / "thinking.pstats")).stats}
    whole = {name: counts for (_, _, name), counts in pstats.Stats(str(tmp_path / "p" / "profile.pstats")).stats.items()}
    assert whole["think"][1] == 2 and whole["load"][1] == 1 and "submit" in whole, "all processes and stages"


def test_a_worker_s_memory_is_its_own(tmp_path: Path) -> None:
    """What the parent holds is none of it: getrusage would say that it is."""
    held = bytearray(400_000_000)
    held[::4096] = b"x" * len(held[::4096])
    run(tmp_path / "p", (pieces.hold, 80_000_000, "hold"))
    found = load(tmp_path / "p")
    parent, worker = found.processes
    if worker.peak_memory is None or parent.peak_memory is None:
        pytest.skip("this system does not tell")
    assert 80e6 < worker.peak_memory < 300e6 < 400e6 < parent.peak_memory
    assert worker.read is not None and worker.written is not None and worker.written >= 1_000_000, "it wrote a file of 1 MB"
    assert len(held)


def test_a_worker_that_is_killed_loses_its_last_piece_only(tmp_path: Path) -> None:
    ends = run(tmp_path / "p", (pieces.think, 100_000, "thinking"), (pieces.sleep_and_die, 0.3, "dying"),
               (pieces.think, 1000, "thinking"))
    assert isinstance(ends[1], Died) and isinstance(ends[2], Finished)
    found = load(tmp_path / "p")
    first, second = found.workers
    assert (first.name, first.fate, second.name, second.fate) == ("worker 1", "lost", "worker 1, process 2", "ended")
    assert 0.3 <= first.lost < 5 and first.busy > 0 and second.lost == 0
    assert first.life == pytest.approx(first.start_up + first.loading + first.busy + first.waiting + first.lost + first.profiling,
                                       rel=0.01)
    stages = {stage.name: stage for stage in found.stages}
    assert stages["thinking"].pieces == 2 and "dying" not in stages
    assert any(component.name == "dying: lost" for component in found.components)
    assert any("worker 1 was on at the end" in note for note in found.notes)
    assert not (tmp_path / "p" / "parts").exists()


def test_a_worker_that_is_killed_in_its_first_piece_is_told_of(tmp_path: Path) -> None:
    run(tmp_path / "p", (pieces.sleep_and_die, 0.1, "dying"))
    (worker,) = load(tmp_path / "p").workers
    assert worker.fate == "lost" and worker.lost > 0 and worker.busy == 0


def test_an_error_is_measured_and_handed_on(tmp_path: Path) -> None:
    ends = run(tmp_path / "p", (jobs.fail, "wrong", "failing"))
    assert isinstance(ends[0], Raised) and str(ends[0].error) == "wrong"
    found = load(tmp_path / "p")
    assert [stage.name for stage in found.stages if stage.pieces] == ["run", "failing"]
    assert found.workers[0].fate == "ended"


def test_a_folder_that_vanishes_costs_the_figures_and_not_the_work(tmp_path: Path) -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Session(tmp_path / "p"):
        with Slots([SlotContext(0, "cpu", 1)], events) as slots:
            slots.submit(0, switch.measured(pieces.think, "thinking"), 1000)
            while not isinstance(event := events.get(timeout=60), Finished):
                pass
            shutil.rmtree(tmp_path / "p" / "parts")
            slots.submit(1, switch.measured(pieces.think, "thinking"), 1000)
            while not isinstance(event := events.get(timeout=60), Finished):
                pass
            assert event.result == sum(range(1000))
        (tmp_path / "p" / "parts").mkdir()
    found = load(tmp_path / "p")
    assert found.state == "finished" and not found.workers


def test_without_a_session_the_work_is_as_it_is() -> None:
    assert switch.measured(pieces.think, "thinking") is pieces.think


def test_the_moment_of_birth_is_known(tmp_path: Path) -> None:
    events: queue.Queue[Any] = queue.Queue()
    before = time.monotonic()
    with Slots([SlotContext(0, "cpu", 1)], events) as slots:
        slots.submit(0, jobs.describe, None)
        while not isinstance(event := events.get(timeout=60), Finished):
            pass
    assert before < event.result["context"].born < time.monotonic()
