"""A recording whose channels are its speakers, in a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicekit import audio
from voicekit.engines.silero import SileroDetector
from voicekit.execution.work import Report, SlotContext
from voicekit.planning import frames
from voicekit.planning.speech import speech_spans
from voicekit.profiling import step
from voicekit.profiling.steps import DECODE
from voicekit.protocols import Samples
from voicekit.speakers import Diarization
from voicekit.stages.channels import FRAME, levels, turns_of_channels
from voicekit.types import SAMPLE_RATE, Recording, Span
from voicekit.worker.reports import Alive, telling

_BLOCK = 60.0
"""Seconds; a whole number of frames."""


@dataclass(frozen=True, slots=True)
class ChannelsTask:
    """A file, as it was decoded, and the longest that it may be."""

    path: str
    recording: Recording
    longest: float


def speaking_channels(task: ChannelsTask, context: SlotContext, report: Report) -> Diarization:
    """Decode each channel by itself, find its speech, and tell from its loudness what is only heard through it."""
    speech: list[tuple[Span, ...]] = []
    loudness: list[NDArray[np.float64]] = []
    folder = Path(task.recording.pcm).parent
    with telling(report):
        for channel in range(task.recording.channels):
            report(Alive())
            with step(DECODE, channel=channel):
                one = audio.decode(task.path, folder, name=task.recording.source.name, longest=task.longest,
                                   check=lambda: report(Alive()), channel=channel)
            try:
                heard: list[NDArray[np.float64]] = []
                with step("find speech", channel=channel):
                    found = frames.detect(SileroDetector(), _blocks(one, heard, report))
                speech.append(speech_spans(found, one.source.duration))
                loudness.append(np.concatenate(heard) if heard else np.zeros(1))
            finally:
                Path(one.pcm).unlink(missing_ok=True)
    return turns_of_channels(speech, loudness)


def _blocks(recording: Recording, heard: list[NDArray[np.float64]], report: Report) -> Iterator[Samples]:
    assert round(_BLOCK * SAMPLE_RATE) % round(FRAME * SAMPLE_RATE) == 0
    for block in audio.blocks(recording, _BLOCK):
        report(Alive())
        heard.append(levels(block, SAMPLE_RATE))
        yield block
