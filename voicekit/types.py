"""What flows through voicekit: frozen records, small enough to pickle, with all times in seconds.

No array lives in any of them: audio is a file of 16 kHz mono PCM that is read by span.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar

from voicekit.provenance import RunInfo

SAMPLE_RATE = 16_000
"""Samples per second of every decoded recording."""

Status = Literal["transcribed", "empty", "failed"]
"""What became of a window: words, no words, or an error."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time.

    Attributes
    ----------
    start, end : float
        Seconds from the beginning of the recording.
    """

    start: float
    end: float

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file to work on.

    Attributes
    ----------
    path : Path
        Where it is; may hold bytes that are no UTF-8 (as surrogates).
    name : str
        What to call it: the file's name, always printable, or ``stdin``.
    stdin : bool
        Whether it came from standard input, so that ``path`` is a temporary file.
    """

    path: Path
    name: str
    stdin: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The file a recording was decoded from.

    Attributes
    ----------
    name : str
        File name without its folder.
    duration : float
        Decoded length in seconds.
    sha256 : str
        Of the file's bytes, in hexadecimal.
    """

    name: str
    duration: float
    sha256: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded recording: a raw file of 16 kHz mono signed 16-bit little-endian PCM.

    Attributes
    ----------
    pcm : str
        Path of the raw file.
    samples : int
        Its length in samples.
    source : Source
        Where it came from.
    partial : bool
        Whether part of the source could not be decoded.
    warnings : tuple of str
        What the user should know about the source (truncation, damaged frames, ...).
    channels : int
        How many the source has.
    """

    pcm: str
    samples: int
    source: Source
    partial: bool = False
    warnings: tuple[str, ...] = ()
    channels: int = 1


@dataclass(frozen=True, slots=True)
class Window:
    """What an engine sees at once: a stretch of the recording, cut in silence.

    Attributes
    ----------
    index : int
        Position among the windows of the recording.
    start, end : float
        Seconds; always a whole number of samples.
    speech : tuple of Span
        The detected speech inside, for the ledger.
    """

    index: int
    start: float
    end: float
    speech: tuple[Span, ...]

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


class Unit(Protocol):
    """The smallest piece of work: a window, or a sentence."""

    @property
    def index(self) -> int:
        """Position among the units of the recording."""
        ...

    @property
    def start(self) -> float:
        """Seconds from the beginning of the recording."""
        ...

    @property
    def end(self) -> float:
        """Seconds from the beginning of the recording."""
        ...

    @property
    def duration(self) -> float:
        """Length in seconds."""
        ...


U = TypeVar("U", bound=Unit)


@dataclass(frozen=True, slots=True)
class Chunk(Generic[U]):
    """What a worker is handed: a run of batches of windows, or of sentences, of one recording.

    Batches belong to the plan, not to the chunk: the same windows are always decoded together.
    """

    index: int
    recording: Recording
    batches: tuple[tuple[U, ...], ...]

    @property
    def units(self) -> tuple[U, ...]:
        """All of them, in order of time."""
        return tuple(unit for batch in self.batches for unit in batch)

    @property
    def duration(self) -> float:
        """Seconds of audio in them."""
        return sum(unit.duration for unit in self.units)


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    Attributes
    ----------
    start, end : float
        Seconds.
    word : str
        The text; a leading space says that a space separates it from the word before, so that
        ``"".join(w.word for w in words)`` is the text in every script.
    probability : float
        The engine's confidence, 0 to 1.
    speaker : str or None
        Label or name of the speaker, once known.
    overlap : bool
        Whether several people speak while it is said.
    """

    start: float
    end: float
    word: str
    probability: float
    speaker: str | None = None
    overlap: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or a stretch between pauses.

    Attributes
    ----------
    start, end : float
        Seconds.
    text : str
        Without leading or trailing space.
    words : tuple of Word
        Empty where the engine was asked for no word times.
    speaker : str or None
        Label of the speaker, once known.
    """

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One speaker speaking, as in an RTTM file."""

    start: float
    end: float
    speaker: str


@dataclass(frozen=True, slots=True)
class WindowResult:
    """What became of one window, in times from its own start: valid wherever the same sound appears.

    ``again`` is whether the engine doubted its first text and wrote it another time, in another way.
    """

    status: Status
    segments: tuple[Segment, ...] = ()
    reason: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One stretch of detected speech and what became of it.

    Attributes
    ----------
    start, end : float
        Seconds.
    window : int
        Index of the window that holds it.
    status, reason : str
        What became of that window, and why it is empty or failed.
    """

    start: float
    end: float
    window: int
    status: Status
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Language:
    """A language code (ISO 639-1 where there is one), and how sure the detection was: None where it was given."""

    code: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a worker returns for a chunk, whose results came as they were made.

    Attributes
    ----------
    seconds : float
        Wall time in the worker.
    devices : tuple of str
        Where the model was found to run, read back from the model.
    busy : float or None
        Percent of the time in which its GPU computed; None where that was not measured.
    """

    seconds: float
    devices: tuple[str, ...]
    busy: float | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """Who said what and when.

    Attributes
    ----------
    source, language
        The file, and the language of the recording, decided once.
    segments : tuple of Segment
        In order of time.
    ledger : tuple of LedgerEntry
        Every second of detected speech, and what became of it.
    run : RunInfo
        How it was made.
    partial : bool
        Whether part of the source could not be decoded.
    turns : tuple of Turn
        Who spoke when, in order of time; turns of several speakers overlap where they spoke at once.
    """

    source: Source
    language: Language
    segments: tuple[Segment, ...]
    ledger: tuple[LedgerEntry, ...]
    run: RunInfo
    partial: bool = False
    turns: tuple[Turn, ...] = ()

    @property
    def text(self) -> str:
        """All segments, one line each."""
        return "\n".join(segment.text for segment in self.segments)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words, in order of time."""
        return tuple(word for segment in self.segments for word in segment.words)

    @property
    def failed(self) -> tuple[LedgerEntry, ...]:
        """The ledger's gaps."""
        return tuple(entry for entry in self.ledger if entry.status == "failed")

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        # By name, and only when it is shown: this is the lowest floor, and must not import the formats above it.
        shown: str = importlib.import_module("voicekit.formats.notebook").notebook(self)
        return shown
