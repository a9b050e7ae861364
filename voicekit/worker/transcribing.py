"""Windows to words, in a worker."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicekit import audio, engines
from voicekit.execution.work import Report, SlotContext
from voicekit.options import DecodingOptions
from voicekit.profiling import step
from voicekit.protocols import Copyable, EngineSpec
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
        hand = _Hand(task, context, report)
        for number in range(len(task.chunk.batches)):
            hand.transcribe([_Part(task, number, report)])
        return hand.receipt()


def transcribe_together(tasks: Sequence[TranscribeTask], context: SlotContext, report: Report) -> list[Receipt]:
    """Transcribe chunks of several recordings as one batch; each of them is one, with the same engine and options.

    Only for engines that give a window the same result whatever is decoded beside it. What is reported comes with
    the place of the chunk that it is about.
    """
    def to_all(payload: Told) -> None:
        for place in range(len(tasks)):
            report((place, payload))

    with telling(to_all):
        hand = _Hand(tasks[0], context, to_all)
        hand.transcribe([_Part(task, 0, functools.partial(_placed, report, place))
                         for place, task in enumerate(tasks)])
        return [hand.receipt()] * len(tasks)


def _placed(report: Report, place: int, payload: object) -> None:
    report((place, payload))


@dataclass(frozen=True, slots=True)
class _Part:
    """A batch of a chunk, and who is told what becomes of it."""

    task: TranscribeTask
    number: int
    report: Report

    @property
    def windows(self) -> tuple[Window, ...]:
        return self.task.chunk.batches[self.number]


class _Hand:
    """The engine of this process at work on tasks that want the same of it."""

    def __init__(self, task: TranscribeTask, context: SlotContext, report: Report) -> None:
        self._began = time.monotonic()
        self._report = report
        self._options = task.options
        self._ladder = _ladder_here(task.engine, context)
        self._ladder.engine(self._tell)
        self._cache = Cache(task.store, lambda message: self._tell(message, False), make=False)
        self._devices: set[str] = set()

    def _tell(self, message: str, downgrade: bool) -> None:
        self._report(Told(message, downgrade))

    def receipt(self) -> Receipt:
        return Receipt(time.monotonic() - self._began, tuple(sorted(self._devices)))

    def transcribe(self, parts: Sequence[_Part]) -> None:
        """Decode the batches together."""
        for part in parts:
            part.report(BatchBegun(part.number))
        with step("read the sound"):
            pcm = [{window.index: _pcm(part.task.chunk.recording, window) for window in part.windows}
                   for part in parts]
        found = [self._stored(part, sounds) for part, sounds in zip(parts, pcm, strict=True)]
        missing = [(place, window) for place, part in enumerate(parts) for window in part.windows
                   if window.index not in found[place]]
        with step("read the sound"):
            sounds = [audio.read(parts[place].task.chunk.recording, window.start, window.end)
                      for place, window in missing]
        with step("model", first=parts[0].windows[0].index, together=len(missing)):
            made = self._ladder.transcribe(sounds, self._options, self._tell)
        fresh: list[dict[int, WindowResult]] = [{} for _ in parts]
        for (place, window), (result, spec) in zip(missing, made, strict=True):
            fresh[place][window.index] = result
            self._devices.add(self._ladder.engine(self._tell).device)
            if result.status != "failed":  # what failed is tried again by the next run
                name = result_name(spec, self._options, pcm[place][window.index])
                self._cache.put(name, transcription.to_json(result))
        for part, old, new in zip(parts, found, fresh, strict=True):
            part.report(BatchDone({**old, **new}, sum(window.duration for window in part.windows), tuple(old)))

    def _stored(self, part: _Part, pcm: Mapping[int, bytes]) -> dict[int, WindowResult]:
        """What another run of the same recording, which was faster, has made."""
        results: dict[int, WindowResult] = {}
        for index, sound in pcm.items() if part.task.read else ():
            name = result_name(self._ladder.spec, self._options, sound)
            if (stored := self._cache.get(name, transcription.from_json)) is not None:
                results[index] = stored
        return results


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
    # Which of the cards it was does not matter to the words.
    precision = [spec.device.partition(":")[0], spec.compute_type]
    if arithmetic := engines.adapter(spec.engine).profile.arithmetic(spec.compute_type):
        precision.append(arithmetic)  # another machine may share the folder, or a laptop be replaced
    return {
        "voicekit": __version__,
        "engine": [spec.engine, engines.version(spec.engine)],
        "model": [Path(spec.model.name).name, spec.model.revision],  # the revision knows what is in a folder
        "precision": precision,
    }


def load_engine(spec: EngineSpec, context: SlotContext, report: Report) -> None:
    """Load the engine that the next task will need."""
    _ladder_here(spec, context).engine(lambda message, downgrade: report(Told(message, downgrade)))


def load_for_copies(spec: EngineSpec, context: SlotContext, report: Report) -> None:
    """Load the engine in the process that the workers will be copies of."""
    with telling(report):
        engine = _ladder_here(spec, context).engine(lambda message, downgrade: report(Told(message, downgrade)))
        assert isinstance(engine, Copyable), f"{spec.engine} says that it is copyable"
        with step("settle"):
            engine.settle()


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
