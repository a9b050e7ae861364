"""Half a day of sound: what the parent holds in memory, and what it leaves on the disk."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests import sound
from tests.faults.runs import Case
from tests.models import pico_cases

HOURS = 12


def half_a_day(path: Path) -> Path:
    """Ten minutes of talk over and over, written a part at a time."""
    talk = pico_cases.conversation(21, 600, "en").pcm()
    block = np.concatenate([talk, np.zeros(-len(talk) % 512 + 512 * 30, np.int16)])
    times = HOURS * 3600 * 16000 // len(block) + 1
    sound.write_plain_wav(path, np.zeros(0, np.int16), size=2 * times * len(block))
    with open(path, "ab") as file:
        for _ in range(times):
            file.write(block.tobytes())
    return path


@pytest.mark.slow
@pytest.mark.model
def test_twelve_hours_in_bounded_memory(calm: Case, tmp_path: Path) -> None:
    """Equal windows are computed once: a worker looks into the store before it begins."""
    case = Case(half_a_day(tmp_path / "day.wav"), calm.model, tmp_path, ("--workers", "2", "--batch-size", "1"))
    process = case.start("out")
    parent, peak, disk = psutil.Process(process.pid), 0, 0
    while process.poll() is None:
        try:
            peak = max(peak, parent.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        disk = max(disk, sum(path.stat().st_size for path in tmp_path.glob("voicekit-*/*.pcm")))
        time.sleep(0.2)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    print(f"peak of the parent {peak / 1e6:.0f} MB, decoded sound on disk {disk / 1e6:.0f} MB; {said.strip().splitlines()[-6]}")
    assert peak < 1e9
    assert disk >= HOURS * 3600 * 16000 * 2 and not list(tmp_path.glob("voicekit-*"))
    found, computed, _ = case.use("out")
    assert found > 20 * computed and set(case.status("out").values()) == {"transcribed"}
    assert case.json("out")["segments"][-1]["end"] > HOURS * 3600 - 60
