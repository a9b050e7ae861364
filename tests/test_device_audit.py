"""Where models are is read from their parts, not from what was asked for."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from voicekit import device_audit
from voicekit.device_audit import audit
from voicekit.errors import DeviceError

torch = pytest.importorskip("torch", reason="torch is not installed")


def network() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(3))


def test_all_parts_where_they_should_be() -> None:
    held = SimpleNamespace(_models={"first": network()}, others=[network(), (network(),)], name="x", number=3)
    assert audit(held, "cpu") == "cpu"
    for each in (held._models["first"], held.others[0], held.others[1][0]):
        each.to(torch.device("meta"))
    assert audit(held, "meta") == "meta"


@pytest.mark.parametrize("stray", ["first.0", "others.1.0.1"])
def test_a_module_that_was_left_behind(stray: str) -> None:
    held = SimpleNamespace(_models={"first": network()}, others=[network(), (network(),)])
    module = {"first.0": held._models["first"][0], "others.1.0.1": held.others[1][0][1]}[stray]
    module.to(torch.device("meta"))
    with pytest.raises(DeviceError, match=rf"module {stray} of the model has weight on meta, not on cpu"):
        audit(held, "cpu")


def test_a_single_buffer_that_was_left_behind() -> None:
    model = network()
    model[1].running_mean = model[1].running_mean.to("meta")
    with pytest.raises(DeviceError, match=r"module encoder\.1 of the model has running_mean on meta, not on cpu"):
        audit({"encoder": model}, "cpu")


def test_what_is_held_twice_or_holds_itself_is_looked_at_once() -> None:
    held = SimpleNamespace(model=network())
    held.itself = held
    assert audit(held, "cpu") == "cpu"


def test_nothing_to_look_at() -> None:
    with pytest.raises(DeviceError, match="neither a tensor nor a session"):
        audit(SimpleNamespace(device="cpu", text="on cpu"), "cpu")


def test_the_first_gpu_has_a_number() -> None:
    with pytest.raises(DeviceError, match="has weight on cpu, not on cuda:0"):
        audit(network(), "cuda")


def test_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx", reason="onnx is not installed")
    from onnx import TensorProto, helper

    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    held = SimpleNamespace(_embedding=SimpleNamespace(session_=session), encoder=network())
    assert audit(held, "cpu") == "cpu"
    assert device_audit.sessions(held) == {"embedding.session": session}
    monkeypatch.setattr(session, "get_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setattr(session, "get_provider_options", lambda: {"CUDAExecutionProvider": {"device_id": "1"}})
    with pytest.raises(DeviceError, match=r"The model's embedding\.session is on cuda:1, not on cpu"):
        audit(held, "cpu")


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, voicekit.device_audit; sys.exit(any(name in sys.modules for name in ('torch', 'onnxruntime')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
