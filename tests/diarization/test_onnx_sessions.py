"""What the engine onnx does with files that are no models of its kind, and with devices that are not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.models import diarization_onnx
from tests.models.diarization_onnx import build_tones, load
from voicekit.diarization.onnx_engine import Onnx
from voicekit.errors import DeviceError, ModelError

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tones(tmp_path_factory.mktemp("tones"))


def test_files_that_are_no_models(tones: Path, tmp_path: Path) -> None:
    (tmp_path / "segmentation.onnx").write_text("<html>404</html>")
    (tmp_path / "embedding.onnx").symlink_to(tones / "embedding.onnx")
    with pytest.raises(ModelError, match="segmentation.onnx cannot be loaded by onnxruntime") as caught:
        load(tmp_path)
    assert "--diarize embedded" in caught.value.hint
    (tmp_path / "segmentation.onnx").write_bytes((tones / "segmentation.onnx").read_bytes()[:50_000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load(tmp_path)


def test_models_that_changed_places(tones: Path, tmp_path: Path) -> None:
    (tmp_path / "segmentation.onnx").symlink_to(tones / "embedding.onnx")
    (tmp_path / "embedding.onnx").symlink_to(tones / "segmentation.onnx")
    with pytest.raises(ModelError, match=r"segmentation.onnx is not a segmentation model: .*feats tensor\(float\)"):
        load(tmp_path)


SOUND = [("x", TensorProto.FLOAT, ["b", 1, "n"])]
FEATURES = [("x", TensorProto.FLOAT, ["b", "t", 80])]


def wrong_segmentations(path: Path) -> dict[str, Callable[[], Path]]:
    def of(inputs: Any, nodes: Any, **weights: Any) -> Callable[[], Path]:
        return lambda: diarization_onnx.graph(path, inputs, [("y", TensorProto.FLOAT, ["b", "f", "c"])], nodes, weights)

    seven = {"w": np.ones((7, 1, 991), np.float32)}
    frames = [helper.make_node("Conv", ["x", "w"], ["z"], strides=[270]),
              helper.make_node("Transpose", ["z"], ["y"], perm=[0, 2, 1])]
    return {
        "5 classes": of(SOUND, frames, w=np.ones((5, 1, 991), np.float32)),
        "other frames": of(SOUND, frames, w=np.ones((7, 1, 100), np.float32)),
        "two inputs": of([*SOUND, ("state", TensorProto.FLOAT, [1])], frames, **seven),
        "another window": of([("x", TensorProto.FLOAT, ["b", 1, 80_000])], frames, **seven),
        "half precision": of([("h", TensorProto.FLOAT16, ["b", 1, "n"])],
                             [helper.make_node("Cast", ["h"], ["x"], to=TensorProto.FLOAT), *frames], **seven),
        "two channels": of([("x", TensorProto.FLOAT, ["b", 2, "n"])], frames, w=np.ones((7, 2, 991), np.float32)),
        "no numbers": of(SOUND, [*frames[:1], helper.make_node("Div", ["z", "zero"], ["q"]),
                                 helper.make_node("Transpose", ["q"], ["y"], perm=[0, 2, 1])],
                         **seven, zero=np.float32(0)),
    }


@pytest.mark.parametrize("kind", list(wrong_segmentations(Path())))
def test_another_kind_of_segmentation(kind: str, tones: Path, tmp_path: Path) -> None:
    wrong_segmentations(tmp_path / "segmentation.onnx")[kind]()
    (tmp_path / "embedding.onnx").symlink_to(tones / "embedding.onnx")
    with pytest.raises(ModelError, match=r"segmentation.onnx (is not a segmentation model|gives no numbers)") as caught:
        load(tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize(("inputs", "node"), [
    ([("x", TensorProto.FLOAT, ["b", "t", 64])], helper.make_node("ReduceMean", ["x"], ["y"], axes=[1], keepdims=0)),
    (FEATURES, helper.make_node("Identity", ["x"], ["y"])),
    ([("x", TensorProto.FLOAT, ["b", 80])], helper.make_node("Identity", ["x"], ["y"])),
], ids=["64 bands", "a vector per frame", "no frames"])
def test_another_kind_of_embedding(inputs: Any, node: Any, tones: Path, tmp_path: Path) -> None:
    (tmp_path / "segmentation.onnx").symlink_to(tones / "segmentation.onnx")
    shape = ["b", "t", "d"] if node.op_type == "Identity" and len(inputs[0][2]) == 3 else ["b", "d"]
    diarization_onnx.graph(tmp_path / "embedding.onnx", inputs, [("y", TensorProto.FLOAT, shape)], [node], {})
    with pytest.raises(ModelError, match="embedding.onnx is not a speaker embedding model"):
        load(tmp_path)


def test_devices_that_are_not_there(tones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime has a CUDA provider here")
    assert Onnx().cuda_devices() == 0
    with pytest.raises(DeviceError, match="cannot run on cuda:0: it has no CUDA provider") as caught:
        load(tones, device="cuda:0")
    assert "onnxruntime-gpu" in caught.value.hint
    with pytest.raises(DeviceError, match="cannot run on mps"):
        load(tones, device="mps")
    # A build that has the provider and cannot load it goes on with the CPU, and only warns.
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"), \
            pytest.raises(DeviceError, match="The model's segmentation is on cpu, not on cuda:0"):
        load(tones, device="cuda:0")


def test_nobody_is_told(tones: Path) -> None:
    load(tones)
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"
