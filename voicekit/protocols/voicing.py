"""The sockets of re-voicing: what speaks, and what finds the stressed vowels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from voicekit.protocols.recognition import ModelOnDisk
from voicekit.spoken import SpelledWord, Spoken, Voice


@dataclass(frozen=True, slots=True)
class VoiceSpec:
    """All that a worker needs to build a synthesizer: small, picklable, hashable.

    Attributes
    ----------
    voice : Voice
        Who speaks.
    model : ModelOnDisk
        Its files; for a voice inside a package or a program, where that is.
    device : str
        ``cpu``, or ``cuda:0`` and so on.
    threads : int
        CPU threads it may use.
    """

    voice: Voice
    model: ModelOnDisk
    device: str = "cpu"
    threads: int = 1


class Synthesizer(Protocol):
    """A loaded voice, inside a worker."""

    paces: bool
    """Whether it can speak faster and slower by itself."""

    device: str
    """Where the model is found to be, read back from what was loaded."""

    def speak(self, words: Sequence[SpelledWord], language: str, pace: float = 1.0) -> Spoken:
        """Say a sentence.

        The same words give the same samples whatever was said before.

        Parameters
        ----------
        words : sequence of SpelledWord
            At least one with text.
        language : str
            Language code, one of the voice's.
        pace : float
            1 is the voice's own; 2 twice as fast. A voice that cannot change it ignores it.

        Raises
        ------
        ValueError
            If it cannot speak this text; the message says why.
        """
        ...


class VoiceAdapter(Protocol):
    """How the voices of a synthesizer are found, fetched and loaded."""

    name: str
    """As in ``--voice NAME``."""

    extra: str
    """voicekit's extra that installs it."""

    def installed(self) -> bool:
        """Whether its package or program is there. Imports nothing heavy."""
        ...

    def how_to_install(self) -> str:
        """A sentence with the command."""
        ...

    def version(self) -> str:
        """What decides the sound beside the voice's files: versions of its program and packages."""
        ...

    def voices(self) -> Sequence[Voice]:
        """All voices, known without a network. Imports nothing heavy."""
        ...

    def voice(self, name: str) -> Voice | None:
        """The voice of that name, which may be one that :meth:`voices` does not list; None if there is none."""
        ...

    def variants(self, voice: Voice) -> Sequence[Voice]:
        """Voices that are made from this one to tell speakers apart, which :meth:`voices` does not list."""
        ...

    def default(self, language: str) -> Voice | None:
        """The voice for a language where none was named; None if there is none."""
        ...

    def find(self, voice: Voice) -> ModelOnDisk | None:
        """The voice's files if they are on disk. No network."""
        ...

    def fetch(self, voice: Voice) -> ModelOnDisk:
        """Download them into voicekit's model folder; ModelError if that fails, with a hint that says what to do."""
        ...

    def load(self, spec: VoiceSpec) -> Synthesizer:
        """Build the synthesizer and prove its device."""
        ...


class Stresser(Protocol):
    """Finds the stressed vowel of each word, and restores what the spelling leaves out (the Russian ё)."""

    languages: frozenset[str]
    """Language codes."""

    def stress(self, words: Sequence[SpelledWord], language: str) -> tuple[SpelledWord, ...]:
        """The same words in the same order, with ``stressed`` set where it is known, and letters restored."""
        ...
