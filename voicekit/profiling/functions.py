"""The functions of many threads and processes, as :mod:`cProfile` counts them, put together."""

from __future__ import annotations

import marshal
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    import cProfile

Function = tuple[str, int, str]
"""File, line, name: as :mod:`pstats` names a function."""

Counts = tuple[int, int, float, float]
"""Calls that were not recursive, calls, own seconds, seconds with what was called."""

Stats = dict[Function, tuple[int, int, float, float, dict[Function, Counts]]]
"""What :mod:`pstats` writes and reads: counts by function, and by who called it."""

_MARKS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}", f"{os.sep}lib-dynload{os.sep}")


@dataclass(frozen=True, slots=True)
class FunctionLine:
    """What a function cost.

    Attributes
    ----------
    name, place : str
        Its name; and where it is, without what differs from machine to machine.
    calls : int
        How often it was called.
    own, cumulative : float
        Seconds in it; and in it with all that it called.
    """

    name: str
    place: str
    calls: int
    own: float
    cumulative: float


def counted(profile: cProfile.Profile) -> Stats:
    """What a profiler that is switched off has counted."""
    profile.create_stats()
    return cast(Stats, profile.stats)


def merged(parts: Iterable[Stats]) -> Stats:
    """The sum of several.

    Parameters
    ----------
    parts : iterable of Stats
        None of them is changed.

    Examples
    --------
    >>> f = ("a.py", 1, "f")
    >>> merged([{f: (1, 2, 0.5, 1.0, {})}, {f: (1, 1, 0.25, 0.5, {f: (1, 1, 0.25, 0.5)})}])
    {('a.py', 1, 'f'): (2, 3, 0.75, 1.5, {('a.py', 1, 'f'): (1, 1, 0.25, 0.5)})}
    """
    total: Stats = {}
    for part in parts:
        for function, (primitive, calls, own, cumulative, callers) in part.items():
            before = total.get(function)
            if before is None:
                total[function] = (primitive, calls, own, cumulative, dict(callers))
                continue
            known = before[4]
            for caller, counts in callers.items():
                known[caller] = _sum(known[caller], counts) if caller in known else counts
            total[function] = (*_sum(before[:4], (primitive, calls, own, cumulative)), known)
    return total


def _sum(one: Counts, other: Counts) -> Counts:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def packed(stats: Stats) -> bytes:
    """A file that ``python -m pstats`` and snakeviz open."""
    return marshal.dumps(stats)


def unpacked(data: bytes) -> Stats:
    """The other way round, for what this very run has written.

    Raises
    ------
    EOFError, ValueError, TypeError
        If it is not whole.
    """
    stats: Stats = marshal.loads(data)
    return stats


def top(stats: Stats, number: int, by: Literal["own", "cumulative"]) -> tuple[FunctionLine, ...]:
    """The functions that cost most.

    Parameters
    ----------
    stats : Stats
        All of them.
    number : int
        How many at most.
    by : {"own", "cumulative"}
        Which seconds count.
    """
    ordered = sorted(stats.items(), key=lambda item: (-(item[1][2] if by == "own" else item[1][3]), item[0]))[:number]
    return tuple(FunctionLine(function[2], place(function), calls, round(own, 6), round(cumulative, 6))
                 for function, (_, calls, own, cumulative, _) in ordered)


def place(function: Function) -> str:
    """Where a function is: file and line from its package on.

    Examples
    --------
    >>> place(("/usr/lib/python3.11/site-packages/numpy/core/fromnumeric.py", 12, "sum"))
    'numpy/core/fromnumeric.py:12'
    >>> place(("~", 0, "<built-in method time.sleep>"))
    'built in'
    """
    file, line, _ = function
    if file == "~":
        return "built in"
    for mark in _MARKS:
        before, found, rest = file.rpartition(mark)
        if found:
            return f"{rest.replace(os.sep, '/')}:{line}"
    parts = file.replace("\\", "/").split("/")
    if "voicekit" in parts[:-1]:
        begin = len(parts) - 1 - parts[:-1][::-1].index("voicekit") - 1
        return f"{'/'.join(parts[begin:])}:{line}"
    return f"{'/'.join(parts[-2:])}:{line}"
