"""A contestant is a process of its own: timed, told what went wrong with it, and never left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.commands import ROOT
from voicekit.benchmark.commands import environment, measure
from voicekit.errors import ProcessingError


def test_time_is_from_start_to_exit(tmp_path: Path) -> None:
    found = measure("sleeper", [sys.executable, "-c", "import time; time.sleep(0.5)"], tmp_path)
    assert found.seconds >= 0.5
    assert found.memory is None or found.memory > 1_000_000


def test_a_failure_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ProcessingError, match="picky ended with code 4: no such luck") as error:
        measure("picky", [sys.executable, "-c", "import sys; print('no such luck'); sys.exit(4)"], tmp_path)
    assert error.value.hint


def test_nobody_inherits_a_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert not {"OMP_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"} & environment().keys()
    assert environment()["HF_HUB_OFFLINE"] == "1"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupted_benchmark_leaves_nothing_behind(tmp_path: Path) -> None:
    contestant = ("import subprocess, sys, time, pathlib; child = subprocess.Popen([sys.executable, '-c', "
                  "'import time; time.sleep(60)']); pathlib.Path('child').write_text(str(child.pid)); time.sleep(60)")
    benchmark = ("import sys, pathlib; from voicekit.benchmark.commands import measure; "
                 f"measure('one', [sys.executable, '-c', {contestant!r}], pathlib.Path({str(tmp_path)!r}))")
    process = subprocess.Popen([sys.executable, "-c", benchmark], cwd=ROOT, stderr=subprocess.PIPE)
    with process:
        child = tmp_path / "child"
        while process.poll() is None and not (child.exists() and child.read_text()):
            time.sleep(0.05)
        number = int(child.read_text())
        process.send_signal(signal.SIGINT)
        process.wait(60)
    assert process.returncode != 0
    assert not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE
