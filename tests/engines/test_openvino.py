"""Whisper on OpenVINO: its files, its search and its word times, by themselves and beside the other engines."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engines.whisper_cases import WINDOWS, build, load
from voicekit import engines
from voicekit.engines.faster_whisper import FasterWhisper
from voicekit.engines.openvino_whisper import OpenVINOWhisper
from voicekit.engines.whisper_openvino import keeping, search, timing
from voicekit.engines.whisper_openvino.search import FORBIDDEN, Rules, Step, Task, Written
from voicekit.engines.whisper_weights import Weights, quantized, read_variables
from voicekit.engines.whisper_windows import Effort
from voicekit.errors import ModelError
from voicekit.options import PRESETS, DecodingOptions
from voicekit.protocols import EngineSpec, ModelOnDisk

PLAIN = DecodingOptions(language="en")
SEGMENTS = DecodingOptions(language="en", word_timestamps=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model, in the precisions that its file may have."""
    root = tmp_path_factory.mktemp("models")
    return {kind: build("openvino", root / kind, kind) for kind in ("float32", "float16", "int8")}


# -- files ----------------------------------------------------------------------------------------

def test_models_are_those_of_faster_whisper() -> None:
    ours, theirs = OpenVINOWhisper(), FasterWhisper()
    assert ours.models() == theirs.models()
    assert [ours.default_model(quality, "cpu") for quality in PRESETS] == \
        [theirs.default_model(quality, "cpu") for quality in PRESETS]
    assert ours.cuda_devices() == 0 and engines.version("openvino").startswith("openvino 20")


@pytest.mark.model
def test_every_precision_of_a_file_is_read(folders: dict[str, Path]) -> None:
    exact = Weights(folders["float32"], quantize=False)
    name = "decoder/layer_0/ffn/linear_0"
    for kind, tolerance in (("float32", 0.0), ("float16", 1e-3), ("int8", 0.01)):
        weights = Weights(folders[kind], quantize=False)
        assert (weights.width, weights.heads, weights.encoder_layers, weights.decoder_layers, weights.mels) == \
            (exact.width, exact.heads, exact.encoder_layers, exact.decoder_layers, exact.mels)
        for part in (name, "encoder/conv1", "decoder/embeddings"):
            difference = np.abs(weights.linear(part).float - exact.linear(part).float).max()
            assert difference <= tolerance * np.abs(exact.linear(part).float).max(), (kind, part)
        bias, expected = weights.linear(name).bias, exact.linear(name).bias
        assert bias is not None and expected is not None and np.allclose(bias, expected, atol=1e-3)


@pytest.mark.model
def test_weights_are_rounded_as_ctranslate2_does(folders: dict[str, Path]) -> None:
    ours, theirs = (Weights(folders[kind], quantize=True) for kind in ("float32", "int8"))
    for name in ("encoder/layer_0/self_attention/linear_0", "decoder/embeddings"):
        mine, its = ours.linear(name), theirs.linear(name)
        assert mine.scale is not None and its.scale is not None and mine.weight.dtype == its.weight.dtype == np.int8
        assert np.allclose(mine.scale[mine.weight.any(axis=1)], its.scale[mine.weight.any(axis=1)], rtol=1e-5)
        assert np.abs(mine.weight.astype(int) - its.weight).max() <= 1 and np.mean(mine.weight == its.weight) > 0.999
    nothing = quantized(dataclasses.replace(ours.linear("encoder/layer_0/ffn/linear_0"), weight=np.zeros((2, 4), np.float32)))
    assert not nothing.float.any()


