"""Work for the tests of profiling: module-level functions, since workers import them by name."""

from __future__ import annotations

import os
import signal
import tempfile
import time

from voicekit.execution.work import Report, SlotContext
from voicekit.profiling import step
from voicekit.profiling.steps import LOAD


def think(piece: int, context: SlotContext, report: Report) -> int:
    with step("count", numbers=piece):
        return sum(range(piece))


def load(piece: float, context: SlotContext, report: Report) -> str:
    with step(LOAD, model="none"):
        time.sleep(piece)
    return "loaded"


def hold(piece: int, context: SlotContext, report: Report) -> None:
    held = bytearray(piece)
    held[::4096] = b"x" * len(held[::4096])
    with tempfile.TemporaryFile() as file:
        file.write(held[:1_000_000])


def sleep_and_die(piece: float, context: SlotContext, report: Report) -> None:
    time.sleep(piece)
    os.kill(os.getpid(), signal.SIGKILL)
