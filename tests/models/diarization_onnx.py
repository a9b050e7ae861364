"""Pairs of ONNX models with the inputs and outputs that the diarization engine onnx expects.

`build_tones` makes models that really tell speakers apart, if these are the tones of `conversation`. The `Neural` ones
are pyannote.audio's own architectures with random, fixed weights, as torch modules and exported: what they hear means
nothing, but it depends on every part of the sound, and pyannote itself can be asked what it hears with them.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from voicekit.diarization.onnx_engine import Onnx
from voicekit.diarization.pyannote_loading import import_pyannote
from voicekit.errors import EngineMissingError
from voicekit.protocols import Diarizer, DiarizerSpec

RATE = 16_000
_LENGTH, _HOP, _FRAMES = 991, 270, 589  # of segmentation-3.0
_SPEAKERS = (300.0, 1100.0, 2900.0)
"""Hz: what each of the tones speaks at."""
_SPREAD = 0.12  # of its pitch, by which a tone wanders up and down
_SILENCE = np.log(1e-4)
_OPSET = 17

Talk = tuple[float, float, int]
"""Start and end in seconds, and which of the tones."""


def conversation(talks: Sequence[Talk], seconds: float, seed: int = 0) -> NDArray[np.float32]:
    """Tones that speak: each wanders around its own pitch, in syllables; with a little noise.

    Returns
    -------
    ndarray, shape (samples,), float32
        At 16 kHz.
    """
    random = np.random.default_rng(seed)
    sound = 0.01 * random.standard_normal(round(seconds * RATE))
    for start, end, speaker in talks:
        first, last = round(start * RATE), min(round(end * RATE), len(sound))
        time = np.arange(last - first) / RATE
        pitch = _SPEAKERS[speaker] * (1 + _SPREAD * np.sin(2 * np.pi * (1.3 + 0.4 * speaker) * time))
        loudness = 0.2 + 0.05 * np.sin(2 * np.pi * random.uniform(3, 5) * time)
        sound[first:last] += loudness * np.sin(2 * np.pi * np.cumsum(pitch) / RATE)
    return sound.astype(np.float32)


def build_tones(folder: Path) -> Path:
    """Write segmentation.onnx and embedding.onnx; return the folder.

    The segmentation measures how much of each frame lies around the pitch of each tone. As a trained model's, its local
    speakers have no fixed order: whoever speaks more in the first half of a window changes places with the next.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _save(_tone_segmentation(), folder / "segmentation.onnx")
    _save(_tone_embedding(), folder / "embedding.onnx")
    return folder


def load(folder: Path, threads: int = 1, device: str = "cpu") -> Diarizer:
    """The engine with the models of a folder."""
    found = Onnx().find(str(folder))
    assert found is not None
    return Onnx().load(DiarizerSpec("onnx", found, device, threads))


def graph(path: Path, inputs: Sequence[tuple[str, int, Sequence[Any]]], outputs: Sequence[tuple[str, int, Sequence[Any]]],
          nodes: Sequence[Any], weights: dict[str, NDArray[Any]]) -> Path:
    """Write any small model: names, types and shapes of its ends, its nodes and its weights."""
    _save(_model(inputs, outputs, nodes, weights), path)
    return path


