"""A real Whisper through both engines: that they get words, times, languages and silence right."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import measure_pico, pico_cases, pico_whisper
from tests.models.measure_pico import KINDS, close, hear, late, quiet, spoken_by, word_errors, words_of
from tests.models.pico_cases import Talk
from voicekit.engines.whisper_windows import Effort
from voicekit.options import DecodingOptions
from voicekit.types import WindowResult

pytestmark = [pytest.mark.model, pytest.mark.xdist_group("pico")]

COUNT = 60
LANGUAGES = ("en", "ru")


@pytest.fixture(scope="module")
def talks() -> dict[str, list[Talk]]:
    return {language: measure_pico.utterances(language, COUNT) for language in LANGUAGES}


@pytest.fixture(scope="module", params=KINDS)
def engine(request: pytest.FixtureRequest, pico: dict[str, Path]) -> Iterator[Any]:
    transcriber = measure_pico.load(request.param, pico[request.param])
    transcriber.kind = request.param
    yield transcriber


HEARD: dict[str, dict[str, list[WindowResult]]] = {}


@pytest.fixture(scope="module")
def heard(engine: Any, talks: dict[str, list[Talk]]) -> dict[str, list[WindowResult]]:
    """What the engine makes of all the talks, by language."""
    results = {language: hear(engine, talks[language], DecodingOptions(language=language)) for language in LANGUAGES}
    HEARD[engine.kind] = results
    return results


def test_the_file_is_small() -> None:
    assert pico_whisper.FILE.stat().st_size < 4_000_000


def test_nothing_of_the_test_was_trained_on(talks: dict[str, list[Talk]]) -> None:
    sentences = [sentence for found in talks.values() for talk in found for sentence in talk.sentences]
    assert all(sentence.held_out for sentence in sentences)
    assert len({sentence.text("en") for sentence in sentences}) > COUNT


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_are_right(heard: dict[str, list[WindowResult]], talks: dict[str, list[Talk]], language: str) -> None:
    found = [spoken_by(result) for result in heard[language]]
    assert word_errors([talk.text for talk in talks[language]], found) <= 0.05


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_begin_when_they_are_said(heard: dict[str, list[WindowResult]], talks: dict[str, list[Talk]],
                                            language: str) -> None:
    delays = [delay for talk, result in zip(talks[language], heard[language], strict=True)
              for delay in late(talk.words, words_of(result.segments))]
    assert close(delays) >= 0.90
    assert abs(float(np.median([delay for _, delay in delays]))) < 0.05


def test_the_language_is_right(engine: Any, talks: dict[str, list[Talk]]) -> None:
    found = [(language, one) for language in LANGUAGES for one in measure_pico.languages(engine, talks[language])]
    assert sum(language == one for language, one in found) / len(found) >= 0.98


@pytest.mark.parametrize("word_timestamps", [True, False])
def test_silence_and_noise_give_no_words(engine: Any, word_timestamps: bool) -> None:
    pico_cases.need_espeak()
    assert quiet(engine, 100, word_timestamps) >= 0.98


def test_segments_without_word_times(engine: Any, talks: dict[str, list[Talk]]) -> None:
    """Timestamp tokens: the same words, and each sentence where it is said."""
    some = talks["en"][:24]
    results = hear(engine, some, DecodingOptions(language="en", word_timestamps=False))
    assert word_errors([talk.text for talk in some], [spoken_by(result) for result in results]) <= 0.05
    off = []
    for talk, result in zip(some, results, strict=True):
        assert not words_of(result.segments)
        if len(result.segments) == len(talk.sentences):
            firsts = np.cumsum([0, *(len(sentence.words("en")) for sentence in talk.sentences)])
            off += [segment.start - talk.words[first][1] for segment, first in zip(result.segments, firsts, strict=False)]
            off += [segment.end - talk.words[after - 1][2] for segment, after in zip(result.segments, firsts[1:], strict=True)]
    assert len(off) >= 48, "most talks have as many segments as sentences"
    assert np.mean(np.abs(off) <= 0.25) >= 0.9


def test_the_engines_agree(engine: Any, heard: dict[str, list[WindowResult]]) -> None:
    """The last engine to come compares all of them."""
    assert set(HEARD) <= set(KINDS) and HEARD[engine.kind] is heard
    mine = [spoken_by(result) for language in LANGUAGES for result in heard[language]]
    for other in HEARD.values():
        theirs = [spoken_by(result) for language in LANGUAGES for result in other[language]]
        assert word_errors(theirs, mine) <= 0.02


@pytest.mark.parametrize("options", [DecodingOptions(language="ru"), DecodingOptions(language="ru", beam_size=5),
                                     DecodingOptions(language="ru", word_timestamps=False),
                                     DecodingOptions(language="ru", task="translate", hotwords="my old friend")])
def test_batched_and_unbatched_decoding_agree(engine: Any, talks: dict[str, list[Talk]], options: DecodingOptions) -> None:
    some = talks["ru"][:12]
    alone = [engine.transcribe([talk.samples], options)[0] for talk in some]
    assert sum(bool(result.segments) for result in alone) == len(some)
    for size in (2, 5, 12):
        batched = [result for first in range(0, len(some), size)
                   for result in engine.transcribe([talk.samples for talk in some[first:first + size]], options)]
        assert [bare(result) for result in batched] == [bare(result) for result in alone], f"batches of {size}"


def bare(result: WindowResult) -> WindowResult:
    """Without the probabilities, which carry float32's noise."""
    return dataclasses.replace(result, segments=tuple(
        dataclasses.replace(segment, words=tuple(dataclasses.replace(word, probability=None) for word in segment.words))
        for segment in result.segments))


