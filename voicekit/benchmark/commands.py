"""A command in a process of its own: how long it takes from start to exit, and how much memory it holds."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from voicekit.benchmark import memory
from voicekit.errors import ProcessingError

PATIENCE = 10.0
"""Seconds that a command gets to end when the benchmark is interrupted."""

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_TOLD = 6  # lines of what a command that failed has said


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took.

    Attributes
    ----------
    seconds : float
        From its start to its end: with imports and loading, which is what a user waits for.
    memory : int or None
        Bytes that all its processes held together at most, shared pages counted once; None where that is not told.
    """

    seconds: float
    memory: int | None


def measure(name: str, command: Sequence[str], folder: Path) -> Measured:
    """Run a command.

    Parameters
    ----------
    name : str
        For people.
    command : sequence of str
        The program and its arguments.
    folder : Path
        Its current folder; what it says goes into a file there.

    Raises
    ------
    ProcessingError
        If it fails; with what it said last.
    """
    log = folder / "said.txt"
    with open(log, "wb") as said:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=said,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            with memory.watched(process.pid) as peak:
                code = process.wait()
                seconds = time.monotonic() - began
        except BaseException:
            _end(process)
            raise
    if code:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_TOLD:]
        raise ProcessingError(f"{name} ended with code {code}: {' / '.join(last) or 'it said nothing'}",
                              "Try it by itself; or leave it out with --peers.")
    return Measured(seconds, peak.bytes)


def environment() -> dict[str, str]:
    """The environment of every contestant: each chooses its threads itself, and none asks a hub.

    Python keeps what it has compiled of a program, as it does by itself: one that was installed with pip is compiled
    once, and a checkout would be at every start, which takes a second and more.
    """
    own = {name: value for name, value in os.environ.items() if name not in (*_THREADS, _NO_BYTECODE)}
    return {**own, "HF_HUB_OFFLINE": "1"}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end; kill it and what it has started, if it does not."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE)
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a session of its own
    else:
        process.kill()
    process.wait()
