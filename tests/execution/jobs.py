"""Work for the slots' tests: module-level functions, since workers import them by name."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from voicekit.execution.slots import Report, SlotContext


def double(piece: int, context: SlotContext, report: Report) -> int:
    return 2 * piece


def describe(piece: None, context: SlotContext, report: Report) -> dict[str, Any]:
    return {"context": context, "pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"]}


def fail(piece: str, context: SlotContext, report: Report) -> None:
    raise ValueError(piece)


def report_then_die(piece: int, context: SlotContext, report: Report) -> None:
    for number in range(piece):
        report(number)
    os.kill(os.getpid(), signal.SIGKILL)


def count(piece: int, context: SlotContext, report: Report) -> None:
    for number in range(piece):
        report(number)


def sleep(piece: float, context: SlotContext, report: Report) -> float:
    report(os.getpid())
    time.sleep(piece)
    return piece


class Strange(Exception):
    """Pickles, and cannot be unpickled."""

    def __init__(self, *, what: str) -> None:
        super().__init__(what)


def fail_strangely(piece: int, context: SlotContext, report: Report) -> None:
    raise Strange(what="nobody can rebuild this")


def return_a_lock(piece: None, context: SlotContext, report: Report) -> Any:
    return threading.Lock()
