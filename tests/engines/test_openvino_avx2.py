"""Whisper on OpenVINO as it is on processors with AVX2 only, tried on any: its encoder on onnxruntime, and its products."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from tests.engines.whisper_cases import WINDOWS, build, load
from tests.models import measure_pico
from voicekit import processor
from voicekit.engines.onnx_graph import FLOAT, MICROSOFT, OnnxGraph
from voicekit.engines.openvino_whisper import OpenVINOWhisper
from voicekit.engines.whisper_openvino import onnx_decoder, onnx_encoder
from voicekit.engines.whisper_openvino.on_onnxruntime import OnnxRuntimeHalves
from voicekit.engines.whisper_openvino.onnx_layers import LARGEST_WEIGHT, in_7_bits
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
    keys = found[f"keys_{layer}"] * found[f"key_scales_{layer}"]
    return keys.swapaxes(2, 3), found[f"values_{layer}"] * found[f"value_scales_{layer}"]


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
    assert shapes == onnx_encoder.shapes(weights)


# -- the decoder ----------------------------------------------------------------------------------

def products(weights: Weights, rows: list[NDArray[np.float32]], name: str, matrix: NDArray[np.int8],
             one_by_one: bool) -> list[NDArray[np.int32]]:
    """What the decoder's graph makes of rows, (windows, heads, queries, ...), and a matrix of its sound."""
    import onnxruntime

    decoder = onnx_decoder._Decoder(weights, ())
    halves = decoder._product(["first", "second"], name)
    graph = decoder._graph
    for half in halves:
        graph.node("Cast", [half], (f"{half}_found",), to=FLOAT)
    windows, heads, queries = rows[0].shape[:3]
    numbers = {"shape": (1, 1, 1), "listening": (windows, heads, queries, matrix.shape[2]),
               "products": (windows, heads, *((2 * queries, 1) if one_by_one else (1, 2 * queries)), -1)}
    given = {"tokens": np.zeros((1, 1, 1), np.float32), "first": rows[0], "second": rows[1], name: matrix,
             **{one: np.array(value, np.int64) for one, value in numbers.items()}}
    content = graph.model("products", {one: array.shape for one, array in given.items()},
                          {f"{half}_found": (None,) * 4 for half in halves},
                          {name: np.int8, **dict.fromkeys(numbers, np.int64)})
    return list(onnxruntime.InferenceSession(content).run(None, given))


@pytest.mark.model
@pytest.mark.parametrize("one_by_one", [True, False])
@pytest.mark.parametrize("most", [127, -127, None])
@pytest.mark.parametrize("queries", [1, 3])
def test_products_with_the_sound_are_exact(folders: dict[str, Path], one_by_one: bool, most: int | None,
                                           queries: int) -> None:
    """Even where all are as large as they may be, and would not fit into 16 bits with a bit more."""
    weights, random = Weights(folders["float16"], quantize=False), np.random.default_rng(1)
    part, frames, lead = weights.width // weights.heads, weights.frames, (3, weights.heads)
    for name, shape in (("keys_0", (part, frames)), ("values_0", (frames, part))):
        matrix = np.full((*lead, *shape), most or 0, np.int8)
        if most is None:
            matrix = random.integers(-127, 128, matrix.shape).astype(np.int8)
        full = np.full((*lead, queries, shape[0]), 127, np.float32)
        some = random.integers(-127, 128, full.shape).astype(np.float32)
        for found, rows in zip(products(weights, [full, some], name, matrix, one_by_one), (full, some), strict=True):
            assert (found == np.maximum(rows, 0).astype(np.int64) @ matrix.astype(np.int64)).all()


@pytest.mark.model
def test_the_decoders_graph_is_a_valid_one(folders: dict[str, Path]) -> None:
    weights = Weights(folders["float16"], quantize=False)
    heads = tuple(map(tuple, weights.config["alignment_heads"]))
    model = onnx.load_from_string(onnx_decoder.build(weights, heads))
    onnx.checker.check_model(model)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("MatMulInteger") == 2 * weights.decoder_layers and "MatMul" not in kinds
    assert kinds.count("MatMulIntegerToFloat") == 6 * weights.decoder_layers + 1
    assert {one.name for one in model.graph.input} >= {*onnx_encoder.shapes(weights), *onnx_decoder.past(weights)}
    outputs = {one.name for one in model.graph.output}
    assert outputs == {"logits", "attention", *onnx_decoder.SCORES, *onnx_decoder.present(weights)}