@pytest.mark.model
def test_damaged_files(folders: dict[str, Path], tmp_path: Path) -> None:
    whole = (folders["int8"] / "model.bin").read_bytes()
    broken = {"short": whole[:5000], "empty": b"x", "version": b"\x05" + whole[1:],
              "other": whole.replace(b"WhisperSpec", b"WhisperSpeX", 1), "type": whole[:60] + b"\xff" * 40 + whole[100:]}
    for name, content in broken.items():
        copy = tmp_path / name
        shutil.copytree(folders["int8"], copy)
        (copy / "model.bin").write_bytes(content)
        with pytest.raises(ModelError, match="cannot be read") as error:
            OpenVINOWhisper().load(spec(copy))
        assert "--engine faster-whisper" in error.value.hint
    with pytest.raises(ValueError, match="version 5"):
        read_variables(tmp_path / "version" / "model.bin")
    shutil.copytree(folders["int8"], tmp_path / "words")
    (tmp_path / "words" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        OpenVINOWhisper().load(spec(tmp_path / "words"))


def spec(path: Path, compute_type: str = "int8") -> EngineSpec:
    return EngineSpec("openvino", ModelOnDisk("tiny", str(path), "r", 1), "cpu", compute_type, 1)


@pytest.mark.model
def test_loading(folders: dict[str, Path]) -> None:
    for compute_type in OpenVINOWhisper.profile.compute_types["cpu"]:
        transcriber = OpenVINOWhisper().load(spec(folders["float16"], compute_type))
        assert (transcriber.device, transcriber.compute_type) == ("cpu", compute_type)
        assert transcriber.transcribe(WINDOWS[:1], PLAIN)[0].status == "transcribed"


@pytest.mark.model
@pytest.mark.parametrize("words", [True, False])
def test_what_has_settled_writes_the_same_with_the_decoder_that_was_loaded(folders: dict[str, Path], words: bool) -> None:
    options = dataclasses.replace(PLAIN, word_timestamps=words)
    wanted = OpenVINOWhisper().load(spec(folders["int8"])).transcribe(WINDOWS, options)
    settled = OpenVINOWhisper().load(dataclasses.replace(spec(folders["int8"]), word_timestamps=words))
    settled.settle()
    decoder = settled._compiled.halves.any_decoder
    assert settled.transcribe(WINDOWS, options) == wanted
    assert settled._compiled.halves.any_decoder is decoder, "another one had to be made"


def test_nobody_is_told(tmp_path: Path) -> None:
    """OpenVINO reports its own import, and leaves an id in the user's folder, unless it is kept from it."""
    code = ("import sys\nfrom voicekit import telemetry\nopenvino = telemetry.openvino()\n"
            "print(openvino.Core().available_devices, [name for name in sys.modules if 'openvino_telemetry' in name])\n"
            "assert telemetry.openvino() is openvino")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env={"HOME": str(tmp_path), "PATH": "", "PYTHONPATH": ":".join(sys.path)})
    assert done.stdout.strip() == "['CPU'] []", done.stderr
    assert list(tmp_path.iterdir()) == []


# -- beside the others ----------------------------------------------------------------------------

