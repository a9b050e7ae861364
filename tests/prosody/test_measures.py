from __future__ import annotations

import numpy as np
import pytest

from tests import sound
from tests.prosody import cases
from tests.prosody.test_pitch import buzz
from voicekit.prosody.measures import Heard, compare, hear, mean
from voicekit.prosody.pitch import Pitch
from voicekit.spoken import Register
from voicekit.types import Span


def made(f0: np.ndarray, levels: np.ndarray | None = None, speech: np.ndarray | None = None) -> Heard:
    f0 = np.asarray(f0, float)
    return Heard(Pitch(f0), np.full(len(f0), -20.0) if levels is None else levels,
                 np.ones(len(f0), bool) if speech is None else speech, len(f0) * 80, 16000)


GLIDE = np.linspace(100, 200, 200)


def test_a_recording_against_itself() -> None:
    spoken = hear(cases.say(cases.ENGLISH, "en-us+f3").samples, cases.RATE)
    found = compare(spoken, spoken)
    assert (found.f0_rmse, found.gross_pitch_error, found.voicing_error, found.duration_error) == (0, 0, 0, 0)
    assert (found.overlap, found.overlap_back) == (1, 1)
    assert found.f0_correlation == pytest.approx(1) and found.energy_correlation == pytest.approx(1)


def test_another_register_is_no_error() -> None:
    found = compare(made(GLIDE), made(GLIDE * 1.5))
    assert found.f0_rmse == pytest.approx(0, abs=1e-6)
    low, high = Register(5.0, 0.1), Register(5.5, 0.2)
    logs = np.log(GLIDE)
    found = compare(made(GLIDE), made(np.exp(5.5 + (logs - 5.0) * 2)), low, high)
    assert found.f0_rmse == pytest.approx(0, abs=1e-6)


def test_cents_and_gross_errors() -> None:
    same = Register(5.0, 0.2)
    found = compare(made(GLIDE), made(GLIDE * 2 ** (50 / 1200)), same, same)
    assert found.f0_rmse == pytest.approx(50) and found.f0_rmse_fine == pytest.approx(50)
    assert found.gross_pitch_error == 0
    slipped = GLIDE.copy()
    slipped[:20] *= 2
    found = compare(made(GLIDE), made(slipped), same, same)
    assert found.gross_pitch_error == pytest.approx(0.1)
    assert found.f0_rmse == pytest.approx(1200 * np.sqrt(0.1))
    assert found.f0_rmse_fine == pytest.approx(0, abs=1e-6)


def test_voicing_and_overlap() -> None:
    half = GLIDE.copy()
    half[:50] = 0
    speech = np.ones(200, bool)
    speech[:40] = False
    found = compare(made(GLIDE), made(half, speech=speech))
    assert found.voicing_error == pytest.approx(0.25)
    assert (found.overlap, found.overlap_back) == (0.8, 1)
    assert found.voiced_frames == 150


def test_energy() -> None:
    wave = -30 + 10 * np.sin(np.arange(200) / 9)
    assert compare(made(GLIDE, wave), made(GLIDE, wave - 7)).energy_correlation == pytest.approx(1)
    assert compare(made(GLIDE, wave), made(GLIDE, -60 - wave)).energy_correlation == pytest.approx(-1)
    assert compare(made(GLIDE), made(GLIDE)).energy_correlation is None


def test_one_sentence_of_a_recording() -> None:
    other = GLIDE.copy()
    other[100:] *= 1.1
    same = Register(5.0, 0.2)
    assert compare(made(GLIDE), made(other), same, same, Span(0, 0.5)).f0_rmse == pytest.approx(0, abs=1e-9)
    assert compare(made(GLIDE), made(other), same, same, Span(0.5, 1.0)).f0_rmse == pytest.approx(165, abs=1)
    nothing = compare(made(GLIDE), made(other), same, same, Span(7, 8))
    assert nothing.f0_rmse is None and nothing.overlap is None and nothing.voiced_frames == 0


def test_lengths_and_silence() -> None:
    tone = hear(buzz(np.full(200, 120.0)), 16000)
    longer = hear(buzz(np.full(220, 120.0), 22050), 22050)
    assert compare(tone, longer).duration_error == 22050 // 10
    silent = hear(sound.silence(1.0), 16000)
    found = compare(tone, silent)
    assert found.f0_rmse is None and found.overlap == 0 and found.overlap_back is None
    assert compare(silent, silent).voicing_error is None


def test_mean_over_sentences() -> None:
    same = Register(5.0, 0.2)
    one = compare(made(GLIDE), made(GLIDE * 2 ** (50 / 1200)), same, same)
    none = compare(made(GLIDE), made(GLIDE * 0), same, same)
    two = compare(made(GLIDE), made(GLIDE * 2 ** (-30 / 1200)), same, same)
    assert mean([one, none, two]).f0_rmse == pytest.approx(40)
    assert mean([none]).f0_rmse is None
