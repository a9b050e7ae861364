"""How long a process stays on a core when others wait for it.

Linux takes a core from a process after a few ms, and what was in the core's caches is then another's: where more
workers than cores multiply large matrices, some of their time goes into fetching them again. Since Linux 6.12 a
process may ask for longer turns. It waits for them as much longer, so those that have to answer do so as before.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys

LONGEST = 0.1
"""Seconds: the most that Linux grants."""

_CALLS = {"x86_64": (314, 315), "aarch64": (274, 275)}
"""Numbers of sched_setattr and sched_getattr, for which C libraries have had names since 2025 only."""

_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
"""struct sched_attr: size, policy, flags, nice, priority; runtime, deadline and period, in nanoseconds."""

_SHARING = (0, 3)
"""SCHED_OTHER and SCHED_BATCH, under which processes take turns."""


def ask_for_long_turns() -> None:
    """Ask for the longest there are, for this process and what it starts; nothing changes where there are none.

    How much of the cores it gets stays as it is (``nice``).
    """
    attributes = _attributes()
    if attributes is not None and attributes[1] in _SHARING:
        size, policy, flags, nice, priority, _, *rest = attributes
        asked = _ATTRIBUTES.pack(size, policy, flags & 1, nice, priority, round(LONGEST * 1e9), *rest)
        ctypes.CDLL(None).syscall(_CALLS[platform.machine()][0], 0, asked, 0)


def turn() -> float:
    """Seconds that a turn of this process lasts; 0 where the system does not tell.

    Examples
    --------
    >>> turn() <= LONGEST
    True
    """
    attributes = _attributes()
    return attributes[5] / 1e9 if attributes is not None and attributes[1] in _SHARING else 0.0


def _attributes() -> tuple[int, ...] | None:
    if not sys.platform.startswith("linux") or platform.machine() not in _CALLS:
        return None
    found = ctypes.create_string_buffer(_ATTRIBUTES.size)
    if ctypes.CDLL(None).syscall(_CALLS[platform.machine()][1], 0, found, _ATTRIBUTES.size, 0):
        return None
    return _ATTRIBUTES.unpack(found.raw)
