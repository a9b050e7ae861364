from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from voicekit.prosody import timing
from voicekit.prosody.timing import QUICKEST, SLOWEST, as_one, word_by_word
from voicekit.types import Span


def spans(*times: tuple[float, float] | None) -> list[Span | None]:
    return [None if time is None else Span(*time) for time in times]


def starts(made: timing.Timing) -> list[float | None]:
    return [None if span is None else round(span.start, 3) for span in made.words]


def test_words_begin_and_end_with_the_original() -> None:
    original = spans((0, 0.4), (0.4, 0.7), (1.2, 1.6))
    made = word_by_word(original, spans((0.1, 0.4), (0.4, 0.8), (0.8, 1.1)), 1.2, 3)
    assert [(round(span.start, 3), round(span.end, 3)) for span in made.words if span] == [(0, 0.4), (0.4, 0.7),
                                                                                           (1.2, 1.6)]
    assert made.notes == ()
    assert made.silent == (Span(0.7, 1.2),)


def test_the_pause_of_the_voice_is_taken_away_where_the_original_has_none() -> None:
    made = word_by_word(spans((0, 0.4), (0.4, 0.8)), spans((0, 0.4), (0.9, 1.3)), 1.3, 3)
    assert starts(made) == [0, 0.4]
    assert made.silent == ()
    assert made.end == pytest.approx(0.8)


def test_a_spoken_pause_keeps_its_edges_and_is_silent_in_between() -> None:
    made = word_by_word(spans((0, 0.4), (1.4, 1.8)), spans((0, 0.4), (0.6, 1.0)), 1.0, 3)
    (silent,) = made.silent
    assert 0.4 < silent.start < silent.end < 1.4
    assert np.interp(silent.start, made.output, made.spoken) == pytest.approx(0.4 + silent.start - 0.4)


def test_too_fast_is_capped_told_and_caught_up() -> None:
    original = spans((0, 0.2), (0.2, 1.2), (1.2, 1.6))
    made = word_by_word(original, spans((0, 0.8), (0.8, 1.6), (1.6, 2.0)), 2.0, 3)
    assert made.words[0] == Span(0, 0.8 / QUICKEST)
    assert starts(made) == [0, 0.4, 1.2]
    assert "word 1" in made.notes[0] and "late" in made.notes[0]


def test_too_slow_is_capped_and_leaves_a_pause() -> None:
    made = word_by_word(spans((0, 2.0), (2.0, 2.4)), spans((0, 0.4), (0.4, 0.8)), 0.8, 3)
    assert made.words[0] == Span(0, 0.4 / SLOWEST)
    assert starts(made) == [0, 2.0]
    assert "word 1" in made.notes[0] and "early" in made.notes[0]


def test_room_makes_it_faster_then_trims_it() -> None:
    original = spans((0, 0.5), (0.5, 1.0), (1.0, 1.5))
    spoken = spans((0, 0.9), (0.9, 1.8), (1.8, 2.7))
    fits = word_by_word(original, spoken, 2.7, 1.4)
    assert fits.end <= 1.4 + 1e-9 and not any("left out" in note for note in fits.notes)
    over = word_by_word(original, spoken, 2.7, 1.0)
    assert over.start == 0
    assert over.end == pytest.approx(1.35)
    assert "0.35 s are left out" in over.notes[-1]
    assert all(span is None or span.end <= 1.0 for span in over.words)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_word_without_a_time_in_the_original(missing: int) -> None:
    original: list[Span | None] = [*spans((0, 0.4), (0.4, 0.8), (0.8, 1.2))]
    original[missing] = None
    made = word_by_word(original, spans((0, 0.4), (0.4, 0.8), (0.8, 1.2)), 1.2, 3)
    assert None not in made.words
    assert made.start == 0
    assert all(starts(made)[index] == pytest.approx(0.4 * index, abs=0.25) for index in range(3))


def test_words_that_the_voice_says_as_one() -> None:
    """"in the" is one word to espeak-ng: the first has the time of both."""
    original = spans((0, 0.2), (0.2, 0.4), (0.4, 0.8))
    made = word_by_word(original, spans((0, 0.4), None, (0.4, 0.8)), 0.8, 3)
    assert made.words[1] is None
    assert made.words[0] == Span(0, 0.4)
    assert starts(made)[2] == 0.4


def test_a_word_that_the_voice_does_not_say_is_a_pause() -> None:
    original = spans((0, 0.4), (0.4, 1.2), (1.2, 1.6))
    made = word_by_word(original, spans((0, 0.4), None, (0.4, 0.8)), 0.8, 3)
    assert made.words[0] == Span(0, 0.4)
    assert starts(made)[2] == 1.2
    assert made.silent == (Span(0.4, 1.2),)


@pytest.mark.parametrize("original, spoken", [
    ((None, None), ((0, 0.5), (0.5, 1))), (((0, 0.5), (0.5, 1)), (None, None)), ((None, None), (None, None)), ((), ()),
    (((0, 0), (0, 0)), ((0, 0.5), (0.5, 1))), (((0, 0.5), (0.5, 1)), ((0, 0), (0, 0)))])
def test_where_times_are_missing(original: tuple[tuple[float, float] | None, ...],
                                 spoken: tuple[tuple[float, float] | None, ...]) -> None:
    for fit in (word_by_word, as_one):
        made = fit(spans(*original), spans(*spoken), 1.0, 2.0)
        assert made.start == 0
        assert 0 < made.end <= 2
        assert np.isfinite(made.stretch)


def test_any_times_give_a_map_that_ascends_and_keeps_its_promises() -> None:
    rng = random.Random(7)
    for _ in range(500):
        count = rng.randint(1, 8)
        sides = []
        for _ in range(2):
            times = list(itertools.accumulate(rng.choice((0, 0.02, 0.1, 0.4, 1.5)) * rng.random()
                                              for _ in range(2 * count)))
            sides.append([None if rng.random() < 0.2 else Span(*pair)
                          for pair in zip(times[::2], times[1::2], strict=True)])
        room = rng.uniform(0.1, 6)
        for fit in (word_by_word, as_one):
            made = fit(*sides, 1.0, room)
            for clock in (made.output, made.spoken, made.original):
                assert np.all(np.diff(clock) >= 0) and np.all(np.isfinite(clock))
            first = next((anchor for anchor, said in zip(*sides, strict=True) if said is not None), None)
            assert first is None or made.start == pytest.approx(first.start)
            assert made.end <= room + 1e-6 or any("left out" in note for note in made.notes)
            pace = np.diff(made.spoken) / np.maximum(np.diff(made.output), 1e-9)
            said = (np.diff(made.output) > 1e-6) & (np.diff(made.spoken) > 0.021)
            assert np.all(pace[said] <= QUICKEST + 1e-6) or fit is word_by_word
            for one, after in itertools.pairwise(span for span in made.words if span is not None):
                assert after.start >= one.start - 1e-9


def test_a_sentence_keeps_its_own_pace_where_it_fits() -> None:
    anchors, spoken = spans((0, 0.5), (0.5, 1.0)), spans((0.1, 0.6), (0.6, 1.05))
    assert as_one(anchors, spoken, 1.1, 1.5).stretch == 1.0
    assert as_one(anchors, spoken, 1.1, 0.76).stretch == pytest.approx(0.8)
    over = as_one(anchors, spoken, 1.1, 0.4)
    assert over.stretch == pytest.approx(0.5) and "left out" in over.notes[0]