@pytest.mark.parametrize("option", ["initial_prompt", "hotwords"])
def test_a_prompt_stands_before_the_text_and_changes_how_sure_it_is(engine: Any, talks: dict[str, list[Talk]],
                                                                    option: str) -> None:
    some = talks["ru"][:16]
    options = DecodingOptions(language="ru", **{option: "мой старый друг"})
    assert engine.text(engine.prompt(options)) == " мой старый друг"
    found = hear(engine, some, options)
    assert word_errors([talk.text for talk in some], [spoken_by(result) for result in found]) <= 0.10, "it does no harm"
    plain_scores, scores = ([one.log_probability for one in engine.decode(engine.encode([talk.samples for talk in some]),
                                                                          chosen, engine.prompt(chosen), Effort(1))]
                            for chosen in (DecodingOptions(language="ru"), options))
    assert all(abs(one - other) > 1e-6 for one, other in zip(scores, plain_scores, strict=True))


def test_translation(engine: Any, talks: dict[str, list[Talk]]) -> None:
    """Russian speech in English words."""
    some = talks["ru"][:24]
    results = hear(engine, some, DecodingOptions(language="ru", task="translate"))
    english = [[word for sentence in talk.sentences for word in sentence.words("en")] for talk in some]
    assert word_errors(english, [spoken_by(result) for result in results]) <= 0.15


def test_more_beams_find_texts_that_are_as_probable_or_more(engine: Any, talks: dict[str, list[Talk]],
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    efforts = []
    decode = engine.decode

    def watch(*arguments: Any) -> Any:
        efforts.append(arguments[-1].beams)
        return decode(*arguments)

    monkeypatch.setattr(engine, "decode", watch)
    some = talks["en"][:8]
    hear(engine, some, DecodingOptions(language="en", beam_size=3))
    assert efforts[0] == 3
    encoded = engine.encode([talk.samples for talk in some])
    scores = [np.mean([one.log_probability for one in decode(encoded, DecodingOptions(language="en"), [],
                                                             Effort(beams))]) for beams in (1, 3)]
    assert scores[1] >= scores[0] - 1e-3
