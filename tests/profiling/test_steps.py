"""Steps: what is noted of them, and that nothing is where nobody profiles."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator

import pytest

from voicekit.profiling import note, step
from voicekit.profiling.accounting import by_thread, covered, kinds, leaves, lived, shares, spent
from voicekit.profiling.records import ProcessRecord, Work
from voicekit.profiling.steps import LOAD, WAIT, Entry, Recorder, record


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder(time.thread_time)
    record(made)
    yield made
    record(None)


def test_off_is_the_same_nothing_every_time() -> None:
    assert step("one") is step("other", label=1)
    with step("one"):
        note(found=True)
    with pytest.raises(ValueError, match="inside"), step("one"):
        raise ValueError("inside")


def test_nested_steps(recorder: Recorder) -> None:
    with step("outer", source="a.wav"):
        time.sleep(0.02)
        with step("inner"):
            note(found=True)
            time.sleep(0.03)
            sum(range(200_000))
        with step("inner"):
            pass
    inner, again, outer = recorder.take()
    assert (inner.name, again.name, outer.name) == ("inner", "inner", "outer")
    assert inner.labels == {"found": True} and outer.labels == {"source": "a.wav"} and again.labels == {}
    assert outer.began <= inner.began <= inner.ended <= again.began <= again.ended <= outer.ended
    assert outer.own == pytest.approx(outer.ended - outer.began - inner.own - again.own, abs=1e-9)
    assert inner.own == inner.ended - inner.began >= 0.03 and outer.own >= 0.02
    assert 0 < inner.cpu < inner.own and outer.own_cpu == pytest.approx(outer.cpu - inner.cpu - again.cpu, abs=1e-9)
    assert recorder.take() == []


def test_an_error_ends_a_step_too(recorder: Recorder) -> None:
    with pytest.raises(ValueError), step("outer"), step("inner"):
        raise ValueError
    assert [entry.name for entry in recorder.take()] == ["inner", "outer"]
    with step("next"):
        pass
    (entry,) = recorder.take()
    assert entry.own == entry.ended - entry.began, "nothing is left open around it"


def test_a_generator_that_is_closed_late(recorder: Recorder) -> None:
    def numbers() -> Iterator[int]:
        with step("generator"):
            yield 1

    with step("outer"):
        made = numbers()
        next(made)
    made.close()
    assert {entry.name for entry in recorder.take()} == {"outer", "generator"}


def test_threads_do_not_nest_in_each_other(recorder: Recorder) -> None:
    def work() -> None:
        with step("other"):
            time.sleep(0.01)

    with step("main"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    other, main = recorder.take()
    assert other.thread != main.thread and main.own == main.ended - main.began


# ---- what is made of them ----

def entry(name: str, began: float, ended: float, inner: float = 0.0, thread: int = 1) -> Entry:
    return Entry(name, began, ended, 0.0, ended - began - inner, 0.0, thread, {})


def nested(rng: random.Random, began: float, ended: float, depth: int) -> list[Entry]:
    """Random steps within each other."""
    found: list[Entry] = []
    now = began
    while depth and now < ended and rng.random() < 0.8:
        start = rng.uniform(now, ended)
        end = rng.uniform(start, ended)
        found += nested(rng, start, end, depth - 1)
        now = end
    name = rng.choice(["a", "b", LOAD, WAIT])
    return [*found, Entry(name, began, ended, 0.0, 0.0, 0.0, 1, {})]


def process(steps: list[Entry], *, slot: int | None = 0, born: float = 0.0, first: float = 1.0, ended: float = 10.0,
            lost: tuple[str, float] | None = None) -> ProcessRecord:
    work = Work("stage", first, ended, 0.0, tuple(steps))
    return ProcessRecord("p", 1, slot, "cpu", 1, born, first, ended, 0.5, 2.0, (work,), lost)


@pytest.mark.parametrize("seed", range(20))
def test_every_moment_is_in_exactly_one_leaf(seed: int) -> None:
    rng = random.Random(seed)
    steps = nested(rng, 1.0, 4.0, 3) + nested(rng, 4.5, 9.0, 3)
    one = process(steps)
    (ordered,) = by_thread(one).values()
    found = list(leaves(ordered))
    assert all(before.ended <= after.began for before, after in zip(found, found[1:]))
    assert sum(leaf.ended - leaf.began for leaf in found) == pytest.approx(7.5)
    whole = kinds(one)
    assert whole["life"] == pytest.approx(10.0) == pytest.approx(sum(whole.values()) - whole["life"] - whole["waiting_end"])
    assert whole["start_up"] == 1.0 and whole["waiting"] >= 1.5 - 1e-9 and whole["waiting_end"] >= 1.0 - 1e-9
    divided = shares([one, process(steps, slot=1)], 0.0, 10.0)
    assert sum(divided.values()) == pytest.approx(10.0)
    assert sum(cost.seconds for cost in spent([one]).values()) == pytest.approx(10.0)


def test_the_wall_time_is_divided_among_those_who_work() -> None:
    busy = process([entry("model", 1.0, 5.0, 0.0)])
    other = process([entry("model", 1.0, 2.0), entry(WAIT, 2.0, 3.0), entry("write", 3.0, 5.0)], slot=1, born=1.0)
    found = shares([busy, other], 0.0, 10.0)
    assert found[("start-up", "worker")] == pytest.approx(1.0)
    assert found[("model", "other")] == pytest.approx(1.0 + 1.0 + 1.0), "all of 1-2 and 2-3, half of 3-5"
    assert found[("write", "other")] == pytest.approx(1.0)
    assert found[("", WAIT)] == pytest.approx(5.0)


def test_a_lost_piece_is_no_waiting() -> None:
    found = kinds(process([entry("stage", 1.0, 3.0)], lost=("stage", 4.0), ended=9.0))
    assert (found["busy"], found["waiting"], found["lost"], found["waiting_end"]) == (2.0, 1.0, 5.0, 0.0)


def test_covered_counts_nothing_twice() -> None:
    assert covered([(3.0, 4.0), (0.0, 2.0), (1.0, 1.5), (3.5, 3.75)]) == 3.0 and covered([]) == 0.0


def test_a_process_that_has_done_nothing_waits() -> None:
    alone = ProcessRecord("p", 1, 0, "cpu", 1, 0.0, 1.0, 5.0, 0.5, 0.5, ())
    assert kinds(alone)["waiting"] == 4.0 and [one.component for one in lived(alone)[0]] == [("start-up", "worker"), ("", WAIT)]
