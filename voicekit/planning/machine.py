"""Who works on what: workers, threads, batch size, precision and devices, from what the machine has.

Nothing is decided silently: every choice leaves a sentence in ``reasons``, and what the user should
know in ``warnings``.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from voicekit.errors import DeviceError, UsageError
from voicekit.options import EngineOptions
from voicekit.protocols import EngineProfile


class Computes(Protocol):
    """What is asked of any engine's profile to find its devices."""

    @property
    def name(self) -> str:
        """As the user knows it."""
        ...

    @property
    def compute_types(self) -> Mapping[str, tuple[str, ...]]:
        """Per kind of device the precisions; a kind that is missing is one it cannot run on."""
        ...


GPU_BATCH = 16


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to work with.

    Attributes
    ----------
    cores : int
        CPU cores this process may use.
    memory : int or None
        Free bytes; None where the system does not tell.
    gpus : int
        CUDA devices the driver knows.
    forks : bool
        Whether a process can be copied with what it has loaded, and the copy be looked after.
    """

    cores: int
    memory: int | None
    gpus: int
    forks: bool = False


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """The division of labour.

    Attributes
    ----------
    devices : tuple of str
        One per worker: ``cpu`` or ``cuda:N``.
    threads : int
        CPU threads per worker.
    batch_size : int
        Windows decoded together.
    compute_type : str
        Precision.
    copies : bool
        Whether the workers are copies of one process, and read one copy of the weights.
    reasons, warnings : tuple of str
        Why; and what the user should know.
    """

    devices: tuple[str, ...]
    threads: int
    batch_size: int
    compute_type: str
    copies: bool = False
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def workers(self) -> int:
        """How many."""
        return len(self.devices)


@dataclass
class _Notes:
    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def this_machine() -> Machine:
    """Look at this machine. Cores come from joblib, which reads affinity and cgroup quotas."""
    import joblib

    return Machine(cores=int(joblib.cpu_count()), memory=_free_memory(), gpus=_gpus(), forks=_forks())


def _free_memory() -> int | None:
    """Bytes that can still be had, within the container's limit."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    free = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):  # no cgroup, or "max"
        return free
    return limit - used if free is None else min(free, limit - used)


def _forks() -> bool:
    """Linux since 5.3: there a process has a file descriptor, by which one that is no child can be ended, and known
    to have ended."""
    if not sys.platform.startswith("linux") or not hasattr(os, "pidfd_open"):
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def _gpus() -> int:
    """Ask the CUDA driver itself: no library of an engine is loaded for it."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0
    count = ctypes.c_int()
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def plan_devices(options: EngineOptions, profile: Computes, machine: Machine,
                 usable: Callable[[], int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which devices to use, and what to tell the user about it.

    Parameters
    ----------
    options : EngineOptions
        ``device`` as asked for.
    profile : EngineProfile or DiarizerProfile
        What the engine can run on.
    machine : Machine
        What there is.
    usable : callable
        How many GPUs the engine's library itself can use; called only if that matters, because it
        may import the library.

    Raises
    ------
    DeviceError
        If a GPU was asked for and cannot be used. Only ``auto`` falls back to the CPU, and says so.
    """
    asked = options.device
    if asked == "cpu":
        return ("cpu",), ()
    if asked == "auto":
        return _automatic(profile, machine, usable)
    indices = _indices(asked)
    if "cuda" not in profile.compute_types:
        raise DeviceError(f"{profile.name} cannot run on a GPU.", "Use --device cpu or another engine.")
    if not machine.gpus:
        raise DeviceError(f"--device {asked}: no CUDA device was found on this machine.",
                          "Check nvidia-smi, or use --device cpu.")
    count = usable()
    if not count:
        raise DeviceError(f"--device {asked}: {profile.name} as installed cannot use CUDA.",
                          "Run voicekit doctor to see why, or use --device cpu.")
    missing = [index for index in indices if index >= count]
    if missing:
        raise DeviceError(f"--device {asked}: there is no GPU {missing[0]}; {count} found.",
                          f"Choose from cuda:{','.join(map(str, range(count)))}.")
    return tuple(f"cuda:{index}" for index in indices or range(count)), ()


