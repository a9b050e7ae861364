from __future__ import annotations

import numpy as np
import pytest

from tests import sound
from voicekit.prosody.loudness import alike, loudness, sounding, speaking, trimmed, with_onset
from voicekit.prosody.pitch import STEP
from voicekit.types import Span

RATE = 16000


def talk(*parts: float, floor: float = 0.0) -> np.ndarray:
    """Tone and silence in turn, so many seconds each, in noise."""
    pieces = [sound.tone(length, level=0.3) if index % 2 == 0 else sound.silence(length)
              for index, length in enumerate(parts)]
    samples = np.concatenate(pieces)
    return samples + floor * np.random.default_rng(3).standard_normal(len(samples)).astype(np.float32)


def test_loudness_is_mean_power() -> None:
    levels = loudness(sound.tone(1.0, level=0.5), RATE)
    assert len(levels) == int(1.0 / STEP) + 1
    assert np.allclose(levels[20:-20], 10 * np.log10(0.125), atol=0.1)
    assert loudness(sound.silence(0.1), RATE).max() <= -99
    assert len(loudness(np.zeros(0), RATE)) == 1


@pytest.mark.parametrize("floor", [0.0, 0.001, 0.01])
def test_sound_is_found_in_silence_and_in_noise(floor: float) -> None:
    found = sounding(loudness(talk(0.5, 0.5, 0.5, floor=floor), RATE))
    assert found[10:95].all() and found[210:290].all()
    assert not found[110:190].any()


def test_closures_are_speech_and_pauses_are_not() -> None:
    assert speaking(loudness(talk(0.5, 0.12, 0.5), RATE))[5:215].all()
    assert not speaking(loudness(talk(0.5, 0.4, 0.5), RATE))[110:170].any()


def test_speech_throughout_is_not_taken_for_noise() -> None:
    """Its soft parts were held for silence, because the tenth percentile of the level was taken for the noise."""
    swell = 10 ** (-17 / 20 * (1 - np.cos(np.arange(32000) / 2500)) / 2)
    swell[15500:16500] = 0  # a closure
    assert sounding(loudness(sound.tone(2.0) * swell, RATE)).mean() > 0.85


def test_nothing_is_no_speech() -> None:
    assert not speaking(loudness(sound.silence(1.0), RATE)).any()
    assert len(sounding(np.zeros(0))) == 0


def test_words_lose_the_silence_at_their_edges() -> None:
    samples = talk(0.5, 0.3, 0.5)
    spans = [Span(0.0, 0.8), None, Span(0.8, 1.3)]
    first, none, last = trimmed(spans, samples, RATE)
    assert none is None
    assert first is not None and first.start == 0 and first.end == pytest.approx(0.5, abs=0.02)
    assert last is not None and last.start == pytest.approx(0.8, abs=0.02)
    assert trimmed([Span(0.52, 0.76)], samples, RATE) == (Span(0.52, 0.76),)  # nothing but silence: left
    (shifted,) = trimmed([Span(-0.5, 0.3)], samples, RATE, before=0.5)
    assert shifted is not None and shifted.end == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize("mine, theirs, cut", [
    (0.3, 0.3, True), (0.3, 0.0, True), (0.0, 0.3, True), (0.06, 0.0, False), (0.06, 0.19, False), (0.1, 0.1, False)])
def test_pauses_are_trimmed_on_both_sides_and_closures_on_neither(mine: float, theirs: float, cut: bool) -> None:
    """A word with 60 ms of silence at its end in one recording only came out much longer than in the other."""
    one, other, before = [Span(0, 1)], [Span(2, 3)], [Span(-1, 1)]
    assert alike(one, [Span(0, 1 - mine)], other, [Span(2, 3 - theirs)]) == (Span(0, 1 - mine if cut else 1),)
    assert alike(before, [Span(-1 + mine, 1)], other, [Span(2 + theirs, 3)]) == (Span(-1 + mine if cut else -1, 1),)


def test_what_one_side_lacks_is_trimmed_by_itself() -> None:
    assert alike([None], [None], [Span(0, 1)], [Span(0, 1)]) == (None,)
    assert alike([Span(0, 1)], [Span(0, 0.9)], [None], [None]) == (Span(0, 0.9),)


def test_onset() -> None:
    assert with_onset([None, Span(1, 2)], 0.5) == (None, Span(0.5, 2))
    assert with_onset([Span(1, 2)], None) == (Span(1, 2),)
    assert with_onset([None], 1.0) == (None,)
