"""A sample of one voice, and how it sounds to an engine: what enrolment needs, without a whole run."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from voicekit import diarization
from voicekit.enrolment import KnownVoice
from voicekit.errors import InputError
from voicekit.options import RunOptions
from voicekit.planning.machine import this_machine
from voicekit.running import telling_apart
from voicekit.running.preparation import prepare
from voicekit.speakers import SpeakerBounds
from voicekit.types import InputFile
from voicekit.worker.diarizing import recorded

LEAST_SPEECH = 3.0
"""Seconds of speech; a voice cannot be told from less."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A voice, and what the user should know about it."""

    voice: KnownVoice
    notices: tuple[str, ...]


def voice_of(file: InputFile, options: RunOptions) -> Sample:
    """How the one speaker of a recording sounds.

    Parameters
    ----------
    file : InputFile
        A recording in which one person speaks.
    options : RunOptions
        ``speakers.diarize`` says with which engine.

    Raises
    ------
    InputError
        If there is too little speech in it.
    VoicekitError
        As for any run.
    """
    chosen = telling_apart.choose(options, ("cpu",), this_machine())
    assert chosen is not None and chosen.adapter is not None and chosen.spec is not None
    notices = [*chosen.downgrades, *chosen.notices]
    with tempfile.TemporaryDirectory(prefix="voicekit-", dir=options.temp_dir) as folder:
        prepared = prepare(file, Path(folder), options)
        seconds = sum(span.duration for span in prepared.spans)
        if seconds < LEAST_SPEECH:
            raise InputError(f"{file.name} has {seconds:.1f} s of speech, and a voice takes {LEAST_SPEECH:g} s.",
                             "Take a longer sample; half a minute is good.")
        engine = diarization.adapter(chosen.spec.engine).load(chosen.spec)
        read = functools.partial(recorded, prepared.recording)
        stretches = chosen.adapter.plan(chosen.spec.model, prepared.recording.samples, prepared.spans)
        heard = [engine.listen(stretch, read) for stretch in stretches]
        one = engine.conclude(prepared.recording.samples, stretches, heard, SpeakerBounds(1, 1))
        several = engine.conclude(prepared.recording.samples, stretches, heard, SpeakerBounds())
    if not one.voices:
        raise InputError(f"No voice could be told from {file.name}.", "Take a longer or clearer sample.")
    if len(several.voices) > 1:
        notices.append(f"{file.name} seems to hold {len(several.voices)} speakers, and they were taken for one.")
    model = chosen.spec.model
    (voice,) = one.voices.values()
    return Sample(KnownVoice(chosen.spec.engine, model.name, model.revision, round(seconds, 1), voice),
                  tuple(notices))
