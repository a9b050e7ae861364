"""Whisper on OpenVINO as it is on processors with AVX2 only, tried on any: its encoder on onnxruntime, and its products."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from tests.engines.whisper_cases import WINDOWS, build, load
from tests.models import measure_pico
from voicekit import processor, telemetry
from voicekit.engines.onnx_graph import MICROSOFT, OnnxGraph
from voicekit.engines.openvino_whisper import OpenVINOWhisper
from voicekit.engines.whisper_openvino import decoder, encoder, onnx_encoder
from voicekit.engines.whisper_openvino.encoders import OnnxRuntimeEncoder
from voicekit.engines.whisper_openvino.onnx_encoder import LARGEST_WEIGHT, in_7_bits
from voicekit.engines.whisper_weights import Weights
from voicekit.engines.whisper_windows import Effort
from voicekit.errors import ModelError
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, ModelOnDisk

PLAIN = DecodingOptions(language="en")


@pytest.fixture(autouse=True)
def avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this processor has beside AVX2 is not looked at."""
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx2"}))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model, in the precisions that its file may have."""
    root = tmp_path_factory.mktemp("models")
    return {kind: build("openvino", root / kind, kind) for kind in ("float32", "float16", "int8")}


def heard(engine: Any, windows: list[Any] = WINDOWS) -> dict[str, NDArray[Any]]:
    """What the decoder gets of the windows, copied."""
    sound = engine.encode(windows)
    return {name: array[:sound.windows].copy() for name, array in sound._cached.items()}


