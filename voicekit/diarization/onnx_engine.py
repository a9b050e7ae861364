"""Diarization without torch and without a token: pyannote's segmentation and WeSpeaker's embeddings on onnxruntime.

It computes what the pipeline of pyannote.audio 3.1 (``pyannote/speaker-diarization-3.1``) computes, step by step and
with its settings: windows of 10 s every second, a powerset segmentation model, an embedding for each local speaker
from where he speaks alone, agglomerative clustering, reconstruction. Embeddings are made as pyannote itself uses
WeSpeaker's ONNX models (``ONNXWeSpeakerPretrainedSpeakerEmbedding``): the features of the window, their mean taken
away, are cut to the frames of one speaker. What differs: local speakers of one window always become different
speakers, as in pyannote.audio 4; and where nobody ever speaks alone for 2 s, shorter speech is clustered instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import device_audit
from voicekit.diarization import clustering, onnx_files, reconstruction
from voicekit.diarization.fbank import HOP, fbank, frame_count
from voicekit.diarization.grid import Grid
from voicekit.diarization.onnx_sessions import Embedder, Segmentation, open_session, require_device, runtime
from voicekit.protocols import Diarizer, DiarizerProfile, DiarizerSpec, ModelOnDisk
from voicekit.protocols.diarizing import ReadSamples
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import SAMPLE_RATE, Span

GRID = Grid(window=10 * SAMPLE_RATE, step=SAMPLE_RATE, frames=589, frame_step=270 / SAMPLE_RATE,
            frame_duration=991 / SAMPLE_RATE)
"""That of segmentation-3.0: frames of 991 samples, every 270."""

PER_STRETCH = 32
"""Windows in a stretch: half a minute of a core's work or less, so that little is lost when a worker dies."""

TOGETHER = {"cpu": 1, "cuda": 32}
"""Windows in one run of the segmentation model. Several would gain a CPU a tenth of the little that it takes."""

# config.yaml of pyannote/speaker-diarization-3.1, and pyannote.audio's BaseClustering.filter_embeddings
_THRESHOLD = 0.7045654963945799
_SMALLEST = 12
_ALONE = 0.2  # of a window: who speaks alone for less does not take part in the clustering


class Onnx:
    """Adapter of the pair of ONNX models."""

    profile = DiarizerProfile(
        name="onnx",
        packages=("onnxruntime", "scipy"),
        extra="",
        licence="MIT (onnxruntime, pyannote's segmentation), CC BY 4.0 (WeSpeaker's embeddings)",
        compute_types={"cpu": ("float32",), "cuda": ("float32",)},
        libraries=("onnxruntime", "onnxruntime-gpu", "numpy", "scipy"),
        overlaps=True,
    )

    def models(self) -> Sequence[str]:
        """The pairs of models that can be fetched."""
        return tuple(pair.name for pair in onnx_files.PAIRS)

    def find(self, model: str | None) -> ModelOnDisk | None:
        """See :func:`voicekit.diarization.onnx_files.find`."""
        return onnx_files.find(model)

    def fetch(self, model: str | None, token: str | None = None) -> ModelOnDisk:
        """See :func:`voicekit.diarization.onnx_files.fetch`; no token is needed."""
        return onnx_files.fetch(model, token)

    def cuda_devices(self) -> int:
        """0 unless onnxruntime is its GPU build."""
        if "CUDAExecutionProvider" not in runtime().get_available_providers():
            return 0
        import ctranslate2  # in the core; onnxruntime itself cannot count

        return int(ctranslate2.get_cuda_device_count())

    def plan(self, model: ModelOnDisk, samples: int, spans: Sequence[Span]) -> tuple[Stretch, ...]:
        """All windows of the recording, :data:`PER_STRETCH` to a stretch."""
        return GRID.stretches(samples, PER_STRETCH, spans)

    def load(self, spec: DiarizerSpec) -> Diarizer:
        """Open both models, prove their device, and run each once."""
        require_device(spec.device)
        paths = onnx_files.files(spec.model)
        sessions = [open_session(path, spec.device) for path in paths]
        device = device_audit.audit({"segmentation": sessions[0], "embedding": sessions[1]}, spec.device)
        segmentation, embedder = Segmentation(sessions[0], paths[0], GRID), Embedder(sessions[1], paths[1])
        return _Diarizer(segmentation, embedder, device, spec.threads)


