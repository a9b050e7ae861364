from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.execution import jobs
from voicekit.execution.slots import Died, Finished, Progress, Raised, SlotContext, Slots, Started


def contexts(count: int, threads: int = 1) -> list[SlotContext]:
    return [SlotContext(index, "cpu", threads) for index in range(count)]


def ends(events: queue.Queue[Any], count: int) -> list[Any]:
    found = []
    while len(found) < count:
        event = events.get(timeout=60)
        if isinstance(event, (Finished, Raised, Died)):
            found.append(event)
    return found


def gone(*pids: int) -> bool:
    """Whether these processes have ended, or do within 5 s."""
    deadline = time.monotonic() + 5
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(psutil.pid_exists(pid) for pid in pids)


def test_every_piece_comes_back_once_with_its_tag() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[int](contexts(2), events) as slots:
        for number in range(20):
            slots.submit(number, jobs.double, number)
        results = {event.tag: event.result for event in ends(events, 20)}
    assert results == {number: 2 * number for number in range(20)}


def test_a_worker_keeps_its_process_and_knows_its_context() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[int](contexts(1, threads=3), events) as slots:
        for number in range(3):
            slots.submit(number, jobs.describe, None)
        found = [event.result for event in ends(events, 3)]
    assert len({one["pid"] for one in found}) == 1
    assert found[0]["pid"] != os.getpid()
    assert found[0]["context"] == SlotContext(0, "cpu", 3)
    assert found[0]["threads"] == "3"
    assert os.environ.get("OMP_NUM_THREADS") != "3", "the parent's own environment is as before"


def test_an_error_comes_back_whole_and_the_worker_lives_on() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events) as slots:
        slots.submit("bad", jobs.fail, "it is broken")
        slots.submit("good", jobs.double, 4)
        bad, good = ends(events, 2)
    assert isinstance(bad, Raised) and bad.tag == "bad"
    assert isinstance(bad.error, ValueError) and str(bad.error) == "it is broken"
    assert isinstance(good, Finished) and good.result == 8


def test_a_killed_worker_names_its_piece_delivers_its_progress_and_costs_no_neighbour() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(2), events) as slots:
        slots.submit("poison", jobs.report_then_die, 5)
        for number in range(10):
            slots.submit(f"piece {number}", jobs.double, number)
        seen: list[Any] = []
        while sum(isinstance(event, (Finished, Died)) for event in seen) < 11:
            seen.append(events.get(timeout=60))
    died = [event for event in seen if isinstance(event, Died)]
    assert [(event.tag, event.exitcode) for event in died] == [("poison", -signal.SIGKILL)]
    before = seen[:seen.index(died[0])]
    assert [event.payload for event in before if isinstance(event, Progress)] == [0, 1, 2, 3, 4]
    assert sorted(event.result for event in seen if isinstance(event, Finished)) == [2 * n for n in range(10)]
    assert sum(isinstance(event, Started) for event in seen) == 11, "no innocent piece ran twice"


def test_a_worker_that_dies_between_pieces_costs_none() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events) as slots:
        slots.submit("who", jobs.describe, None)
        (first,) = ends(events, 1)
        os.kill(first.result["pid"], signal.SIGKILL)
        time.sleep(0.5)
        slots.submit("next", jobs.describe, None)
        (following,) = ends(events, 1)
    assert isinstance(following, Finished) and following.result["pid"] != first.result["pid"]


def test_what_cannot_be_sent_is_an_error_and_no_wait() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events) as slots:
        slots.submit("piece", jobs.double, lambda: None)
        slots.submit("error", jobs.fail_strangely, 1)
        slots.submit("result", jobs.return_a_lock, None)
        slots.submit("good", jobs.double, 2)
        piece, error, result, good = ends(events, 4)
    assert isinstance(piece, Raised) and "pickle" in str(piece.error).lower()
    assert isinstance(error, Raised) and str(error.error) == "Strange: nobody can rebuild this"
    assert isinstance(result, Raised) and "pickle" in str(result.error)
    assert isinstance(good, Finished) and good.result == 4


def test_progress_that_cannot_be_rebuilt_is_an_error_and_not_the_next_answer() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events) as slots:
        slots.submit("strange", jobs.report_strangely, 1)
        slots.submit("good", jobs.double, 2)
        strange, good = ends(events, 2)
    assert isinstance(strange, Raised) and isinstance(strange.error, TypeError)
    assert isinstance(good, Finished) and good.result == 4


def test_an_error_says_where_in_the_worker_it_came_from() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events) as slots:
        slots.submit("bad", jobs.fail, "it is broken")
        (bad,) = ends(events, 1)
    assert "in fail" in "".join(traceback.format_exception(bad.error))


def test_progress_comes_before_the_end() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[int](contexts(2), events) as slots:
        for number in range(20):
            slots.submit(number, jobs.count, 50)
        seen: list[Any] = []
        while sum(isinstance(event, Finished) for event in seen) < 20:
            seen.append(events.get(timeout=60))
    for number in range(20):
        mine = [event for event in seen if event.tag == number]
        assert isinstance(mine[-1], Finished)
        assert [event.payload for event in mine if isinstance(event, Progress)] == list(range(50))


def test_leaving_with_an_error_kills_running_work_at_once() -> None:
    events: queue.Queue[Any] = queue.Queue()
    pids = []
    with pytest.raises(KeyboardInterrupt):
        with Slots[int](contexts(2), events) as slots:
            for number in range(4):
                slots.submit(number, jobs.sleep, 60.0)
            while len(pids) < 2:
                event = events.get(timeout=60)
                if isinstance(event, Progress):
                    pids.append(event.payload)
            began = time.monotonic()
            raise KeyboardInterrupt
    assert time.monotonic() - began < 5
    assert not any(psutil.pid_exists(pid) for pid in pids)


PARENT = """
import queue, sys
from tests.execution import jobs
from voicekit.execution.slots import SlotContext, Slots, Progress
if __name__ == "__main__":
    events = queue.Queue()
    with Slots([SlotContext(i, "cpu", 1) for i in range(2)], events) as slots:
        for number in range(2):
            slots.submit(number, jobs.sleep, 60.0)
        while True:
            event = events.get()
            if isinstance(event, Progress):
                print(event.payload, flush=True)
"""


def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = str(Path(__file__).parents[2])
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": root})
    assert parent.stdout is not None
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(*pids)