def whole(found: dict[str, NDArray[Any]], layer: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Keys and values of a layer as floats, (windows, heads, frames, part)."""
    keys = found[f"keys_{layer}"] * found[f"key_scales_{layer}"].swapaxes(2, 3)
    return keys, found[f"values_{layer}"].swapaxes(2, 3) * found[f"value_scales_{layer}"]


# -- the encoder ----------------------------------------------------------------------------------

@pytest.mark.model
def test_it_hears_what_the_exact_encoder_hears(folders: dict[str, Path]) -> None:
    exact = heard(load("openvino", folders["float32"], "float32"))
    for kind, path in folders.items():
        ours = heard(load("openvino", path, "int8"))
        for layer in range(2):
            for found, wanted in zip(whole(ours, layer), (exact[f"keys_{layer}"], exact[f"values_{layer}"]), strict=True):
                error = np.sqrt(np.mean((found - wanted) ** 2) / np.mean(wanted ** 2))
                assert 0 < error < 0.04, (kind, layer, error)
        assert np.abs(ours["keys_0"]).max() == np.abs(ours["values_0"]).max() == 127


@pytest.mark.model
def test_neither_threads_nor_neighbours_change_a_bit(folders: dict[str, Path]) -> None:
    one, two = (load("openvino", folders["float16"], "int8", threads=threads) for threads in (1, 2))
    together, others = heard(one), heard(two)
    alone = [heard(one, [window]) for window in WINDOWS]
    for name, array in together.items():
        assert (others[name] == array).all() and (np.concatenate([each[name] for each in alone]) == array).all(), name
    results = one.transcribe(WINDOWS, PLAIN)
    assert two.transcribe(WINDOWS, PLAIN) == results
    assert [one.transcribe([window], PLAIN)[0] for window in WINDOWS] == results


def test_weights_have_7_bits() -> None:
    weight = np.random.default_rng(0).standard_normal((40, 64)).astype(np.float32)
    weight[3] = 0
    small, scale = in_7_bits(weight)
    assert small.shape == (64, 40) and small.dtype == np.int8 and np.isfinite(scale).all()
    assert np.abs(small).max() == LARGEST_WEIGHT and 2 * 255 * LARGEST_WEIGHT < 2 ** 15
    assert (np.abs(small.T * scale[:, None] - weight) <= 0.501 * scale[:, None]).all()
    assert not small[:, 3].any()


def test_the_encoders_largest_sums_are_not_cut_off() -> None:
    """All weights as large as they may be, and a sound that is all at its largest."""
    import onnxruntime

    graph = OnnxGraph()
    one, middle = graph.array(np.array(1, np.float32)), graph.array(np.array(128, np.uint8))
    weight = np.full((768, 16), LARGEST_WEIGHT, np.int8)
    graph.node("MatMulIntegerToFloat", [
        graph.node("QuantizeLinear", ["x", one, middle]), graph.array(weight), one, graph.array(np.ones(16, np.float32)),
        middle, graph.array(np.zeros(16, np.int8))], ("y",), domain=MICROSOFT)
    session = onnxruntime.InferenceSession(graph.model("sum", {"x": (4, 768)}, {"y": (4, 16)}))
    for value in (127, -127):
        (found,) = session.run(None, {"x": np.full((4, 768), value, np.float32)})
        assert (found == 768 * value * LARGEST_WEIGHT).all()


@pytest.mark.model
def test_the_encoders_graph_is_a_valid_one(folders: dict[str, Path]) -> None:
    weights = Weights(folders["float16"], quantize=False)
    model = onnx.load_from_string(onnx_encoder.build(weights))
    onnx.checker.check_model(model)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("MultiHeadAttention") == weights.encoder_layers and "MatMul" not in kinds
    assert kinds.count("MatMulIntegerToFloat") == 6 * weights.encoder_layers + 2 * weights.decoder_layers
    (epsilon,) = {attribute.f for node in model.graph.node for attribute in node.attribute if attribute.name == "epsilon"}
    assert epsilon == pytest.approx(1e-5)
    shapes = {one.name: tuple(length.dim_value for length in one.type.tensor_type.shape.dim) for one in model.graph.output}
    assert shapes == encoder.shapes(weights, small=True, turned=True)


# -- the decoder's products -----------------------------------------------------------------------

def computed(product: Callable[[Any, Any], Any], rows: NDArray[np.float32], cached: NDArray[np.int8]) -> NDArray[np.float32]:
    openvino = telemetry.openvino()
    op = decoder.ops()
    given = op.parameter([-1, -1, -1, -1], np.float32)
    kept = op.parameter([-1, cached.shape[1], *cached.shape[2:]], np.int8)
    compiled = openvino.Core().compile_model(openvino.Model([product(given, kept)], [given, kept], "product"), "CPU",
                                             {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(next(iter(compiled([rows, cached]).values())))


@pytest.mark.parametrize("row", [1, -1, "mixed", "random"])
@pytest.mark.parametrize("key", [127, -127, "random"])
@pytest.mark.parametrize("beams", [1, 3])
def test_products_with_keys_are_exact(row: Any, key: Any, beams: int) -> None:
    random = np.random.default_rng(1)
    shape = (2, 3, 50, 64)
    keys = random.integers(-127, 128, shape).astype(np.int8) if key == "random" else np.full(shape, key, np.int8)
    rows = {"random": random.integers(-127, 128, (2, 3, beams, 64)) / 127,
            "mixed": np.tile([1.0, -1.0], (2, 3, beams, 32))}.get(row, np.full((2, 3, beams, 64), row if row in (1, -1) else 0))
    rows = rows.astype(np.float32)
    rows[..., 0] = 1  # the largest, by which all are divided
    wanted = np.einsum("bhqd,bhtd->bhqt", rows.astype(np.float64), keys.astype(np.float64))
    assert computed(decoder._signless_product, rows, keys) == pytest.approx(wanted, abs=1e-2)


@pytest.mark.parametrize("value", [127, -127, "random"])
def test_products_with_values_are_exact_to_14_bits(value: Any) -> None:
    random = np.random.default_rng(2)
    shape = (2, 3, 64, 1500)
    values = random.integers(-127, 128, shape).astype(np.int8) if value == "random" else np.full(shape, value, np.int8)
    for rows in (random.uniform(0, 127, (2, 3, 2, 1500)), np.full((2, 3, 1, 1500), 127), random.uniform(0, 1, (2, 3, 5, 1500))):
        rows = rows.astype(np.float32)
        wanted = np.einsum("bhqt,bhdt->bhqd", rows.astype(np.float64), values.astype(np.float64))
        most = 1500 * 127 * 0.5 / 127  # all rounded by half a step, all the same way
        assert np.abs(computed(decoder._signless_fine_product, rows, values) - wanted).max() < most


# -- the encoder that was built once --------------------------------------------------------------

@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "openvino"


@pytest.mark.model
def test_the_encoder_is_built_once(folders: dict[str, Path], models: Path, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    builds = []
    build_it = onnx_encoder.build
    monkeypatch.setattr(onnx_encoder, "build", lambda weights: builds.append(1) or build_it(weights))

    def heard_by_new() -> dict[str, NDArray[Any]]:
        return heard(load("openvino", folders["float16"], "int8"))

    first = heard_by_new()
    (file,) = models.glob("*.onnx")
    content = file.read_bytes()
    assert same(heard_by_new(), first) and len(builds) == 1
    file.write_bytes(content[:-1000])
    assert same(heard_by_new(), first) and len(builds) == 2 and file.read_bytes() == content, "a damaged one is made again"
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "file"))
    assert same(heard_by_new(), first) and len(builds) == 3, "there is no room"


@pytest.mark.model
def test_the_encoder_of_a_model_that_is_gone_goes_too(folders: dict[str, Path], models: Path, tmp_path: Path) -> None:
    gone = shutil.copytree(folders["float16"], tmp_path / "gone")
    load("openvino", gone, "int8")
    assert sorted(path.suffix for path in models.iterdir()) == [".bin", ".onnx", ".origin"]
    shutil.rmtree(gone)
    load("openvino", folders["int8"], "int8")  # whose weights are taken as they are
    assert sorted(path.suffix for path in models.iterdir()) == [".onnx", ".origin"]


def same(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# -- all of it ------------------------------------------------------------------------------------

@pytest.mark.model
@pytest.mark.parametrize("language", ["en", "ru"])
def test_it_writes_what_the_exact_one_writes(pico: dict[str, Path], language: str) -> None:
    options = DecodingOptions(language=language)
    sounds = [talk.samples for talk in measure_pico.utterances(language, 8)]

    def written(kind: str) -> list[Any]:
        engine = measure_pico.load(kind, pico[kind])
        return list(engine.decode(engine.encode(sounds), options, engine.prompt(options), Effort(1)))

    ours, exact, theirs = map(written, ("openvino int8", "faster-whisper float32", "faster-whisper int8"))
    assert [one.text for one in ours] == [one.text for one in exact] and all(one.text for one in ours)

    def far(found: list[Any]) -> float:
        return max(abs(one.log_probability - other.log_probability) for one, other in zip(found, exact, strict=True))
    assert far(ours) < max(far(theirs), 0.01)


@pytest.mark.model
def test_a_window_alone_is_found_by_beams_and_words_alike(pico: dict[str, Path]) -> None:
    """Its row gets another beside it, of which nothing may be seen."""
    engine = measure_pico.load("openvino int8", pico["openvino int8"])
    sounds = [talk.samples for talk in measure_pico.utterances("ru", 6)]
    for options in (DecodingOptions(language="ru"), DecodingOptions(language="ru", beam_size=5),
                    DecodingOptions(language="ru", word_timestamps=False, hotwords="my old friend")):
        together = engine.transcribe(sounds, options)
        assert [engine.transcribe([sound], options)[0] for sound in sounds] == together
        assert all(result.segments for result in together)
    assert [engine.detect_language([sound])[0] for sound in sounds] == engine.detect_language(sounds)


@pytest.mark.model
def test_loading(folders: dict[str, Path], models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spec(compute_type: str) -> EngineSpec:
        return EngineSpec("openvino", ModelOnDisk("tiny", str(folders["float16"]), "r", 1), "cpu", compute_type, 1)

    small, exact = (OpenVINOWhisper().load(spec(kind)) for kind in ("int8", "float32"))
    assert isinstance(small._compiled._encoder, OnnxRuntimeEncoder) and small.device == exact.device == "cpu"
    assert not isinstance(exact._compiled._encoder, OnnxRuntimeEncoder)
    small.settle()
    assert small.transcribe(WINDOWS[:1], PLAIN)[0].status == "transcribed"
    with monkeypatch.context() as patch:
        patch.setattr(onnx_encoder, "build", lambda weights: b"no model")
        patch.setenv("VOICEKIT_MODELS", str(tmp_path / "others"))
        with pytest.raises(ModelError, match="The model 'tiny'.*cannot be read") as problem:
            OpenVINOWhisper().load(spec("int8"))
    assert "--engine faster-whisper" in problem.value.hint
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx2", "avx512_vnni"}))
    assert not isinstance(OpenVINOWhisper().load(spec("int8"))._compiled._encoder, OnnxRuntimeEncoder)
