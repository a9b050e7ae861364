"""How a result was made, and by whom: what goes into the output beside the words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Fate = Literal["done", "found", "lost"]
"""What became of a piece of work: a worker did it, the store had it, or its worker was lost with it."""


LOADER = -1
"""In the place of a worker's number: the process that loads a model, of which the workers are copies."""


def worker_name(worker: int | None) -> str:
    """What people call a worker, whose number they are told from 1, the loader, or the parent process.

    Examples
    --------
    >>> worker_name(0), worker_name(LOADER), worker_name(None)
    ('worker 1', 'loader', 'parent')
    """
    if worker is None:
        return "parent"
    return "loader" if worker == LOADER else f"worker {worker + 1}"


def without_folder(model: str) -> str:
    """A model's name; of one that was given as the path of a folder or file, only how that is called.

    What is passed on to others shall not tell whose folders there are on a machine.

    Examples
    --------
    >>> without_folder("/home/anna/models/tiny"), without_folder("C:\\\\models\\\\tiny"), without_folder("./tiny/")
    ('tiny', 'tiny', 'tiny')
    >>> without_folder("openai/whisper-small")
    'openai/whisper-small'
    """
    if model[:1] in ("/", ".", "~", "\\") or model[1:3] in (":\\", ":/"):
        return model.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return model


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One piece of work in a run: who did what, and when.

    Attributes
    ----------
    stage : str
        One of the stages of :data:`voicekit.options.STAGES` that have many pieces (``transcribe``, ``diarize``,
        ``speak``), or what was done once for the whole recording: ``prepare``, ``language``, ``clustering``,
        ``channels``, ``voices``, ``assembly``, ...
    start, end : float
        Seconds of the recording that it is about.
    began, ended : float
        Seconds since the run began, by the clock of the parent. Pieces of one batch are done together.
    worker : int or None
        Number of the worker, from 0; None is the parent process. See :func:`worker_name`.
    index : int or None
        Of the window, stretch or sentence; None for the whole recording.
    batch : int or None
        Index of the first piece of the batch that it was done in.
    fate : {"done", "found", "lost"}
        What became of it.
    """

    stage: str
    start: float
    end: float
    began: float
    ended: float
    worker: int | None = None
    index: int | None = None
    batch: int | None = None
    fate: Fate = "done"


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What the store gave to a transcript.

    Attributes
    ----------
    found, computed : int
        Windows whose result was there, and windows that were transcribed.
    damaged : int
        Entries that were not what they should be: set aside, and computed again.
    """

    found: int
    computed: int
    damaged: int


@dataclass(frozen=True, slots=True)
class SpeakersInfo:
    """How it was found out who spoke: what is needed to do it again, and what came of it.

    Attributes
    ----------
    found, unattributed : int
        How many speakers; and how many words that no speaker is near enough to have said.
    known : mapping of str to str
        By label or name, how a speaker got it: an enrolled voice with its similarity, a channel, a list of names.
    cache : CacheUse or None
        In stretches instead of windows.
    failed : tuple of str
        What was lost: nobody was told apart there.
    """

    engine: str
    model: str
    revision: str
    device: str
    options: Mapping[str, object] = field(default_factory=dict)
    found: int = 0
    known: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    unattributed: int = 0
    cache: CacheUse | None = None
    failed: tuple[str, ...] = ()

    @property
    def model_name(self) -> str:
        """The model's name, :func:`without_folder`."""
        return without_folder(self.model)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """How a transcript was made: what is needed to make it again, and who did what when (``timeline``).

    ``decoded_again`` counts the windows whose first text the engine doubted (a loop, or words it thought unlikely).
    """

    engine: str
    model: str
    revision: str
    device: str
    compute_type: str
    version: str
    options: Mapping[str, object] = field(default_factory=dict)
    downgrades: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    wall_seconds: float = 0.0
    decoded_again: int = 0
    cache: CacheUse | None = None
    speakers: SpeakersInfo | None = None
    timeline: tuple[TimelineEntry, ...] = ()

    @property
    def model_name(self) -> str:
        """The model's name, :func:`without_folder`."""
        return without_folder(self.model)
