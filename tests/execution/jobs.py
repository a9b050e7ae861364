"""Work for the slots' tests: module-level functions, since workers import them by name."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

from voicekit.execution.work import Report, SlotContext


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


def double_all(pieces: tuple[int, ...], context: SlotContext, report: Report) -> list[tuple[int, int]]:
    for place, piece in enumerate(pieces):
        report((place, -piece))
    return [(2 * piece, len(pieces)) for piece in pieces]


def double_one(piece: int, context: SlotContext, report: Report) -> tuple[int, int]:
    if piece < 0:
        raise ValueError(f"{piece} is negative")
    return 2 * piece, 1


def refuse_negatives(pieces: tuple[int, ...], context: SlotContext, report: Report) -> list[tuple[int, int]]:
    return [(double_one(piece, context, report)[0], len(pieces)) for piece in pieces]


def die_together(pieces: tuple[int, ...], context: SlotContext, report: Report) -> None:
    report((0, "the last word"))
    os.kill(os.getpid(), signal.SIGKILL)
