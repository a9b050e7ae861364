"""From a file to what is known before any model runs: its sound on disk, and where speech is in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicekit import audio
from voicekit.engines.silero import SileroDetector
from voicekit.errors import OutputError, VoicekitError
from voicekit.planning import speech, windows
from voicekit.protocols import Samples
from voicekit.types import InputFile, Recording, Span, Transcript, Window


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input: a transcript or an error."""

    file: InputFile
    transcript: Transcript | None = None
    error: VoicekitError | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording and where speech is in it."""

    recording: Recording
    spans: tuple[Span, ...]
    probabilities: NDArray[np.float32]

    def windows(self, longest: float) -> tuple[Window, ...]:
        """The plan for an engine that takes so many seconds at once."""
        def read(start: int, stop: int) -> NDArray[np.int16]:
            return audio.read_pcm(self.recording, start, stop)

        return windows.plan_windows(self.spans, self.probabilities, SileroDetector.frame,
                                    self.recording.samples, read, longest)


def prepare(file: InputFile, folder: Path, detector: SileroDetector,
            check: Callable[[], None] = lambda: None) -> Prepared:
    """Decode a file and find its speech: all that is done before a model runs.

    `check` is called again and again; what it raises ends the preparation.
    """
    def blocks(recording: Recording) -> Iterator[Samples]:
        for block in audio.blocks(recording):
            check()
            yield block

    recording = audio.decode(file.path, folder, name=file.name, check=check)
    probabilities = speech.speech_probabilities(detector, blocks(recording))
    spans = speech.speech_spans(probabilities, detector.frame, recording.source.duration)
    return Prepared(recording, spans, probabilities)


class TemporaryFolder:
    """A folder for decoded audio and results, removed at the end."""

    def __init__(self, parent: str | None) -> None:
        self._parent = parent

    def __enter__(self) -> Path:
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="voicekit-", dir=self._parent))
        except OSError as error:
            raise OutputError(f"No temporary folder can be made in {self._parent or tempfile.gettempdir()}: "
                              f"{error.strerror}.", "Choose another one with --temp-dir.") from error
        return self._folder

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
