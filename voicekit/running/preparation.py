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
from voicekit.planning import frames, speech, windows
from voicekit.profiling import note, step
from voicekit.profiling.steps import DECODE, LOAD
from voicekit.protocols import Samples
from voicekit.spoken import Voicing
from voicekit.store import Cache, name_of
from voicekit.types import InputFile, Recording, Span, Transcript, Window
from voicekit.version import __version__

log = logging.getLogger("voicekit")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one input: a transcript, an error, or neither where the run was to end with the plan.

    ``voicing`` is the new voice, where one was asked for.
    """

    file: InputFile
    transcript: Transcript | None = None
    error: VoicekitError | None = None
    voicing: Voicing | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording and where speech is in it."""

    recording: Recording
    spans: tuple[Span, ...]
    frames: frames.Frames

    def windows(self, longest: float) -> tuple[Window, ...]:
        """The plan for an engine that takes so many seconds at once."""
        def read(start: int, stop: int) -> NDArray[np.int16]:
            return audio.read_pcm(self.recording, start, stop)

        with step("plan the windows", source=self.recording.source.name):
            return windows.plan_windows(self.spans, self.frames, self.recording.samples, read, longest)


def prepare(file: InputFile, folder: Path, options: RunOptions = RunOptions(), cache: Cache | None = None,
            check: Callable[[], None] = lambda: None) -> Prepared:
    """Decode a file and find its speech: all that is done before a model runs.

    `check` is called again and again; what it raises ends the preparation.
    """
    with step(DECODE, source=file.name):
        recording = audio.decode(file.path, folder, name=file.name, check=check, longest=options.max_duration)
        note(seconds=recording.source.duration)
    try:
        if options.speakers.channels and recording.channels < 2:
            raise UsageError(f"{file.name} has one channel, so channels cannot tell its speakers apart.",
                             "Leave out --channels-as-speakers, and take --diarize.")
        found = _speech(recording, options, cache or Cache(None, log.warning), check)
    except BaseException:
        Path(recording.pcm).unlink(missing_ok=True)
        raise
    return Prepared(recording, speech.speech_spans(found, recording.source.duration), found)


_detector = functools.lru_cache(maxsize=1)(SileroDetector)


def _speech(recording: Recording, options: RunOptions, cache: Cache, check: Callable[[], None]) -> frames.Frames:
    """Speech probability per frame; found in the store for the very same sound."""
    with step("hash", source=recording.source.name):
        sound = audio.sha256(recording.pcm, check)
    with step("name the results"):
        name = name_of({"stage": "speech", "detector": SileroDetector.version(), "voicekit": __version__,
                        "sound": sound}, b"")

    def parse(stored: Any) -> frames.Frames:
        steps, probabilities = (np.frombuffer(base64.b64decode(stored[field], validate=True), kind)
                                for field, kind in (("steps", "<u2"), ("probabilities", "<f4")))
        found = frames.Frames(np.cumsum(steps, dtype=np.int64), probabilities.astype(np.float32))
        if not 0 <= recording.samples - (int(found.starts[-1]) if len(found) else 0) <= SileroDetector.frame:
            raise ValueError("of another recording")
        return found

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

    with step(LOAD, model="silero"):
        detector = _detector()
    with step("find speech", source=recording.source.name):
        made = frames.detect(detector, blocks(recording))
    cache.put(name, {"steps": _text(np.diff(made.starts, prepend=0).astype("<u2")),
                     "probabilities": _text(made.probabilities.astype("<f4"))})
    return made


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()
