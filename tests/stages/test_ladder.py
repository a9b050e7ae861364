"""Memory that runs out, with a real engine behind it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import random_whisper
from voicekit import engines
from voicekit.errors import DeviceError, ModelError
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, Samples
from voicekit.stages.ladder import Ladder
from voicekit.stages.transcription import out_of_memory
from voicekit.types import WindowResult

OPTIONS = DecodingOptions(language="en")


class Cramped:
    """An engine on a device where so many windows at once are too much for a precision."""

    def __init__(self, inner: Any, most: int, error: Exception) -> None:
        self.inner, self.most, self.error, self.device = inner, most, error, inner.device
        self.asked: list[int] = []

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        self.asked.append(len(windows))
        if len(windows) > self.most:
            raise self.error
        found: list[WindowResult] = self.inner.transcribe(windows, options)
        return found


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> EngineSpec:
    folder = random_whisper.build_ctranslate2(tmp_path_factory.mktemp("model") / "ct2")
    found = engines.adapter("faster-whisper").find(str(folder))
    assert found is not None
    return EngineSpec("faster-whisper", found, "cpu", "float32", 1)


@pytest.fixture
def windows() -> list[Samples]:
    rng = np.random.default_rng(0)
    return [(0.1 * rng.standard_normal(16000 * (3 + number))).astype(np.float32) for number in range(8)]


class Bench:
    """A ladder over engines that allow a number of windows for each device and precision."""

    def __init__(self, spec: EngineSpec, allowed: dict[tuple[str, str], int | Exception],
                 error: Exception = MemoryError("no room")) -> None:
        self.engines: dict[tuple[str, str], Cramped] = {}
        self.told: list[tuple[str, bool]] = []

        def load(wanted: EngineSpec) -> Any:
            key = (wanted.device.partition(":")[0], wanted.compute_type)
            most = allowed[key]
            if isinstance(most, Exception):
                raise most
            inner = engines.adapter("faster-whisper").load(dataclasses.replace(wanted, device="cpu", compute_type="float32"))
            self.engines[key] = Cramped(inner, most, error)
            return self.engines[key]

        types = {"cpu": ("int8", "float32"), "cuda": ("float16", "int8_float16", "float32")}
        self.ladder = Ladder(spec, types, load)

    def transcribe(self, windows: Sequence[Samples]) -> list[tuple[WindowResult, EngineSpec]]:
        return self.ladder.transcribe(windows, OPTIONS, lambda message, worse: self.told.append((message, worse)))


def test_half_the_batch_changes_no_word(spec: EngineSpec, windows: list[Samples]) -> None:
    calm = Bench(spec, {("cpu", "float32"): 8}).transcribe(windows)
    bench = Bench(spec, {("cpu", "float32"): 2}, RuntimeError("CUDA failed with error out of memory"))
    assert bench.transcribe(windows) == calm
    assert bench.engines["cpu", "float32"].asked == [8, 4, 2, 2, 2, 2]
    assert [worse for _, worse in bench.told] == [False, False]
    assert "8 windows together" in bench.told[0][0] and "2 at a time" in bench.told[1][0]
    bench.transcribe(windows)
    assert bench.engines["cpu", "float32"].asked[6:] == [2, 2, 2, 2], "what was learnt is kept"
    assert len(bench.told) == 2


def test_then_a_smaller_precision_and_then_the_cpu(spec: EngineSpec, windows: list[Samples]) -> None:
    gpu = dataclasses.replace(spec, device="cuda:1")
    bench = Bench(gpu, {("cuda", "float32"): 0, ("cuda", "float16"): 0, ("cuda", "int8_float16"): RuntimeError("CUDA out of memory"),
                        ("cpu", "int8"): 1})
    made = bench.transcribe(windows[:2])
    assert [(one.device, one.compute_type) for _, one in made] == [("cpu", "int8")] * 2
    assert [worse for _, worse in bench.told] == [False, True, True, True]
    for (message, _), words in zip(bench.told[1:], ("float16 on cuda:1", "int8_float16 on cuda:1", "int8 on cpu"), strict=True):
        assert words in message


def test_each_result_says_what_made_it(spec: EngineSpec, windows: list[Samples]) -> None:
    """The first windows were done before memory ran out."""
    bench = Bench(spec, {("cpu", "float32"): 1, ("cpu", "int8"): 1})
    made = bench.transcribe(windows[:1])
    bench.engines["cpu", "float32"].most = 0
    made += bench.transcribe(windows[1:2])
    assert [one.compute_type for _, one in made] == ["float32", "int8"]


def test_the_end_of_the_ladder(spec: EngineSpec, windows: list[Samples]) -> None:
    bench = Bench(spec, {("cpu", "float32"): 0, ("cpu", "int8"): 0})
    with pytest.raises(MemoryError, match="one window at a time"):
        bench.transcribe(windows)


def test_a_step_that_cannot_be_had_is_passed_over(spec: EngineSpec, windows: list[Samples]) -> None:
    gpu = dataclasses.replace(spec, device="cuda:0", compute_type="float16")
    bench = Bench(gpu, {("cuda", "float16"): 0, ("cuda", "int8_float16"): ModelError("this GPU has no int8"), ("cpu", "int8"): 8})
    assert bench.transcribe(windows)[0][1].device == "cpu"


def test_other_errors_are_not_about_memory(spec: EngineSpec, windows: list[Samples]) -> None:
    bench = Bench(spec, {("cpu", "float32"): DeviceError("no such device")})
    with pytest.raises(DeviceError, match="no such device"):
        bench.transcribe(windows)
    assert bench.told == []


def test_what_libraries_say_when_memory_runs_out() -> None:
    torch = pytest.importorskip("torch")
    caused = DeviceError("does not fit")
    caused.__cause__ = RuntimeError("std::bad_alloc")
    for error in (MemoryError(), RuntimeError("CUDA failed with error out of memory"), torch.OutOfMemoryError("CUDA out of memory."),
                  RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer"),
                  RuntimeError("[CPU] Convolution node with name 'x' Check 'ptr' failed\nFailed to allocate 4608000 bytes of memory"),
                  RuntimeError("CUBLAS_STATUS_ALLOC_FAILED"), caused):
        assert out_of_memory(error), error
    assert not out_of_memory(ValueError("a word of memory")) and not out_of_memory(None)


def test_real_memory_that_runs_out(spec: EngineSpec, tmp_path: Path) -> None:
    """numpy and torch say it in their own ways when the system gives them no more."""
    with pytest.raises(Exception) as caught:
        np.zeros(1 << 60, np.uint8)
    assert out_of_memory(caught.value)
    torch = pytest.importorskip("torch")
    with pytest.raises(Exception) as caught:
        torch.zeros(1 << 58)
    assert out_of_memory(caught.value)
