"""From a file to what is known before any model runs: its sound on disk, and where speech is in it."""

from __future__ import annotations

import base64
import functools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import audio
from voicekit.engines.silero import SileroDetector
from voicekit.errors import UsageError, VoicekitError
from voicekit.options import RunOptions
from voicekit.planning import speech, windows
from voicekit.protocols import Samples
from voicekit.store import Cache, name_of
from voicekit.types import InputFile, Recording, Span, Transcript, Window
from voicekit.version import __version__

log = logging.getLogger("voicekit")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input: a transcript, an error, or neither where the run was to end with the plan."""

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


def prepare(file: InputFile, folder: Path, options: RunOptions = RunOptions(), cache: Cache | None = None,
            check: Callable[[], None] = lambda: None) -> Prepared:
    """Decode a file and find its speech: all that is done before a model runs.

    `check` is called again and again; what it raises ends the preparation.
    """
    recording = audio.decode(file.path, folder, name=file.name, check=check, longest=options.max_duration)
    try:
        probabilities = _speech(recording, options, cache or Cache(None, log.warning), check)
    except BaseException:
        Path(recording.pcm).unlink(missing_ok=True)
        raise
    spans = speech.speech_spans(probabilities, SileroDetector.frame, recording.source.duration)
    return Prepared(recording, spans, probabilities)


_detector = functools.lru_cache(maxsize=1)(SileroDetector)


def _speech(recording: Recording, options: RunOptions, cache: Cache,
            check: Callable[[], None]) -> NDArray[np.float32]:
    """Speech probability per frame; found in the store for the very same sound."""
    sound = audio.sha256(recording.pcm, check)
    name = name_of({"stage": "speech", "detector": SileroDetector.version(), "voicekit": __version__,
                    "sound": sound}, b"")
    frames = -(-recording.samples // SileroDetector.frame)

    def parse(stored: Any) -> NDArray[np.float32]:
        found = np.frombuffer(base64.b64decode(stored["probabilities"], validate=True), "<f4")
        if len(found) != frames:
            raise ValueError("of another recording")
        return found.astype(np.float32)

    if options.store.may_read("plan"):
        stored = cache.get(name, parse)
        if stored is not None:
            return stored
        if options.store.must_find("plan"):
            raise UsageError(f"{recording.source.name} was not planned before with this cache.",
                             "Run it without --from first.")

    def blocks(recording: Recording) -> Iterator[Samples]:
        for block in audio.blocks(recording):
            check()
            yield block

    made = speech.speech_probabilities(_detector(), blocks(recording))
    cache.put(name, {"probabilities": base64.b64encode(made.astype("<f4").tobytes()).decode()})
    return made
