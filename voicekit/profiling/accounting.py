"""From what was measured to where the time went: nothing is counted twice, and nothing is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from voicekit.profiling.records import ProcessRecord
from voicekit.profiling.steps import LOAD, WAIT, Entry
from voicekit.profiling.workers import WRITING

START_UP = "start-up"
"""The stage of a process from its birth until it does the first thing that was asked of it."""

OTHER = "other"
"""What a stage does outside of all its steps."""

LOST = "lost"
"""What a worker did that was killed: it took its figures with it."""

PROFILING = "profiling"
"""The stage in which a worker writes down what it has measured."""

OTHER_THREADS = ("run", "other threads")
"""The component of the parent's threads that take no steps; only their CPU seconds are known."""

IDLE = ("", WAIT)
"""The component of moments in which nobody did anything."""

Component = tuple[str, str]
"""A stage, and a step in it."""


class Stretch(NamedTuple):
    """What one thread did from one moment to another."""

    began: float
    ended: float
    component: Component


class Spent(NamedTuple):
    """What a component cost, over all threads and processes: seconds, CPU seconds, and how often it was done."""

    seconds: float
    cpu: float
    calls: int


def component(stage: str, name: str, *, outermost: bool) -> Component:
    """Where a step belongs: what is outermost is the stage itself, outside of all its steps."""
    if outermost:
        return {WRITING: (PROFILING, WRITING), WAIT: IDLE}.get(name, (name, OTHER))
    return stage, name


def by_thread(process: ProcessRecord) -> dict[int, list[Entry]]:
    """The steps of each thread in order of their beginnings, outer ones before inner ones."""
    threads: dict[int, list[Entry]] = defaultdict(list)
    for work in process.works:
        for entry in work.steps:
            threads[entry.thread].append(entry)
    return {thread: sorted(steps, key=lambda one: (one.began, -one.ended)) for thread, steps in threads.items()}


def leaves(steps: Iterable[Entry]) -> Iterator[Stretch]:
    """What a thread did at each moment: the innermost step there is.

    Parameters
    ----------
    steps : iterable of Entry
        Of one thread, as :func:`by_thread` sorts them.

    Yields
    ------
    Stretch
        In order of time, none overlapping another. Moments outside of all steps are left out.
    """
    around: list[Entry] = []
    now = 0.0

    def until(moment: float) -> Iterator[Stretch]:
        nonlocal now
        while around and around[-1].ended <= moment:
            yield from stretch(around[-1].ended)
            around.pop()
        if around:
            yield from stretch(moment)
        now = max(now, moment)

    def stretch(end: float) -> Iterator[Stretch]:
        nonlocal now
        if end > now:
            yield Stretch(now, end, component(around[0].name, around[-1].name, outermost=len(around) == 1))
            now = end

    for step in steps:
        yield from until(step.began)
        around.append(step)
    yield from until(float("inf"))


def lived(process: ProcessRecord) -> tuple[tuple[Stretch, ...], ...]:
    """What each thread of a process did from its beginning to its end.

    The first is the one that lives as long as the process: of it every moment is accounted for, by its steps, as
    starting, as lost, or as waiting.
    """
    threads = [tuple(leaves(steps)) for steps in by_thread(process).values()]
    main = min(range(len(threads)), key=lambda index: threads[index][0].began) if threads else None
    known = [Stretch(process.born, process.first, (START_UP, "worker" if process.slot is not None else "program")),
             *(threads[main] if main is not None else ())]
    if process.lost is not None:
        known.append(Stretch(process.lost[1], process.ended, (process.lost[0], LOST)))
    whole, now = [], process.born
    for one in known:
        if one.began > now:
            whole.append(Stretch(now, one.began, IDLE))
        whole.append(one)
        now = max(now, one.ended)
    if process.ended > now:
        whole.append(Stretch(now, process.ended, IDLE))
    return (tuple(whole), *(thread for index, thread in enumerate(threads) if index != main))


def spent(processes: Sequence[ProcessRecord]) -> dict[Component, Spent]:
    """What each component cost."""
    seconds: dict[Component, float] = defaultdict(float)
    cpu: dict[Component, float] = defaultdict(float)
    calls: Counter[Component] = Counter()
    for process in processes:
        for thread in lived(process):
            for one in thread:
                seconds[one.component] += one.ended - one.began
        start = (START_UP, "worker" if process.slot is not None else "program")
        cpu[start] += process.first_cpu
        calls[start] += 1
        rest = process.cpu - process.first_cpu - sum(work.cpu for work in process.works)
        if process.slot is None and rest > 0:  # of threads that nobody watches: such as those of libraries
            cpu[OTHER_THREADS] += rest
        for steps in by_thread(process).values():
            for entry, key in _components(steps):
                cpu[key] += entry.own_cpu
                calls[key] += 1
    return {key: Spent(seconds[key], max(0.0, cpu[key]), calls[key]) for key in sorted({*seconds, *cpu})}


def _components(steps: Iterable[Entry]) -> Iterator[tuple[Entry, Component]]:
    root: Entry | None = None
    for entry in steps:
        outermost = root is None or entry.began >= root.ended
        root = entry if outermost else root
        assert root is not None
        yield entry, component(root.name, entry.name, outermost=outermost)


def shares(processes: Sequence[ProcessRecord], began: float, ended: float) -> dict[Component, float]:
    """Divide the wall time: every moment goes, in equal parts, to what was being done by all who did not wait.

    Parameters
    ----------
    processes : sequence of ProcessRecord
        All of them.
    began, ended : float
        The run.

    Returns
    -------
    dict of Component to float
        Seconds, which add up to those of the run. Moments in which everybody waited are :data:`IDLE`'s.
    """
    changes: list[tuple[float, int, Component]] = []
    for process in processes:
        for thread in lived(process):
            for one in thread:
                if one.component[1] != WAIT and one.ended > one.began:
                    changes += [(max(one.began, began), 1, one.component),
                                (min(one.ended, ended), -1, one.component)]
    total: dict[Component, float] = defaultdict(float)
    active: Counter[Component] = Counter()
    now = began
    for moment, change, key in sorted(changes, key=lambda item: item[0]):
        if moment > now:
            _divide(total, active, moment - now)
            now = moment
        active[key] += change
        if not active[key]:
            del active[key]
    _divide(total, active, ended - now)
    return dict(total)


def _divide(total: dict[Component, float], active: Counter[Component], seconds: float) -> None:
    everybody = active.total()
    if not everybody:
        total[IDLE] += seconds
    for key, count in active.items():
        total[key] += seconds * count / everybody


def kinds(process: ProcessRecord) -> dict[str, float]:
    """How a process spent its life, in seconds.

    Returns
    -------
    dict of str to float
        ``start_up``, ``loading``, ``busy``, ``waiting``, ``lost`` and ``profiling`` add up to ``life``. Of the
        waiting ``waiting_end`` is what came after all its work.
    """
    found = dict.fromkeys(("start_up", "loading", "busy", "waiting", "lost", "profiling"), 0.0)
    whole = lived(process)[0]
    end = whole[-1]
    for one in whole:
        stage, step = one.component
        kind = {WAIT: "waiting", LOAD: "loading", LOST: "lost"}.get(step, "busy")
        kind = {START_UP: "start_up", PROFILING: "profiling"}.get(stage, kind)
        found[kind] += one.ended - one.began
    return {"life": process.ended - process.born, **found,
            "waiting_end": end.ended - end.began if end.component[1] == WAIT else 0.0}


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Seconds in which at least one of several intervals lies.

    Examples
    --------
    >>> covered([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    4.0
    """
    total, now = 0.0, float("-inf")
    for began, ended in sorted(intervals):
        total += max(0.0, ended - max(began, now))
        now = max(now, ended)
    return total
