"""Workers that are copies of one process."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.execution import jobs
from tests.execution.test_slots import contexts, ends, gone
from voicekit.execution.slots import Died, Finished, Progress, Raised, Slots, Started
from voicekit.execution.work import Work
from voicekit.execution.zygote import Zygote
from voicekit.planning.machine import this_machine

pytestmark = pytest.mark.skipif(not this_machine().forks, reason="copies of a process need Linux since 5.3")


def looked(workers: int, pieces: int, work: Work = jobs.load, piece: Any = "a model") -> list[dict[str, Any]]:
    """What so many pieces found in their workers."""
    events: queue.Queue[Any] = queue.Queue()
    with Slots[int](contexts(workers), events, Zygote(work, piece)) as slots:
        for number in range(pieces):
            slots.submit(number, jobs.look, 0.5)
        found = ends(events, pieces)
    assert all(isinstance(one, Finished) for one in found)
    return [one.result for one in found]


def test_workers_find_what_was_loaded_once_and_take_no_memory_for_it() -> None:
    found = looked(workers=4, pieces=8)
    assert len({one["pid"] for one in found}) == 4
    assert len({one["zygote"] for one in found}) == 1 and found[0]["zygote"] not in {one["pid"] for one in found}
    assert all(one["what"] == "a model" and one["sum"] == jobs.LOADED for one in found)
    assert sorted({one["context"].index for one in found}) == [0, 1, 2, 3]
    assert all(one["memory"] < jobs.LOADED / 2 for one in found), "each counts its share of what all read"
    assert gone(found[0]["zygote"], *(one["pid"] for one in found))


@pytest.mark.parametrize("work", [jobs.load_badly, jobs.load_with_words, jobs.die_while_loading,
                                  jobs.load_where_there_is_no_room])
def test_where_there_can_be_no_copies_workers_begin_by_themselves(work: Work) -> None:
    found = looked(workers=2, pieces=4, work=work)
    assert len({one["pid"] for one in found}) == 2
    assert all(one["what"] is None for one in found)


def test_a_killed_copy_names_its_piece_and_another_takes_its_place() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events, Zygote(jobs.load, "a model")) as slots:
        slots.submit("before", jobs.look, 0.0)
        slots.submit("poison", jobs.report_then_die, 3)
        slots.submit("after", jobs.look, 0.0)
        seen: list[Any] = []
        while sum(isinstance(event, (Finished, Raised, Died)) for event in seen) < 3:
            seen.append(events.get(timeout=60))
    before, died, after = [event for event in seen if isinstance(event, (Finished, Died))]
    assert (died.tag, died.exitcode) == ("poison", -signal.SIGKILL)
    assert [event.payload for event in seen if isinstance(event, Progress) and event.tag == "poison"] == [0, 1, 2]
    assert after.result["zygote"] == before.result["zygote"] and after.result["pid"] != before.result["pid"]


def test_a_copy_that_dies_between_pieces_costs_none() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events, Zygote(jobs.load, "a model")) as slots:
        slots.submit("first", jobs.look, 0.0)
        (first,) = ends(events, 1)
        os.kill(first.result["pid"], signal.SIGKILL)
        time.sleep(0.5)
        slots.submit("next", jobs.look, 0.0)
        (following,) = ends(events, 1)
    assert isinstance(following, Finished) and following.result["pid"] != first.result["pid"]
    assert following.result["zygote"] == first.result["zygote"]


def test_what_hung_as_a_copy_is_tried_again_in_a_process_of_its_own() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(1), events, Zygote(jobs.load, "a model")) as slots:
        slots.submit("hangs", jobs.look, 600.0)
        while not isinstance(events.get(timeout=60), Progress):
            pass
        slots.kill(0)
        slots.submit("again", jobs.look, 0.0)
        died, again = ends(events, 2)
    assert isinstance(died, Died) and died.exitcode == -signal.SIGKILL
    assert isinstance(again, Finished) and again.result["zygote"] is None


def test_a_zygote_that_is_lost_takes_its_copies_along_and_work_goes_on() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[str](contexts(2), events, Zygote(jobs.load, "a model")) as slots:
        slots.submit("first", jobs.look, 0.0)
        (first,) = ends(events, 1)
        for number in range(2):
            slots.submit(f"long {number}", jobs.look, 600.0)
        waiting = 2
        while waiting:
            waiting -= isinstance(events.get(timeout=60), Progress)
        os.kill(first.result["zygote"], signal.SIGKILL)
        lost = ends(events, 2)
        slots.submit("next", jobs.look, 0.0)
        (following,) = ends(events, 1)
    assert all(isinstance(one, Died) for one in lost)
    assert isinstance(following, Finished) and following.result["zygote"] is None


def test_no_copy_is_made_while_another_thread_holds_what_the_copy_needs() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[int](contexts(1), events, Zygote(jobs.load_beside_a_thread, None)) as slots:
        slots.submit(0, jobs.lock, 5.0)
        (found,) = ends(events, 1)
    assert isinstance(found, Finished) and found.result is True


def test_leaving_with_an_error_does_not_wait_for_what_is_being_loaded(tmp_path: Path) -> None:
    events: queue.Queue[Any] = queue.Queue()
    loading = tmp_path / "loading"
    began = 0.0
    with pytest.raises(KeyboardInterrupt):
        with Slots[int](contexts(2), events, Zygote(jobs.load_slowly, str(loading))) as slots:
            for number in range(2):
                slots.submit(number, jobs.look, 0.0)
            while not (loading.exists() and loading.read_text()):
                time.sleep(0.05)
            began = time.monotonic()
            raise KeyboardInterrupt
    assert time.monotonic() - began < 5
    assert gone(int(loading.read_text()))


def test_the_process_is_there_before_it_is_wanted_and_loads_nothing_until_then(tmp_path: Path) -> None:
    loading, before = tmp_path / "loading", set(psutil.Process().children())
    began = time.monotonic()
    with Slots[int](contexts(2), queue.Queue(), Zygote(jobs.load_slowly, str(loading))):
        (process,) = [one for one in psutil.Process().children() if one not in before and "resource_tracker" not in
                      " ".join(one.cmdline())]
        while process.memory_info().rss < 30e6:  # it has imported numpy
            time.sleep(0.05)
        time.sleep(0.5)
        assert not loading.exists()
    assert gone(process.pid) and time.monotonic() - began < 20
    with Slots[int](contexts(2), queue.Queue(), Zygote(jobs.load_slowly, str(loading))):
        began = time.monotonic()
    assert time.monotonic() - began < 5, "leaving waits for nothing that is starting for nobody"


def test_what_hangs_while_it_is_loaded_can_be_ended(tmp_path: Path) -> None:
    events: queue.Queue[Any] = queue.Queue()
    loading = tmp_path / "loading"
    with Slots[int](contexts(1), events, Zygote(jobs.load_slowly, str(loading))) as slots:
        slots.submit(1, jobs.look, 0.0)
        while not (loading.exists() and loading.read_text()):
            time.sleep(0.05)
        slots.kill(0)
        slots.submit(2, jobs.look, 0.0)
        died, found = ends(events, 2)
    assert isinstance(died, Died) and died.tag == 1
    assert isinstance(found, Finished) and found.result["zygote"] is None


PARENT = """
import queue
from tests.execution import jobs
from voicekit.execution.slots import Progress, Slots
from voicekit.execution.work import SlotContext
from voicekit.execution.zygote import Zygote
if __name__ == "__main__":
    events = queue.Queue()
    with Slots([SlotContext(i, "cpu", 1) for i in range(2)], events, Zygote(jobs.load, "a model")) as slots:
        for number in range(2):
            slots.submit(number, jobs.look, 60.0)
        while True:
            event = events.get()
            if isinstance(event, Progress):
                print(event.payload, flush=True)