class _Diarizer:
    """Both models, loaded."""

    def __init__(self, segmentation: Segmentation, embedder: Embedder, device: str, threads: int) -> None:
        self.device = device
        self._segmentation = segmentation
        self._embedder = embedder
        kind = device.partition(":")[0]
        self._together = TOGETHER[kind]
        self._threads = threads if kind == "cpu" else 1

    def listen(self, stretch: Stretch, read: ReadSamples) -> Heard:
        """See :meth:`voicekit.protocols.Diarizer.listen`."""
        start = round(stretch.start * SAMPLE_RATE)
        sound = np.asarray(read(start, start + (stretch.count - 1) * GRID.step + GRID.window), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(sound, GRID.window)[::GRID.step]
        features = fbank(sound)
        # Which windows a run takes, and what each embedding is made from, is the same for any number of threads.
        with ThreadPoolExecutor(self._threads) as pool:
            runs = [windows[first:first + self._together] for first in range(0, len(windows), self._together)]
            activity = np.concatenate(list(pool.map(self._segmentation.activity, runs)))
            embeddings = np.stack(list(pool.map(lambda each: self._voices(*each),
                                                zip(_of_windows(features, len(windows)), activity, strict=True))))
        return Heard(activity, embeddings)

    def _voices(self, features: NDArray[np.float32], activity: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How each local speaker of one window sounds; NaN where he says too little."""
        centred = features - features.mean(axis=0, dtype=np.float64).astype(np.float32)
        found = np.full((activity.shape[1], self._embedder.dimension), np.nan, np.float32)
        for speaker, mask in enumerate(_alone_if_enough(activity, self._embedder.shortest).T):
            his = centred[_nearest(mask, len(centred))]
            if len(his) >= self._embedder.shortest:
                found[speaker] = self._embedder.embedding(his)
        return found

    def conclude(self, samples: int, stretches: Sequence[Stretch], heard: Sequence[Heard],
                 bounds: SpeakerBounds) -> Diarization:
        """See :meth:`voicekit.protocols.Diarizer.conclude`."""
        activity = [each.activity for each in heard]
        count = reconstruction.speaker_count(activity, GRID)
        if not count.any():
            return Diarization()
        if bounds.most is not None:
            count = np.minimum(count, min(bounds.most, 255)).astype(np.uint8)
        embeddings = np.concatenate([each.embeddings for each in heard])
        speaks = np.concatenate([each.any(axis=1) for each in activity])
        alone = np.concatenate([_alone(each).sum(axis=1) for each in activity])
        clusters, centroids = _clusters(embeddings, speaks, alone, bounds)

        def spoken(at_once: NDArray[np.uint8]) -> list[tuple[float, float, int]]:
            active = reconstruction.reconstruct(activity, clusters, at_once, GRID)
            return reconstruction.clipped(reconstruction.turns(active, GRID), samples / SAMPLE_RATE)

        turns, exclusive = spoken(count), spoken(np.minimum(count, 1).astype(np.uint8))
        return reconstruction.diarization(turns, exclusive, centroids, _warnings(turns, bounds))


def _of_windows(features: NDArray[np.float32], windows: int) -> NDArray[np.float32]:
    """The features of each window; shape (windows, frames, bands), a view: windows begin at whole hops."""
    frames = frame_count(GRID.window)
    views = np.lib.stride_tricks.sliding_window_view(features, frames, axis=0)[::GRID.step // HOP]
    return views[:windows].transpose(0, 2, 1)


def _alone(activity: NDArray[Any]) -> NDArray[Any]:
    """Activity without what several say at once; shape (..., frames, local speakers)."""
    return np.where(activity.sum(axis=-1, keepdims=True) == 1, activity, 0)


def _alone_if_enough(activity: NDArray[np.uint8], shortest: int) -> NDArray[np.uint8]:
    """From which frames each local speaker's voice is taken: where he speaks alone, or all his if that is too little.

    As pyannote.audio's ``get_embeddings`` has it with ``exclude_overlap``.
    """
    samples = (shortest - 1) * HOP + (GRID.window - (frame_count(GRID.window) - 1) * HOP)
    alone = _alone(activity)
    enough = alone.sum(axis=0) > np.ceil(GRID.frames * samples / GRID.window)
    return np.where(enough, alone, activity)


def _nearest(mask: NDArray[np.uint8], frames: int) -> NDArray[np.bool_]:
    """A mask stretched to so many frames, each taking the nearest, as torch's ``interpolate`` does."""
    scale = np.float32(len(mask)) / np.float32(frames)
    places = np.floor(np.arange(frames, dtype=np.float32) * scale).astype(np.int64)
    stretched: NDArray[np.bool_] = mask[np.minimum(places, len(mask) - 1)].astype(np.bool_)
    return stretched


def _clusters(embeddings: NDArray[np.float32], speaks: NDArray[np.bool_], alone: NDArray[Any],
              bounds: SpeakerBounds) -> tuple[NDArray[np.int64], NDArray[np.float64] | None]:
    """Which speaker each local speaker is, and how the speakers sound (None where no voice could be heard)."""
    valid = speaks & ~np.isnan(embeddings).any(axis=2)
    usable = valid & (alone >= _ALONE * GRID.frames)
    chosen = usable if usable.any() else valid
    if not chosen.any():  # everybody is too short to be told from another
        return np.where(speaks, 0, reconstruction.NOBODY), None
    known = embeddings[chosen]
    labels = clustering.cluster(known, bounds, _THRESHOLD, _SMALLEST, linkage="centroid")
    # As in pyannote's assign_embeddings, the means are of the vectors as they are, while the tree is of vectors of
    # length 1.
    centroids = np.stack([known[labels == label].mean(axis=0, dtype=np.float64) for label in range(labels.max() + 1)])
    return clustering.assign(embeddings, speaks, centroids), centroids


def _warnings(turns: Sequence[tuple[float, float, int]], bounds: SpeakerBounds) -> tuple[str, ...]:
    found = len({speaker for _, _, speaker in turns})
    if bounds.least is None or found >= bounds.least:
        return ()
    return (f"Only {found} of at least {bounds.least} speakers could be told apart.",)
