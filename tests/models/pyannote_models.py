"""Pipelines of pyannote's shape with made weights, as folders that pyannote.audio itself loads.

The networks are the published ones (PyanNet, WeSpeaker's ResNet34, a PLDA of 256 to 128), seeded. With
``fitted`` their last layers are set from synthetic voices in closed form, so that the segmentation goes through all
its classes and the embeddings of a voice lie together: a fault in windows, frames or clusters then shows.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
_LOCAL = 3  # speakers that one window can tell apart
_SETS = ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))  # the classes of pyannote's powerset, in its order


def community(folder: Path, *, fitted: bool, segmentation_batch: int = 32, embedding_batch: int = 32,
              gap: float = 0.0, bins: int = 16) -> Path:
    """A pipeline as community-1 is built: VBx, without overlap in embeddings.

    With 16 ``bins`` of the spectrum the embedding is five times as fast as with the published 80. (With 8 they themselves
    are rounded otherwise in another batch.)
    """
    _write_parts(folder, fitted, bins=bins)
    _write_plda(folder / "plda")
    (folder / "config.yaml").write_text(f"""
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: {segmentation_batch}
    embedding: $model/embedding
    embedding_batch_size: {embedding_batch}
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering: {{threshold: 0.6, Fa: 0.07, Fb: 0.8}}
  segmentation: {{min_duration_off: {gap}}}
""")
    return folder


def older(folder: Path, *, fitted: bool, segmentation_batch: int = 32, embedding_batch: int = 32,
          gap: float = 0.0, bins: int = 16, plda: bool = True, powerset: bool = True) -> Path:
    """A pipeline as 3.1 is built: agglomerative clustering, ``version`` in place of ``dependencies``.

    With ``plda`` pyannote 4 can load it without a hub: it wants one that it does not use.
    """
    _write_parts(folder, fitted, powerset, bins)
    if plda:
        _write_plda(folder / "plda")
    (folder / "config.yaml").write_text(f"""
version: 3.1.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    embedding: $model/embedding
    embedding_batch_size: {embedding_batch}
    embedding_exclude_overlap: true
    segmentation: $model/segmentation
    segmentation_batch_size: {segmentation_batch}
    {"plda: $model/plda" if plda else ""}
params:
  clustering: {{method: centroid, min_cluster_size: 3, threshold: 0.7045654963945799}}
  segmentation: {{min_duration_off: {gap}{"" if powerset else ", threshold: 0.4"}}}
""")
    return folder


@dataclass(frozen=True)
class Conversation:
    """Synthetic voices, and who speaks in each sample: (voices, samples) bool."""

    samples: NDArray[np.float32]
    speaking: NDArray[np.bool_]


def conversation(seconds: float, seed: int, voices: Sequence[int] = (0, 1, 2), pause: bool = False) -> Conversation:
    """Voices in turns of 1 to 4 s, some at once; ``pause`` leaves 25 s of digital silence in the middle."""
    rng = np.random.default_rng(seed)
    length = round(seconds * RATE)
    speaking = np.zeros((len(voices), length), np.bool_)
    place = 0
    while place < length:
        span = round(rng.uniform(1.0, 4.0) * RATE)
        for voice in rng.choice(len(voices), min(rng.choice([0, 1, 1, 2]), len(voices)), replace=False):
            speaking[voice, place:place + span] = True
        place += span
    if pause:
        speaking[:, length // 2:length // 2 + 25 * RATE] = False
    samples = sum(_voice(number, length) * speaking[row] for row, number in enumerate(voices))
    return Conversation(np.asarray(samples, np.float32), speaking)


def _voice(number: int, length: int) -> NDArray[np.float32]:
    """A buzz with formants and syllables of its own, as long as wanted."""
    from scipy.signal import lfilter

    rng = np.random.default_rng(1000 + number)
    pitch = 85.0 * 1.35 ** number * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(2, 4) * np.arange(length) / RATE))
    phase = np.cumsum(pitch) / RATE
    source = (np.diff(np.floor(phase), prepend=0) + 0.02 * rng.standard_normal(length)).astype(np.float64)
    for formant in (300 + 150 * number, 1100 + 260 * ((number * 2) % 5), 2500 + 180 * ((number * 3) % 4)):
        radius = np.exp(-np.pi * 120 / RATE)
        source = lfilter([1 - radius], [1, -2 * radius * np.cos(2 * np.pi * formant / RATE), radius ** 2], source)
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * rng.uniform(3, 6) * np.arange(length) / RATE)
    return (0.1 * source / np.abs(source).max() * syllables).astype(np.float32)


def _write_parts(folder: Path, fitted: bool, powerset: bool = True, bins: int = 16) -> None:
    import torch

    parts = _parts(fitted, powerset, bins)
    for name in ("segmentation", "embedding"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        torch.save(parts[name], folder / name / "pytorch_model.bin")


@functools.cache
def _parts(fitted: bool, powerset: bool, bins: int) -> dict[str, dict[str, Any]]:
    """Both networks, as Lightning's checkpoints."""
    import torch

    from voicekit.diarization import pyannote_loading

    pyannote_loading.import_pyannote()
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(7)
    several = Problem.MONO_LABEL_CLASSIFICATION if powerset else Problem.MULTI_LABEL_CLASSIFICATION
    segmentation = PyanNet(sincnet={"stride": 10})
    segmentation.specifications = Specifications(
        several, Resolution.FRAME, duration=10.0, classes=[f"speaker#{number}" for number in range(1, _LOCAL + 1)],
        powerset_max_classes=2 if powerset else None, permutation_invariant=True)
    segmentation.setup()
    embedding = WeSpeakerResNet34(num_mel_bins=bins)
    embedding.specifications = Specifications(
        Problem.REPRESENTATION, Resolution.CHUNK, duration=10.0, classes=["a", "b"])
    for model in (segmentation, embedding):
        model.eval()
    if fitted:
        with torch.inference_mode():
            _fit_segmentation(segmentation, powerset)
            _fit_embedding(embedding)
    return {"segmentation": _checkpoint(segmentation), "embedding": _checkpoint(embedding)}