def _tone_segmentation() -> Any:
    """log(energy around each pitch) - log(silence), summed over the set of speakers of each powerset class."""
    pitches = np.array(_SPEAKERS)[:, None] * (1 + _SPREAD * np.linspace(-1, 1, 24))
    phases = 2 * np.pi * pitches[..., None] * np.arange(_LENGTH) / RATE
    filters = np.stack([np.cos(phases), np.sin(phases)], axis=2) * np.hanning(_LENGTH) / _LENGTH
    banks = filters.reshape(-1, 1, _LENGTH).astype(np.float32)
    of_bank = np.repeat(np.eye(len(_SPEAKERS)), banks.shape[0] // len(_SPEAKERS), axis=0).astype(np.float32)
    sets = np.array([[0, 1, 0, 0, 1, 1, 0], [0, 0, 1, 0, 1, 0, 1], [0, 0, 0, 1, 0, 1, 1]], np.float32)
    node = helper.make_node
    nodes = [
        node("Conv", ["input_values", "banks"], ["filtered"], strides=[_HOP]),
        node("Mul", ["filtered", "filtered"], ["squares"]),
        node("Transpose", ["squares"], ["in_frames"], perm=[0, 2, 1]),
        node("MatMul", ["in_frames", "of_bank"], ["energy"]),
        node("Add", ["energy", "tiny"], ["positive"]),
        node("Log", ["positive"], ["loudness"]),
        node("Sub", ["loudness", "silence"], ["above"]),  # (windows, frames, speakers)
        node("Slice", ["above", "zero", "half", "one"], ["early"]),
        node("ReduceMean", ["early"], ["early_mean"], axes=[1], keepdims=1),
        node("ReduceMean", ["above"], ["all_mean"], axes=[1], keepdims=1),
        node("Greater", ["early_mean", "all_mean"], ["earlier"]),
        node("Gather", ["earlier", "zero"], ["swap"], axis=2),
        node("Gather", ["above", "other_order"], ["swapped"], axis=2),
        node("Where", ["swap", "swapped", "above"], ["locals"]),
        node("MatMul", ["locals", "sets"], ["logits"]),
    ]
    weights = {"banks": banks, "of_bank": of_bank, "sets": sets, "tiny": np.float32(1e-12),
               "silence": np.float32(_SILENCE), "zero": np.array([0]), "one": np.array([1]),
               "half": np.array([_FRAMES // 2]), "other_order": np.array([2, 0, 1])}
    return _model([("input_values", TensorProto.FLOAT, ["windows", 1, "samples"])],
                  [("logits", TensorProto.FLOAT, ["windows", "frames", 7])], nodes, weights)


def _tone_embedding() -> Any:
    """The variance of each band, beyond that of noise: a tone that wanders enters and leaves its own bands."""
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["feats"], ["mean"], axes=[1], keepdims=1),
        node("Sub", ["feats", "mean"], ["centred"]),
        node("Mul", ["centred", "centred"], ["squared"]),
        node("ReduceMean", ["squared"], ["variance"], axes=[1], keepdims=0),
        node("Sub", ["variance", "noise"], ["beyond"]),
        node("Relu", ["beyond"], ["only_beyond"]),
        node("Add", ["only_beyond", "tiny"], ["embs"]),
    ]
    weights = {"noise": np.float32(2.0), "tiny": np.float32(1e-3)}
    return _model([("feats", TensorProto.FLOAT, ["batch", "frames", 80])],
                  [("embs", TensorProto.FLOAT, ["batch", 80])], nodes, weights)


def _model(inputs: Sequence[tuple[str, int, Sequence[Any]]], outputs: Sequence[tuple[str, int, Sequence[Any]]],
           nodes: Sequence[Any], weights: dict[str, NDArray[Any]]) -> Any:
    made = helper.make_graph(
        list(nodes), "made", [helper.make_tensor_value_info(*each) for each in inputs],
        [helper.make_tensor_value_info(*each) for each in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()])
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)


def _save(model: Any, path: Path) -> None:
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


# --- pyannote's own architectures --------------------------------------------------------------------------

@dataclass(frozen=True, slots=True)
class Neural:
    """The two networks, and the folder with their exports."""

    segmentation: Any
    """A PyanNet, ready for pyannote's own inference."""
    embedding: Any
    """A WeSpeakerResNet34 with fewer layers and channels."""
    folder: Path


def build_neural(folder: Path, full_size: bool = False) -> Neural:
    """Build both networks and export them; ``full_size`` makes those that cost as much to run as the published ones."""
    require_pyannote()
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34
    from pyannote.audio.models.embedding.wespeaker.resnet import BasicBlock, ResNet
    from pyannote.audio.models.segmentation import PyanNet

    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        torch.manual_seed(1)
        segmentation = PyanNet(lstm={"hidden_size": 128 if full_size else 24, "num_layers": 4 if full_size else 2})
        segmentation.specifications = Specifications(
            problem=Problem.MONO_LABEL_CLASSIFICATION, resolution=Resolution.FRAME, duration=10.0,
            classes=["speaker#1", "speaker#2", "speaker#3"], powerset_max_classes=2, permutation_invariant=True)
        segmentation.build()
        segmentation.eval()
        embedding = WeSpeakerResNet34()
        if not full_size:
            embedding.resnet = ResNet(BasicBlock, [1, 1, 1, 1], m_channels=4, feat_dim=80, embed_dim=32,
                                      two_emb_layer=False)
        embedding.eval()
        _make_talkative(torch, segmentation)
        _export(torch, segmentation, torch.zeros(2, 1, 10 * RATE), folder / "segmentation.onnx", "input_values",
                "logits", {0: "windows", 2: "samples"}, {0: "windows", 1: "frames"})

        class Trunk(torch.nn.Module):
            def forward(self, features: Any) -> Any:
                return embedding.resnet(features)[1]

        trunk = Trunk()
        trunk.resnet = embedding.resnet  # else it is not a part of it, and is exported as constants
        _export(torch, trunk.eval(), torch.zeros(1, 200, 80), folder / "embedding.onnx", "feats", "embs",
                {0: "batch", 1: "frames"}, {0: "batch"})
    return Neural(segmentation, embedding, folder)


def require_pyannote() -> None:
    """Import pyannote.audio, where it is installed."""
    try:
        import_pyannote()
    except EngineMissingError as error:
        pytest.skip(error.message)


def _make_talkative(torch: Any, segmentation: Any) -> None:
    """Move the last layer so that every class is now and then the likeliest; with random weights one always is."""
    random = torch.Generator().manual_seed(3)
    time = torch.arange(20 * RATE) / RATE
    loudness = torch.repeat_interleave(torch.rand(40, generator=random) ** 3, RATE // 2)
    sound = loudness * (torch.sin(2 * torch.pi * 400 * time * (1 + time / 20))
                        + 0.3 * torch.randn(len(time), generator=random))
    heard = []
    hook = segmentation.classifier.register_forward_hook(lambda module, given, made: heard.append(made))
    with torch.inference_mode():
        segmentation(0.3 * sound.reshape(2, 1, -1))
    hook.remove()
    logits = heard[0].reshape(-1, 7)
    with torch.no_grad():
        scale = 3 / logits.std(dim=0)
        segmentation.classifier.weight *= scale[:, None]
        segmentation.classifier.bias -= logits.mean(dim=0)
        segmentation.classifier.bias *= scale


def _export(torch: Any, module: Any, example: Any, path: Path, given: str, made: str, given_axes: dict[int, str],
            made_axes: dict[int, str]) -> None:
    torch.onnx.export(module, (example,), str(path), dynamo=False, input_names=[given], output_names=[made],
                      dynamic_axes={given: given_axes, made: made_axes}, opset_version=_OPSET)
