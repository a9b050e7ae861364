"""The Whisper engines on the same small model, and the steps they share."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.engines.whisper_cases import SILENCE, WINDOWS, build, load, noise, tone, whispers_tokenizer
from tests.models import random_whisper
from voicekit.benchmark import whisper_files
from voicekit.engines import whisper_windows, whisper_words
from voicekit.engines.whisper_windows import Decoded, Effort, prompt_tokens
from voicekit.engines.whisper_words import Timing
from voicekit.errors import ProcessingError, UsageError
from voicekit.languages import LANGUAGES, language_code
from voicekit.options import DecodingOptions
from voicekit.types import WindowResult

KINDS = {"faster-whisper float32": ("faster-whisper", "float32"), "faster-whisper int8": ("faster-whisper", "int8"),
         "openvino float32": ("openvino", "float32"), "openvino int8": ("openvino", "int8"),
         "openai-whisper": ("openai-whisper", "float32")}
PLAIN = DecodingOptions(language="en")
SEGMENTS = DecodingOptions(language="en", word_timestamps=False)


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def model(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    engine, compute_type = KINDS[kind]
    return build(engine, tmp_path_factory.mktemp("model"), compute_type)


@pytest.fixture(scope="module")
def transcriber(kind: str, model: Path) -> Any:
    return load(KINDS[kind][0], model, KINDS[kind][1])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """The two engines with the same float32 weights."""
    folder = tmp_path_factory.mktemp("both")
    return tuple(load(name, build(name, folder / name)) for name in ("faster-whisper", "openai-whisper"))  # type: ignore


@pytest.fixture(scope="module", params=["faster-whisper", "openvino", "openai-whisper"])
def looping(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load(request.param, build(request.param, tmp_path_factory.mktemp("looping"), looping=True))


def text(result: WindowResult) -> str:
    return " ".join(segment.text for segment in result.segments)


def same(one: WindowResult, other: WindowResult) -> bool:
    """Words and times equal; probabilities too, up to float32's noise."""
    if [word.word for segment in one.segments for word in segment.words] != \
            [word.word for segment in other.segments for word in segment.words]:
        return False
    pairs = [(a.probability, b.probability) for x, y in zip(one.segments, other.segments, strict=True)
             for a, b in zip(x.words, y.words, strict=True)]

    def bare(result: WindowResult) -> WindowResult:
        return dataclasses.replace(result, segments=tuple(
            dataclasses.replace(segment, words=tuple(dataclasses.replace(word, probability=0) for word in segment.words))
            for segment in result.segments))
    return bare(one) == bare(other) and all(abs(a - b) < 1e-5 for a, b in pairs)


# -- the two runtimes against each other ----------------------------------------------------------

@pytest.mark.model
def test_encoders_agree(both: tuple[Any, Any]) -> None:
    fast, slow = (np.asarray(engine.encode(WINDOWS)) for engine in both)
    assert fast.shape == (len(WINDOWS), 1500, random_whisper.TINY.width)
    assert np.abs(fast - slow).max() < 2e-3  # of values around 1; the log-mel features differ by 1e-5
    assert np.abs(fast - slow).mean() < 1e-5


@pytest.mark.model
@pytest.mark.parametrize("options", [PLAIN, SEGMENTS, DecodingOptions(language="ru", initial_prompt="so it was")])
def test_engines_write_the_same(both: tuple[Any, Any], options: DecodingOptions) -> None:
    fast, slow = ([one.tokens for one in engine.decode(engine.encode(WINDOWS), options, engine.prompt(options), Effort(1))]
                  for engine in both)
    assert fast[:-1] == slow[:-1]  # all but silence, in which every token is about as likely
    fast_results, slow_results = (engine.transcribe(WINDOWS, options) for engine in both)
    assert [text(one) for one in fast_results] == [text(one) for one in slow_results]
    assert [one.reason for one in fast_results] == [one.reason for one in slow_results]