def _checkpoint(model: Any) -> dict[str, Any]:
    import lightning

    checkpoint: dict[str, Any] = {
        "state_dict": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "hyper_parameters": dict(model.hparams), "pytorch-lightning_version": lightning.__version__,
        "epoch": 0, "global_step": 0}
    model.on_save_checkpoint(checkpoint)
    return checkpoint


def _fit_segmentation(model: Any, powerset: bool) -> None:
    """Ridge regression from the random network's last features to who speaks."""
    import torch

    spoken = conversation(150.0, seed=3)
    windows = torch.from_numpy(spoken.samples).unfold(0, 10 * RATE, 10 * RATE)[:, None]
    features: list[Any] = []
    hook = model.classifier.register_forward_pre_hook(lambda _, given: features.append(given[0]))
    model(windows)
    hook.remove()
    inputs = features[0]  # (windows, frames, 128)
    middles = np.round((np.arange(inputs.shape[1]) * 270 + 495)).astype(int)
    who = np.stack([spoken.speaking[:, start + middles].T for start in range(0, 10 * RATE * len(windows), 10 * RATE)])
    inputs = inputs.flatten(0, 1).double()
    if powerset:
        kept = np.where(who.sum(-1, keepdims=True) > 2, [True, True, False], True) & who  # at most two at once
        names = [frozenset(chosen) for chosen in _SETS]
        target = torch.tensor([names.index(frozenset(np.flatnonzero(row).tolist())) for row in kept.reshape(-1, 3)])
        wanted = torch.nn.functional.one_hot(target, len(_SETS)).double()
    else:
        wanted = torch.from_numpy(who.reshape(-1, 3)).double()
    mean = inputs.mean(0)
    centred = inputs - mean
    weights = torch.linalg.solve(centred.T @ centred + 1e-6 * torch.eye(inputs.shape[1]).double() * len(inputs),
                                 centred.T @ wanted)
    # Each class comes out on top as often as it should, or the rare ones never would.
    scores = centred @ weights
    top = torch.stack([scores[:, number].quantile(1 - share) for number, share in enumerate(wanted.mean(0).tolist())])
    scale = 3 / scores.std(0).clamp(min=1e-9)
    model.classifier.weight.copy_((weights * scale).T)
    model.classifier.bias.copy_((-mean @ weights - top) * scale)


def _fit_embedding(model: Any) -> None:
    """Whiten the random network's output along what differs between voices."""
    import torch

    sound = np.stack([conversation(10.0, seed=20 + number, voices=[number % 4]).samples for number in range(8)])
    weights = torch.from_numpy(np.abs(sound).reshape(8, 1, 625, 256).max(-1) > 0.001).float()
    frames = torch.cat([model.forward_frames(torch.from_numpy(each)[None, None]) for each in sound])
    halves = torch.cat([weights * (torch.arange(625) < 312), weights * (torch.arange(625) >= 312)], dim=1)
    pooled = model.resnet.pool(frames, weights=halves).flatten(0, 1).double()
    mean = pooled.mean(0)
    _, strength, directions = torch.linalg.svd(pooled - mean, full_matrices=False)
    kept = 8
    whitened = torch.zeros(256, pooled.shape[1]).double()
    whitened[:kept] = directions[:kept] * (len(pooled) ** 0.5 / strength[:kept, None])
    whitened += 0.0002 * torch.randn(256, pooled.shape[1]).double() / strength[kept - 1]
    model.resnet.seg_1.weight.copy_(whitened)
    model.resnet.seg_1.bias.copy_(-whitened @ mean)


def _write_plda(folder: Path) -> None:
    rng = np.random.default_rng(11)
    folder.mkdir(parents=True, exist_ok=True)
    lda = np.eye(256, 128) + 0.02 * rng.standard_normal((256, 128))
    np.savez(folder / "xvec_transform.npz", mean1=0.01 * rng.standard_normal(256),
             mean2=0.01 * rng.standard_normal(128), lda=lda)
    np.savez(folder / "plda.npz", mu=0.01 * rng.standard_normal(128), psi=np.geomspace(20.0, 0.05, 128),
             tr=np.eye(128) + 0.02 * rng.standard_normal((128, 128)))