@pytest.fixture(scope="module")
def three(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The engines with the same float32 weights."""
    other = build("openai-whisper", tmp_path_factory.mktemp("openai"))
    return {"openvino": load("openvino", folders["float32"]), "faster-whisper": load("faster-whisper", folders["float32"]),
            "openai-whisper": load("openai-whisper", other)}


@pytest.mark.model
@pytest.mark.parametrize("options", [PLAIN, SEGMENTS, DecodingOptions(language="ru", initial_prompt="so it was"),
                                     DecodingOptions(language="en", beam_size=3)])
def test_it_writes_what_the_others_write(three: dict[str, Any], options: DecodingOptions) -> None:
    found = {name: engine.decode(engine.encode(WINDOWS), options, engine.prompt(options), Effort(options.beam_size))
             for name, engine in three.items()}
    ours = found.pop("openvino")
    for name, theirs in found.items():
        # Of equally likely tokens each may take another, and of beams keep others when they end.
        assert sum(one.tokens == other.tokens for one, other in zip(ours, theirs, strict=True)) >= len(ours) - 2, name
        for one, other in zip(ours, theirs, strict=True):
            assert options.beam_size > 1 or abs(one.log_probability - other.log_probability) < 2e-3, name
            assert abs(one.no_speech - other.no_speech) < 1e-3, name


@pytest.mark.model
def test_words_are_where_the_others_find_them(three: dict[str, Any]) -> None:
    """They show the text to the model a second time, up to its end; here the end itself is not looked at."""
    def words(name: str) -> list[Any]:
        return [word for result in three[name].transcribe(WINDOWS, PLAIN) for segment in result.segments
                for word in segment.words]

    ours = words("openvino")
    for name in ("faster-whisper", "openai-whisper"):
        pairs = list(zip(ours, words(name), strict=True))
        assert np.mean([abs(one.start - other.start) <= 0.04 for one, other in pairs]) > 0.9, name
        assert np.mean([abs(one.probability - other.probability) < 0.02 for one, other in pairs]) > 0.9, name


@pytest.mark.model
def test_languages_are_as_likely_as_elsewhere(three: dict[str, Any]) -> None:
    ours, theirs = (three[name].detect_language(WINDOWS[:3]) for name in ("openvino", "faster-whisper"))
    for one, other in zip(ours, theirs, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


# -- word times -----------------------------------------------------------------------------------

def test_the_cheapest_way_is_openai_whispers() -> None:
    theirs = pytest.importorskip("whisper.timing", reason="openai-whisper is not installed")
    random = np.random.default_rng(0)
    for _ in range(40):
        cost = random.standard_normal((random.integers(1, 30), random.integers(1, 120)))
        rows, columns = theirs.dtw_cpu(cost)
        expected = [int(columns[list(rows).index(row)]) for row in range(len(cost))]
        assert timing.cheapest_way(cost).tolist() == expected


def test_the_median_is_openai_whispers() -> None:
    theirs = pytest.importorskip("whisper.timing", reason="openai-whisper is not installed")
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(1).standard_normal((3, 4, 50)).astype(np.float32)
    assert np.array_equal(timing.median_of_seven(values), theirs.median_filter(torch.tensor(values), 7).numpy())
    short = values[:, :, :3]
    assert np.array_equal(timing.median_of_seven(short), short)


def test_tokens_begin_where_the_heads_look() -> None:
    """Two heads, one of which looks anywhere: four tokens of ten frames each, after two places of the start."""
    random = np.random.default_rng(2)
    attention = []
    for place in range(7):
        seen = random.random((2, 100)).astype(np.float32) * 0.01
        first = max(place - 2, 0) * 10
        seen[0, first:first + 10] += 1
        attention.append(timing.halved((seen / seen.sum(axis=1, keepdims=True)).astype(np.float32)))
    times = timing.token_times(attention, 50, 2)
    assert np.allclose(times, [0, 0.2, 0.4, 0.6, 0.8], atol=0.03)
    deaf = [timing.halved(np.concatenate([np.zeros((1, 50)), np.ones((1, 50))], axis=1, dtype=np.float32))] * 4
    assert np.isfinite(timing.token_times(deaf, 50, 1)).all()


# -- the search, on a model that is a table -------------------------------------------------------

END, TIMES, SIZE = 5, 10, 14


class Table:
    """A decoder that knows, for each window, which tokens may follow which, and keeps the rules."""

    def __init__(self, *windows: dict[tuple[int, ...], dict[int, float]], beams: int = 1) -> None:
        self.windows, self.beams = list(windows), beams
        self.written: list[tuple[int, ...]] = []
        self.moves: list[tuple[int, int]] = []
        self.rows: list[int] = []

    def begin(self, start: Sequence[int], rules: Rules) -> Step:
        self.written = [()] * (len(self.windows) * self.beams)
        return self._step(rules)

    def step(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], rules: Rules) -> Step:
        self.written = [(*self.written[parent], int(token)) for parent, (token,) in zip(parents, tokens, strict=True)]
        del self.windows[len(tokens) // self.beams:]
        return self._step(rules)

    def move(self, source: int, target: int) -> None:
        self.moves.append((source, target))
        self.windows[target] = self.windows[source]

    def _step(self, rules: Rules) -> Step:
        self.rows.append(len(self.written))
        scores = np.full((len(self.written), SIZE), FORBIDDEN, np.float32)
        for row, written in enumerate(self.written):
            for token, probability in self.windows[row // self.beams].get(written, {END: 1.0}).items():
                score = np.log(probability)
                if token >= TIMES:
                    score += 0 if rules.lowest[row] <= token <= rules.highest[row] else FORBIDDEN
                else:
                    score += (rules.closing if token == END else rules.text)[row, 0]
                scores[row, token] = score
        order = np.argsort(-scores, axis=1, kind="stable")[:, :8]
        return Step(np.take_along_axis(scores, order, 1), order.astype(np.int32), None)


def task(table: Table, **change: Any) -> Task:
    return Task(**{"windows": len(table.windows), "start": (9,), "beams": table.beams, "no_repeat": 0, "limit": 20,
                   "end": END, "timestamps": TIMES, "vocabulary": SIZE, "timed": False, **change})


def test_the_likeliest_token_is_taken() -> None:
    table = Table({(): {1: 0.6, 2: 0.4}, (1,): {3: 0.9, END: 0.1}})
    [found] = search.write(table, task(table))
    assert found.tokens == (1, 3)
    assert found.score == pytest.approx(np.log(0.6) + np.log(0.9))


def test_beams_find_what_the_likeliest_token_misses() -> None:
    tree = {(): {1: 0.6, 2: 0.4}, (1,): {3: 0.3, 4: 0.3, END: 0.25}, (2,): {3: 0.95}}
    assert search.write(Table(tree), task(Table(tree)))[0].tokens == (1, 3)
    table = Table(tree, beams=2)
    [found] = search.write(table, task(table))
    assert found.tokens == (2, 3) and found.score == pytest.approx(np.log(0.4 * 0.95))


def test_windows_that_are_done_make_room() -> None:
    def words(count: int, token: int) -> dict[tuple[int, ...], dict[int, float]]:
        return {(token,) * at: {token: 1.0} for at in range(count)}

    table = Table(words(1, 1), words(4, 2), words(2, 3), words(3, 4))
    found = search.write(table, task(table))
    assert [one.tokens for one in found] == [(1,), (2,) * 4, (3,) * 2, (4,) * 3], "in the order of the windows"
    assert table.rows == [4, 4, 3, 2, 1]
    assert table.moves == [(3, 0), (1, 0)] or len(table.moves) == 2


def test_a_text_without_an_end_is_cut() -> None:
    table = Table({(1,) * at: {1: 1.0} for at in range(50)})
    [found] = search.write(table, task(table, limit=7))
    assert found.tokens == (1,) * 7


def test_no_run_comes_twice() -> None:
    tree = {(): {1: 1.0}, (1,): {2: 1.0}, (1, 2): {1: 0.9, 3: 0.1}, (1, 2, 1): {2: 0.9, 4: 0.1},
            (1, 2, 1, 4): {END: 1.0}}
    table = Table(tree)
    assert search.write(table, task(table, no_repeat=2))[0].tokens == (1, 2, 1, 4)


def test_times_come_in_pairs_and_in_order() -> None:
    """Whatever the model would rather write: a time first, text after it, a time, then the next or the end."""
    rather = {1: 0.5, 10: 0.05, 11: 0.2, 12: 0.1, 13: 0.05, END: 0.1}
    table = Table({}, beams=1)
    table.windows[0] = type("Always", (dict,), {"get": lambda self, key, default=None: rather})()
    [found] = search.write(table, task(table, timed=True, limit=6))
    assert found.tokens[0] == 11 and found.tokens[1] == 1
    rules = search._timed(task(table), ())
    assert rules == (False, False, TIMES, TIMES + search.LATEST_FIRST)
    assert search._timed(task(table), (11,)) == (True, True, SIZE, SIZE - 1), "text has to follow"
    assert search._timed(task(table), (11, 1)) == (True, True, 12, SIZE - 1)
    assert search._timed(task(table), (11, 1, 12)) == (False, True, 12, SIZE - 1), "the same time, or the end"
    assert search._timed(task(table), (11, 1, 12, 12)) == (True, True, SIZE, SIZE - 1)


def test_what_was_looked_at_stays_with_its_hypothesis() -> None:
    class Looking(Table):
        def _step(self, rules: Rules) -> Step:
            step = super()._step(rules)
            seen = np.array([[[[written[-1] if written else 0]]] for written in self.written], np.float32)
            return dataclasses.replace(step, attention=seen)

    table = Looking({(): {1: 0.6, 2: 0.4}, (1,): {3: 0.3, 4: 0.3, END: 0.2}, (2,): {3: 0.95}}, {}, beams=2)
    first, empty = search.write(table, task(table))
    assert [int(one[0, 0]) for one in first.attention] == [0, *first.tokens] == [0, 2, 3]
    assert empty == Written((), (0.0,), empty.attention) and len(empty.attention) == 1


# -- weights that were rounded once ---------------------------------------------------------------

@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "openvino"


@pytest.mark.model
@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_weights_in_8_bits_are_kept_and_are_those_of_the_file(folders: dict[str, Path], models: Path, kind: str) -> None:
    file = keeping.kept(folders[kind] / "model.bin")
    assert sorted(models.iterdir()) == [file, file.with_suffix(".origin")] and file.stat().st_mode & 0o777 == 0o644
    exact, ours = Weights(folders[kind], True), Weights(folders[kind], True, file)
    for name in ("encoder/layer_0/self_attention/linear_0", "decoder/embeddings", "encoder/conv1"):
        one, other = exact.linear(name), ours.linear(name)
        assert np.array_equal(one.weight, other.weight)
        assert one.bias is None or np.array_equal(one.bias, other.bias)
        assert one.scale is None or np.array_equal(one.scale, other.scale)
    assert np.array_equal(exact.norm("encoder/layer_norm").gamma, ours.norm("encoder/layer_norm").gamma)
    before = file.stat().st_mtime_ns
    assert keeping.kept(folders[kind] / "model.bin") == file and file.stat().st_mtime_ns == before
    content = file.read_bytes()
    file.write_bytes(content[:-1000])
    assert keeping.kept(folders[kind] / "model.bin") == file and file.read_bytes() == content, "a damaged one is made again"


@pytest.mark.model
def test_what_is_kept_writes_the_same(folders: dict[str, Path], models: Path, tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    first = OpenVINOWhisper().load(spec(folders["float16"])).transcribe(WINDOWS[:3], PLAIN)
    assert len(list(models.glob("*.bin"))) == 1
    assert OpenVINOWhisper().load(spec(folders["float16"])).transcribe(WINDOWS[:3], PLAIN) == first
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "file"))
    assert keeping.kept(folders["float16"] / "model.bin") == folders["float16"] / "model.bin", "there is no room"
    assert OpenVINOWhisper().load(spec(folders["float16"])).transcribe(WINDOWS[:3], PLAIN) == first


@pytest.mark.model
def test_a_file_of_8_bits_is_read_as_it_is_and_another_model_is_another_file(
        folders: dict[str, Path], models: Path, tmp_path: Path) -> None:
    assert keeping.kept(folders["int8"] / "model.bin") == folders["int8"] / "model.bin" and not models.exists()
    keeping.kept(folders["float16"] / "model.bin")
    keeping.kept(folders["float32"] / "model.bin")
    assert len(list(models.glob("*.bin"))) == 2
    (tmp_path / "model.bin").write_bytes(b"x" * 100)
    with pytest.raises(ValueError):
        keeping.kept(tmp_path / "model.bin")


@pytest.mark.model
def test_what_was_made_of_models_that_are_gone_goes_too(folders: dict[str, Path], models: Path, tmp_path: Path) -> None:
    strange = os.fsdecode(b"st\xffays\n, too")
    names = ("gone", "changed", "stays", strange)
    for name in names:
        shutil.copy2(folders["float16"] / "model.bin", tmp_path / f"{name}.file")
    made = {name: keeping.kept(tmp_path / f"{name}.file") for name in names}
    (models / "no-text.origin").write_bytes(bytes(range(128, 256)))
    (tmp_path / "gone.file").unlink()
    os.utime(tmp_path / "changed.file", (1, 1))
    made["new"] = keeping.kept(folders["float16"] / "model.bin")
    left = {"stays", strange, "new"}
    assert {name for name, file in made.items() if file.exists()} == left
    assert sorted(path.stem for path in models.glob("*.bin")) == sorted(made[name].stem for name in left)
