"""pyannote.audio's diarization, in parallel and exactly as it computes it alone.

A stretch is a whole number of the batches in which pyannote itself would run its models over the recording, because
a batch of one window rounds otherwise than one of several. Clustering is pyannote's own object.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import device_audit
from voicekit.diarization import pyannote_embeddings, pyannote_loading, pyannote_models, reconstruction
from voicekit.diarization.grid import Grid
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.protocols import DiarizerProfile, DiarizerSpec, ModelOnDisk, ReadSamples
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import SAMPLE_RATE, Span

ABOUT = 32
"""Windows in a stretch, as far as batches allow: seconds of work, in which 9 s of sound are read twice."""

# PyanNet's, the segmentation of all published pipelines: it lays the same frames whatever its weights are.
_PYANNET = (589, 270 / SAMPLE_RATE, 991 / SAMPLE_RATE)


class Pyannote:
    """How pyannote's pipelines are found, fetched and loaded.

    A pipeline in a folder is trusted: its checkpoints can run code.
    """

    profile = DiarizerProfile(
        name="pyannote",
        packages=("pyannote.audio",),
        extra="diarize",
        licence="MIT (engine); community-1 CC BY 4.0, 3.1 MIT, both behind a form on the hub",
        compute_types={"cpu": ("float32",), "cuda": ("float32",)},
        libraries=("pyannote.audio", "torch", "scipy"),
        overlaps=True,
    )

    def models(self) -> Sequence[str]:
        """The hub's names; a pipeline's folder or its config.yaml is taken too."""
        return pyannote_models.MODELS

    def find(self, model: str | None) -> ModelOnDisk | None:
        """The pipeline if it and all models it names are on disk. No network."""
        return pyannote_models.find(model)

    def fetch(self, model: str | None, token: str | None = None) -> ModelOnDisk:
        """Download the pipeline and all models it names into the hub's cache."""
        return pyannote_models.fetch(model, token)

    def cuda_devices(self) -> int:
        """How many GPUs torch can use."""
        import torch

        return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0

    def plan(self, model: ModelOnDisk, samples: int, spans: Sequence[Span]) -> tuple[Stretch, ...]:
        """Lay the grid: stretches of whole batches, the last of which ends with the recording."""
        path = Path(model.path)
        config = pyannote_models.read_config(path / pyannote_models.CONFIG if path.is_dir() else path)
        segmentation = pyannote_models.locate(config.parts["segmentation"], "segmentation")
        seconds = pyannote_models.window_seconds(segmentation[0]) if segmentation else 10.0
        grid = _grid(seconds, float(config.parameters.get("segmentation_step", 0.1)) * seconds, *_PYANNET)
        # Rows of the embedding's last layer are batched too. Windows in such a number end with a whole batch of
        # rows, however many speakers each of them has.
        whole = math.lcm(*(int(config.parameters.get(f"{part}_batch_size", 1))
                           for part in ("segmentation", "embedding")))
        return grid.stretches(samples, whole * max(1, round(ABOUT / whole)), spans, ends_with_sound=True)

    def load(self, spec: DiarizerSpec) -> PyannoteDiarizer:
        """Build the pipeline, move it, and prove where every one of its tensors is."""
        kind, _, number = spec.device.partition(":")
        if kind not in self.profile.compute_types:
            raise DeviceError(f"pyannote cannot run on {spec.device}.", "Choose cpu, cuda or cuda:0.")
        import torch

        if kind == "cuda" and int(number or 0) >= self.cuda_devices():
            raise DeviceError(f"torch {torch.__version__} sees no GPU {spec.device}.",
                              "Install a CUDA build of torch and check the driver with nvidia-smi, "
                              "or take --device cpu.")
        torch.set_num_threads(spec.threads)
        pipeline = pyannote_loading.build(spec.model.name, Path(spec.model.path))
        if kind == "cuda":  # what pyannote itself sets, with a warning, when it is run
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
            torch.backends.cudnn.deterministic = True
        try:
            pipeline.to(torch.device(spec.device))
        except torch.OutOfMemoryError as error:
            raise DeviceError(f"The pipeline {spec.model.name} does not fit on {spec.device}.",
                              "Take --device cpu.") from error
        return PyannoteDiarizer(pipeline, device_audit.audit(pipeline, spec.device))


def _grid(window: float, step: float, frames: int, frame_step: float, frame_duration: float) -> Grid:
    samples = round(step * SAMPLE_RATE)
    if samples < 1 or abs(step * SAMPLE_RATE - samples) > 1e-6:
        # pyannote's own windows then drift apart: it rounds their places in two ways.
        raise ModelError(f"The pipeline's windows would be {step * SAMPLE_RATE:g} samples apart.",
                         "Change segmentation_step in its config.yaml so that this is a whole number.")
    return Grid(round(window * SAMPLE_RATE), samples, frames, frame_step, frame_duration, step)


