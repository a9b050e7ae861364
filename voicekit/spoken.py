"""What flows through re-voicing: sentences of a transcript, what is to be said, and what a voice said.

As in :mod:`voicekit.types` all times are seconds; only :class:`Spoken` and :class:`Fitted` hold audio, and they never
leave the worker that made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from voicekit.types import Span, Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Audio: TypeAlias = "NDArray[np.float32]"

SentenceStatus = Literal["spoken", "skipped", "failed"]
"""What became of a sentence: said again, nothing in it could be said, or an error."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """What one speaker says between two pauses or full stops.

    Attributes
    ----------
    index : int
        Position among the sentences of the recording.
    start, end : float
        Seconds: of the first and of the last word.
    words : tuple of Word
        Never empty.
    speaker : str or None
        Label of the speaker, once known.
    """

    index: int
    start: float
    end: float
    words: tuple[Word, ...]
    speaker: str | None = None

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def text(self) -> str:
        """As it was written."""
        return "".join(word.word for word in self.words).strip()


@dataclass(frozen=True, slots=True)
class SpelledWord:
    """One word of the transcript, as it is to be said: 1984 as "nineteen eighty-four".

    Attributes
    ----------
    text : str
        Letters, apostrophes, hyphens and spaces only; empty where nothing of the word can be said.
    after : str
        Punctuation that follows, without the space: ``","`` or ``"?"`` or ``""``.
    stressed : tuple of int
        Places in ``text`` of the vowels that carry the stress, where known.
    """

    text: str
    after: str = ""
    stressed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """One voice of a synthesizer.

    Attributes
    ----------
    engine, name : str
        As in ``--voice ENGINE:NAME``.
    languages : tuple of str
        Language codes that it speaks, the best first.
    licence : str
        Of the voice's data.
    commercial : bool
        Whether that licence allows commercial use.
    gender : {"female", "male", ""}
        Where it is known.
    """

    engine: str
    name: str
    languages: tuple[str, ...]
    licence: str
    commercial: bool = True
    gender: Literal["female", "male", ""] = ""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a synthesizer said.

    Attributes
    ----------
    samples : ndarray, shape (samples,), float32
        In [-1, 1].
    rate : int
        Samples per second.
    words : tuple of (Span or None)
        One per :class:`SpelledWord`, seconds from the first sample; None for a word without text.
    """

    samples: Audio
    rate: int
    words: tuple[Span | None, ...]


@dataclass(frozen=True, slots=True)
class Register:
    """How high somebody speaks: mean and standard deviation of the natural log of F0 in Hz over voiced frames."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """A sentence in its new voice, fitted into the original's time.

    Attributes
    ----------
    samples : ndarray, shape (samples,), float32
        At ``rate``; the first sample belongs at ``lead`` seconds before the sentence's start.
    rate : int
        Samples per second.
    lead : float
        Seconds of sound before the first word.
    words : tuple of (Span or None)
        Where the words are now, seconds from the sentence's start.
    stretch : float
        Length of the sentence now by what the voice said by itself: 0.8 is faster than its own pace.
    notes : tuple of str
        What had to be capped, trimmed or left out, and why.
    """

    samples: Audio
    rate: int
    lead: float
    words: tuple[Span | None, ...]
    stretch: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentenceResult:
    """What became of one sentence in a worker.

    Attributes
    ----------
    status : {"spoken", "skipped", "failed"}
        What became of it.
    reason : str
        Why it is skipped or failed.
    pcm : str
        Path of its sound, a raw file of mono signed 16-bit little-endian PCM; empty if there is none.
    samples, rate : int
        Length of that, and samples per second.
    lead : float
        Seconds of sound before the sentence's start.
    end : float
        Seconds from the sentence's start to the end of its last word.
    pace : float
        How fast it is spoken: 1 is the voice's own pace, 1.2 a fifth faster.
    notes : tuple of str
        What had to be capped, trimmed or left out, and why.
    """

    status: SentenceStatus
    reason: str = ""
    pcm: str = ""
    samples: int = 0
    rate: int = 0
    lead: float = 0.0
    end: float = 0.0
    pace: float = 1.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentenceEntry:
    """One line of the ledger of a re-voiced recording.

    Attributes
    ----------
    start, end : float
        Seconds, of the original.
    text : str
        What was said.
    speaker, voice : str or None
        Who said it, and who says it now.
    status, reason, pace, notes
        As in :class:`SentenceResult`.
    gap_used : float
        Seconds of the pause after the sentence that the new voice needed.
    """

    start: float
    end: float
    text: str
    speaker: str | None
    voice: str
    status: SentenceStatus
    reason: str
    pace: float
    gap_used: float
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Voicing:
    """A recording in its new voice.

    Attributes
    ----------
    track : str
        Path of the sound, a raw file of mono float32 PCM that is there until the run ends.
    rate, samples : int
        Samples per second and length: those of the original.
    start : float
        Seconds into a video at which its sound begins.
    voices : mapping of str to Voice
        By label of the speaker; ``""`` where speakers are not told apart.
    sentences : tuple of SentenceEntry
        The ledger.
    measures : mapping of str to float
        How near the result is to the original; empty unless asked for.
    missed : tuple of str
        Targets that were missed, as sentences.
    options : mapping of str to object
        What it was made with.
    warnings : tuple of str
        What the user should know.
    """

    track: str
    rate: int
    samples: int
    start: float
    voices: Mapping[str, Voice]
    sentences: tuple[SentenceEntry, ...]
    measures: Mapping[str, float] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[SentenceEntry, ...]:
        """Sentences that are silence now."""
        return tuple(entry for entry in self.sentences if entry.status == "failed")
