from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.voices.serving import serving
from voicekit.errors import EngineMissingError, ModelError
from voicekit.protocols import VoiceSpec
from voicekit.spoken import SpelledWord, Voice
from voicekit.voices.piper import Piper, PiperSynthesizer

onnx: Any = pytest.importorskip("onnx", reason="onnx is not installed: a voice cannot be built")
needs_piper = pytest.mark.skipif(not Piper().installed(), reason="piper-tts is not installed")

pytestmark = pytest.mark.model
RATE = 16000
NAME = "ru_RU-irina-medium"


def build(folder: Path, name: str = NAME) -> Path:
    """A voice with Piper's inputs: 800 samples of noise-free hum for each phoneme, times the length scale."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["input_lengths"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "one"], ["slow"]),
        helper.make_node("Mul", ["count", "slow"], ["units"]),
        helper.make_node("Mul", ["units", "hop"], ["long"]),
        helper.make_node("Cast", ["long"], ["whole"], to=TensorProto.INT64),
        helper.make_node("Squeeze", ["whole"], ["length"]),
        helper.make_node("Range", ["zero", "length", "step"], ["numbers"]),
        helper.make_node("Cast", ["numbers"], ["time"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["time", "speed"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Reshape", ["wave", "shape"], ["output"]),
    ]
    constants = [
        helper.make_tensor("one", TensorProto.INT64, [1], [1]), helper.make_tensor("hop", TensorProto.FLOAT, [1], [800]),
        helper.make_tensor("zero", TensorProto.INT64, [], [0]), helper.make_tensor("step", TensorProto.INT64, [], [1]),
        helper.make_tensor("speed", TensorProto.FLOAT, [1], [0.05]),
        helper.make_tensor("shape", TensorProto.INT64, [4], [1, 1, 1, -1]),
    ]
    graph = helper.make_graph(
        nodes, "voice", [helper.make_tensor_value_info("input", TensorProto.INT64, [1, None]),
                         helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
                         helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, None])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.onnx"
    onnx.save(model, str(path))
    letters = "_^$ abcdefghijklmnopqrstuvwxyzɑɐɛɪʊʲˈːʃʒ,.?!абвгдежзийклмнопрстуфхцчшщъыьэюяё"
    config = {"audio": {"sample_rate": RATE}, "espeak": {"voice": "ru"}, "language": {"code": "ru_RU"},
              "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
              "phoneme_type": "text", "phoneme_map": {}, "num_symbols": len(letters), "num_speakers": 1,
              "phoneme_id_map": {letter: [number] for number, letter in enumerate(letters)}}
    path.with_name(path.name + ".json").write_text(json.dumps(config), encoding="utf-8")
    return path


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path))
    return tmp_path / "piper"


def loaded(name: str = NAME) -> PiperSynthesizer:
    voice = Piper().voice(name)
    assert voice is not None
    model = Piper().find(voice)
    assert model is not None
    return Piper().load(VoiceSpec(voice, model))


def test_voices_of_the_hub_and_of_the_folder(models: Path) -> None:
    irina = Piper().voice(NAME)
    assert irina is not None and (irina.languages, irina.gender) == (("ru",), "female")
    assert Piper().find(irina) is None
    build(models, "mine")
    mine = Piper().voice("mine")
    assert mine is not None and mine.languages == ("ru",)
    assert Piper().default("ru") == mine
    other = Piper().voice("xx_XX-new-low")
    assert other is not None and other.languages == ("xx",)
    assert Piper().voice("nobody") is None
    (models / "broken.onnx").write_bytes(b"")
    (models / "broken.onnx.json").write_text("{")
    assert mine in Piper().voices() and Piper().voice("broken") is None


def test_a_voice_is_fetched_into_our_folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "hub" / "ru" / "ru_RU" / "irina" / "medium")
    voice = Piper().voice(NAME)
    assert voice is not None
    with serving(tmp_path / "hub") as address:
        monkeypatch.setenv("VOICEKIT_PIPER_URL", address)
        found = Piper().fetch(voice)
    assert found == Piper().find(voice) == Piper().fetch(voice)
    assert sorted(path.name for path in models.iterdir()) == [f"{NAME}.onnx", f"{NAME}.onnx.json"]


def test_offline_the_hint_names_the_file(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEKIT_PIPER_URL", "http://127.0.0.1:1")
    voice = Piper().voice(NAME)
    assert voice is not None
    with pytest.raises(ModelError) as error:
        Piper().fetch(voice)
    assert f"{NAME}.onnx.json" in error.value.hint
    with pytest.raises(ModelError, match="no voice"):
        Piper().fetch(Voice("piper", "gone", ("ru",), ""))


@needs_piper
def test_it_speaks_at_a_pace_and_repeats_itself(models: Path) -> None:
    build(models)
    words = [SpelledWord("мама", ","), SpelledWord(""), SpelledWord("мыла"), SpelledWord("раму", ".")]
    synthesizer = loaded()
    assert synthesizer.device == "cpu"
    first = synthesizer.speak(words, "ru")
    synthesizer.speak(words[2:], "ru", 2.0)
    again = synthesizer.speak(words, "ru")
    assert np.array_equal(first.samples, again.samples)
    assert (first.rate, first.samples.dtype, first.samples.ndim) == (RATE, np.float32, 1)
    assert [span is None for span in first.words] == [False, True, False, False]
    assert len(synthesizer.speak(words, "ru", 2.0).samples) == pytest.approx(len(first.samples) / 2, abs=2)
    with pytest.raises(ValueError, match="nothing"):
        synthesizer.speak([SpelledWord("")], "ru")


@needs_piper
def test_a_voice_of_the_users_own_folder(tmp_path: Path, models: Path) -> None:
    path = build(tmp_path / "elsewhere", "own")
    assert len(loaded(str(path)).speak([SpelledWord("да")], "ru").samples) > 800


@needs_piper
def test_a_damaged_voice(models: Path) -> None:
    build(models).write_bytes(b"no model")
    with pytest.raises(ModelError, match="cannot be read"):
        loaded()


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    build(models)
    monkeypatch.setattr(Piper, "installed", lambda self: False)
    with pytest.raises(EngineMissingError) as error:
        loaded()
    assert "piper-tts" in error.value.hint
