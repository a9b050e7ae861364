"""What Whisper's decoder on OpenVINO is asked at every step, and what it keeps between them."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engines.whisper_cases import WINDOWS, build, load
from voicekit.engines.whisper_openvino import decoder
from voicekit.engines.whisper_openvino.running import Compiled, Sound
from voicekit.engines.whisper_openvino.search import FORBIDDEN, Rules, free
from voicekit.engines.whisper_openvino.vocabulary import Masks, Vocabulary
from voicekit.options import DecodingOptions

openvino = pytest.importorskip("openvino")


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is small."""
    return build("openvino", tmp_path_factory.mktemp("models") / "float16", "float16")


@pytest.mark.parametrize(("size", "count"), [(51865, 8), (51864, 12), (130, 8), (64, 3), (40, 20), (12, 12)])
@pytest.mark.parametrize("values", [7, 3000, 10 ** 9])
def test_of_equal_candidates_the_first_comes_first(size: int, count: int, values: int) -> None:
    place = openvino.opset15.parameter([-1, size], np.float32)
    found = [openvino.opset15.result(each) for each in decoder.best(place, size, count)]
    compiled = openvino.Core().compile_model(openvino.Model(found, [place], "best"), "CPU")
    scores = np.random.default_rng(0).integers(0, values, (5, size)).astype(np.float32)
    scores[0, 5:] = FORBIDDEN  # where fewer may come than are looked for
    highest, candidates = compiled([scores]).values()
    wanted = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    np.testing.assert_array_equal(candidates, wanted)
    np.testing.assert_array_equal(highest, np.take_along_axis(scores, wanted, 1))


def rules(*lowest: float) -> Rules:
    """For so many rows, each with timestamps from one on."""
    found = free(len(lowest))
    found.lowest[:, 0] = lowest
    return found


def test_rows_with_the_same_rules_have_one_mask() -> None:
    masks = Masks(Vocabulary(4, 5, 6, (), (1,), (0,)), 12)
    alike = masks.allowed(rules(8, 8, 8))
    assert alike.shape == (1, 12) and masks.allowed(rules(8, 8)) is alike, "it is made anew at every step"
    apart = masks.allowed(rules(8, 9, 8))
    assert apart.shape == (3, 12)
    np.testing.assert_array_equal(apart, np.concatenate([masks.allowed(rules(one)) for one in (8, 9, 8)]))
    np.testing.assert_array_equal(apart[0] == 0, [1, 0, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(masks.allowed(rules(8, 8)), alike)
    first = rules(8, 8)
    first.first[:] = 1
    assert masks.allowed(first)[0, 0] == FORBIDDEN and alike[0, 0] == 0


def followed(monkeypatch: pytest.MonkeyPatch, name: str) -> list[weakref.ref[NDArray[Any]]]:
    """What becomes of the keys and values that are made from now on."""
    seen: list[weakref.ref[NDArray[Any]]] = []
    make = getattr(Compiled, name)

    def made(self: Compiled, *given: int) -> Sound:
        sound: Sound = make(self, *given)
        seen.extend(weakref.ref(array) for array in sound._cached.values())
        return sound

    monkeypatch.setattr(Compiled, name, made)
    return seen


def kept(seen: list[weakref.ref[NDArray[Any]]]) -> int:
    gc.collect()
    return sum(each() is not None for each in seen)


@pytest.mark.model
def test_a_process_that_is_copied_keeps_no_sound(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every copy would write over it, and what it had been would stay in memory beside all of them."""
    transcriber = load("openvino", whisper, "int8", threads=1)
    seen = followed(monkeypatch, "silence")
    transcriber.settle()
    assert seen and kept(seen) == 0


@pytest.mark.model
def test_a_larger_batch_takes_the_place_of_a_smaller_one(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcriber = load("openvino", whisper, "int8", threads=1)
    options = DecodingOptions(language="en")
    seen = followed(monkeypatch, "room")
    alone = transcriber.transcribe(WINDOWS[:1], options)
    assert kept(seen) == len(seen)
    transcriber.transcribe(WINDOWS, options)
    assert kept(seen) == len(seen) / 2, "the smaller one is still there"
    assert transcriber.transcribe(WINDOWS[:1], options) == alone


@pytest.mark.model
def test_what_the_language_was_detected_in_is_given_back(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    transcriber = load("openvino", whisper, "int8", threads=1)
    seen = followed(monkeypatch, "room")
    [likely] = transcriber.detect_language(WINDOWS[:1])
    transcriber.encode(WINDOWS)
    assert kept(seen) == len(seen) / 2, "the decoder still looks at it"
    assert sum(likely.values()) == pytest.approx(1, abs=1e-3) and transcriber.detect_language(WINDOWS)[0] == likely
