"""Sentences to sound, in a worker; and what is done once for a whole recording on the way."""

from __future__ import annotations

import base64
import dataclasses
import functools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import audio, voices
from voicekit.audio import encoding
from voicekit.audio.lossless import flac_bytes, from_flac
from voicekit.audio.resampling import resampled
from voicekit.errors import EngineMissingError, VoicekitError
from voicekit.execution.work import Report, SlotContext
from voicekit.profiling import step
from voicekit.profiling.steps import LOAD
from voicekit.prosody.pitch import register, track
from voicekit.protocols import Stresser, Synthesizer, VoiceSpec
from voicekit.spoken import Register, Sentence, SentenceResult, Voice
from voicekit.stages import revoicing
from voicekit.stages.revoicing import AFTER, BEFORE, Manner
from voicekit.store import Cache, name_of
from voicekit.types import SAMPLE_RATE, Chunk, Receipt, Recording
from voicekit.version import __version__
from voicekit.voices.assigning import assign
from voicekit.worker.reports import Alive, BatchBegun, BatchDone, Told, telling

log = logging.getLogger("voicekit")

REGISTER_SPEECH = 120.0
"""Seconds of each speaker, from the first, that tell how high he or she speaks."""

REGISTER_SENTENCES = 12
"""Sentences, from the first, that tell how high a new voice speaks."""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who speaks: decided once for the recording.

    Attributes
    ----------
    voices : mapping of str to VoiceSpec
        By label of the speaker; ``""`` where speakers are not told apart.
    speakers : mapping of str to (Register or None)
        How high each of them speaks in the original.
    registers : mapping of Voice to (Register or None)
        How high each new voice speaks by itself.
    """

    voices: Mapping[str, VoiceSpec]
    speakers: Mapping[str, Register | None]
    registers: Mapping[Voice, Register | None]


@dataclass(frozen=True, slots=True)
class CastTask:
    """All that decides the cast.

    ``given`` are the voices that were asked for, by speaker; ``default`` is for the others, or, where several
    speak, one each of ``others``.
    """

    recording: Recording
    sentences: tuple[Sentence, ...]
    given: Mapping[str, VoiceSpec]
    default: VoiceSpec
    others: tuple[VoiceSpec, ...]
    manner: Manner


@dataclass(frozen=True, slots=True)
class SpeakTask:
    """A chunk of sentences, and all that decides their sound.

    ``rooms`` says for each sentence how many seconds there are until the next; ``folder`` is where sounds are put;
    ``store`` and ``read`` are as for transcribing.
    """

    chunk: Chunk[Sentence]
    rooms: Mapping[int, float]
    cast: Cast
    manner: Manner
    folder: str
    store: str | None
    read: bool = True


@dataclass(frozen=True, slots=True)
class AloneTask:
    """Sentences to be said as the voices say them by themselves, one after the other, into a wav file."""

    sentences: tuple[Sentence, ...]
    cast: Cast
    manner: Manner
    into: str


def speak_alone(task: AloneTask, context: SlotContext, report: Report) -> str:
    """What the voices would be understood at best: without the original's times and melody."""
    with telling(report):
        track = Path(task.into + ".f32")
        with open(track, "wb") as file:
            for sentence in task.sentences:
                report(Alive())
                spec = dataclasses.replace(task.cast.voices[sentence.speaker or ""], threads=context.threads)
                for said in revoicing.spoken_alone([sentence], task.manner.language, _synthesizer(spec)):
                    for block in resampled([said.samples], len(said.samples), said.rate, SAMPLE_RATE):
                        file.write(block.astype("<f4").tobytes())
                    file.write(np.zeros(SAMPLE_RATE // 2, "<f4").tobytes())
        samples = track.stat().st_size // 4
        encoding.write(encoding.read_track(str(track)), SAMPLE_RATE, samples, Path(task.into), "wav")
        track.unlink()
    return task.into


def cast_voices(task: CastTask, context: SlotContext, report: Report) -> Cast:
    """Who speaks with which voice, and how high all of them speak."""
    with telling(report):
        labels = dict.fromkeys(sentence.speaker or "" for sentence in task.sentences)
        needed = task.manner.prosody != "fast" or len(labels) > 1
        with step("hear the speakers"):
            speakers = {label: _speaker_register(task, label) if needed else None for label in labels}
        specs = {spec.voice: spec for spec in (*task.given.values(), task.default, *task.others)}
        chosen = assign(speakers, {label: spec.voice for label, spec in task.given.items()}, task.default.voice,
                        [spec.voice for spec in task.others] if len(labels) > 1 else [])
        cast = {label: specs[voice] for label, voice in chosen.items()}
        with step("hear the voices"):
            registers = {spec.voice: _voice_register(task, spec, context) for spec in cast.values()}
        return Cast(cast, speakers, registers)


def _speaker_register(task: CastTask, label: str) -> Register | None:
    pitches, seconds = [], 0.0
    for sentence in task.sentences:
        if (sentence.speaker or "") == label and seconds < REGISTER_SPEECH:
            pitches.append(track(audio.read(task.recording, sentence.start, sentence.end), SAMPLE_RATE))
            seconds += sentence.duration
    return _rounded(register(pitches))


def _voice_register(task: CastTask, spec: VoiceSpec, context: SlotContext) -> Register | None:
    if task.manner.prosody == "fast":
        return None
    said = revoicing.spoken_alone(task.sentences[:REGISTER_SENTENCES], task.manner.language,
                                  _synthesizer(dataclasses.replace(spec, threads=context.threads)))
    return _rounded(register(track(one.samples, one.rate) for one in said))


def _rounded(found: Register | None) -> Register | None:
    # To a fifth of a semitone: an edit somewhere else in the recording shall not change every sentence.
    return None if found is None else Register(round(found.mean, 2), round(found.deviation, 2))


@functools.lru_cache(maxsize=4)
def _synthesizer(spec: VoiceSpec) -> Synthesizer:
    with step(LOAD, model=spec.voice.name, engine=spec.voice.engine):
        return voices.adapter(spec.voice.engine).load(spec)


@functools.lru_cache(maxsize=1)
def _stresser(language: str) -> Stresser | None:
    with step(LOAD, model=f"stress of {language}"):
        return voices.stresser(language)


def speak_chunk(task: SpeakTask, context: SlotContext, report: Report) -> Receipt:
    """Speak the sentences of a chunk; each is stored as it is made."""
    began = time.monotonic()
    devices: set[str] = set()
    with telling(report):
        cache = Cache(task.store, lambda message: report(Told(message)), make=False)
        _load(task, context)  # before any batch: loading takes its own time
        for number, batch in enumerate(task.chunk.batches):
            report(BatchBegun(number))
            results: dict[int, SentenceResult] = {}
            found: list[int] = []
            for sentence in batch:
                spec = dataclasses.replace(task.cast.voices[sentence.speaker or ""], threads=context.threads)
                name = sentence_name(task, sentence)
                stored = cache.get(name, functools.partial(restore, into=place(task, sentence))) \
                    if task.read else None
                if stored is not None:
                    found.append(sentence.index)
                results[sentence.index] = stored or _speak(task, sentence, spec, cache, name)
                devices.add(_synthesizer(spec).device)
            report(BatchDone(results, sum(sentence.duration for sentence in batch), tuple(found)))
    return Receipt(time.monotonic() - began, tuple(sorted(devices)))


def _load(task: SpeakTask, context: SlotContext) -> None:
    for label in dict.fromkeys(sentence.speaker or "" for sentence in task.chunk.units):
        _synthesizer(dataclasses.replace(task.cast.voices[label], threads=context.threads))
    if task.manner.stress:
        _stresser(task.manner.language)


def _speak(task: SpeakTask, sentence: Sentence, spec: VoiceSpec, cache: Cache, name: str) -> SentenceResult:
    manner = task.manner
    # What cannot be loaded fails every sentence alike, and ends the file.
    synthesizer, stresser = _synthesizer(spec), _stresser(manner.language) if manner.stress else None
    try:
        original = _original(task.chunk.recording, sentence)
        with step("sentence", index=sentence.index):
            result, pcm = revoicing.speak(
                sentence, task.rooms[sentence.index], original, synthesizer, stresser, manner,
                task.cast.speakers.get(sentence.speaker or ""), task.cast.registers.get(spec.voice))
    except (MemoryError, EngineMissingError):
        raise
    except Exception as error:  # a voice may raise anything; the ledger says what
        log.debug("a sentence failed", exc_info=True)
        return SentenceResult("failed", error.message if isinstance(error, VoicekitError)
                              else f"{type(error).__name__}: {error}".strip(": "))
    cache.put(name, {**dataclasses.asdict(result), "pcm": "",
                     "sound": base64.b64encode(flac_bytes(pcm, result.rate)).decode() if len(pcm) else ""})
    return _placed(result, pcm, place(task, sentence))


def _original(recording: Recording, sentence: Sentence) -> NDArray[np.float32]:
    """The recording around a sentence, silence where it has none."""
    begin, end = round((sentence.start - BEFORE) * SAMPLE_RATE), round((sentence.end + AFTER) * SAMPLE_RATE)
    with step("read the sound"):
        inside = audio.read(recording, max(begin, 0) / SAMPLE_RATE, min(end, recording.samples) / SAMPLE_RATE)
    return np.pad(inside, (max(-begin, 0), max(0, end - begin - max(-begin, 0) - len(inside))))


def place(task: SpeakTask, sentence: Sentence) -> Path:
    """Where a sentence's sound lies until the recording is put together."""
    return Path(task.folder, f"{sentence.index}.pcm")


def _placed(result: SentenceResult, pcm: NDArray[np.int16], into: Path) -> SentenceResult:
    if not len(pcm):
        return result
    into.write_bytes(pcm.astype("<i2").tobytes())
    return dataclasses.replace(result, pcm=str(into))


def restore(stored: Any, into: Path) -> SentenceResult:
    """A sentence from the store; its sound is put where the run looks for it."""
    sound = base64.b64decode(stored["sound"], validate=True)
    fields = {field.name: stored[field.name] for field in dataclasses.fields(SentenceResult)}
    result = SentenceResult(**{**fields, "notes": tuple(stored["notes"])})
    pcm, rate = from_flac(sound) if sound else (np.zeros(0, np.int16), 0)
    if (len(pcm), rate) != (result.samples, result.rate):
        raise ValueError("the sound is another")
    return _placed(result, pcm, into)


def sentence_name(task: SpeakTask, sentence: Sentence) -> str:
    """The store's name for a sentence: everything that decides its sound, and nothing else."""
    manner, cast = task.manner, task.cast
    spec = cast.voices[sentence.speaker or ""]
    words = [(word.word, round(word.start - sentence.start, 4), round(word.end - sentence.start, 4))
             for word in sentence.words]
    transferred = manner.prosody != "fast"
    return name_of({
        "stage": "speech", "voicekit": __version__,
        "engine": [spec.voice.engine, voices.adapter(spec.voice.engine).version()],
        "voice": [spec.voice.name, spec.model.revision], "device": spec.device.partition(":")[0],
        "manner": dataclasses.asdict(manner), "text": voices.text_version(manner.language, manner.stress),
        "room": round(task.rooms[sentence.index], 4), "words": words,
        "registers": [_parts(cast.speakers.get(sentence.speaker or "")), _parts(cast.registers.get(spec.voice))],
    }, _original(task.chunk.recording, sentence).tobytes() if transferred else b"")


def _parts(found: Register | None) -> list[float] | None:
    return None if found is None else [found.mean, found.deviation]


def rooms(sentences: Sequence[Sentence], duration: float) -> dict[int, float]:
    """Seconds from each sentence's start until the next one begins, or the recording ends.

    Where people speak at once a sentence has at least its own length.
    """
    if not sentences:
        return {}
    after = [*(sentence.start for sentence in sentences[1:]), duration]
    return {sentence.index: max(end - sentence.start, sentence.duration)
            for sentence, end in zip(sentences, after, strict=True)}