@pytest.mark.model
def test_engines_align_alike(both: tuple[Any, Any]) -> None:
    fast, slow = ([word for result in engine.transcribe(WINDOWS, PLAIN) for segment in result.segments
                   for word in segment.words] for engine in both)
    apart = [abs(one.start - other.start) for one, other in zip(fast, slow, strict=True)]
    assert np.mean(np.array(apart) <= 0.04) > 0.9


# -- each engine ----------------------------------------------------------------------------------

@pytest.mark.model
@pytest.mark.parametrize("options", [PLAIN, SEGMENTS])
def test_batch_and_order_do_not_matter(transcriber: Any, options: DecodingOptions) -> None:
    alone = [transcriber.transcribe([window], options)[0] for window in WINDOWS]
    assert len({text(result) for result in alone}) >= len(WINDOWS) - 1, "every window has its own words"
    forward = range(len(WINDOWS))
    for size, order in ((2, forward), (3, forward[::-1]), (4, forward), (4, forward[::-1])):
        for begin in range(0, len(WINDOWS), size):
            batch = order[begin:begin + size]
            for index, result in zip(batch, transcriber.transcribe([WINDOWS[i] for i in batch], options), strict=True):
                assert same(result, alone[index]), (size, list(batch), index)


@pytest.mark.model
def test_beams_do_not_depend_on_the_batch(transcriber: Any) -> None:
    options = DecodingOptions(language="en", beam_size=2)
    alone = [transcriber.transcribe([window], options)[0] for window in WINDOWS[:3]]
    assert all(map(same, transcriber.transcribe(WINDOWS[:3], options), alone))


@pytest.mark.model
def test_threads_do_not_matter(kind: str, model: Path, transcriber: Any) -> None:
    one_thread = load(KINDS[kind][0], model, KINDS[kind][1], threads=1)
    assert all(map(same, one_thread.transcribe(WINDOWS, PLAIN), transcriber.transcribe(WINDOWS, PLAIN)))


