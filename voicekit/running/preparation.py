"""From a file to what is known before any model runs: its sound on disk, and where speech is in it.

All of it is one chain that is pulled from its end: whoever asks for the next part has a few seconds more decoded and
listened to. So what is sure of a recording can be worked on while the rest is still being decoded.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicekit import audio
from voicekit.errors import UsageError, VoicekitError
from voicekit.options import RunOptions
from voicekit.planning import frames, speech, windows
from voicekit.planning.frames import Frames
from voicekit.profiling import note, step
from voicekit.profiling.steps import DECODE
from voicekit.running.hearing import Hearing
from voicekit.spoken import Voicing
from voicekit.store import Cache
from voicekit.types import SAMPLE_RATE, InputFile, Recording, Span, Transcript, Window

log = logging.getLogger("voicekit")

_BLOCK = 10 * SAMPLE_RATE
"""Samples that are decoded and then listened to at a time."""


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
class Part:
    """What is newly known of a recording; nothing that is heard later changes it.

    Attributes
    ----------
    recording : Recording
        As far as it is decoded.
    spans : tuple of Span
        Its speech, from where the part before ended.
    frames : Frames
        The same, frame by frame.
    whole : bool
        Whether this is the last part.
    """

    recording: Recording
    spans: tuple[Span, ...]
    frames: Frames
    whole: bool


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recording and where speech is in it."""

    recording: Recording
    spans: tuple[Span, ...]
    frames: Frames

    @classmethod
    def of(cls, parts: list[Part]) -> Prepared:
        """All parts together."""
        return cls(parts[-1].recording, tuple(span for part in parts for span in part.spans),
                   frames.joined(part.frames for part in parts))

    @property
    def part(self) -> Part:
        """The same as a part."""
        return Part(self.recording, self.spans, self.frames, True)

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
    parts: list[Part] = []
    try:
        for part in preparing(file, folder, options, cache, check):
            parts.append(part)
    except BaseException:
        if parts:
            Path(parts[-1].recording.pcm).unlink(missing_ok=True)
        raise
    return Prepared.of(parts)


def preparing(file: InputFile, folder: Path, options: RunOptions = RunOptions(), cache: Cache | None = None,
              check: Callable[[], None] = lambda: None) -> Generator[Part, None, None]:
    """The same, part by part.

    Yields
    ------
    Part
        One whenever there is more speech, and the last one at the end. From the first one on the decoded sound is
        the caller's to remove, also after an error: somebody may be reading it.
    """
    sound = _Sound(file, folder, options, check)
    spans = speech.SpeechSpans()
    waiting: list[Frames] = []
    given = False
    try:
        for heard in Hearing(sound, file.name, options.store, cache or Cache(None, log.warning)).frames():
            waiting.append(heard)
            found = spans.add(heard)
            if found:
                given = True
                yield Part(sound.recording, found, frames.joined(waiting), False)
                waiting = []
        recording = sound.recording
        if options.speakers.channels and recording.channels < 2:
            raise UsageError(f"{file.name} has one channel, so channels cannot tell its speakers apart.",
                             "Leave out --channels-as-speakers, and take --diarize.")
        last = Part(recording, spans.end(recording.source.duration), frames.joined(waiting), True)
    except BaseException:
        sound.close(keep=given)
        raise
    yield last


class _Sound:
    """The sound of a file while it is being decoded.

    Attributes
    ----------
    recording : Recording
        As far as it is decoded; there is none before the first block.
    """

    recording: Recording

    def __init__(self, file: InputFile, folder: Path, options: RunOptions, check: Callable[[], None]) -> None:
        self._name, self._check = file.name, check
        self._decoding = audio.decode_gradually(file.path, folder, name=file.name, check=check,
                                                longest=options.max_duration)
        self._begun = self._whole = False

    def blocks(self) -> Iterator[NDArray[np.int16]]:
        """All of it in order; every block is as long as the others but for the last, and decoded when asked for."""
        given = 0
        while not self._whole:
            with step(DECODE, source=self._name):
                self._decode(given + _BLOCK)
            while self.recording.samples - given >= _BLOCK:
                yield audio.read_pcm(self.recording, given, given + _BLOCK)
                given += _BLOCK
        if given < self.recording.samples:
            yield audio.read_pcm(self.recording, given, self.recording.samples)

    def again(self, count: int) -> Iterator[NDArray[np.int16]]:
        """The first so many blocks once more."""
        for first in range(0, count * _BLOCK, _BLOCK):
            self._check()
            yield audio.read_pcm(self.recording, first, first + _BLOCK)

    def close(self, *, keep: bool) -> None:
        """Decode no more; remove what was decoded unless it is to be kept."""
        self._decoding.close()
        if self._begun and not keep:
            Path(self.recording.pcm).unlink(missing_ok=True)

    def _decode(self, samples: int) -> None:
        """Until there are so many samples, or all."""
        for self.recording in self._decoding:
            self._begun = True
            if self.recording.samples >= samples and not self.recording.source.sha256:
                return
        self._whole = True
        note(seconds=self.recording.source.duration)
