from __future__ import annotations

from voicekit.running.watch import AT_LEAST, FIRST, LOADING, MARGIN, Watch


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def watched(patience: float | None = None) -> tuple[Watch, Clock]:
    clock = Clock()
    return Watch(patience, clock), clock


def tick(watch: Watch, clock: Clock, seconds: float) -> dict[int, float]:
    """As the loop does it: asking every second."""
    for _ in range(int(seconds)):
        clock.now += 1.0
        found = watch.hanging()
        if found:
            return found
    return {}


def test_a_batch_may_take_as_long_as_its_audio_lets_expect() -> None:
    watch, clock = watched()
    watch.started(0)
    watch.begun(0, 60.0)
    assert tick(watch, clock, AT_LEAST + FIRST * 60) == {}
    assert 0 in tick(watch, clock, 2)


def test_what_is_begun_together_may_take_as_long_as_all_of_it() -> None:
    watch, clock = watched()
    for _ in range(3):
        watch.started(0)
    for _ in range(3):
        watch.begun(0, 20.0)
    assert tick(watch, clock, AT_LEAST + FIRST * 60) == {}
    assert 0 in tick(watch, clock, 2)
    watch.rested(0)
    watch.begun(1, 30.0)
    watch.begun(1, 30.0)
    tick(watch, clock, 30)
    watch.done(1)
    watch.done(1)
    watch.begun(1, 60.0)  # at half its length a second, and not half of the second's alone
    assert tick(watch, clock, AT_LEAST + MARGIN * 30) == {}
    assert 1 in tick(watch, clock, 2)


def test_what_was_measured_is_believed() -> None:
    watch, clock = watched()
    for slot, pace in ((0, 0.5), (1, 0.1)):
        watch.begun(slot, 60.0)
        tick(watch, clock, 60 * pace)
        watch.done(slot)
        watch.rested(slot)
    watch.begun(1, 60.0)
    assert tick(watch, clock, AT_LEAST + MARGIN * 0.5 * 60) == {}
    assert list(tick(watch, clock, 2)) == [1]


def test_patience_that_was_asked_for() -> None:
    watch, clock = watched(2.0)
    watch.begun(0, 30.0)
    assert tick(watch, clock, AT_LEAST + 60) == {}
    assert tick(watch, clock, 2) == {0: AT_LEAST + 61}


def test_a_sign_of_life_gives_time() -> None:
    watch, clock = watched(1.0)
    watch.begun(0, 10.0)
    tick(watch, clock, 25)
    watch.heard(0)
    assert tick(watch, clock, 29) == {}
    assert tick(watch, clock, 3)


def test_loading_may_take_minutes_but_not_for_ever() -> None:
    watch, clock = watched()
    watch.started(3)
    assert tick(watch, clock, LOADING) == {}
    assert list(tick(watch, clock, 2)) == [3]
    watch.rested(3)
    assert tick(watch, clock, 10) == {}


def test_a_machine_that_was_asleep_is_no_worker_that_hangs() -> None:
    watch, clock = watched(1.0)
    watch.begun(0, 10.0)
    tick(watch, clock, 5)
    clock.now += 7200
    assert watch.hanging() == {}
    assert tick(watch, clock, 20) == {}
    assert tick(watch, clock, 15)
