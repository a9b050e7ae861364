"""Memory of a command as Linux counts it: what several processes share counts once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from voicekit.benchmark import memory
from voicekit.benchmark.memory import family, held, watched

MB = 1 << 20

pytestmark = pytest.mark.skipif(not memory.measurable(), reason="this system does not tell the share of a process")

SHARING = """
import mmap, os, sys
block = mmap.mmap(-1, 96 << 20)          # shared with the children
block.write(b"x" * (96 << 20))
for _ in range(2):
    if os.fork() == 0:
        block.seek(0)
        while block.read(1 << 20):
            pass
        print("read", flush=True)
        sys.stdin.read()
        os._exit(0)
print("wrote", flush=True)
sys.stdin.read()
"""

ORPHAN = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"])
"""


@contextmanager
def started(script: str, lines: int, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has said so many lines; it ends with its input."""
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               start_new_session=True)
    assert process.stdin is not None and process.stdout is not None
    try:
        for _ in range(lines):
            assert process.stdout.readline()
        yield process
    finally:
        with process:
            process.stdin.close()
            for one in family(process.pid) - {process.pid}:
                os.kill(one, 9)


def test_shared_pages_count_once() -> None:
    with started(SHARING, 3) as process:
        assert len(family(process.pid)) == 3
        seen = held(process.pid)
        assert len(seen) == 3
        assert 96 * MB < sum(seen) < 96 * MB + 60 * MB, "three times as much if every process were charged in full"


def test_the_peak_is_kept_after_it_is_gone() -> None:
    script = "import sys; x = bytearray(200 << 20); del x; print('gone', flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", f"import time\nx = b'y' * (150 << 20)\ntime.sleep(1)\n{script}"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    with process, watched(process.pid) as peak:
        assert process.stdout.readline() == b"gone\n"
        process.stdin.close()
        process.wait()
    assert peak.bytes is not None and peak.bytes > 150 * MB
    assert peak.looks >= 2 and peak.processes == 1


def test_a_child_whose_parent_has_died_is_found_by_its_session() -> None:
    with started(ORPHAN, 1) as process:
        process.wait()  # the child lives on
        assert len(family(process.pid) - {process.pid}) == 1
        assert sum(held(process.pid)) > MB


def test_a_look_that_has_to_wait_makes_no_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a look takes long and costs nothing; the peak of a short command must not be missed for it."""
    def waits(process: int) -> list[int]:
        time.sleep(0.2)
        return [1]

    monkeypatch.setattr(memory, "held", waits)
    with memory.watched(os.getpid()) as peak:
        time.sleep(2.5)
    assert peak.looks >= 3


def test_a_process_that_is_gone_holds_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert held(process.pid) == []
    with watched(process.pid) as peak:
        pass
    assert peak.bytes is None
