"""What is said to help, from figures made up for one cause each."""

from __future__ import annotations

import pytest

from voicekit.profiling.advice import advice, slowest
from voicekit.profiling.summary import SCHEMA, ComponentLine, MachineLine, ProcessLine, Summary


def worker(number: int, *, busy: float = 10.0, waiting: float = 0.0, waiting_end: float = 0.0, threads: int = 2,
           device: str = "cpu", gpu_memory: int | None = None) -> ProcessLine:
    return ProcessLine(f"worker {number + 1}", number, number, device, threads, "ended", 0.0, busy + waiting, 0.0, 0.0, busy,
                       waiting, 0.0, 0.0, waiting_end, busy, None, None, None, gpu_memory)


def component(name: str, share: float, *, seconds: float = 10.0, cpu: float = 10.0, calls: int = 4) -> ComponentLine:
    stage, _, step = name.partition(": ")
    return ComponentLine(stage, step, share * 20, share, seconds, cpu, calls)


def told(*components: ComponentLine, workers: tuple[ProcessLine, ...] = (worker(0), worker(1))) -> dict[str, str]:
    machine = MachineLine("", 2, None, (), "", "", {})
    summary = Summary(SCHEMA, "1", "finished", "", 20.0, 60.0, {}, machine, (), workers, components)
    return {one.about: one.text for one in advice(summary)}


@pytest.mark.parametrize(("cpu", "words"), [(19.0, "1.9 of 2 busy"), (6.0, "0.6 of a worker's 2 threads were busy")])
def test_whether_a_model_has_its_threads(cpu: float, words: str) -> None:
    assert words in told(component("transcribe: encoder", 0.8, cpu=cpu))["transcribe: encoder"]


def test_a_gpu_is_no_cpu() -> None:
    found = told(component("transcribe: decoder", 0.8, cpu=0.1), workers=(worker(0, device="cuda:0", gpu_memory=5 * 10 ** 9),))
    assert "5.0 GB" in found["transcribe: decoder"] and "--batch-size" in found["transcribe: decoder"]


def test_loading() -> None:
    assert told(component("transcribe: load", 0.3, seconds=8.0, calls=2)) == {
        "transcribe: load": "A model was loaded 2 times, 4.0 s each, 40% of the workers' time. Give more recordings to one run, "
                            "for its workers stay; or take fewer --workers."}


def test_what_is_not_worth_it_is_not_told() -> None:
    assert told(component("transcribe: load", 0.04), component("run: look up", 0.02)) == {}


@pytest.mark.parametrize(("workers", "words"), [
    ((worker(0, waiting=8.0, waiting_end=8.0), worker(1, waiting=8.0, waiting_end=7.0)), "files were put together"),
    ((worker(0, waiting=8.0, waiting_end=8.0), worker(1, busy=18.0, waiting=0.5, waiting_end=0.5)), "smaller --chunks"),
    ((worker(0, waiting=8.0), worker(1, waiting=8.0)), "between their pieces")])
def test_why_workers_waited(workers: tuple[ProcessLine, ...], words: str) -> None:
    assert words in told(workers=workers)["waiting"]


def test_the_slowest() -> None:
    machine = MachineLine("", 2, None, (), "", "", {})
    components = (component("run: merge", 0.1), component("transcribe: model", 0.7))
    found = Summary(SCHEMA, "1", "finished", "", 20.0, 60.0, {}, machine, components=components)
    assert slowest(found) == components[1]
    assert slowest(Summary(SCHEMA, "1", "finished", "", 20.0, 60.0, {}, machine)) is None