def _automatic(profile: Computes, machine: Machine,
               usable: Callable[[], int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not machine.gpus:
        return ("cpu",), ()
    count = usable() if "cuda" in profile.compute_types else 0
    if count:
        return tuple(f"cuda:{index}" for index in range(count)), ()
    return ("cpu",), (f"This machine has a GPU, but {profile.name} as installed cannot use it: running on "
                      f"the CPU.",)


def _indices(device: str) -> tuple[int, ...]:
    kind, _, rest = device.partition(":")
    numbers = rest.split(",") if rest else []
    if kind != "cuda" or (":" in device and not numbers) or not all(n.strip().isdecimal() for n in numbers):
        raise UsageError(f"Unknown device {device!r}.", "Choose auto, cpu, cuda, or for example cuda:0,1.")
    return tuple(dict.fromkeys(int(number) for number in numbers))


def plan_machine(options: EngineOptions, workers: int | None, profile: EngineProfile, model_bytes: int,
                 machine: Machine, devices: tuple[str, ...], beams: int = 1) -> MachinePlan:
    """Divide the machine among workers.

    Parameters
    ----------
    options : EngineOptions
        Precision and batch size as asked for.
    workers : int or None
        As asked for; None decides here.
    profile : EngineProfile
        What the engine can do.
    model_bytes : int
        Size of the model on disk, of which each worker holds its own unless they are copies of one process.
    machine : Machine
        What there is.
    devices : tuple of str
        From :func:`plan_devices`.
    beams : int
        Texts that are followed for each window.

    Raises
    ------
    UsageError
        If the engine does not have the precision.
    """
    notes = _Notes()
    kind = devices[0].partition(":")[0]
    compute_type = _compute_type(options, profile, kind, notes)
    batch = _batch_size(options, profile, kind, notes)
    memory = _Memory.of(model_bytes, batch, profile.window_share + (beams - 1) * profile.beam_share)
    asked = workers is not None
    workers = workers or _auto_workers(profile, machine, devices, memory, notes)
    threads = min(max(1, machine.cores // workers), max(profile.max_threads, 1))
    copies = profile.copyable and machine.forks and kind == "cpu" and workers > 1 and threads == 1
    if asked:
        notes.reasons.append(f"workers: {workers}, as asked for")
        _check_workers(workers, machine, kind, memory, copies, notes)
    if copies:
        notes.reasons.append("memory: the model is loaded once, and all workers read the same weights")
    notes.reasons.append(f"threads: {machine.cores} cores divided by workers ({workers}); {profile.name} gains "
                         f"nothing from more than {profile.max_threads} in one")
    spread = tuple(devices[index % len(devices)] for index in range(workers))
    return MachinePlan(spread, threads, batch, compute_type, copies, tuple(notes.reasons), tuple(notes.warnings))


def _compute_type(options: EngineOptions, profile: EngineProfile, kind: str, notes: _Notes) -> str:
    known = profile.compute_types[kind]
    arithmetic = profile.arithmetic(known[0] if options.compute_type == "auto" else options.compute_type)
    here = f"; on this processor {arithmetic}" if arithmetic else ""
    if options.compute_type == "auto":
        notes.reasons.append(f"precision: {known[0]} is the default of {profile.name} on {kind}{here}")
        return known[0]
    if options.compute_type not in known:
        raise UsageError(f"{profile.name} has no {options.compute_type} on {kind}.",
                         f"Choose auto or one of: {', '.join(known)}.")
    notes.reasons.append(f"precision: {options.compute_type}, as asked for{here}")
    return options.compute_type


def _batch_size(options: EngineOptions, profile: EngineProfile, kind: str, notes: _Notes) -> int:
    if not profile.batched:
        if options.batch_size not in (None, 1):
            notes.warnings.append(f"{profile.name} decodes one window at a time: --batch-size is not used.")
        notes.reasons.append(f"batch: {profile.name} decodes one window at a time")
        return 1
    if options.batch_size is not None:
        notes.reasons.append(f"batch: {options.batch_size}, as asked for")
        return options.batch_size
    batch = profile.cpu_batch if kind == "cpu" else GPU_BATCH
    notes.reasons.append(f"batch: {batch} is the default of {profile.name} on {kind}")
    return batch


@dataclass(frozen=True, slots=True)
class _Memory:
    """What workers take: a rough bound."""

    loaded: float
    """Libraries, and weights with their working copy."""
    work: float
    """What a batch needs, which grows with the model, and what a process needs for itself (measured: `small`,
    0.48 GB on disk, batch 8, with faster-whisper 1.6 GB in all)."""

    @classmethod
    def of(cls, model_bytes: int, batch: int, window_share: float) -> _Memory:
        return cls(1.2 * model_bytes + 200e6, 100e6 + batch * window_share * model_bytes)

    def all(self, workers: int, copies: bool) -> float:
        return (1 if copies else workers) * self.loaded + workers * self.work


def _auto_workers(profile: EngineProfile, machine: Machine, devices: tuple[str, ...], memory: _Memory,
                  notes: _Notes) -> int:
    if devices[0] != "cpu":
        notes.reasons.append("workers: one for each GPU")
        return len(devices)
    # Threads of one worker wait for each other at every step, workers never: where a worker more takes little memory
    # there is one for each core, unless memory is too short for even half of that.
    workers = _fitting(machine.cores, machine, memory, True) if profile.copyable and machine.forks else 0
    copies = 2 * workers > machine.cores
    threads = 1 if copies else profile.max_threads
    most = max(1, machine.cores // threads)
    workers = workers if copies else _fitting(most, machine, memory, False)
    why = f"{machine.cores} cores, " + ("one for each" if copies else f"at most {threads} for each")
    if workers < most:
        assert machine.memory is not None
        each = memory.work if copies else memory.all(1, False)
        why = (f"as many as fit into {machine.memory / 1e9:.1f} GB of free memory at {each / 1e9:.1f} GB each"
               + (f", and {memory.loaded / 1e9:.1f} GB for all" if copies else ""))
    notes.reasons.append(f"workers: {why}")
    return workers


def _fitting(most: int, machine: Machine, memory: _Memory, copies: bool) -> int:
    """Workers that four fifths of the free memory suffice for; at least one."""
    if machine.memory is None:
        return most
    enough = machine.memory * 0.8
    return max((count for count in range(1, most + 1) if memory.all(count, copies) <= enough), default=1)


def _check_workers(workers: int, machine: Machine, kind: str, memory: _Memory, copies: bool,
                   notes: _Notes) -> None:
    need = memory.all(workers, copies)
    if kind == "cpu" and workers > machine.cores:
        notes.warnings.append(
            f"{workers} workers on {machine.cores} cores are not faster than {machine.cores}, and take up to "
            f"{(need - memory.all(machine.cores, copies)) / 1e9:.1f} GB more memory.")
    if machine.memory is not None and workers > 1 and need > machine.memory:
        notes.warnings.append(f"{workers} workers may need about {need / 1e9:.1f} GB; "
                              f"{machine.memory / 1e9:.1f} GB are free.")
