"""Whisper with its encoder on onnxruntime: the encoder itself, and what it shares with faster-whisper."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from tests.engines.whisper_cases import WINDOWS, build, load
from voicekit import engines
from voicekit.engines import onnx_encoder
from voicekit.engines.faster_whisper import FasterWhisper
from voicekit.engines.onnx_encoder import LARGEST_WEIGHT, in_7_bits
from voicekit.engines.onnxruntime_whisper import OnnxRuntimeWhisper
from voicekit.engines.whisper_weights import Weights
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, ModelOnDisk
from voicekit.store.results import name_of

PLAIN = DecodingOptions(language="en")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model, in the precisions that its file may have."""
    root = tmp_path_factory.mktemp("models")
    return {kind: build("onnxruntime", root / kind, kind) for kind in ("float32", "float16", "int8")}


def spec(path: Path, compute_type: str = "int8", device: str = "cpu") -> EngineSpec:
    return EngineSpec("onnxruntime", ModelOnDisk("tiny", str(path), "r", 1), device, compute_type, 1)


def encoded(engine: Any) -> np.ndarray[Any, Any]:
    return np.asarray(engine.encode(WINDOWS))


def error(found: Any, exact: Any) -> float:
    """Of all values together, as a share of theirs."""
    return float(np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact ** 2)))


def test_models_are_those_of_faster_whisper() -> None:
    ours, theirs = OnnxRuntimeWhisper(), FasterWhisper()
    assert ours.models() == theirs.models() and ours.default_model("high", "cpu") == theirs.default_model("high", "cpu")
    assert ours.cuda_devices() == 0 and set(ours.profile.compute_types) == {"cpu"}
    version = engines.version("onnxruntime")
    assert all(name in version for name in ("ctranslate2", "faster-whisper", "onnxruntime"))
    # Its results are other ones, so they are kept under other names.
    assert name_of({"engine": ours.profile.name}, b"") != name_of({"engine": theirs.profile.name}, b"")


@pytest.mark.model
def test_it_hears_what_ctranslate2_hears(folders: dict[str, Path]) -> None:
    exact = encoded(load("faster-whisper", folders["float32"], "float32"))
    theirs = error(encoded(load("faster-whisper", folders["float32"], "int8")), exact)
    for kind, path in folders.items():
        ours = encoded(load("onnxruntime", path, "int8"))
        assert ours.shape == exact.shape and ours.dtype == np.float32
        assert 0 < error(ours, exact) < max(2 * theirs, 0.03), kind


@pytest.mark.model
def test_neither_threads_nor_neighbours_change_a_bit(folders: dict[str, Path]) -> None:
    one, two = (load("onnxruntime", folders["float16"], "int8", threads=threads) for threads in (1, 2))
    together = encoded(one)
    assert (encoded(two) == together).all()
    alone = np.concatenate([np.asarray(one.encode([window])) for window in WINDOWS])
    assert (alone == together).all()


def test_weights_fit_so_that_two_products_fit_into_16_bits() -> None:
    weight = np.random.default_rng(0).standard_normal((40, 64)).astype(np.float32)
    weight[3] = 0
    small, scale = in_7_bits(weight)
    assert small.shape == (64, 40) and small.dtype == np.int8 and np.isfinite(scale).all()
    assert np.abs(small).max() == LARGEST_WEIGHT and 2 * 255 * LARGEST_WEIGHT < 2 ** 15
    assert np.abs(small.T * scale[:, None] - weight).max() <= 0.5001 * scale.max()
    assert not small[:, 3].any()


@pytest.mark.model
def test_the_loudest_sums_are_not_cut_off(folders: dict[str, Path]) -> None:
    """All weights of a layer as large as they may be, and a sound that is all at its largest."""
    import onnxruntime

    from voicekit.engines.onnx_graph import MICROSOFT, OnnxGraph
    graph = OnnxGraph()
    one, middle = graph.array(np.array(1, np.float32)), graph.array(np.array(128, np.uint8))
    weight = np.full((768, 16), LARGEST_WEIGHT, np.int8)
    rounded = graph.node("QuantizeLinear", ["x", one, middle])
    graph.node("MatMulIntegerToFloat", [rounded, graph.array(weight), one, graph.array(np.ones(16, np.float32)), middle,
                                        graph.array(np.zeros(16, np.int8))], ("y",), domain=MICROSOFT)
    session = onnxruntime.InferenceSession(graph.model("sum", {"x": (4, 768)}, {"y": (4, 16)}))
    for value in (127, -127):
        (found,) = session.run(None, {"x": np.full((4, 768), value, np.float32)})
        assert (found == 768 * value * LARGEST_WEIGHT).all()


@pytest.mark.model
def test_the_graph_is_a_valid_one(folders: dict[str, Path]) -> None:
    weights = Weights(folders["float16"], quantize=False)
    model = onnx.load_from_string(onnx_encoder.build(weights))
    onnx.checker.check_model(model)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("MultiHeadAttention") == weights.encoder_layers
    assert kinds.count("MatMulIntegerToFloat") == 6 * weights.encoder_layers and "MatMul" not in kinds
    (epsilon,) = {attribute.f for node in model.graph.node for attribute in node.attribute if attribute.name == "epsilon"}
    assert epsilon == pytest.approx(1e-5)


@pytest.mark.model
def test_loading(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcriber = OnnxRuntimeWhisper().load(spec(folders["float16"]))
    assert transcriber.device == "cpu" and transcriber.compute_type.startswith("int8")
    assert transcriber.transcribe(WINDOWS[:1], PLAIN)[0].status == "transcribed"
    with pytest.raises(UsageError, match="cannot compute in float16"):
        OnnxRuntimeWhisper().load(spec(folders["float16"], "float16"))
    shutil.copytree(folders["float16"], tmp_path / "short")
    (tmp_path / "short" / "model.bin").write_bytes((folders["float16"] / "model.bin").read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot be read"):
        OnnxRuntimeWhisper().load(spec(tmp_path / "short"))
    with monkeypatch.context() as patch:
        patch.setattr(onnx_encoder, "build", lambda weights: b"no model")
        with pytest.raises(ModelError, match="The encoder of 'tiny'") as problem:
            OnnxRuntimeWhisper().load(spec(folders["float16"]))
    assert "--engine faster-whisper" in problem.value.hint
    with monkeypatch.context() as patch:
        patch.setattr("onnxruntime.InferenceSession.get_providers", lambda session: ["CUDAExecutionProvider"])
        with pytest.raises(DeviceError, match="on CUDAExecutionProvider, not on cpu"):
            OnnxRuntimeWhisper().load(spec(folders["float16"]))
