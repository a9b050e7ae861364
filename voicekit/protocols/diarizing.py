"""The socket of diarization: plan once, listen anywhere, conclude once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from voicekit.protocols.recognition import ModelOnDisk, Samples
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import Span

ReadSamples: TypeAlias = Callable[[int, int], "Samples"]
"""Sound of the recording from one sample to another, counted from its beginning; zeros behind its end."""


@dataclass(frozen=True, slots=True)
class DiarizerProfile:
    """What a diarization engine is: facts that are read without loading anything.

    Attributes
    ----------
    name : str
        As in ``--diarize``.
    packages : tuple of str
        What it imports, to tell whether it is installed.
    extra : str
        voicekit's extra that installs it; empty for the core.
    licence : str
        Of the engine and of its models.
    compute_types : mapping of str to tuple of str
        Per kind of device (``cpu``, ``cuda``) the precisions it has; a kind that is missing is one it cannot run on.
    libraries : tuple of str
        Distributions whose versions decide the result, as pip names them.
    overlaps : bool
        Whether it hears several speakers at once.
    alike : float
        The least cosine between two of its voices that are taken to be one person's, recording to recording.
    """

    name: str
    packages: tuple[str, ...]
    extra: str
    licence: str
    compute_types: Mapping[str, tuple[str, ...]]
    libraries: tuple[str, ...]
    overlaps: bool
    alike: float = 0.5


@dataclass(frozen=True, slots=True)
class DiarizerSpec:
    """All that a worker needs to build its engine: small, picklable, hashable.

    Attributes
    ----------
    engine : str
        Name in the registry.
    model : ModelOnDisk
        What to load.
    device : str
        ``cpu``, or ``cuda:0`` and so on.
    threads : int
        CPU threads the engine may use. The result must not depend on it.
    """

    engine: str
    model: ModelOnDisk
    device: str = "cpu"
    threads: int = 1


class Diarizer(Protocol):
    """A loaded engine, inside a worker."""

    device: str
    """Where the models are found to be, read back from what was loaded."""

    def listen(self, stretch: Stretch, read: ReadSamples) -> Heard:
        """Find the local speakers of each window, and how they sound.

        The result depends on the sound between the stretch's start and end (and on its ``speech``, from the start
        of the stretch) and on nothing else: not on other stretches, not on the number of threads.
        """
        ...

    def conclude(self, samples: int, stretches: Sequence[Stretch], heard: Sequence[Heard],
                 bounds: SpeakerBounds) -> Diarization:
        """Who spoke when, from all stretches of a recording: clustering and reconstruction.

        Labels are ``SPEAKER_00``, ``SPEAKER_01`` and so on in order of first speech.

        Parameters
        ----------
        samples : int
            Length of the recording at 16 kHz.
        stretches : sequence of Stretch
            The plan.
        heard : sequence of Heard
            One for each.
        bounds : SpeakerBounds
            How many speakers there may be.
        """
        ...


class DiarizerAdapter(Protocol):
    """How an engine is found, fetched and loaded."""

    profile: DiarizerProfile

    def models(self) -> Sequence[str]:
        """Names that ``--diarize ENGINE:MODEL`` takes, the default first. Imports nothing heavy."""
        ...

    def find(self, model: str | None) -> ModelOnDisk | None:
        """The model (None: the default) if it is on disk, by name, folder or file; else None. No network.

        Raises
        ------
        ModelError
            If ``model`` is neither a known name nor an existing path, or the folder lacks a file.
        """
        ...

    def fetch(self, model: str | None, token: str | None = None) -> ModelOnDisk:
        """Download the model where :meth:`find` looks.

        Parameters
        ----------
        model : str or None
            As for :meth:`find`.
        token : str, optional
            For a hub that asks for one; ``HF_TOKEN`` or what the hub's own login left, if not given.

        Raises
        ------
        ModelError
            If it cannot be had; the hint says what to do: which page to visit, which variable to set, which other
            engine needs neither.
        """
        ...

    def cuda_devices(self) -> int:
        """How many GPUs the installed library itself can use. May import it."""
        ...

    def plan(self, model: ModelOnDisk, samples: int, spans: Sequence[Span]) -> tuple[Stretch, ...]:
        """Lay the grid over a recording of so many samples with this detected speech. Cheap; loads no model."""
        ...

    def load(self, spec: DiarizerSpec) -> Diarizer:
        """Build the engine and prove its device.

        Raises
        ------
        DeviceError
            If any part of the model is not on the device asked for; the message names the module.
        ModelError
            If its files cannot be read.
        """
        ...