class PyannoteDiarizer:
    """A loaded pipeline."""

    def __init__(self, pipeline: Any, device: str) -> None:
        from pyannote.audio.pipelines.speaker_verification import ONNXWeSpeakerPretrainedSpeakerEmbedding

        self.device = device
        self._pipeline = pipeline
        inference = pipeline._segmentation
        model, embedding = inference.model, pipeline._embedding
        if model.audio.sample_rate != SAMPLE_RATE or embedding.sample_rate != SAMPLE_RATE:
            raise ModelError(f"The pipeline's models hear {model.audio.sample_rate} and {embedding.sample_rate} "
                             f"samples per second, not {SAMPLE_RATE}.", "Choose another pipeline.")
        self._powerset = bool(model.specifications.powerset)
        self._chunks = _sliding_window(inference.duration, inference.step)
        field = model.receptive_field
        frames = model.num_frames(round(inference.duration * SAMPLE_RATE))
        self._grid = _grid(inference.duration, inference.step, frames, field.step, field.duration)
        # Clustering computes in the precision that it is given.
        self._precision = (np.float64 if isinstance(embedding, ONNXWeSpeakerPretrainedSpeakerEmbedding)
                           else np.float32)

    def listen(self, stretch: Stretch, read: ReadSamples) -> Heard:
        """Segment the windows of a stretch, and embed their speakers."""
        import torch

        start, stop = round(stretch.start * SAMPLE_RATE), round(stretch.end * SAMPLE_RATE)
        if self._grid.count(stop - start) != stretch.count:
            raise ModelError(f"The plan has {stretch.count} windows from {stretch.start:g} to {stretch.end:g} s, "
                             f"the loaded model {self._grid.count(stop - start)}.",
                             "The pipeline was changed meanwhile: start the run again.")
        sound = torch.from_numpy(np.ascontiguousarray(read(start, stop), np.float32))
        with pyannote_loading.quietly():
            scores = self._pipeline._segmentation.slide(sound[None], SAMPLE_RATE, None).data
        activity = scores.astype(np.uint8) if self._powerset else scores
        length = (stretch.count - 1) * self._grid.step + self._grid.window
        padded = torch.nn.functional.pad(sound, (0, length - len(sound)))
        windows = padded.unfold(0, self._grid.window, self._grid.step)
        return Heard(activity, pyannote_embeddings.embeddings(self._pipeline, windows, self._binary(activity)))

    def conclude(self, samples: int, stretches: Sequence[Stretch], heard: Sequence[Heard],
                 bounds: SpeakerBounds) -> Diarization:
        """Cluster what was heard with pyannote's own clustering, and lay it out in time."""
        number, least, most = self._limits(bounds)
        activity = [each.activity for each in heard]
        binary = [self._binary(each) for each in activity]
        count = reconstruction.speaker_count(binary, self._grid)
        if not count.any():  # pyannote ends here too, and its clustering could not go on
            return Diarization()
        clusters, centroids = self._clusters(np.concatenate(binary), heard, number, least, most)
        found = int(clusters.max()) + 1
        warnings = []
        if not least <= found <= most:
            warnings.append(f"Speakers found: {found}, outside the bounds from {least} to {most:g}. The recording "
                            "may be too short for as many.")
        clusters[np.concatenate([each.sum(axis=1) == 0 for each in binary])] = reconstruction.NOBODY
        gap = self._pipeline.segmentation.min_duration_off

        def laid_out(limit: float) -> list[reconstruction.SpeakerTurn]:
            limited = np.minimum(count, limit).astype(np.uint8)
            active = reconstruction.reconstruct(activity, clusters, limited, self._grid)
            turns = reconstruction.turns(active, self._grid, gap)
            return reconstruction.clipped(turns, samples / SAMPLE_RATE)

        return reconstruction.diarization(laid_out(most), laid_out(min(most, 1)), centroids, warnings)

    def _limits(self, bounds: SpeakerBounds) -> tuple[int | None, int, float]:
        try:
            number, least, most = self._pipeline.set_num_speakers(bounds.exactly, bounds.least, bounds.most)
        except ValueError as error:
            raise UsageError(f"There cannot be at least {bounds.least} and at most {bounds.most} speakers.",
                             "Give the smaller number first.") from error
        if number is None and self._pipeline.clustering.expects_num_clusters:
            raise UsageError(f"The pipeline's {self._pipeline.klustering} has to be told the number of speakers.",
                             "Give it with --speakers.")
        return number, least, most

    def _binary(self, activity: NDArray[Any]) -> NDArray[np.uint8]:
        """Scores to 0 and 1 with pyannote's hysteresis; what a powerset model gives is that already."""
        if self._powerset:
            return activity.astype(np.uint8, copy=False)
        from pyannote.audio.utils.signal import binarize
        from pyannote.core import SlidingWindowFeature

        threshold = self._pipeline.segmentation.threshold
        scores = SlidingWindowFeature(activity, self._chunks)
        found: NDArray[np.uint8] = binarize(scores, onset=threshold, initial_state=False).data.astype(np.uint8)
        return found

    def _clusters(self, binary: NDArray[np.uint8], heard: Sequence[Heard], number: int | None, least: int,
                  most: float) -> tuple[NDArray[np.int64], NDArray[Any] | None]:
        """Which speaker of the recording each local one is, and how each sounds."""
        from pyannote.core import SlidingWindowFeature
        from threadpoolctl import threadpool_limits

        # With one thread: sums are rounded otherwise with another number of them.
        with pyannote_loading.quietly(), threadpool_limits(1), np.errstate(all="ignore"):
            clusters, _, centroids = self._pipeline.clustering(
                embeddings=np.concatenate([each.embeddings for each in heard]).astype(self._precision, copy=False),
                segmentations=SlidingWindowFeature(binary, self._chunks),
                num_clusters=number, min_clusters=least, max_clusters=most)
        return clusters.astype(np.int64), centroids


def _sliding_window(duration: float, step: float) -> Any:
    from pyannote.core import SlidingWindow

    return SlidingWindow(start=0.0, duration=duration, step=step)
