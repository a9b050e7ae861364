"""How busy a GPU is: measured through the driver's library, and left alone where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from voicekit.gpu_load import GpuLoad, sampled

# As the driver's: two cards, of which the second is 40 and 80 % busy in turn. It exits with an error if used after
# its end, and writes what it was asked for to standard error.
_LIBRARY = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int open_, asked;
static char first, second;
int nvmlInit_v2(void) { open_++; return getenv("NO_DRIVER") ? 9 : 0; }
int nvmlShutdown(void) { open_--; fprintf(stderr, "shut down\\n"); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if (index > 1) return 2;
    *handle = index ? &second : &first;
    return 0;
}
int nvmlDeviceGetHandleByUUID(const char *name, void **handle) {
    if (strcmp(name, "GPU-second")) return 2;
    *handle = &second;
    return 0;
}
int nvmlDeviceGetUtilizationRates(void *handle, unsigned *rates) {
    if (!open_) exit(70);
    rates[0] = handle == &second ? (asked++ % 2 ? 80 : 40) : 0;
    rates[1] = 5;
    return getenv("NO_RATES") ? 3 : 0;
}
int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *bytes) {
    if (!open_) exit(70);
    bytes[0] = 80000000000, bytes[2] = handle == &second ? 5000000000 : 0, bytes[1] = bytes[0] - bytes[2];
    return getenv("NO_RATES") ? 3 : 0;
}
"""
_PROGRAM = """
import sys, time
from voicekit import gpu_load
gpu_load.INTERVAL = 0.05
with gpu_load.sampled(sys.argv[1]) as load:
    time.sleep(0.4)
print(load.mean, load.peak, load)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no gcc to build a driver's library with")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "nvml.c").write_text(_LIBRARY)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", folder / "nvml.c"], check=True)
    return folder


def measure(library: Path, device: str, **environment: str) -> tuple[str, str]:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, device], capture_output=True, text=True, check=True,
                          env={**os.environ, "LD_LIBRARY_PATH": str(library), **environment})
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize(("device", "visible"), [("cuda:1", ""), ("cuda:0", "1"), ("cuda", "GPU-second,0"),
                                                 ("cuda:1", "0, 1")])
def test_mean_and_peak(library: Path, device: str, visible: str) -> None:
    printed, told = measure(library, device, CUDA_VISIBLE_DEVICES=visible)
    mean, peak, words = printed.split(" ", 2)
    assert 50 <= float(mean) <= 70 and float(peak) == 80
    assert words == f"{float(mean):.0f} % busy, at most 80 %"
    assert told.strip() == "shut down"


@pytest.mark.parametrize(("device", "environment"), [
    ("cpu", {}), ("cuda:7", {}), ("cuda:1", {"NO_DRIVER": "1"}), ("cuda:1", {"NO_RATES": "1"}),
    ("cuda:0", {"CUDA_VISIBLE_DEVICES": "GPU-unknown"})])
def test_not_measured(library: Path, device: str, environment: dict[str, str]) -> None:
    assert measure(library, device, **environment)[0] == "None None not measured"


def test_without_a_driver() -> None:
    with sampled("cuda:63") as load:
        pass
    assert load == GpuLoad() and not load.measured


def test_an_error_inside_is_not_swallowed(library: Path) -> None:
    with pytest.raises(ValueError, match="inside"), sampled("cuda:0"):
        raise ValueError("inside")


@pytest.mark.parametrize(("device", "environment", "used"), [
    ("cuda:1", {}, "5000000000"), ("cuda:0", {}, "0"), ("cuda:0", {"CUDA_VISIBLE_DEVICES": "1"}, "5000000000"),
    ("cpu", {}, "None"), ("cuda:7", {}, "None"), ("cuda:1", {"NO_DRIVER": "1"}, "None"), ("cuda:1", {"NO_RATES": "1"}, "None")])
def test_memory_in_use(library: Path, device: str, environment: dict[str, str], used: str) -> None:
    program = "import sys; from voicekit.gpu_load import memory_used; print(memory_used(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, device], capture_output=True, text=True, check=True,
                          env={**os.environ, "LD_LIBRARY_PATH": str(library), **environment})
    assert done.stdout.strip() == used
