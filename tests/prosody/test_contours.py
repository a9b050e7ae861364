from __future__ import annotations

import numpy as np
import pytest

from voicekit.prosody.contours import MOST_GAIN, MOST_SHIFT, certain, gain, mapped, shifts
from voicekit.prosody.pitch import STEP, Pitch
from voicekit.spoken import Register

LOW, HIGH = Register(np.log(100), 0.1), Register(np.log(200), 0.2)
TIMES = np.arange(200) * STEP


def test_mean_and_variance_are_the_voices() -> None:
    logs = np.log(100) + 0.1 * np.sin(np.arange(1000) / 20)
    made = mapped(logs, LOW, HIGH)
    assert np.mean(made) == pytest.approx(np.log(200), abs=0.01)
    assert np.std(made) == pytest.approx(2 * np.std(logs))


def test_a_monotone_voice_is_not_divided_by() -> None:
    flat = Register(np.log(100), 0.0)
    assert np.all(np.isfinite(mapped(np.log(np.array([99.0, 101.0])), flat, HIGH)))


def test_shifts_make_the_voices_contour_the_originals() -> None:
    original = Pitch(100 * np.exp(0.1 * np.sin(np.arange(200) / 20)))
    spoken = Pitch(np.full(200, 200.0))
    made = shifts(original, TIMES, spoken, TIMES, LOW, HIGH)
    np.testing.assert_allclose(200 * made, 200 * np.exp(0.2 * np.sin(np.arange(200) / 20)), rtol=0.02)


def test_the_unvoiced_is_bridged() -> None:
    f0 = np.full(200, 100.0)
    f0[60:100] = 0
    made = shifts(Pitch(f0), TIMES, Pitch(np.full(200, 200.0)), TIMES, LOW, HIGH)
    np.testing.assert_allclose(made, 1, atol=1e-6)


def test_shifts_are_bounded_and_what_is_not_the_speaker_is_not_followed() -> None:
    wild = np.full(200, 100.0)
    wild[80:120] = 450  # music
    made = shifts(Pitch(wild), TIMES, Pitch(np.full(200, 200.0)), TIMES, LOW, Register(np.log(200), 0.1))
    assert made.max() <= np.exp(0.4) + 1e-6
    far = shifts(Pitch(np.full(200, 100.0)), TIMES, Pitch(np.full(200, 200.0)), TIMES, LOW, Register(np.log(900), 0.1))
    assert far.max() == pytest.approx(MOST_SHIFT)


def test_edges_of_voice_are_not_believed() -> None:
    f0 = np.zeros(100)
    f0[20:60], f0[80:84] = 100, 100
    kept = np.flatnonzero(certain(Pitch(f0)).voiced)
    assert kept.tolist() == [*range(22, 58), *range(80, 84)]


def test_gain_follows_within_its_bounds() -> None:
    levels = np.full(400, -20.0)
    wave = -20 + 8 * np.sin(np.arange(400) / 60)
    made = gain(wave, levels)
    assert np.corrcoef(made, wave)[0, 1] > 0.99
    assert np.abs(gain(np.where(np.arange(400) < 200, -50.0, 0.0), levels)).max() <= MOST_GAIN
    assert not gain(np.full(400, -100.0), levels).any()
    assert not gain(wave, np.full(400, -100.0)).any()


def test_silence_is_not_made_louder() -> None:
    levels = np.full(400, -20.0)
    levels[150:250] = -90
    made = gain(np.full(400, -20.0), levels)
    assert made[160:240].max() <= 0.1
