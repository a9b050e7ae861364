"""The figures of a profile: what ``profile.json`` holds."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from voicekit.errors import InputError
from voicekit.profiling.functions import FunctionLine
from voicekit.provenance import LOADER

SCHEMA = "voicekit.profile/1"
"""Name and version of the form; the number grows when a reader would have to change."""

FILE = "profile.json"

RUNNING: Final = "running"
"""The state of a profile whose run has not ended, or was killed."""

State = Literal["running", "finished", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class MachineLine:
    """What it ran on. ``memory`` is in bytes; ``packages`` are versions by name."""

    cpu: str
    cores: int
    memory: int | None
    gpus: tuple[str, ...]
    system: str
    python: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordingLine:
    """A recording that was decoded, and its seconds."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """A process and how it spent its life, in seconds.

    Attributes
    ----------
    name, pid, slot, device, threads
        As in :class:`voicekit.profiling.records.ProcessRecord`; ``slot`` None is the parent.
    fate : {"ended", "lost"}
        Whether it was killed while it was on something.
    began : float
        Seconds since the run began.
    life : float
        From its birth to its end: the sum of the next six.
    start_up, loading, busy, waiting, lost, profiling : float
        Until it did the first thing that was asked of it; loading models; everything else that it did; waiting; what
        it was killed in; writing down what it had measured.
    waiting_end : float
        Seconds at its end for which it had nothing to do any more; they are part of ``waiting``.
    cpu : float
        CPU seconds of all its threads.
    read, written : int or None
        Bytes, by files and pipes; of workers those of their pieces.
    peak_memory, gpu_memory : int or None
        Bytes.
    """

    name: str
    pid: int
    slot: int | None
    device: str
    threads: int
    fate: Literal["ended", "lost"]
    began: float
    life: float
    start_up: float
    loading: float
    busy: float
    waiting: float
    lost: float
    profiling: float
    waiting_end: float
    cpu: float
    read: int | None
    written: int | None
    peak_memory: int | None
    gpu_memory: int | None


@dataclass(frozen=True, slots=True)
class ComponentLine:
    """A step of a stage, over all processes.

    Attributes
    ----------
    stage, step : str
        ``step`` is ``other`` for what a stage does outside of all its steps. Stage ``""`` is nobody doing anything.
    wall, share : float
        Seconds of the run's wall time, and its share. Where several processes work at a moment, each has an equal
        part of it, so that all components add up to the wall time.
    seconds, cpu : float
        Seconds and CPU seconds, summed over processes, without those of steps within it.
    calls : int
        How often.
    """

    stage: str
    step: str
    wall: float
    share: float
    seconds: float
    cpu: float
    calls: int

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.stage}: {self.step}" if self.stage else "nobody works"


@dataclass(frozen=True, slots=True)
class StageLine:
    """A stage, over all processes.

    Attributes
    ----------
    name : str
        In workers what their pieces belong to; ``run`` and ``prepare`` are the two threads of the parent.
    pieces : int
        Pieces that workers did, or 1.
    wall : float
        Seconds in which anybody was at it, waiting left out.
    seconds, cpu : float
        Seconds, waiting left out, and CPU seconds, summed over processes.
    read, written : int or None
        Bytes.
    functions : int
        How many were called; 0 where they could not be counted.
    by_own, by_cumulative : tuple of FunctionLine
        Those that cost most.
    """

    name: str
    pieces: int
    wall: float
    seconds: float
    cpu: float
    read: int | None
    written: int | None
    functions: int
    by_own: tuple[FunctionLine, ...]
    by_cumulative: tuple[FunctionLine, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """All of it.

    Attributes
    ----------
    schema, version : str
        :data:`SCHEMA`, and voicekit's version.
    state : {"running", "finished", "failed", "interrupted"}
        How the run ended.
    began : str
        When, in UTC.
    wall : float
        Seconds, from the start of the program, or of the call, to the end of the last file.
    audio : float
        Seconds of the recordings.
    options : mapping
        What the run was asked for.
    machine, recordings, processes, components, stages
        Components are sorted by their share.
    notes : tuple of str
        What the reader should know: what could not be measured.
    """

    schema: str
    version: str
    state: State
    began: str
    wall: float
    audio: float
    options: Mapping[str, object]
    machine: MachineLine
    recordings: tuple[RecordingLine, ...] = ()
    processes: tuple[ProcessLine, ...] = ()
    components: tuple[ComponentLine, ...] = ()
    stages: tuple[StageLine, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def workers(self) -> tuple[ProcessLine, ...]:
        """The processes that are workers."""
        return tuple(one for one in self.processes if one.slot is not None and one.slot != LOADER)


def dumped(summary: Summary) -> str:
    """As ``profile.json`` has it."""
    return json.dumps(dataclasses.asdict(summary), ensure_ascii=False, indent=1) + "\n"


def load(folder: Path) -> Summary:
    """Read the profile in a folder.

    Parameters
    ----------
    folder : Path
        As ``--profile`` wrote it.

    Raises
    ------
    InputError
        If there is none, or its run has not ended.
    """
    again = "Make one with: run_parallel.py INPUT --profile DIR"
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        why = "is not there" if not folder.exists() else "is no folder" if not folder.is_dir() else "holds no profile"
        raise InputError(f"{folder} {why}.", again) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / FILE} cannot be read: {error}.", again) from error
    schema = found.get("schema") if isinstance(found, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{folder / FILE} is not of the form {SCHEMA}"
                         + (f", but {schema}." if isinstance(schema, str) else "."), again)
    try:
        summary: Summary = _built(Summary, found)
    except (TypeError, KeyError) as error:
        raise InputError(f"{folder / FILE} is damaged: {error}.", again) from error
    if summary.state == RUNNING:
        raise InputError(f"The run that writes {folder} has not ended, or was killed.",
                         "Wait for its end, or run it again: what it finished is in the cache.")
    return summary


def is_profile(folder: Path) -> bool:
    """Whether there is a profile of ours in a folder, whatever became of its run."""
    return _profile_in(folder) is not None


def is_whole(folder: Path) -> bool:
    """Whether there is a profile of a run that came to its end, and had something to do."""
    found = _profile_in(folder) or {}
    return found.get("state") == "finished" and bool(found.get("recordings"))


def _profile_in(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = isinstance(found, dict) and str(found.get("schema")).startswith(SCHEMA.partition("/")[0] + "/")
    return found if ours else None


Built = TypeVar("Built")


def _built(kind: Any, value: Any, where: str = "it") -> Any:
    """A JSON value as what its annotation says; anything else is a TypeError."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, value, where)
    if origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        (kind,) = (one for one in arguments if one is not type(None))
        return _built(kind, value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_built(arguments[0], one, f"{where}[{index}]") for index, one in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {str(key): _built(arguments[1], one, f"{where}.{key}") for key, one in value.items()}
    if kind is object or (origin is Literal and value in arguments):
        return value
    accepted = (int, float) if kind is float else kind
    if isinstance(kind, type) and isinstance(value, accepted) and not isinstance(value, bool):
        return value
    raise TypeError(f"{where} is {json.dumps(value)[:40]}")


def _dataclass(kind: type[Built], value: Any, where: str) -> Built:
    if not isinstance(value, dict):
        raise TypeError(f"{where} is no object")
    fields = typing.get_type_hints(kind)
    missing = sorted(set(fields) ^ set(value))
    if missing:
        raise TypeError(f"{where} has no {missing[0]}, or may have none")
    return kind(**{name: _built(fields[name], value[name], f"{where}.{name}") for name in fields})
