"""Thousands of broken and forged files: each decodes or is refused cleanly, and none takes the process along.

Mutants (:mod:`tests.audio.mutants`) are decoded one after the other in a child process that is watched. A crash, a
hang, an exception that is no VoicekitError, anything left behind, too much sound and too much memory are
failures, and named by their seed. One is repeated, and its file kept, with

    python -m tests.audio.decoding_child --seed 12345 /tmp/mutant

``VOICEKIT_FUZZ_SEED`` is where the long test begins, which otherwise goes on where the short one cannot reach.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests import sound
from tests.audio import decoding_child
from tests.audio.mutants import Mutants, write_originals
from tests.commands import ROOT

if sys.platform != "linux":
    pytest.skip("what a process held at most is asked of Linux", allow_module_level=True)

PATIENCE = 20.0
"""Seconds of computing for one small file; a hundredth of one is usual. A child that sleeps gets as many minutes."""

MEMORY = 400
"""MiB that a process may hold while it decodes a mutant: about 60 of them are Python, NumPy and FFmpeg."""


class Watched:
    """A child that decodes mutants by their seeds; after a crash or a hang, a new one."""

    def __init__(self, folder: Path, *program: str) -> None:
        self._folder = folder
        self._program = program or ("-m", "tests.audio.decoding_child", str(folder))
        self._child: subprocess.Popen[bytes] | None = None

    def judge(self, seed: int) -> dict[str, Any]:
        """What came of one mutant."""
        child = self._child = self._child or self._start()
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(b"%d\n" % seed)
            child.stdin.flush()
        except BrokenPipeError:
            return self._ended("crash", child)
        answer = b""
        began, computed = time.monotonic(), self._computed(child)
        while not answer.endswith(b"\n"):
            if not select.select([child.stdout], [], [], 0.5)[0]:
                # On a busy machine a second of computing can take a minute.
                if self._computed(child) - computed > PATIENCE or time.monotonic() - began > 60 * PATIENCE:
                    child.send_signal(signal.SIGABRT)  # so that it tells where it hung
                    return self._ended("hang", child)
                continue
            block = os.read(child.stdout.fileno(), 1 << 16)
            if not block:
                return self._ended("crash", child)
            answer += block
        return dict(json.loads(answer))

    def end(self) -> None:
        if self._child is not None:
            self._ended("", self._child)

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "told").open("wb") as told:
            return subprocess.Popen([sys.executable, *self._program], cwd=ROOT, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, stderr=told)

    @staticmethod
    def _computed(child: subprocess.Popen[bytes]) -> float:
        """Seconds that the child has computed so far."""
        times = psutil.Process(child.pid).cpu_times()
        return float(times.user + times.system)

    def _ended(self, came: str, child: subprocess.Popen[bytes]) -> dict[str, Any]:
        self._child = None
        assert child.stdin is not None and child.stdout is not None
        child.stdin.close()
        child.stdout.close()
        try:
            code = child.wait(60)
        except subprocess.TimeoutExpired:
            child.kill()
            code = child.wait()
        told = (self._folder / "told").read_text(errors="replace")[-2000:]
        for name in (*self._folder.glob("pcm/*"), *self._folder.glob("mutant-*")):
            name.unlink()
        return {"came": came, "wrong": f"exit code {code}: {told}", "peak": 0}


def decode_mutants(folder: Path, first: int, count: int) -> Counter[str]:
    """Decode so many mutants, a hundred in a second; returns how many ended how."""
    write_originals(folder / "originals")
    watched, ends, wrong, peaks = Watched(folder), Counter[str](), [], [0]
    try:
        for seed in range(first, first + count):
            answer = watched.judge(seed)
            ends[answer["came"]] += 1
            peaks.append(answer["peak"])
            if answer["peak"] > MEMORY:
                answer["wrong"] += f"held {answer['peak']} MiB"
            if answer["wrong"]:
                wrong.append(f"seed {seed}: {answer['came']}: {answer['wrong']}")
            if len(wrong) == 20:
                break
    finally:
        watched.end()
    print(f"{sum(ends.values())} mutants from seed {first}: {dict(ends)}; at most {max(peaks)} MiB")
    assert not wrong, "\n".join(wrong)
    return ends


def test_mutants_decode_or_are_refused_cleanly(tmp_path: Path) -> None:
    ends = decode_mutants(tmp_path, 0, 4000)
    assert ends["whole"] and ends["partial"] and ends["NotAudioError"], "mutants of all kinds, or it proves little"


@pytest.mark.slow
def test_many_more_mutants(tmp_path: Path) -> None:
    decode_mutants(tmp_path, int(os.environ.get("VOICEKIT_FUZZ_SEED", 1_000_000)), 50_000)


@pytest.mark.parametrize(("program", "came", "told"), [
    ("import faulthandler; faulthandler.enable(); input(); faulthandler._sigsegv()", "crash", "Segmentation fault"),
    ("import os; input(); os.abort()", "crash", "exit code -6"),
    ("input(); print('half', end='', flush=True); raise SystemExit(3)", "crash", "exit code 3"),
    ("import faulthandler, time; faulthandler.enable(); input(); time.sleep(99)", "hang", "line 1 in <module>"),
    ("import faulthandler; faulthandler.enable(); input()\nwhile True: pass", "hang", "line 2 in <module>")])
def test_crashes_and_hangs_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, came: str, told: str) -> None:
    if came == "hang":
        monkeypatch.setattr(f"{__name__}.PATIENCE", 0.5 if "while" in program else 0.1)
    watched = Watched(tmp_path, "-c", program)
    for seed in (1, 2):  # the second time in a new process
        answer = watched.judge(seed)
        assert answer["came"] == came and told in answer["wrong"]
    watched.end()


def test_broken_promises_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sound.write(tmp_path / "a.wav", sound.tone(1))
    assert decoding_child.judge(path, tmp_path / "pcm", 60)["wrong"] == ""

    def leave(source: Path, folder: Path, **_: object) -> None:
        (folder / "half").write_bytes(b"x")
        raise ValueError("nobody thought of that")

    monkeypatch.setattr("voicekit.audio.decode", leave)
    wrong = decoding_child.judge(path, tmp_path / "pcm", 60)["wrong"]
    assert "nobody thought of that" in wrong and "half was left behind" in wrong


def test_the_same_mutant_for_the_same_seed(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_originals(tmp_path / folder)
    one, other = Mutants(tmp_path / "a"), Mutants(tmp_path / "b")
    assert [one.make(seed) for seed in range(200)] == [other.make(seed) for seed in range(200)]
