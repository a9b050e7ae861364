"""Windows to words, in a worker."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicekit import audio, engines
from voicekit.execution.slots import Report, SlotContext
from voicekit.options import DecodingOptions
from voicekit.profiling import step
from voicekit.protocols import EngineSpec
from voicekit.stages import transcription
from voicekit.stages.ladder import Ladder
from voicekit.store import Cache, name_of
from voicekit.types import SAMPLE_RATE, Chunk, Receipt, Recording, Window, WindowResult
from voicekit.version import __version__
from voicekit.worker.reports import BatchBegun, BatchDone, Told, telling

SLOT_DEVICE = "slot"
"""In an EngineSpec that is sent to a slot: run where the slot runs."""


@dataclass(frozen=True, slots=True)
class TranscribeTask:
    """A chunk, and all that decides its words.

    ``store`` is the folder where results are kept; ``read`` is whether what is there may be taken from it.
    """

    chunk: Chunk[Window]
    engine: EngineSpec
    options: DecodingOptions
    store: str | None
    read: bool = True


@dataclass(frozen=True, slots=True)
class DetectTask:
    """The first speech of a recording, to tell its language from."""

    recording: Recording
    windows: tuple[Window, ...]
    engine: EngineSpec


@functools.lru_cache(maxsize=2)
def _ladder(spec: EngineSpec) -> Ladder:
    """The engine of this process, and how far it had to step down.

    Two, because one model may detect the language and another transcribe it.
    """
    adapter = engines.adapter(spec.engine)
    return Ladder(spec, adapter.profile.compute_types, adapter.load)


def _ladder_here(spec: EngineSpec, context: SlotContext) -> Ladder:
    device = context.device if spec.device == SLOT_DEVICE else spec.device
    return _ladder(dataclasses.replace(spec, device=device, threads=context.threads))


def transcribe_chunk(task: TranscribeTask, context: SlotContext, report: Report) -> Receipt:
    """Transcribe the windows of a chunk, batch by batch; each result is stored as it is made."""
    with telling(report):
        return _transcribe(task, context, report)


def _transcribe(task: TranscribeTask, context: SlotContext, report: Report) -> Receipt:
    began = time.monotonic()
    ladder = _ladder_here(task.engine, context)

    def tell(message: str, downgrade: bool) -> None:
        report(Told(message, downgrade))

    ladder.engine(tell)
    cache = Cache(task.store, lambda message: tell(message, False), make=False)
    devices: set[str] = set()
    for number, batch in enumerate(task.chunk.batches):
        report(BatchBegun(number))
        with step("read the sound"):
            pcm = {window.index: _pcm(task.chunk.recording, window) for window in batch}
        # Another run of the same recording may have been faster.
        results: dict[int, WindowResult] = {}
        for index, sound in pcm.items() if task.read else ():
            stored = cache.get(result_name(ladder.spec, task.options, sound), transcription.from_json)
            if stored is not None:
                results[index] = stored
        found = tuple(results)
        missing = [window for window in batch if window.index not in results]
        with step("read the sound"):
            sounds = [audio.read(task.chunk.recording, window.start, window.end) for window in missing]
        with step("model", first=batch[0].index, together=len(missing)):
            made = ladder.transcribe(sounds, task.options, tell)
        for window, (result, spec) in zip(missing, made, strict=True):
            if result.status != "failed":  # what failed is tried again by the next run
                cache.put(result_name(spec, task.options, pcm[window.index]), transcription.to_json(result))
            results[window.index] = result
            devices.add(ladder.engine(tell).device)
        report(BatchDone(results, sum(window.duration for window in batch), found))
    return Receipt(time.monotonic() - began, tuple(sorted(devices)))


def _pcm(recording: Recording, window: Window) -> bytes:
    return audio.read_pcm(recording, round(window.start * SAMPLE_RATE), round(window.end * SAMPLE_RATE)).tobytes()


def result_name(spec: EngineSpec, options: DecodingOptions, sound: bytes) -> str:
    """The store's name for a window's result: everything that decides its words, and nothing else."""
    return name_of({"stage": "transcription", **_engine_parts(spec), "options": dataclasses.asdict(options)}, sound)


def window_name(spec: EngineSpec, options: DecodingOptions, recording: Recording, window: Window) -> str:
    """:func:`result_name` of a window of a recording."""
    return result_name(spec, options, _pcm(recording, window))


def language_name(task: DetectTask) -> str:
    """The store's name for the language of the given windows."""
    sound = b"".join(_pcm(task.recording, window) for window in task.windows)
    lengths = [round(window.duration * SAMPLE_RATE) for window in task.windows]
    return name_of({"stage": "language", **_engine_parts(task.engine), "windows": lengths}, sound)


def _engine_parts(spec: EngineSpec) -> dict[str, object]:
    return {
        "voicekit": __version__,
        "engine": [spec.engine, engines.version(spec.engine)],
        "model": [Path(spec.model.name).name, spec.model.revision],  # the revision knows what is in a folder
        # Which of the cards it was does not matter to the words.
        "precision": [spec.device.partition(":")[0], spec.compute_type],
    }


def load_engine(spec: EngineSpec, context: SlotContext, report: Report) -> None:
    """Load the engine that the next task will need."""
    _ladder_here(spec, context).engine(lambda message, downgrade: report(Told(message, downgrade)))


def detect_language(task: DetectTask, context: SlotContext, report: Report) -> dict[str, float]:
    """Probability of each language over the given windows, weighted by their speech."""
    ladder = _ladder_here(task.engine, context)
    with step("read the sound"):
        sounds = [audio.read(task.recording, window.start, window.end) for window in task.windows]
    weights = [sum(span.duration for span in window.speech) for window in task.windows]
    total: dict[str, float] = {}
    with step("model", together=len(sounds)):
        found: Sequence[Mapping[str, float]] = ladder.ask(
            lambda engine: engine.detect_language(sounds),
            lambda message, downgrade: report(Told(message, downgrade)))
    for one, weight in zip(found, weights, strict=True):
        for code, probability in one.items():
            total[code] = total.get(code, 0.0) + probability * weight / sum(weights)
    return total
