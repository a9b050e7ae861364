"""Work for the slots' tests: module-level functions, since workers import them by name."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from voicekit.execution import turns, zygote
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


_loaded: dict[str, Any] = {}


def load(piece: str, context: SlotContext, report: Report) -> None:
    """What a zygote may do: something large, which a copy finds where it was put."""
    _loaded.update(what=piece, pid=os.getpid(), array=np.ones(LOADED, np.uint8))
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()  # libraries have threads of their own


LOADED = 200_000_000


def load_badly(piece: str, context: SlotContext, report: Report) -> None:
    raise ValueError(piece)


def load_with_words(piece: str, context: SlotContext, report: Report) -> None:
    _loaded.update(what=piece, pid=os.getpid())
    report("there is little memory")


def load_slowly(piece: str, context: SlotContext, report: Report) -> None:
    Path(piece).write_text(str(os.getpid()))
    time.sleep(600)


def die_while_loading(piece: str, context: SlotContext, report: Report) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def look(piece: float, context: SlotContext, report: Report) -> dict[str, Any]:
    """What of the zygote's is here; takes its time, so that every worker gets such a piece."""
    report(os.getpid())
    array = _loaded.get("array")
    total = int(array.sum()) if array is not None else 0
    time.sleep(piece)
    return {"pid": os.getpid(), "zygote": _loaded.get("pid"), "what": _loaded.get("what"), "sum": total,
            "context": context, "memory": psutil.Process().memory_full_info().pss}


_held = threading.Lock()


def load_beside_a_thread(piece: str, context: SlotContext, report: Report) -> None:
    """What is locked is locked while a thread computes in a library, outside the interpreter."""
    holding = threading.Event()

    def compute() -> None:
        with _held:
            holding.set()
            hashlib.pbkdf2_hmac("sha256", b"", b"", 1_000_000)  # some tenths of a second

    zygote._CALM = 600.0
    threading.Thread(target=compute).start()
    holding.wait()


def lock(piece: float, context: SlotContext, report: Report) -> bool:
    """Whether what is locked can be locked within so many seconds."""
    return _held.acquire(timeout=piece)


def load_where_there_is_no_room(piece: str, context: SlotContext, report: Report) -> None:
    def refuse() -> int:
        raise BlockingIOError("Resource temporarily unavailable")

    os.fork = refuse


def report_strangely(piece: int, context: SlotContext, report: Report) -> int:
    report(Strange(what="nobody can rebuild this"))
    return piece


def tell_the_turn(piece: None, context: SlotContext, report: Report) -> tuple[float, int]:
    """How long a turn lasts here, and how nice the process is."""
    return turns.turn(), os.nice(0)


def tell_the_tunables(piece: None, context: SlotContext, report: Report) -> str | None:
    """What the process was told of glibc."""
    return os.environ.get("GLIBC_TUNABLES")
