from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from tests import sound
from tests.prosody import cases
from tests.prosody.test_pitch import buzz
from voicekit.prosody import psola, world
from voicekit.prosody.pitch import Pitch, track

RATE = 16000


def remade(samples: np.ndarray, stretch: float, shift: float, by: ModuleType = psola, rate: int = RATE) -> np.ndarray:
    ends = np.array([0.0, len(samples) / rate])
    made: np.ndarray = by.resynthesise(samples, rate, track(samples, rate), ends * stretch, ends, np.full(1, shift),
                                       round(len(samples) * stretch))
    return made


def test_nothing_to_change_gives_the_sound_back() -> None:
    spoken = cases.say(cases.ENGLISH, "en-us+f3").samples
    left = remade(spoken, 1.0, 1.0, rate=cases.RATE) - spoken
    assert 10 * np.log10(np.sum(spoken ** 2) / np.sum(left ** 2)) > 20


@pytest.mark.parametrize("by", [psola, world])
@pytest.mark.parametrize("stretch", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("shift", [0.75, 1.0, 1.4])
def test_pace_and_pitch_are_as_asked(by: ModuleType, stretch: float, shift: float) -> None:
    samples = buzz(np.linspace(120, 180, 240))
    made = remade(samples, stretch, shift, by)
    assert len(made) == round(len(samples) * stretch)
    found = track(made, RATE).f0
    wanted = np.interp(np.arange(len(found)), np.array([0, 240]) * stretch, [120, 180]) * shift
    inner = slice(20, int(220 * stretch))
    voiced = found[inner] > 0
    assert voiced.mean() > 0.95
    assert np.median(np.abs(1200 * np.log2(found[inner][voiced] / wanted[inner][voiced]))) < 20


def test_marks_follow_the_periods() -> None:
    f0 = np.linspace(100, 250, 300)
    samples = buzz(f0)
    marks = psola.pitch_marks(samples, RATE, track(samples, RATE))
    gaps = np.diff(marks)
    assert np.all(gaps > 0)
    inner = (marks[1:] > 0.1 * RATE) & (marks[1:] < 1.4 * RATE)
    wanted = np.interp(marks[1:] / RATE / 0.005, np.arange(300), f0)
    assert np.percentile(np.abs(RATE / gaps / wanted - 1)[inner], 95) < 0.03


def test_marks_lie_where_the_period_is_loud() -> None:
    samples = buzz(np.full(200, 110.0))
    marks = psola.pitch_marks(samples, RATE, track(samples, RATE))
    near = np.abs(samples[np.clip(np.round(marks[10:-10]).astype(int)[:, None] + np.arange(-16, 17), 0, None)])
    assert np.median(near.max(axis=1)) > 0.9 * np.median(np.sort(np.abs(samples))[-200:])


def test_level_is_kept() -> None:
    spoken = cases.say(cases.RUSSIAN, "ru+f3").samples
    for stretch, shift in ((0.7, 1.0), (1.4, 1.0), (1.0, 1.3), (1.0, 0.8)):
        made = remade(spoken, stretch, shift, rate=cases.RATE)
        assert abs(10 * np.log10(np.mean(made ** 2) / np.mean(spoken ** 2))) < 2.5


@pytest.mark.parametrize("stretch, shift", [(0.7, 1.0), (1.3, 1.2), (1.0, 0.8)])
def test_no_clicks(stretch: float, shift: float) -> None:
    samples = (0.5 * np.sin(2 * np.pi * np.cumsum(np.linspace(110, 190, 24000)) / RATE)).astype(np.float32)
    made = remade(samples, stretch, shift)
    assert np.abs(np.diff(made)).max() < 1.6 * shift * np.abs(np.diff(samples)).max()


def test_noise_and_silence() -> None:
    for samples in (sound.noise(1, 0.5), sound.silence(0.5)):
        made = remade(samples, 1.5, 1.2)
        assert np.all(np.isfinite(made)) and len(made) == round(len(samples) * 1.5)
        assert np.sqrt(np.mean(made ** 2)) == pytest.approx(np.sqrt(np.mean(samples ** 2)), rel=0.35)


@pytest.mark.parametrize("by", [psola, world])
@pytest.mark.parametrize("length", [0, 1, 2, 50])
def test_tiny_sounds(by: ModuleType, length: int) -> None:
    samples = sound.noise(2, 0.1)[:length]
    ends = np.array([0.0, 0.01])
    for count in (0, 1, 100):
        made = by.resynthesise(samples, RATE, Pitch(np.zeros(1)), ends, ends, np.ones(1), count)
        assert len(made) == count and np.all(np.isfinite(made))


@pytest.mark.parametrize("by", [psola, world])
def test_the_same_to_the_bit(by: ModuleType) -> None:
    spoken = cases.say(cases.ENGLISH, "en-us+m3").samples[:40000]
    np.testing.assert_array_equal(remade(spoken, 1.2, 0.9, by), remade(spoken, 1.2, 0.9, by))
