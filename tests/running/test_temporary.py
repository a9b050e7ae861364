from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands import ROOT
from voicekit.errors import OutputError
from voicekit.running.temporary import TemporaryFolder, sweep

HOLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
from voicekit.running.temporary import TemporaryFolder
with TemporaryFolder(sys.argv[2]) as folder:
    (folder / "sound.pcm").write_bytes(bytes(1000))
    print(folder, flush=True)
    time.sleep(60)
"""


def holder(parent: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(ROOT), str(parent)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_is_swept_and_what_is_in_use_stays(tmp_path: Path) -> None:
    dead, left = holder(tmp_path)
    alive, used = holder(tmp_path)
    dead.kill()
    dead.wait()
    assert left.exists() and used.exists()
    (tmp_path / "voicekit-mine").mkdir()  # not a run's: no lock file
    (tmp_path / "voicekit-notes.txt").write_text("")
    with TemporaryFolder(str(tmp_path)) as folder:
        assert folder.parent == tmp_path and not left.exists() and (used / "sound.pcm").exists()
        assert sweep(tmp_path) == [], "nor its own"
    assert not folder.exists()
    alive.terminate()
    alive.wait()
    for process in (dead, alive):
        assert process.stdout is not None
        process.stdout.close()
    deadline = time.monotonic() + 10
    while sweep(tmp_path) == [] and used.exists():
        assert time.monotonic() < deadline
    assert sorted(path.name for path in tmp_path.iterdir()) == ["voicekit-mine", "voicekit-notes.txt"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / ".lock").write_text("")
    (tmp_path / "voicekit-link").symlink_to("precious")
    (tmp_path / "voicekit-lock").mkdir()
    (tmp_path / "voicekit-lock" / ".lock").symlink_to(tmp_path / "precious" / ".lock")
    assert sweep(tmp_path) == []
    assert (tmp_path / "precious" / ".lock").exists()


def test_a_place_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--temp-dir"), TemporaryFolder(str(tmp_path / "nowhere")):
        pass
