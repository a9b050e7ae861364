"""Small pieces that one worker does together."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence
from typing import Any

from tests.execution import jobs
from tests.execution.test_slots import contexts, ends
from voicekit.execution.backlog import Backlog, Entry
from voicekit.execution.slots import Died, Finished, Progress, Raised, Slots, Started
from voicekit.execution.work import Sharing, Work


def entry(number: int, kind: str = "small", size: int = 1, most: int = 4, apart: str | None = None) -> Entry:
    return Entry(number, jobs.double_one, number, Sharing(kind, size, most, jobs.double_all, apart))


def tags(entries: Sequence[Entry]) -> list[int]:
    return [one.tag for one in entries]


def test_what_is_of_one_kind_goes_together_as_far_as_there_is_room() -> None:
    backlog = Backlog()
    backlog.put(entry(0), entry(1, "other"), entry(2, size=2), entry(3), Entry(4, jobs.double_one, 4, None), entry(5))
    backlog.put(Entry(6, jobs.double_one, 6, None), urgent=True)
    assert [tags(backlog.take()) for _ in range(5)] == [[6], [0, 2, 3], [1], [4], [5]]


def test_what_is_divided_for_several_workers_stays_apart() -> None:
    """The rest of a recording is such that workers end together: one of them must not take two parts of it."""
    backlog = Backlog()
    backlog.put(entry(0, apart="long"), entry(1, apart="long"), entry(2), entry(3, apart="other"),
                entry(4, apart="other"), entry(5))
    assert [tags(backlog.take()) for _ in range(2)] == [[0, 2, 3, 5], [1, 4]]


def test_what_is_too_large_by_itself_goes_alone() -> None:
    backlog = Backlog()
    backlog.put(entry(0, size=9), entry(1))
    assert [tags(backlog.take()) for _ in range(2)] == [[0], [1]]


def test_idle_slots_divide_what_there_is() -> None:
    backlog, taken = Backlog(), []
    slots = [threading.Thread(target=lambda: taken.append(tags(backlog.take()))) for _ in range(2)]
    for slot in slots:
        slot.start()
    deadline = time.monotonic() + 30
    while backlog.idle < 2:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    backlog.put(*map(entry, range(4)))
    for slot in slots:
        slot.join(timeout=30)
    assert sorted(taken) == [[0, 1], [2, 3]]


def events_of(pieces: Sequence[int], together: Work, count: int) -> list[Any]:
    """What a worker makes of pieces that wait while it is busy."""
    events: queue.Queue[Any] = queue.Queue()
    found: list[Any] = []
    with Slots[Any](contexts(1), events) as slots:
        slots.submit("before", jobs.sleep, 0.5)
        while not isinstance(events.get(timeout=60), Progress):
            pass
        for piece in pieces:
            slots.submit(piece, jobs.double_one, piece, sharing=Sharing("small", 1, 16, together))
        while sum(isinstance(event, (Finished, Raised, Died)) for event in found) < count + 1:
            found.append(events.get(timeout=60))
    return [event for event in found if event.tag != "before"]


def test_each_has_its_own_events() -> None:
    found = events_of([1, 2, 3], jobs.double_all, 3)
    assert [event.tag for event in found if isinstance(event, Started)] == [1, 2, 3]
    assert {event.tag: event.payload for event in found if isinstance(event, Progress)} == {1: -1, 2: -2, 3: -3}
    assert {event.tag: event.result for event in found if isinstance(event, Finished)} == {1: (2, 3), 2: (4, 3), 3: (6, 3)}


def test_an_error_is_that_of_one_piece() -> None:
    found = events_of([1, -2, 3], jobs.refuse_negatives, 3)
    assert {event.tag: event.result for event in found if isinstance(event, Finished)} == {1: (2, 1), 3: (6, 1)}
    assert [(event.tag, str(event.error)) for event in found if isinstance(event, Raised)] == [(-2, "-2 is negative")]


def test_a_death_is_told_of_each() -> None:
    events: queue.Queue[Any] = queue.Queue()
    found = events_of([1, 2], jobs.die_together, 2)
    assert [(event.tag, event.exitcode) for event in found if isinstance(event, Died)] == [(1, -9), (2, -9)]
    assert [event.payload for event in found if isinstance(event, Progress)] == ["the last word"]
    with Slots[int](contexts(1), events) as slots:
        slots.submit(4, jobs.double_one, 4)
        assert [event.result for event in ends(events, 1)] == [(8, 1)]