@pytest.mark.model
def test_neighbours_change_no_bit_of_a_row(folders: dict[str, Path]) -> None:
    """And several places at once are what they are one by one. Timestamps may come: they are summed."""
    engine = load("openvino", folders["float16"], "int8", threads=1)
    halves, sound = engine._compiled.halves, engine.encode(WINDOWS)
    decoder = halves.decoder(8, ((0, 0),))
    random = np.random.default_rng(3)
    tokens = random.integers(0, 50_000, (len(WINDOWS), 6))
    allowed = np.zeros((len(WINDOWS), engine._compiled.weights.vocabulary), np.float32)

    def shown(windows: slice, *cuts: int) -> list[Any]:
        decoder.forget()
        decoder.listen({name: array[windows] for name, array in sound.first(len(WINDOWS)).items()})
        found = []
        for begin, end in zip(cuts, cuts[1:], strict=False):
            some = tokens[windows, begin:end]
            found.append(decoder.show(some, np.arange(len(some), dtype=np.int32), allowed[windows], True))
        return found

    one_by_one = range(7)
    every = shown(slice(None), *one_by_one)
    for window in range(len(WINDOWS)):
        for alone, together in zip(shown(slice(window, window + 1), *one_by_one), every, strict=True):
            for name in ("scores", "candidates", "silence", "languages", "attention"):
                assert (getattr(alone, name)[0] == getattr(together, name)[window]).all(), name
    together = every[-1]
    at_once = shown(slice(None), 0, 6)[-1]
    assert (at_once.candidates[:, 0] == together.candidates[:, 0]).all()
    assert at_once.scores == pytest.approx(together.scores, abs=1e-4)
    many = shown(slice(None), 0, 2, 6)[-1]
    assert many.scores == pytest.approx(together.scores, abs=1e-4)


# -- the graphs that were built once --------------------------------------------------------------

@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "openvino"


@pytest.mark.model
def test_the_graphs_are_built_once(folders: dict[str, Path], models: Path, tmp_path: Path,
                                   monkeypatch: pytest.MonkeyPatch) -> None:
    builds = []
    for half in (onnx_encoder, onnx_decoder):
        build_it = half.build
        monkeypatch.setattr(half, "build", lambda *of, build_it=build_it: builds.append(1) or build_it(*of))

    def written_by_new() -> list[Any]:
        return list(load("openvino", folders["float16"], "int8").transcribe(WINDOWS, PLAIN))

    first = written_by_new()
    files = sorted(models.glob("*.onnx"))
    contents = [file.read_bytes() for file in files]
    assert written_by_new() == first and len(builds) == len(files) == 2
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content[:-1000])
    assert written_by_new() == first and len(builds) == 4, "a damaged one is made again"
    assert [file.read_bytes() for file in files] == contents
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "file"))
    assert written_by_new() == first and len(builds) == 6, "there is no room"


@pytest.mark.model
def test_the_graphs_of_a_model_that_is_gone_go_too(folders: dict[str, Path], models: Path, tmp_path: Path) -> None:
    gone = shutil.copytree(folders["float16"], tmp_path / "gone")
    load("openvino", gone, "int8")
    assert sorted(path.suffix for path in models.iterdir()) == [".bin", *2 * [".onnx"], *3 * [".origin"]]
    shutil.rmtree(gone)
    load("openvino", folders["int8"], "int8")  # whose weights are taken as they are
    assert sorted(path.suffix for path in models.iterdir()) == [*2 * [".onnx"], *2 * [".origin"]]


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
    assert isinstance(small._compiled.halves, OnnxRuntimeHalves) and small.device == exact.device == "cpu"
    assert not isinstance(exact._compiled.halves, OnnxRuntimeHalves)
    small.settle()
    assert small.transcribe(WINDOWS[:1], PLAIN)[0].status == "transcribed"
    with monkeypatch.context() as patch:
        patch.setattr(onnx_encoder, "build", lambda weights: b"no model")
        patch.setenv("VOICEKIT_MODELS", str(tmp_path / "others"))
        with pytest.raises(ModelError, match="The model 'tiny'.*cannot be read") as problem:
            OpenVINOWhisper().load(spec("int8"))
    assert "--engine faster-whisper" in problem.value.hint
    monkeypatch.setattr(processor, "flags", lambda: frozenset({"avx2", "avx512_vnni"}))
    assert not isinstance(OpenVINOWhisper().load(spec("int8"))._compiled.halves, OnnxRuntimeHalves)
