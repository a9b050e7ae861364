"""How much memory a command and all its processes hold at most, with shared pages counted once.

Linux counts for every process a proportional share of each page that it shares with others (PSS); the sum over the
processes of a command is what it takes of the machine. Mapped files are in it, the page cache and files on a tmpfs
are not. What a system does not tell is None: nothing is estimated.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.1
"""Seconds between two looks."""

_LEAST_PAUSE = 20
"""A pause is at least so many times as long as the look before it: counting must not slow down what is counted."""

_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)
_ROLLUP = "smaps_rollup"


@dataclass(slots=True)
class Peak:
    """The most that was seen so far.

    Attributes
    ----------
    bytes : int or None
        None where nothing could be measured.
    looks : int
        How often it was looked.
    processes : int
        The most processes that were seen at once.
    """

    bytes: int | None = None
    looks: int = 0
    processes: int = 0

    def add(self, seen: list[int]) -> None:
        """One look: the bytes of each process."""
        self.looks += 1
        if seen:
            self.processes = max(self.processes, len(seen))
            self.bytes = max(self.bytes or 0, sum(seen))


def measurable() -> bool:
    """Whether this system tells the proportional share of a process."""
    return Path("/proc/self", _ROLLUP).exists()


def held(process: int) -> list[int]:
    """Bytes of each process of a command: of the one that was started, and of all that came of it.

    Parameters
    ----------
    process : int
        The first one; best the leader of a session of its own, for then children whose parent has died are found too.

    Examples
    --------
    >>> import os
    >>> sum(held(os.getpid())) > 1_000_000 or not measurable()
    True
    """
    shares = (_share(one) for one in family(process))
    return [share for share in shares if share is not None]


def family(process: int) -> set[int]:
    """The process, the processes of its session where it leads one, and all descendants of these."""
    parents: dict[int, int] = {}
    found = {process}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name, in parentheses, may hold spaces and parentheses.
            _, parent, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except (OSError, ValueError):  # it has just ended
            continue
        number = int(path.parent.name)
        parents[number] = int(parent)
        if int(session) == process:
            found.add(number)
    size = 0
    while len(found) > size:
        size = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found


def _share(process: int) -> int | None:
    try:
        found = _PSS.search(Path("/proc", str(process), _ROLLUP).read_text())
    except OSError:  # no Linux, or it has just ended
        return None
    return int(found[1]) * 1024 if found is not None else None


@contextmanager
def watched(process: int) -> Iterator[Peak]:
    """Measure a command while the block runs.

    Parameters
    ----------
    process : int
        As for :func:`held`.

    Yields
    ------
    Peak
        Whole when the block is left.

    Examples
    --------
    >>> with watched(command.pid) as peak:  # doctest: +SKIP
    ...     command.wait()
    >>> peak.bytes  # doctest: +SKIP
    1612345344
    """
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while True:
            began = time.thread_time()  # a look that only had to wait for a busy machine has slowed nothing down
            peak.add(held(process))
            if over.wait(max(INTERVAL, _LEAST_PAUSE * (time.thread_time() - began))):
                return

    thread = threading.Thread(target=watch, name="memory of a command", daemon=True)
    if measurable():
        thread.start()
    try:
        yield peak
    finally:
        over.set()
        if thread.ident is not None:
            thread.join()
