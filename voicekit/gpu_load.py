"""How busy a GPU is while something runs, and how full, as its driver counts it.

NVIDIA's management library (NVML) comes with the driver and is asked directly, so that nothing has to be installed.
Without it, or on a CPU, nothing is measured and nothing fails.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

INTERVAL = 0.2
"""Seconds between two looks; the driver itself averages over 1/6 s to 1 s."""


@dataclass(slots=True)
class GpuLoad:
    """How busy a GPU was, once it has been measured.

    Attributes
    ----------
    mean, peak : float or None
        Percent of the time in which the GPU computed anything; None where that cannot be measured.

    Examples
    --------
    >>> str(GpuLoad(61.4, 98.0)), GpuLoad().measured
    ('61 % busy, at most 98 %', False)
    """

    mean: float | None = None
    peak: float | None = None

    @property
    def measured(self) -> bool:
        """Whether there are figures."""
        return self.mean is not None

    def __str__(self) -> str:
        if self.mean is None or self.peak is None:
            return "not measured"
        return f"{self.mean:.0f} % busy, at most {self.peak:.0f} %"


@contextmanager
def sampled(device: str) -> Iterator[GpuLoad]:
    """Measure a GPU while the block runs.

    Parameters
    ----------
    device : str
        ``cuda`` or ``cuda:1``, counted as CUDA does under ``CUDA_VISIBLE_DEVICES``; nothing is measured on others.

    Yields
    ------
    GpuLoad
        Filled in when the block ends.

    Examples
    --------
    >>> with sampled("cpu") as load:
    ...     pass
    >>> print(load)
    not measured
    """
    load = GpuLoad()
    gpu = _Gpu.opened(device)
    if gpu is None:
        yield load
        return
    over = threading.Event()
    seen: list[int] = []

    def look() -> None:
        # At least once, however short the block is.
        while (busy := gpu.busy()) is not None:
            seen.append(busy)
            if over.wait(INTERVAL):
                break

    thread = threading.Thread(target=look, name="gpu-load", daemon=True)
    thread.start()
    try:
        yield load
    finally:
        over.set()
        thread.join()
        gpu.close()
        if seen:
            load.mean, load.peak = sum(seen) / len(seen), float(max(seen))


def memory_used(device: str) -> int | None:
    """Bytes of a GPU's memory that are in use now, by whomever.

    Parameters
    ----------
    device : str
        As for :func:`sampled`; None on others, and where that cannot be measured.

    Examples
    --------
    >>> memory_used("cpu") is None
    True
    """
    gpu = _Gpu.opened(device)
    if gpu is None:
        return None
    try:
        return gpu.memory()
    finally:
        gpu.close()


class _Memory(ctypes.Structure):
    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", ctypes.c_uint), ("memory", ctypes.c_uint)]


class _Gpu:
    """One GPU, by NVML's functions; all of them return 0 where they succeed."""

    def __init__(self, library: ctypes.CDLL, handle: ctypes.c_void_p) -> None:
        self._library = library
        self._handle = handle

    @classmethod
    def opened(cls, device: str) -> _Gpu | None:
        """The GPU of that name; None where there is none or NVML is missing."""
        kind, _, number = device.partition(":")
        if kind != "cuda":
            return None
        try:
            library = ctypes.CDLL("nvml.dll" if os.name == "nt" else "libnvidia-ml.so.1")
            if library.nvmlInit_v2() != 0:
                return None
            handle = ctypes.c_void_p()
            which = _physical(int(number or 0))
            if isinstance(which, int):
                failed = library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(which), ctypes.byref(handle))
            else:
                failed = library.nvmlDeviceGetHandleByUUID(ctypes.c_char_p(which.encode()), ctypes.byref(handle))
        except (OSError, AttributeError):  # no such library, or no such function in it
            return None
        gpu = cls(library, handle)
        if failed:
            gpu.close()
            return None
        return gpu

    def busy(self) -> int | None:
        """Percent of the last moments in which it computed; None where the driver does not say."""
        rates = _Utilization()
        failed = self._library.nvmlDeviceGetUtilizationRates(self._handle, ctypes.byref(rates))
        return None if failed else int(rates.gpu)

    def memory(self) -> int | None:
        """Bytes in use; None where the driver does not say."""
        found = _Memory()
        try:
            failed = self._library.nvmlDeviceGetMemoryInfo(self._handle, ctypes.byref(found))
        except AttributeError:  # a very old driver
            return None
        return None if failed else int(found.used)

    def close(self) -> None:
        """Leave NVML as it was."""
        self._library.nvmlShutdown()


def _physical(number: int) -> int | str:
    """NVML's name for CUDA's GPU of that number: NVML does not look at ``CUDA_VISIBLE_DEVICES``."""
    visible = [part.strip() for part in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if part.strip()]
    if number >= len(visible):
        return number
    return int(visible[number]) if visible[number].isdigit() else visible[number]
