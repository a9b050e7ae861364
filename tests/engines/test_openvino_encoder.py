"""The ways in which Whisper's encoder multiplies on OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.models import pico_cases, pico_whisper
from voicekit import processor
from voicekit.engines.openvino_whisper import OpenVINOWhisper
from voicekit.engines.whisper_openvino import encoder
from voicekit.engines.whisper_openvino.products import Plain, Products, Tiled
from voicekit.engines.whisper_weights import Linear, Weights
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, ModelOnDisk

openvino = pytest.importorskip("openvino")
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": 0}


def compiled(results: Any, parameters: Any) -> Any:
    return openvino.Core().compile_model(openvino.Model(results, parameters, "products"), "CPU", EXACT)


def layer(outputs: int, inputs: int, seed: int) -> Linear:
    """With numbers so small that two products of 8 bits fit into 16, in which some processors add them."""
    rng = np.random.default_rng(seed)
    return Linear(rng.integers(-60, 61, (outputs, inputs), dtype=np.int8),
                  rng.uniform(0.01, 0.02, (outputs, 1)).astype(np.float32), rng.standard_normal(outputs).astype(np.float32))


def test_tiles_round_each_row_by_its_largest() -> None:
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((1, 6, 64)) * np.array([1e-4, 1e-2, 1, 1e2, 1e4, 0])[:, None]).astype(np.float32)
    first, second = layer(32, 64, 1), layer(16, 64, 2)
    place = openvino.opset15.parameter([1, 6, 64], np.float32)
    found = compiled(Tiled().linear(place, first, second), [place])([x])
    for number, one in enumerate((first, second)):
        assert one.bias is not None
        rows = np.abs(x).max(axis=-1, keepdims=True)
        rounded = np.rint(x / np.maximum(rows, 1e-9) * 127) / 127 * rows
        np.testing.assert_allclose(found[number][0], (rounded @ one.float.T + one.bias)[0], rtol=1e-4, atol=1e-4)
        exact = x @ one.float.T + one.bias
        assert not np.allclose(found[number], exact, rtol=1e-4), "nothing was rounded"


def test_attention_is_the_same_either_way() -> None:
    rng = np.random.default_rng(0)
    qkv = [rng.standard_normal((1, 3, 50, 16)).astype(np.float32) for _ in range(3)]
    places = [openvino.opset15.parameter([1, 3, 50, 16], np.float32) for _ in qkv]
    plain, tiled = (compiled([way.attention(*places, 16)], places)(qkv)[0] for way in (Plain(), Tiled()))
    np.testing.assert_allclose(tiled, plain, rtol=1e-4, atol=1e-5)


def heard(weights: Weights, products: Products, mel: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Keys and values, as numbers."""
    model = encoder.build(weights, True, products)
    found = openvino.Core().compile_model(model, "CPU", EXACT)([mel])
    parts = []
    for number in range(weights.decoder_layers):
        parts.append(found[f"keys_{number}"] * found[f"key_scales_{number}"].swapaxes(2, 3))
        parts.append(found[f"values_{number}"] * found[f"value_scales_{number}"])
    return parts


@pytest.mark.model
def test_tiles_hear_what_is_heard_without_rounding(tmp_path: Path) -> None:
    weights = Weights(pico_whisper.build_ctranslate2(tmp_path / "model", "float16"), quantize=True)
    mel = np.random.default_rng(0).uniform(-1, 1, (1, weights.mels, 2 * weights.frames)).astype(np.float32)
    # Where two products are added in 16 bits, some sums are too large for them: it is not meant for such processors.
    most = 0.03 if processor.multiplies_in_8_bits() else 0.2
    for exact, rounded in zip(heard(weights, Plain(), mel), heard(weights, Tiled(), mel), strict=True):
        assert 0 < np.sqrt(np.mean((rounded - exact) ** 2) / np.mean(exact ** 2)) < most


@pytest.mark.model
def test_the_words_are_the_same_with_and_without_tiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor with large vectors and without tiles does the same, only more slowly."""
    pico_cases.need_espeak()
    talks = [pico_cases.talk(seed, ("en",)) for seed in (3, 4, 5)]
    model = ModelOnDisk("pico", str(pico_whisper.build_ctranslate2(tmp_path / "model", "float16")), "r", 1)
    built: list[Products] = []
    build = encoder.build
    monkeypatch.setattr(encoder, "build", lambda *given: (built.append(given[2]), build(*given))[1])

    def words() -> list[list[str]]:
        transcriber = OpenVINOWhisper().load(EngineSpec("openvino", model, "cpu", "int8", 1))
        found = transcriber.transcribe([talk.samples for talk in talks], DecodingOptions(language="en"))
        return [[plain(word) for segment in one.segments for word in segment.text.split()] for one in found]

    def plain(word: str) -> str:
        return word.strip(".,?!").lower()

    spoken = [[plain(word) for word in talk.text] for talk in talks]
    assert words() == spoken
    if processor.multiplies_in_8_bits():
        tiles = frozenset({"amx_int8", "amx_bf16", "amx_tile"})
        for flags in (processor.flags() - tiles, processor.flags() | tiles):
            with monkeypatch.context() as patched:
                patched.setattr(processor, "flags", lambda flags=flags: flags)
                assert words() == spoken
            assert isinstance(built[-1], Tiled if flags >= tiles else Plain)
