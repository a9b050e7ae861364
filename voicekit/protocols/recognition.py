"""The sockets of recognition: what finds speech, and what turns it into words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from voicekit.options import DecodingOptions, Quality
from voicekit.types import WindowResult

if TYPE_CHECKING:  # the commands read profiles to print their help, and must not load numpy for it
    import numpy as np
    from numpy.typing import NDArray

Samples: TypeAlias = "NDArray[np.float32]"
"""Mono audio at 16 kHz, shape (samples,), float32 in [-1, 1)."""


def alike_everywhere(compute_type: str) -> str:
    """An :attr:`EngineProfile.arithmetic` that depends on no processor."""
    return ""


@dataclass(frozen=True, slots=True)
class EngineProfile:
    """What an engine can do: facts the planner reads without loading anything.

    Attributes
    ----------
    name : str
        As in ``--engine``.
    package : str
        The package to import, to tell whether it is installed.
    extra : str
        voicekit's extra that installs it; empty for the core.
    licence : str
        Of the engine and of its models.
    languages : frozenset of str or None
        Language codes; None where the model decides.
    max_window : float
        The longest window in seconds.
    batched : bool
        Whether windows decoded together are faster than one by one.
    max_threads : int
        More threads than this in one worker gain nothing.
    compute_types : mapping of str to tuple of str
        Per kind of device (``cpu``, ``cuda``) the precisions it has, the default first; a kind that
        is missing is one it cannot run on.
    supports : frozenset of str
        Which of ``translate``, ``beam_size``, ``initial_prompt``, ``hotwords`` and ``detection`` (of
        the language) it has. Word times are in every engine.
    libraries : tuple of str
        Distributions whose versions decide the words, as pip names them.
    cpu_batch : int
        Windows decoded together on a CPU, where nothing else is asked for.
    window_share : float
        Memory that a window of the batch takes, as a share of the model's size on disk.
    beam_share : float
        And what each beam after the first adds to it.
    any_batch : frozenset of str
        Precisions in which a window gets the same result on a CPU, to the bit, whatever is decoded beside it: there
        batches are made so that workers end together.
    copyable : bool
        Whether a loaded engine on a CPU, with one thread, may be copied with its process: it is a :class:`Copyable`.
    arithmetic : callable
        ``arithmetic(compute_type)``: how a precision is computed on a processor such as this one, where the engine
        has several ways whose words may differ; empty where it has one.
    """

    name: str
    package: str
    extra: str
    licence: str
    languages: frozenset[str] | None
    max_window: float
    batched: bool
    max_threads: int
    compute_types: Mapping[str, tuple[str, ...]]
    supports: frozenset[str]
    libraries: tuple[str, ...] = ()
    cpu_batch: int = 4
    window_share: float = 0.2
    beam_share: float = 0.0
    any_batch: frozenset[str] = frozenset()
    copyable: bool = False
    arithmetic: Callable[[str], str] = alike_everywhere

    @property
    def packages(self) -> tuple[str, ...]:
        """What has to be installed."""
        return (self.package,)


@dataclass(frozen=True, slots=True)
class ModelOnDisk:
    """A model that can be loaded without a network.

    Attributes
    ----------
    name : str
        As asked for.
    path : str
        Its folder or file; for a model inside a package, where that is.
    revision : str
        What tells it from another model of the same name: a commit, or a hash of its files.
    bytes : int
        Size on disk.
    """

    name: str
    path: str
    revision: str
    bytes: int


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """All that a worker needs to build its engine: small, picklable, hashable.

    Attributes
    ----------
    engine : str
        Name in the registry.
    model : ModelOnDisk
        What to load.
    device : str
        ``cpu``, or ``cuda:0`` and so on.
    compute_type : str
        Never ``auto``.
    threads : int
        CPU threads the engine may use.
    word_timestamps : bool
        Whether times of words will be asked for: what loads prepares for it.
    """

    engine: str
    model: ModelOnDisk
    device: str
    compute_type: str
    threads: int
    word_timestamps: bool = True


class Transcriber(Protocol):
    """A loaded engine, inside a worker."""

    device: str
    """Where the model is found to be, read back from the loaded model, not from the options."""

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        """Turn each window into segments, with times from the window's own start.

        The result of a window must not depend on its neighbours in the batch, nor on what was
        transcribed before. Status is ``transcribed`` or ``empty``; an error is raised.

        Parameters
        ----------
        windows : sequence of ndarray, shape (samples,), float32
            Audio at 16 kHz, each at most the profile's ``max_window`` long.
        options : DecodingOptions
            With ``language`` set.
        """
        ...

    def detect_language(self, windows: Sequence[Samples]) -> list[Mapping[str, float]]:
        """Per window, the probability of each language code; sums to about 1."""
        ...


@runtime_checkable
class Copyable(Protocol):
    """A loaded engine that may be copied with its process, and works in the copy."""

    def settle(self) -> None:
        """Do now what the first windows would have to wait for, so that no copy has to do it for itself."""
        ...


class EngineAdapter(Protocol):
    """How an engine is found, fetched and loaded."""

    profile: EngineProfile

    def models(self) -> Sequence[str]:
        """Names that ``--model`` takes, best known first. Imports nothing heavy."""
        ...

    def default_model(self, quality: Quality, device: str) -> str:
        """The preset's model on ``cpu`` or ``cuda``."""
        ...

    def find(self, model: str) -> ModelOnDisk | None:
        """The model if it is on disk (a name, a folder or a file), else None. No network.

        Raises
        ------
        ModelError
            If ``model`` is neither a known name nor an existing path, or the folder lacks a file.
        """
        ...

    def fetch(self, model: str) -> ModelOnDisk:
        """Download the model where :meth:`find` looks.

        Raises
        ------
        ModelError
            If the hub cannot be reached or has no such model; the hint says what to do.
        """
        ...

    def cuda_devices(self) -> int:
        """How many GPUs the installed library itself can use. May import it."""
        ...

    def load(self, spec: EngineSpec) -> Transcriber:
        """Build the engine and prove its device.

        Raises
        ------
        DeviceError
            If the model is not on the device asked for.
        ModelError
            If its files cannot be read.
        """
        ...


class SpeechDetector(Protocol):
    """Tells speech from everything else, frame by frame."""

    frame: int
    """Samples per frame."""

    def probabilities(self, blocks: Iterable[Samples]) -> Iterator[NDArray[np.float32]]:
        """Speech probability per frame.

        Parameters
        ----------
        blocks : iterable of ndarray, shape (samples,), float32
            The whole recording in order, in blocks of any length.

        Yields
        ------
        ndarray, shape (frames,), float32
            In [0, 1]; over all blocks ``ceil(samples / frame)`` values.
        """
        ...