"""


def test_neither_zygote_nor_copies_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})
    assert parent.stdout is not None
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    pids += [psutil.Process(pids[0]).ppid()]
    assert pids[2] != parent.pid
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone(*pids)


def test_what_comes_while_the_model_is_loaded_may_still_be_recalled() -> None:
    events: queue.Queue[Any] = queue.Queue()
    with Slots[int](contexts(4), events, Zygote(jobs.load, "a model")) as slots:
        slots.submit(0, jobs.look, 0.0)
        while not isinstance(events.get(timeout=60), Started):
            pass
        for number in range(1, 6):
            slots.submit(number, jobs.look, 0.0)
        assert slots.cancel(lambda tag: tag > 2) == [3, 4, 5]
        assert {event.tag for event in ends(events, 3)} == {0, 1, 2}


def test_killing_what_is_buried_harms_nobody() -> None:
    zygote = Zygote(jobs.load, "a model")
    first = zygote.fork(contexts(1)[0])
    assert first is not None
    first.close()
    second = zygote.fork(contexts(1)[0])  # it may get the first one's file descriptors
    assert second is not None
    first.kill()
    assert second.call(jobs.double, 2, print) == 4
    second.close()
    zygote.close()


@pytest.mark.parametrize("users, wanted", [
    (None, "glibc.malloc.hugetlb=1"),
    ("glibc.malloc.arena_max=1", "glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1"),
    ("glibc.malloc.hugetlb=0", "glibc.malloc.hugetlb=0")])
def test_workers_ask_for_large_pages_and_what_the_user_set_stays(
        users: str | None, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if users is not None:
        monkeypatch.setenv("GLIBC_TUNABLES", users)
    for zygote in (None, Zygote(jobs.load, "a model")):
        events: queue.Queue[Any] = queue.Queue()
        with Slots[int](contexts(1), events, zygote) as slots:
            slots.submit(1, jobs.tell_the_tunables, None)
            (found,) = ends(events, 1)
        assert isinstance(found, Finished) and found.result == wanted
    assert os.environ.get("GLIBC_TUNABLES") == users
