"""From the sentences of a recording to one track, and from that to figures, in a worker."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicekit import audio
from voicekit.audio.native import native
from voicekit.execution.work import Report, SlotContext
from voicekit.profiling import step
from voicekit.profiling.steps import DECODE
from voicekit.prosody import measures
from voicekit.protocols import Samples
from voicekit.spoken import Register, SentenceResult
from voicekit.stages.assembly import Piece, assemble
from voicekit.stages.background import Background
from voicekit.stages.loudness import Meter, limited, matching_gain, mixed, reader
from voicekit.types import SAMPLE_RATE, Recording, Span
from voicekit.worker.reports import Alive, telling

STRETCH = 600.0
"""Seconds of both recordings that are compared at once, so that a long one needs no more memory."""


@dataclass(frozen=True, slots=True)
class AssembleTask:
    """All that decides the track.

    ``path`` is the original file, ``spans`` where speech is in it, ``sentences`` their starts with what became of
    them; ``into`` is the raw file to write, ``longest`` as for decoding.
    """

    path: str
    recording: Recording
    spans: tuple[Span, ...]
    sentences: tuple[tuple[float, SentenceResult], ...]
    keep_background: bool
    into: str
    longest: float


@dataclass(frozen=True, slots=True)
class Track:
    """The new sound: a raw file of mono float32 PCM, as long as the original at its own rate.

    ``start`` is where it begins in a video.
    """

    path: str
    rate: int
    samples: int
    start: float


@dataclass(frozen=True, slots=True)
class MeasureTask:
    """A track and its original; ``sentences`` are where each was said, and how high its speaker and voice speak."""

    recording: Recording
    track: str
    rate: int
    samples: int
    sentences: tuple[tuple[Span, Register | None, Register | None], ...]


def assemble_track(task: AssembleTask, context: SlotContext, report: Report) -> Track:
    """Put the sentences where they belong, as loud as the original, over its background if that is kept."""
    with telling(report):
        meter = Meter()
        kept = Background(task.into + ".background", task.spans) if task.keep_background else nullcontext()
        with kept as background:

            def take(block: Samples, rate: int) -> None:
                meter.take(block, rate)
                if background is not None:
                    background.take(block, rate)

            with step(DECODE):
                found = native(task.path, take, name=task.recording.source.name, longest=task.longest)
        said = [(start, result) for start, result in task.sentences if result.pcm]
        pieces = [Piece(result.pcm, result.samples, result.rate, start - result.lead) for start, result in said]
        report(Alive())
        with step("put together", sentences=len(pieces)):
            voice = assemble(pieces, found.rate, found.samples, task.into + ".voice")
        with step("match the loudness"):
            gain = matching_gain(voice, found.rate, found.samples, meter.loudness(task.spans))
        report(Alive())
        read = reader(voice, gain)
        if background is not None:
            background.duck(Span(start, start + result.end) for start, result in said)
            read = mixed(read, background.read)
        with open(task.into, "wb") as file, step("limit and write"):
            for block in limited(read, found.rate, found.samples):
                file.write(block.astype("<f4", copy=False).tobytes())
        for used in (voice, task.into + ".background", *(piece.path for piece in pieces)):
            Path(used).unlink(missing_ok=True)
        return Track(task.into, found.rate, found.samples, found.start)


def measure_track(task: MeasureTask, context: SlotContext, report: Report) -> Mapping[str, float]:
    """Each measure that could be taken, over all frames of all sentences; `duration_error` is of the whole."""
    with telling(report):
        found: list[measures.Pairs] = []
        duration = task.recording.source.duration
        left = list(task.sentences)
        while left:
            report(Alive())
            begin = max(0.0, left[0][0].start - 1.0)
            group = [one for one in left if one[0].end <= begin + STRETCH] or left[:1]
            left = [one for one in left if one not in group]
            end = group[-1][0].end + 1.0
            with step("hear both", start=begin, end=end):
                original = measures.hear(audio.read(task.recording, begin, min(end, duration)), SAMPLE_RATE)
                result = measures.hear(_part(task, begin, end), task.rate)
            found += [measures.pairs(original, result, speaker, voice, Span(span.start - begin, span.end - begin))
                      for span, speaker, voice in group]
        expected = round(task.recording.samples * task.rate / SAMPLE_RATE)
        # The original's length at its own rate is known to within a sample of this recording's.
        error = task.samples - expected
        error = 0 if abs(error) <= task.rate / SAMPLE_RATE else error
        values = dataclasses.asdict(measures.figures(found, error))
        return {name: float(value) for name, value in values.items() if value is not None}


def _part(task: MeasureTask, begin: float, end: float) -> NDArray[np.float32]:
    first, last = round(begin * task.rate), round(end * task.rate)
    return np.fromfile(task.track, "<f4", max(0, last - first), offset=first * 4)