@pytest.mark.model
def test_words_are_in_order_and_inside_the_window(transcriber: Any) -> None:
    for window, result in zip(WINDOWS, transcriber.transcribe(WINDOWS, PLAIN), strict=True):
        times = [time for segment in result.segments for word in segment.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(0 <= time <= len(window) / 16_000 for time in times)
        for segment in result.segments:
            assert segment.text == "".join(word.word for word in segment.words).strip()
            assert (segment.start, segment.end) == (times[0], times[-1])
            assert all(type(word.probability) is float and 0 <= word.probability <= 1 for word in segment.words)
            assert len(segment.words) > 3


@pytest.mark.model
def test_without_word_times_the_text_is_cut_at_timestamps(transcriber: Any) -> None:
    results = transcriber.transcribe(WINDOWS, SEGMENTS)
    assert any(len(result.segments) > 1 for result in results)
    for window, result in zip(WINDOWS, results, strict=True):
        times = [time for segment in result.segments for time in (segment.start, segment.end)]
        assert times == sorted(times)
        assert not times or times[-1] <= len(window) / 16_000
        assert not any(segment.words for segment in result.segments)


@pytest.mark.model
@pytest.mark.parametrize("options", [PLAIN, SEGMENTS])
def test_the_small_model_takes_the_ordinary_way(transcriber: Any, options: DecodingOptions) -> None:
    decoded = transcriber.decode(transcriber.encode(WINDOWS), options, [], Effort(1))
    assert [one.doubtful for one in decoded] == [False] * len(WINDOWS)
    assert [one.silent for one in decoded] == [False] * 6 + [True]
    assert all(5 < len(one.tokens) < 60 for one in decoded)


@pytest.mark.model
def test_no_text_is_dropped(transcriber: Any) -> None:
    decoded = transcriber.decode(transcriber.encode(WINDOWS), SEGMENTS, [], Effort(1))
    for one, window in zip(decoded, WINDOWS, strict=True):
        segments = whisper_words.split(one.tokens, transcriber, len(window) / 16_000)
        assert "".join(segment.text for segment in segments).replace(" ", "") == one.text.replace(" ", "")


@pytest.mark.model
def test_silence_is_empty_and_says_so(transcriber: Any) -> None:
    assert transcriber.transcribe([SILENCE], PLAIN) == [WindowResult("empty", reason="the model heard no speech")]
    assert transcriber.transcribe([], PLAIN) == []


@pytest.mark.model
@pytest.mark.parametrize("change", [{"language": "ru"}, {"task": "translate"}, {"initial_prompt": "so it was"},
                                    {"hotwords": "equal"}, {"beam_size": 4}])
def test_every_option_reaches_the_model(transcriber: Any, change: dict[str, Any]) -> None:
    windows = [*WINDOWS[:6], noise(7, seed=5), tone(6, 900)]
    decoded = [[(one.text, one.log_probability) for one in transcriber.decode(
        transcriber.encode(windows), options, transcriber.prompt(options), Effort(options.beam_size))]
        for options in (PLAIN, dataclasses.replace(PLAIN, **change))]
    assert [one for one, _ in decoded[0]] != [one for one, _ in decoded[1]]
    if "beam_size" in change:  # more hypotheses find, on the whole, more probable texts
        assert sum(score for _, score in decoded[1]) > sum(score for _, score in decoded[0])


@pytest.mark.model
def test_language_detection(transcriber: Any) -> None:
    found = transcriber.detect_language(WINDOWS)
    for one in found:
        assert sum(one.values()) == pytest.approx(1, abs=1e-4)
        assert set(one) == set(LANGUAGES) - {"yue"} == set(transcriber.languages)
    assert len({max(one, key=one.__getitem__) for one in found}) > 1, "it depends on the sound"
    [alone] = transcriber.detect_language(WINDOWS[2:3])
    assert alone == pytest.approx(found[2], abs=1e-5)
    assert transcriber.detect_language([]) == []


@pytest.mark.model
def test_english_only(transcriber: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriber, "languages", ("en",))
    assert transcriber.detect_language(WINDOWS[:2]) == [{"en": 1.0}] * 2
    for options in (DecodingOptions(language="ru"), DecodingOptions(language="en", task="translate")):
        with pytest.raises(UsageError, match="English only") as error:
            transcriber.transcribe(WINDOWS[:1], options)
        assert ".en" in error.value.hint
    assert transcriber.transcribe(WINDOWS[:1], DecodingOptions())[0].status == "transcribed"


@pytest.mark.model
@pytest.mark.parametrize("language", [None, "yue", "klingon"])
def test_unknown_language(transcriber: Any, language: str | None) -> None:
    with pytest.raises(UsageError) as error:
        transcriber.transcribe(WINDOWS[:1], DecodingOptions(language=language))
    assert "af, am, ar" in error.value.hint


@pytest.mark.model
def test_too_long_a_window_is_an_error_not_a_cut(transcriber: Any) -> None:
    with pytest.raises(ProcessingError, match="longer"):
        transcriber.transcribe([noise(30.1)], PLAIN)


@pytest.mark.model
def test_a_long_prompt_is_cut_with_a_warning(transcriber: Any, caplog: pytest.LogCaptureFixture) -> None:
    options = DecodingOptions(language="en", initial_prompt="so it was " * 200, hotwords="equal")
    with caplog.at_level(logging.WARNING, logger="voicekit"):
        results = [transcriber.transcribe(WINDOWS[:1], options) for _ in range(2)]
    assert {record.getMessage() for record in caplog.records} == {caplog.records[0].getMessage()}
    assert "limit of 223" in caplog.text
    assert len(transcriber.prompt(options)) == whisper_windows.MAX_PROMPT
    assert results[0] == results[1]


@pytest.mark.model
def test_a_loop_is_decoded_again(looping: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    efforts = []
    decode = looping.decode
    monkeypatch.setattr(looping, "decode", lambda *args: efforts.append(args[-1]) or decode(*args))
    [result] = looping.transcribe(WINDOWS[:1], PLAIN)
    assert efforts == [Effort(1), Effort(5), Effort(5, whisper_windows.NO_REPEAT)]
    first, *others = (decode(looping.encode(WINDOWS[:1]), PLAIN, [], effort)[0] for effort in efforts)
    assert first.compression > whisper_windows.MAX_COMPRESSION
    assert others[-1].compression < first.compression / 1.5
    tokens, length = others[-1].tokens, whisper_windows.NO_REPEAT
    runs = [tokens[i:i + length] for i in range(len(tokens) - length + 1)]
    assert len(runs) == len(set(runs)), "no run comes twice"
    assert looping.transcribe(WINDOWS[:1], PLAIN) == [result], "nothing is sampled"
    batch = looping.transcribe([WINDOWS[1], WINDOWS[0]], PLAIN)
    assert batch[1] == result, "whatever stands beside it"


# -- the shared steps by themselves ---------------------------------------------------------------

class Script:
    """A runtime that answers every effort with the next line of a script."""

    timestamp_begin = 1000
    languages = ("en", "ru")

    def __init__(self, *answers: Decoded) -> None:
        self.answers = list(answers)

    def text(self, tokens: Any) -> str:
        return "".join(chr(token) for token in tokens if token < 1000)

    def encode(self, windows: Any) -> int:
        return len(windows)

    def prompt(self, options: DecodingOptions) -> list[int]:
        return []

    def decode(self, *_: Any) -> list[Decoded]:
        return [self.answers.pop(0)]

    def align(self, encoded: Any, options: DecodingOptions, tokens: Any, frames: Any) -> list[list[Timing]]:
        raise AssertionError("not asked for")


def said(words: str, log_probability: float = -0.3, no_speech: float = 0.0) -> Decoded:
    return Decoded(tuple(map(ord, words)), words, log_probability, no_speech)


LOOP = said(" so" * 60, -0.1)


@pytest.mark.parametrize("answers, expected", [
    ([said("fine")], "fine"),
    ([said("low", -1.5), said("better", -0.9)], "better"),
    ([LOOP, said("low", -1.5), said("lower", -1.6)], "low"),  # any sober text before a loop
    ([LOOP, said(" so" * 50, -0.2), said(" so" * 40, -0.3)], (" so" * 60).strip()),
    ([said("low", -1.5), said("lower", -1.8), said("high", -1.2)], "high"),
])
def test_the_best_of_several_tries(answers: list[Decoded], expected: str) -> None:
    script = Script(*answers)
    [result] = whisper_windows.transcribe(script, [tone(2, 400)], SEGMENTS)
    assert (result.status, text(result)) == ("transcribed", expected)
    assert result.again == (len(answers) > 1)
    assert not script.answers


def test_strong_beams_are_not_tried_twice() -> None:
    script = Script(LOOP, said("sober", -1.4))
    [result] = whisper_windows.transcribe(script, [tone(2, 400)], dataclasses.replace(SEGMENTS, beam_size=5))
    assert text(result) == "sober"


@pytest.mark.parametrize("answer, reason", [(said("hm", -1.5, 0.7), "the model heard no speech"), (said(" "), "no words")])
def test_why_a_window_is_empty(answer: Decoded, reason: str) -> None:
    assert whisper_windows.transcribe(Script(answer), [SILENCE], SEGMENTS) == [WindowResult("empty", reason=reason)]


def test_confident_text_over_noise_is_kept() -> None:
    [result] = whisper_windows.transcribe(Script(said("yes", -0.2, 0.9)), [SILENCE], SEGMENTS)
    assert text(result) == "yes"


def test_splitting_at_timestamps() -> None:
    tokens = [1000, *map(ord, " one"), 1050, 1060, *map(ord, " two"), 1100, 1100, *map(ord, " rest")]
    segments = whisper_words.split(tokens, Script(), 5.0)
    assert [(segment.start, segment.end, segment.text) for segment in segments] == \
        [(0, 1, "one"), (1.2, 2, "two"), (2, 5, "rest")]
    assert [segment.end for segment in whisper_words.split(tokens, Script(), 1.5)] == [1, 1.5, 1.5]
    assert whisper_words.split([], Script(), 1.0) == ()


def test_punctuation_belongs_to_words() -> None:
    timings = [Timing(word, i, i + 0.5, 0.9) for i, word in enumerate(
        [" (", "well", ")", ",", " yes", "?", "!", " -", " no", ".", " “"])]
    [segment] = whisper_words.aligned(timings, 30.0)
    assert [word.word for word in segment.words] == [" (well),", " yes?!", " - no. “"]
    assert segment.text == "(well), yes?! - no. “"
    assert whisper_words.aligned([Timing("...", 0, 1, 0.5)], 2.0)[0].text == "..."
    assert whisper_words.aligned([Timing(" ", 0, 1, 0.5)], 2.0) == ()


def test_words_do_not_reach_into_pauses() -> None:
    timings = [Timing(" late", 0.0, 5.0, 1), Timing(" one", 5.0, 5.4, 1), Timing(" two", 5.4, 5.8, 1),
               Timing(".", 5.8, 9.0, 1), Timing(" Next", 9.0, 12.0, 1), Timing(" word", 12.0, 12.4, 1)]
    [segment] = whisper_words.aligned(timings, 12.2)
    starts = {word.word: (round(word.start, 2), round(word.end, 2)) for word in segment.words}
    assert starts[" late"] == (3.6, 5.0) and starts[" two."] == (5.4, 5.8) and starts[" Next"] == (10.6, 12.0)
    assert starts[" word"] == (12.0, 12.2), "clipped"


def test_prompt_tokens() -> None:
    def encode(words: str) -> list[int]:
        return list(map(ord, words))

    assert prompt_tokens(encode, PLAIN) == []
    assert prompt_tokens(encode, dataclasses.replace(PLAIN, initial_prompt=" b ", hotwords="a")) == encode(" a b")
    assert prompt_tokens(encode, dataclasses.replace(PLAIN, hotwords="  ")) == []
    long = prompt_tokens(encode, dataclasses.replace(PLAIN, initial_prompt="x" * 300 + "y", hotwords="abc"))
    assert len(long) == 223 and long[:4] == encode(" abc") and long[-1] == ord("y")
    assert prompt_tokens(encode, dataclasses.replace(PLAIN, initial_prompt="p", hotwords="h" * 400))[1:] == encode("h" * 222)


def test_languages_agree_with_both_libraries() -> None:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    assert set(LANGUAGES) == set(_LANGUAGE_CODES)
    theirs = pytest.importorskip("whisper.tokenizer")
    assert list(LANGUAGES.items()) == list(theirs.LANGUAGES.items()), "and in the order of the tokens"
    for name, code in theirs.TO_LANGUAGE_CODE.items():
        assert language_code(name) == language_code(code.upper()) == code


def test_unknown_language_name() -> None:
    with pytest.raises(UsageError, match="'elvish'") as error:
        language_code("elvish")
    assert "af, am" in error.value.hint


# -- the small model itself -----------------------------------------------------------------------

@pytest.mark.parametrize("sentence", ["Hello, world! It's 5 o'clock.", " Привет, мир; ёлка, объём.", " naïve 日本語 🙂"])
def test_the_tokenizer_is_whispers(sentence: str) -> None:
    theirs = whispers_tokenizer()
    ours = whisper_files.build_tokenizer()
    tokens = ours.encode(sentence, add_special_tokens=False).ids
    assert tokens == theirs.encode(sentence)
    assert ours.decode(tokens) == theirs.decode(tokens) == sentence
    assert all(ours.token_to_id(token) == number for token, number in theirs.special_tokens.items())
    assert ours.get_vocab_size() == random_whisper.TINY.vocabulary
