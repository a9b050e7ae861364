"""Stretches to what is heard in them, in a worker; and from all of them, once, to who spoke when."""

from __future__ import annotations

import base64
import dataclasses
import functools
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import audio, diarization
from voicekit.execution.work import Report, SlotContext
from voicekit.gpu_load import sampled
from voicekit.profiling import step
from voicekit.profiling.steps import LOAD
from voicekit.protocols import Diarizer, DiarizerSpec, Samples
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.store import Cache, name_of
from voicekit.types import SAMPLE_RATE, Chunk, Receipt, Recording
from voicekit.version import __version__
from voicekit.worker.reports import Alive, BatchBegun, BatchDone, Told, telling
from voicekit.worker.transcribing import SLOT_DEVICE


@dataclass(frozen=True, slots=True)
class ListenTask:
    """A chunk of stretches, and all that decides what is heard in them.

    ``store`` and ``read`` are as for transcribing.
    """

    chunk: Chunk[Stretch]
    engine: DiarizerSpec
    store: str | None
    read: bool = True


@dataclass(frozen=True, slots=True)
class ConcludeTask:
    """All stretches of a recording, and what was heard in them."""

    recording: Recording
    engine: DiarizerSpec
    stretches: tuple[Stretch, ...]
    heard: tuple[Heard, ...]
    bounds: SpeakerBounds


@functools.lru_cache(maxsize=1)
def _diarizer(spec: DiarizerSpec) -> Diarizer:
    with step(LOAD, model=spec.model.name, engine=spec.engine):
        return diarization.adapter(spec.engine).load(spec)


def _diarizer_here(spec: DiarizerSpec, context: SlotContext) -> Diarizer:
    device = context.device if spec.device == SLOT_DEVICE else spec.device
    return _diarizer(dataclasses.replace(spec, device=device, threads=context.threads))


def listen_chunk(task: ListenTask, context: SlotContext, report: Report) -> Receipt:
    """Listen to the stretches of a chunk; what is heard in each is stored as it is made."""
    began = time.monotonic()
    with telling(report):
        cache = Cache(task.store, lambda message: report(Told(message)), make=False)
        engine = _diarizer_here(task.engine, context)  # before any batch: loading takes its own time
        with sampled(engine.device) as load:
            for number, batch in enumerate(task.chunk.batches):
                report(BatchBegun(number))
                results: dict[int, Heard] = {}
                found: list[int] = []
                for stretch in batch:
                    name = heard_name(task.engine, context.device, task.chunk.recording, stretch)
                    # Another run of the same recording may have been faster.
                    heard = cache.get(name, from_json) if task.read else None
                    if heard is not None:
                        found.append(stretch.index)
                    else:
                        with step("model", index=stretch.index):
                            heard = engine.listen(stretch, functools.partial(recorded, task.chunk.recording))
                        cache.put(name, to_json(heard))
                    results[stretch.index] = heard
                report(BatchDone(results, sum(stretch.duration for stretch in batch), tuple(found)))
    return Receipt(time.monotonic() - began, (engine.device,), load.mean)


def conclude(task: ConcludeTask, context: SlotContext, report: Report) -> Diarization:
    """Who spoke when, from all that was heard."""
    with telling(report):
        report(Alive())
        engine = _diarizer_here(task.engine, context)
        report(Alive())
        with step("cluster"):
            return engine.conclude(task.recording.samples, task.stretches, task.heard, task.bounds)


def recorded(recording: Recording, start: int, stop: int) -> Samples:
    """The recording from sample to sample, silence behind its end."""
    with step("read the sound"):
        inside = audio.read_pcm(recording, min(start, recording.samples), min(stop, recording.samples))
    samples: NDArray[np.float32] = inside.astype(np.float32) / np.float32(32768)
    return np.pad(samples, (0, stop - start - len(samples)))


def heard_name(spec: DiarizerSpec, device: str, recording: Recording, stretch: Stretch) -> str:
    """The store's name for what is heard in a stretch: everything that decides it, and nothing else."""
    start, stop = round(stretch.start * SAMPLE_RATE), round(stretch.end * SAMPLE_RATE)
    stop = min(stop, recording.samples)
    speech = [(round(span.start - stretch.start, 4), round(span.end - stretch.start, 4)) for span in stretch.speech]
    device = device if spec.device == SLOT_DEVICE else spec.device
    return name_of({
        "stage": "diarization", "voicekit": __version__,
        "engine": [spec.engine, diarization.version(spec.engine)],
        "model": [Path(spec.model.name).name, spec.model.revision],
        "device": device.partition(":")[0],  # which of the cards it was does not matter
        "windows": stretch.count, "samples": round(stretch.duration * SAMPLE_RATE), "speech": speech,
    }, audio.read_pcm(recording, min(start, stop), stop).tobytes())


def to_json(heard: Heard) -> dict[str, Any]:
    """What the store keeps."""
    return {"activity": _packed(heard.activity), "embeddings": _packed(heard.embeddings)}


def from_json(stored: Any) -> Heard:
    """The other way round; anything but what :func:`to_json` gives is an error."""
    activity, embeddings = _unpacked(stored["activity"]), _unpacked(stored["embeddings"])
    if (activity.ndim, embeddings.ndim) != (3, 3) or activity.shape[::2] != embeddings.shape[:2]:
        raise ValueError("not what is heard in a stretch")
    return Heard(activity, embeddings)


def _packed(array: NDArray[Any]) -> dict[str, Any]:
    kind = array.dtype.newbyteorder("<")
    return {"kind": kind.str, "shape": list(array.shape),
            "data": base64.b64encode(zlib.compress(array.astype(kind).tobytes(), 1)).decode()}


def _unpacked(stored: Any) -> NDArray[Any]:
    if stored["kind"] not in ("|u1", "<f4"):
        raise ValueError(f"an array of {stored['kind']}")
    data = zlib.decompress(base64.b64decode(stored["data"], validate=True))
    return np.frombuffer(data, stored["kind"]).reshape(stored["shape"]).copy()


def nobody(stretch: Stretch, others: Sequence[Heard]) -> Heard:
    """What stands for a stretch that was lost, in the shape of the others: nobody speaks in it."""
    shape, voices = others[0].activity.shape[1:], others[0].embeddings.shape[1:]
    return Heard(np.zeros((stretch.count, *shape), others[0].activity.dtype),
                 np.full((stretch.count, *voices), np.nan, np.float32))
