from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from voicekit import engines
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, Samples, Transcriber

OPTIONS = DecodingOptions(language="en")
ADAPTER = engines.adapter("pocketsphinx")


def load(device: str = "cpu") -> Transcriber:
    model = ADAPTER.find("en-us")
    assert model is not None
    return ADAPTER.load(EngineSpec("pocketsphinx", model, device, "float32", 1))


@pytest.fixture(scope="module")
def windows(speech: NDArray[np.int16]) -> list[Samples]:
    whole = speech.astype(np.float32) / 32768
    return [whole[:90000], whole[90000:200000], whole[250000:], whole[16000:80000]]


def test_a_window_does_not_depend_on_what_came_before(windows: list[Samples]) -> None:
    alone = [load().transcribe([window], OPTIONS)[0] for window in windows]
    engine = load()
    for index in (0, 1, 2, 3, 2, 1, 0):
        assert engine.transcribe([windows[index]], OPTIONS)[0] == alone[index], "to the last digit"


def test_words_have_times_inside_the_window(windows: list[Samples]) -> None:
    (result,) = load().transcribe([windows[0]], OPTIONS)
    (segment,) = result.segments
    assert result.status == "transcribed" and len(segment.words) > 5
    assert "".join(word.word for word in segment.words).strip() == segment.text
    assert all(0 <= one.start < one.end <= other.start + 1e-9 for one, other in zip(segment.words, segment.words[1:]))
    assert segment.words[-1].end <= len(windows[0]) / 16000
    assert all(0 <= word.probability <= 1 and word.word[1].isalpha() for word in segment.words)


def test_without_word_times_the_text_stays(windows: list[Samples]) -> None:
    with_words = load().transcribe([windows[3]], OPTIONS)[0].segments[0]
    plain = load().transcribe([windows[3]], DecodingOptions(language="en", word_timestamps=False))[0].segments[0]
    assert (plain.text, plain.start, plain.end, plain.words) == (with_words.text, with_words.start, with_words.end, ())


@pytest.mark.parametrize("length", [0, 1, 160, 799])
def test_a_moment_has_no_words(length: int) -> None:
    (result,) = load().transcribe([np.zeros(length, np.float32)], OPTIONS)
    assert result.status == "empty" and result.reason == "no words"


def test_what_it_cannot_do() -> None:
    with pytest.raises(ModelError, match="no model 'small'"):
        ADAPTER.find("small")
    with pytest.raises(DeviceError, match="cannot run on cuda:0"):
        load("cuda:0")
    with pytest.raises(UsageError, match="cannot detect"):
        load().detect_language([np.zeros(16000, np.float32)])


def test_abbreviations_end_no_sentence() -> None:
    from types import SimpleNamespace

    from voicekit.engines.pocketsphinx import _words

    heard = ["<s>", "the", "f.", "b.", "i.", "agent(2)", "<sil>", "mr.", "++NOISE++", "smith", "</s>"]
    pieces = [SimpleNamespace(word=word, start_frame=10 * i, end_frame=10 * i + 9, prob=0.5)
              for i, word in enumerate(heard)]
    assert "".join(word.word for word in _words(pieces, 2.0)) == " the f b i agent mr smith"
