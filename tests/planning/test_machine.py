from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys

import pytest

from voicekit.errors import DeviceError, UsageError
from voicekit.options import EngineOptions
from voicekit.planning.machine import Machine, MachinePlan, plan_devices, plan_machine, this_machine
from voicekit.protocols import EngineProfile

ENGINE = EngineProfile("an-engine", "package", "", "MIT", None, 30.0, True, 4,
                       {"cpu": ("int8", "float32"), "cuda": ("float16",)}, frozenset())
ONE_BY_ONE = dataclasses.replace(ENGINE, batched=False, max_threads=1, compute_types={"cpu": ("float32",)})
LAPTOP = Machine(cores=8, memory=16_000_000_000, gpus=0)
SERVER = Machine(cores=32, memory=256_000_000_000, gpus=2)


def plan(machine: Machine = LAPTOP, workers: int | None = None, profile: EngineProfile = ENGINE, size: int = 10**8,
         devices: tuple[str, ...] = ("cpu",), **options: object) -> MachinePlan:
    return plan_machine(EngineOptions(**options), workers, profile, size, machine, devices)  # type: ignore[arg-type]


def test_cores_are_divided_among_workers() -> None:
    assert (plan().workers, plan().threads) == (2, 4)
    assert (plan(workers=8).workers, plan(workers=8).threads) == (8, 1)
    assert (plan(profile=ONE_BY_ONE).workers, plan(profile=ONE_BY_ONE).threads) == (8, 1)
    assert plan(Machine(2, None, 0)).workers == 1


def test_more_workers_than_cores_run_with_a_warning() -> None:
    crowded = plan(workers=20)
    assert crowded.workers == 20 and crowded.threads == 1
    assert "20 workers on 8 cores" in crowded.warnings[0]


def test_memory_limits_the_workers_that_are_chosen_and_warns_of_those_asked_for() -> None:
    assert plan(Machine(64, 8_000_000_000, 0), size=1_500_000_000).workers == 1
    assert "may need" in plan(workers=8, size=1_500_000_000).warnings[-1]


def test_workers_that_are_copies_count_the_weights_once() -> None:
    copied, forking = dataclasses.replace(ENGINE, copyable=True), dataclasses.replace(LAPTOP, forks=True)
    shared = plan(forking, workers=8, profile=copied, size=1_500_000_000)
    assert shared.copies and not any("may need" in one for one in shared.warnings)
    assert any("loaded once" in one for one in shared.reasons)
    assert not plan(forking, workers=4, profile=copied).copies, "with two threads each: a copy has one"
    assert not plan(forking, workers=1, profile=copied).copies
    assert not plan(LAPTOP, workers=8, profile=copied).copies, "where nothing can be forked"
    assert not plan(forking, workers=8).copies, "what does not survive it"
    assert (plan(forking, profile=copied).workers, plan(forking, profile=copied).threads) == (8, 1)
    tight = plan(dataclasses.replace(forking, memory=12_000_000_000), profile=copied, size=1_500_000_000)
    assert (tight.workers, tight.threads, tight.copies) == (5, 1, True)
    assert any("for all" in one for one in tight.reasons)
    tighter = plan(dataclasses.replace(forking, memory=6_000_000_000), profile=copied, size=1_500_000_000)
    assert (tighter.workers, tighter.threads, tighter.copies) == (1, 4, False), "no core is left without work"
    more = [float(re.findall(r"up to ([0-9.]+) GB more", plan(machine, workers=20, profile=copied).warnings[0])[0])
            for machine in (forking, LAPTOP)]
    assert more[0] < more[1]


def test_beams_take_memory_where_the_engine_says_so() -> None:
    wide = dataclasses.replace(ENGINE, beam_share=0.5)
    machine = dataclasses.replace(LAPTOP, cores=32)

    def workers(profile: EngineProfile, beams: int) -> int:
        return plan_machine(EngineOptions(), None, profile, 10**9, machine, ("cpu",), beams).workers

    assert workers(ENGINE, 5) == workers(ENGINE, 1) == workers(wide, 1) == 5
    assert workers(wide, 5) == 1


def test_defaults_follow_the_device() -> None:
    assert (plan().batch_size, plan().compute_type) == (4, "int8")
    gpu = plan(SERVER, devices=("cuda:0", "cuda:1"))
    assert (gpu.batch_size, gpu.compute_type, gpu.devices) == (16, "float16", ("cuda:0", "cuda:1"))
    assert plan(SERVER, workers=3, devices=("cuda:0", "cuda:1")).devices == ("cuda:0", "cuda:1", "cuda:0")


def test_a_batch_size_that_is_not_used_is_told() -> None:
    told = plan(profile=ONE_BY_ONE, batch_size=8)
    assert told.batch_size == 1 and "--batch-size is not used" in told.warnings[0]


def test_a_precision_the_engine_lacks_is_an_error() -> None:
    with pytest.raises(UsageError, match="has no float16 on cpu"):
        plan(compute_type="float16")


def devices(asked: str, machine: Machine, usable: int = 0, profile: EngineProfile = ENGINE) -> tuple[str, ...]:
    return plan_devices(EngineOptions(device=asked), profile, machine, lambda: usable)[0]


def test_gpus_are_used_where_they_are() -> None:
    assert devices("auto", SERVER, 2) == ("cuda:0", "cuda:1")
    assert devices("cuda", SERVER, 2) == ("cuda:0", "cuda:1")
    assert devices("cuda:1", SERVER, 2) == ("cuda:1",)
    assert devices("cuda:1,0", SERVER, 2) == ("cuda:1", "cuda:0")
    assert devices("cpu", SERVER, 2) == ("cpu",)
    assert devices("auto", LAPTOP) == ("cpu",)


@pytest.mark.parametrize(("asked", "machine", "usable", "message"), [
    ("cuda", LAPTOP, 0, "no CUDA device was found"),
    ("cuda:0", SERVER, 0, "cannot use CUDA"),
    ("cuda:5", SERVER, 2, "there is no GPU 5"),
])
def test_a_gpu_that_was_asked_for_is_never_a_silent_cpu(asked: str, machine: Machine, usable: int, message: str) -> None:
    with pytest.raises(DeviceError, match=message):
        devices(asked, machine, usable)
    with pytest.raises(DeviceError, match="cannot run on a GPU"):
        devices("cuda", SERVER, 2, ONE_BY_ONE)


def test_auto_says_when_it_falls_back() -> None:
    found, notices = plan_devices(EngineOptions(), ENGINE, SERVER, lambda: 0)
    assert found == ("cpu",) and "running on the CPU" in notices[0]


@pytest.mark.parametrize("asked", ["gpu", "cuda:", "cuda:x", "cuda:-1", ""])
def test_an_unknown_device_is_an_error(asked: str) -> None:
    with pytest.raises(UsageError, match="Unknown device"):
        devices(asked, SERVER, 2)


def test_this_machine_reads_the_affinity() -> None:
    assert this_machine().cores >= 1
    code = ("import os; os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]});"
            "from voicekit.planning.machine import this_machine; print(this_machine().cores)")
    if hasattr(os, "sched_setaffinity"):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "1"
