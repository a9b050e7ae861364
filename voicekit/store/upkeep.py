"""Looking after a store: how large it is, whether it is whole, and making it smaller."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from voicekit.store.presence import living
from voicekit.store.results import Damaged, Store, load, set_aside

STRAY = 3600.0
"""Seconds; a file that is still being written after so long was left by a process that died."""


@dataclass(frozen=True, slots=True)
class Stats:
    """What is in a store.

    Attributes
    ----------
    entries, bytes : int
        Results and their size.
    damaged : int
        Files that were set aside.
    running : int
        Jobs that are being worked on.
    oldest : float or None
        Seconds since the least recently used result was used.
    """

    entries: int
    bytes: int
    damaged: int
    running: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, and what is left.

    Attributes
    ----------
    removed, removed_bytes : int
        Results.
    left, left_bytes : int
        Results.
    in_use : int
        How many of those left belong to running jobs and would have been removed.
    """

    removed: int
    removed_bytes: int
    left: int
    left_bytes: int
    in_use: int


def _sizes(store: Store) -> list[tuple[float, int, Path]]:
    """Last use, size and path of every entry, the least recently used first."""
    found = []
    for path in store.entries():
        with contextlib.suppress(FileNotFoundError):  # removed by another meanwhile
            status = path.lstat()
            found.append((status.st_mtime, status.st_size, path))
    return sorted(found)


def stats(folder: Path) -> Stats:
    """Count what is there.

    Examples
    --------
    >>> stats(Path("/tmp/store")).entries  # doctest: +SKIP
    240
    """
    store = Store(folder)
    found = _sizes(store)
    damaged = folder / "damaged"
    return Stats(len(found), sum(size for _, size, _ in found),
                 len(list(damaged.iterdir())) if damaged.is_dir() else 0, len(living(folder)),
                 max(0.0, time.time() - found[0][0]) if found else None)


def verify(folder: Path) -> tuple[int, int]:
    """Read every entry and set aside what is not what its name says; how many are good, and how many were not."""
    store = Store(folder)
    good = bad = 0
    for path in store.entries():
        try:
            if path.parent.name != path.name[:2] or path.suffix != ".json" or len(path.stem) != 64:
                raise Damaged(path.name)
            load(path)
            good += 1
        except FileNotFoundError:
            continue
        except (Damaged, ValueError):
            set_aside(folder, path)
            bad += 1
    return good, bad


def prune(folder: Path, max_bytes: int) -> Pruned:
    """Remove the least recently used results until the others take no more than `max_bytes`.

    What a running job has used or made is never removed.
    """
    store = Store(folder)
    sweep(folder)
    found = _sizes(store)
    left, left_bytes = len(found), sum(size for _, size, _ in found)
    removed = removed_bytes = in_use = 0
    begun = min(living(folder).values(), default=float("inf"))
    for used, size, path in found:
        if left_bytes <= max_bytes:
            break
        if used >= begun - 1:  # some disks keep whole seconds only
            in_use += 1
            continue
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        left, left_bytes = left - 1, left_bytes - size
        removed, removed_bytes = removed + 1, removed_bytes + size
    return Pruned(removed, removed_bytes, left, left_bytes, in_use)


def clear(folder: Path) -> Pruned:
    """Remove every result that no running job uses, and what was set aside."""
    done = prune(folder, 0)
    shutil.rmtree(folder / "damaged", ignore_errors=True)
    return done


def sweep(folder: Path) -> None:
    """Remove what processes that died were writing."""
    place = folder / "incoming"
    with contextlib.suppress(OSError):
        for entry in os.scandir(place):
            with contextlib.suppress(OSError):
                if time.time() - entry.stat(follow_symlinks=False).st_mtime > STRAY:
                    os.unlink(entry.path)
