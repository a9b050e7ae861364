"""Runs that are disturbed, and what an undisturbed one gives."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tests.commands import command, environment

FORMATS = ("txt", "srt", "vtt", "tsv", "json")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """A recording, the model to transcribe it with, and a folder to work in."""

    recording: Path
    model: Path
    folder: Path
    options: tuple[str, ...] = ("--workers", "2", "--chunks", "0.5", "--batch-size", "1")

    def arguments(self, output: str | None, *more: str) -> list[str]:
        """The command, which writes every format into a folder, or nothing where that is None."""
        place = () if output is None else ("-o", f"{output}/", "--formats", ",".join(FORMATS))
        return command(self.recording, "--engine", "faster-whisper", "--model", self.model, "--language", "en",
                       "--overwrite", *place, "--temp-dir", self.folder, *self.options, *more)

    def environment(self, cache: str = "kept", fault: dict[str, Any] | None = None) -> dict[str, str]:
        found = environment(self.folder, VOICEKIT_CACHE=str(self.folder / cache))
        if fault:
            found |= {"VOICEKIT_FAULT": json.dumps(fault), "PYTHONPATH": str(HERE)}
        return found

    def start(self, output: str | None, *more: str, cache: str = "kept", fault: dict[str, Any] | None = None,
              wrap: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start a run that can be disturbed."""
        return subprocess.Popen([*wrap, *self.arguments(output, *more)], cwd=self.folder, text=True, start_new_session=True,
                                env=self.environment(cache, fault), stderr=subprocess.PIPE)

    def run(self, output: str | None, *more: str, cache: str = "kept", fault: dict[str, Any] | None = None, code: int = 0,
            wrap: Sequence[str] = ()) -> str:
        """Run to the end and return what it said."""
        process = self.start(output, *more, cache=cache, fault=fault, wrap=wrap)
        _, said = process.communicate(timeout=300)
        assert process.returncode == code, said
        assert "Traceback" not in said, said
        return said

    def files(self, output: str) -> dict[str, bytes | dict[str, Any]]:
        """Every file that was written; of the json what does not tell of the run itself."""
        found: dict[str, Any] = {name: (self.folder / output / f"{self.recording.stem}.{name}").read_bytes() for name in FORMATS}
        found["json"] = {key: value for key, value in self.json(output).items() if key != "run"}
        return found

    def json(self, output: str) -> dict[str, Any]:
        whole: dict[str, Any] = json.loads((self.folder / output / f"{self.recording.stem}.json").read_text(encoding="utf-8"))
        return whole

    def use(self, output: str) -> tuple[int, int, int]:
        """Windows found, windows computed, entries damaged."""
        use = self.json(output)["run"]["cache"]
        return use["found"], use["computed"], use["damaged"]

    def status(self, output: str) -> dict[int, str]:
        """What became of each window."""
        return {entry["window"]: entry["status"] for entry in self.json(output)["ledger"]}

    def kept(self, cache: str = "kept") -> list[Path]:
        """The stored results of windows."""
        return [path for path in (self.folder / cache / "results").rglob("*.json") if b'"segments"' in path.read_bytes()]


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Worker processes; the resource tracker of multiprocessing is none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [child for child in psutil.Process(process.pid).children(recursive=True)
                if any("spawn_main" in part for part in child.cmdline())]
    return []


def wait_for(condition: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 120) -> None:
    """Until something is so, while the run goes on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"it ended early: {process.communicate()[1]}"
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def gone(processes: Sequence[psutil.Process]) -> bool:
    """Whether none of them lives."""
    def lives(process: psutil.Process) -> bool:
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
    return not any(map(lives, processes))


def kill_group(process: subprocess.Popen[str], number: int) -> None:
    """As a terminal does: to all of them."""
    os.killpg(process.pid, number)
