"""What one worker process does with a piece: load its engine once, run the stage, store the result,
return a receipt."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from voicekit import audio, engines, store
from voicekit.execution.slots import Report, SlotContext
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, Transcriber
from voicekit.stages import transcription
from voicekit.types import Chunk, Receipt, Recording, Window


SLOT_DEVICE = "slot"
"""In an EngineSpec that is sent to a slot: run where the slot runs."""


@dataclass(frozen=True, slots=True)
class TranscribeTask:
    """A chunk, and all that decides its words."""

    chunk: Chunk
    engine: EngineSpec
    options: DecodingOptions
    store: str


@dataclass(frozen=True, slots=True)
class DetectTask:
    """The first speech of a recording, to tell its language from."""

    recording: Recording
    windows: tuple[Window, ...]
    engine: EngineSpec


@dataclass(frozen=True, slots=True)
class BatchBegun:
    """Progress: the worker is on this batch, counted within the chunk. If it dies, that is the suspect."""

    batch: int


@dataclass(frozen=True, slots=True)
class BatchDone:
    """Progress: results are in the store."""

    keys: Mapping[int, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """Progress: a warning that belongs into the transcript's metadata."""

    message: str


class _Telling(logging.Handler):
    """Hands warnings of this process to the run, which shows each once and records it."""

    def __init__(self, report: Report) -> None:
        super().__init__(logging.WARNING)
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Send the message."""
        self._report(Told(record.getMessage()))


@contextlib.contextmanager
def _telling(report: Report) -> Iterator[None]:
    logger, handler = logging.getLogger("voicekit"), _Telling(report)
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)


@functools.lru_cache(maxsize=2)
def _engine(spec: EngineSpec) -> Transcriber:
    """The engine of this process; the first piece pays for loading it.

    Two, because one model may detect the language and another transcribe it.
    """
    return engines.adapter(spec.engine).load(spec)


def _engine_here(spec: EngineSpec, context: SlotContext) -> Transcriber:
    device = context.device if spec.device == SLOT_DEVICE else spec.device
    return _engine(dataclasses.replace(spec, device=device, threads=context.threads))


def transcribe_chunk(task: TranscribeTask, context: SlotContext, report: Report) -> Receipt:
    """Transcribe the windows of a chunk, batch by batch; each result is stored as it is made."""
    with _telling(report):
        return _transcribe(task, context, report)


def _transcribe(task: TranscribeTask, context: SlotContext, report: Report) -> Receipt:
    began = time.monotonic()
    engine = _engine_here(task.engine, context)
    results = store.Store(task.store)
    keys: dict[int, str] = {}
    for number, batch in enumerate(task.chunk.batches):
        report(BatchBegun(number))
        recording = task.chunk.recording
        sounds = [audio.read(recording, window.start, window.end) for window in batch]
        names = [result_name(task, engine, sound.tobytes()) for sound in sounds]
        outcome = transcription.transcribe_batch(engine, sounds, task.options)
        for name, result in zip(names, outcome, strict=True):
            results.put(name, transcription.to_json(result))
        made = {window.index: name for window, name in zip(batch, names, strict=True)}
        keys.update(made)
        report(BatchDone(made, sum(window.duration for window in batch)))
    return Receipt(keys, time.monotonic() - began, engine.device)


def result_name(task: TranscribeTask, engine: Transcriber, sound: bytes) -> str:
    """The store's name for a window's result: everything that decides its words, and nothing else."""
    spec = task.engine
    return store.name_of({
        "stage": "transcription",
        "engine": [spec.engine, engine.version],
        "model": [spec.model.name, spec.model.revision],
        "precision": [device_kind(engine.device), spec.compute_type],
        "options": dataclasses.asdict(task.options),
    }, sound)


def device_kind(device: str) -> str:
    """``cpu`` or ``cuda``: which of the cards it was does not matter to the words."""
    return device.partition(":")[0]


def detect_language(task: DetectTask, context: SlotContext, report: Report) -> dict[str, float]:
    """Probability of each language over the given windows, weighted by their speech."""
    engine = _engine_here(task.engine, context)
    sounds = [audio.read(task.recording, window.start, window.end) for window in task.windows]
    weights = [sum(span.duration for span in window.speech) for window in task.windows]
    total: dict[str, float] = {}
    for found, weight in zip(engine.detect_language(sounds), weights, strict=True):
        for code, probability in found.items():
            total[code] = total.get(code, 0.0) + probability * weight / sum(weights)
    return total
