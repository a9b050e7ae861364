"""Weights of the d-vector's shape, in the file format of the real ones; and hearing recordings with them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicekit import audio
from voicekit.diarization.d_vector_file import SHAPES
from voicekit.diarization.embedded import Embedded, EmbeddedDiarizer
from voicekit.protocols import DiarizerSpec, ModelOnDisk, Samples
from voicekit.protocols.diarizing import ReadSamples
from voicekit.running.preparation import prepare
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import InputFile, Recording, Turn

ANY = SpeakerBounds()


def random_weights(seed: int) -> dict[str, NDArray[np.float32]]:
    """As a network is initialised, only that all of it is heard in the embedding."""
    random = np.random.default_rng(seed)
    return {name: random.uniform(-0.08, 0.08, shape).astype(np.float32) for name, shape in SHAPES.items()}


def save(weights: dict[str, NDArray[np.float32]], path: Path) -> Path:
    """Write them in torch's legacy format, with what else a checkpoint holds."""
    import torch

    state = OrderedDict((name, torch.from_numpy(values)) for name, values in weights.items())
    state["similarity_weight"] = torch.ones(1)
    torch.save({"step": 5, "model_state": state, "optimizer_state": {"lr": 0.1, "state": {0: torch.zeros(3)}}}, path,
               _use_new_zipfile_serialization=False)
    return path


def engine(model: ModelOnDisk, threads: int = 1) -> EmbeddedDiarizer:
    """The engine, loaded."""
    return Embedded().load(DiarizerSpec("embedded", model, "cpu", threads))


def reader(sound: NDArray[np.float32]) -> ReadSamples:
    """Read a sound as a worker does: zeros behind its end."""
    def read(start: int, stop: int) -> Samples:
        return np.pad(sound[start:stop], (0, stop - max(start, min(stop, len(sound)))))

    return read


def recorded(recording: Recording) -> ReadSamples:
    """Read a recording."""
    return reader(audio.read_pcm(recording, 0, recording.samples).astype(np.float32) / np.float32(32768))


def plan_file(path: Path, model: ModelOnDisk, folder: Path) -> tuple[Recording, tuple[Stretch, ...]]:
    """Decode a file, find its speech as the main job does, and lay the cells."""
    prepared = prepare(InputFile(path, path.name), folder)
    return prepared.recording, Embedded().plan(model, prepared.recording.samples, prepared.spans)


def diarize_file(path: Path, model: ModelOnDisk, folder: Path, bounds: SpeakerBounds = ANY) -> Diarization:
    """Who speaks in a file."""
    recording, stretches = plan_file(path, model, folder)
    loaded, read = engine(model), recorded(recording)
    heard: list[Heard] = [loaded.listen(stretch, read) for stretch in stretches]
    return loaded.conclude(recording.samples, stretches, heard, bounds)


def read_rttm(path: Path) -> list[Turn]:
    """The reference turns."""
    fields = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    return [Turn(float(line[3]), float(line[3]) + float(line[4]), line[7]) for line in fields]


def error_rates(reference: Sequence[Turn], found: Sequence[Turn], duration: float) -> dict[str, float]:
    """Diarization error rate of pyannote.metrics and its parts, as shares of the reference's speech; no collar."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    def annotation(turns: Sequence[Turn]) -> Annotation:
        made = Annotation()
        for index, turn in enumerate(turns):
            made[Segment(turn.start, turn.end), index] = turn.speaker
        return made

    parts = DiarizationErrorRate()(annotation(reference), annotation(found), detailed=True,
                                   uem=Timeline([Segment(0, duration)]))
    total = parts["total"]
    return {"DER": float(parts["diarization error rate"]), "missed": parts["missed detection"] / total,
            "false alarm": parts["false alarm"] / total, "confusion": parts["confusion"] / total}
