"""What a process has used so far, as the operating system counts it.

What a system does not tell is None: nothing is estimated.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from voicekit.gpu_load import memory_used

Bytes = tuple[int | None, int | None]
"""Read and written."""


def moved(of: str = "self") -> Bytes:
    """Bytes that were read and written so far, by files, pipes and sockets alike.

    Parameters
    ----------
    of : {"self", "thread-self"}
        The process, or this thread of it.
    """
    try:
        text = Path("/proc", of, "io").read_text()
    except OSError:  # no Linux, or a container that hides it
        return None, None
    found = dict(line.split(": ") for line in text.splitlines())
    return int(found["rchar"]), int(found["wchar"])


def between(before: Bytes, after: Bytes) -> Bytes:
    """What was read and written from one moment to another.

    Examples
    --------
    >>> between((10, None), (25, None))
    (15, None)
    """
    read, written = (None if first is None or last is None else last - first
                     for first, last in zip(before, after, strict=True))
    return read, written


def peak_memory() -> int | None:
    """Bytes of memory that this process held at most.

    Not ``getrusage``'s: on Linux that is inherited through ``exec``, so a small worker of a large parent would be
    said to be as large.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), None)


def gpu_memory(device: str) -> int | None:
    """Bytes of a GPU's memory: the most that torch held, where torch uses it, or what is in use now by all.

    Parameters
    ----------
    device : str
        ``cuda`` or ``cuda:1``; None for others.
    """
    if not device.startswith("cuda"):
        return None
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized() and torch.cuda.max_memory_reserved(device):
        return int(torch.cuda.max_memory_reserved(device))
    return memory_used(device)


def born() -> float:
    """When this process began, by :func:`time.monotonic`; where that is not told, now, less its CPU seconds."""
    now = time.monotonic()
    try:
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, AttributeError):
        age = 0.0
    return now - max(age, time.process_time())
