"""Peaks, energy and pitch of a sound that goes by in blocks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests import sound
from voicekit.formats.report.hearing import QUIETEST, Envelope, Melody
from voicekit.formats.report.material import CONTOUR_STEP, LEVEL_STEP

RATES = (1000, 8000, 11025, 22050, 44100, 48000)


def fed(ear: Envelope | Melody, samples: NDArray[np.float32], seed: int | None = None) -> None:
    """The whole sound, at once or in blocks of random lengths, some of them empty."""
    rng, at = np.random.default_rng(seed), 0
    while at < len(samples):
        length = len(samples) if seed is None else int(rng.integers(0, 200_000))
        ear.take(samples[at:at + length])
        at += length
    ear.finish()


def voice(seconds: float, rate: int, lowest: float = 100.0, highest: float = 200.0) -> NDArray[np.float32]:
    """A buzz that glides up, an octave at most, with the harmonics of a voice."""
    f0 = np.geomspace(lowest, highest, round(seconds * rate))
    phase = 2 * np.pi * np.cumsum(f0) / rate
    return (0.3 * sum(np.sin(k * phase) / k for k in range(1, 12))).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
def test_a_tone_after_silence(rate: int) -> None:
    heard = Envelope(rate)
    fed(heard, np.concatenate([sound.silence(1.0, rate), sound.tone(1.03, rate, frequency=rate / 23, level=0.5)]))
    levels, energy = heard.levels(), heard.energy()
    assert len(levels) == round(1 / LEVEL_STEP) * 2 + 1 and len(energy) == round(1 / CONTOUR_STEP) * 2 + 1
    assert set(levels[:20]) == {0} and min(levels[20:40]) > 245
    assert set(energy[:20]) == {QUIETEST}
    assert np.allclose(energy[20:40], 20 * np.log10(0.5 / np.sqrt(2)), atol=0.35 if rate < 8000 else 0.15)


@pytest.mark.parametrize("rate", RATES)
def test_blocks_do_not_matter_to_levels_and_energy(rate: int) -> None:
    samples = sound.noise(3, 12.345, rate) * np.linspace(0, 1, round(12.345 * rate), dtype=np.float32)
    whole = Envelope(rate)
    fed(whole, samples)
    for seed in range(3):
        parts = Envelope(rate)
        fed(parts, samples, seed)
        assert parts.levels() == whole.levels() and parts.energy() == whole.energy()
    assert len(whole.levels()) == int(np.ceil(12.345 / LEVEL_STEP))


def test_quiet_recordings_are_seen_and_slammed_doors_do_not_hide_the_rest() -> None:
    quiet = sound.noise(1, 60.0, 8000, level=0.01)
    slammed = quiet.copy()
    slammed[80000:80040] = 1.0
    for samples in (quiet, slammed):
        heard = Envelope(8000)
        fed(heard, samples)
        assert np.median(heard.levels()) > 150
    hiss = Envelope(8000)
    fed(hiss, sound.noise(1, 5.0, 8000, level=3e-5))
    assert 0 < max(hiss.levels()) < 40, "not drawn as if it were speech"
    dead = Envelope(8000)
    fed(dead, sound.silence(5.0, 8000))
    assert set(dead.levels()) == {0}


def test_nothing_heard_is_nothing_drawn() -> None:
    envelope = Envelope(16000)
    envelope.finish()
    assert envelope.levels() == envelope.energy() == ()


@pytest.mark.parametrize("rate", (8000, 22050, 44100))
def test_pitch_is_found_without_a_seam(rate: int) -> None:
    pytest.importorskip("pyworld")
    seconds = 130.0
    samples = voice(seconds, rate)
    samples[round(30 * rate):round(32 * rate)] = 0
    heard = Melody(rate)
    fed(heard, samples, seed=7)
    found = np.array(heard.pitch())
    assert len(found) == round(seconds / CONTOUR_STEP)
    times = (np.arange(len(found)) + 0.5) * CONTOUR_STEP
    expected = 100 * 2 ** (times / seconds)
    silent = (times > 30.1) & (times < 31.9)
    assert not found[silent].any()
    spoken = (times > 0.2) & (times < seconds - 0.2) & ((times < 29.9) | (times > 32.1))
    assert np.all(np.abs(found[spoken] / expected[spoken] - 1) < 0.03), "also at 60 s and 120 s, where it is cut"


def test_blocks_do_not_matter_to_pitch() -> None:
    pytest.importorskip("pyworld")
    samples = np.concatenate([voice(40.0, 8000), sound.silence(1.0, 8000), voice(40.02, 8000, 240.0, 150.0)])
    found = []
    for seed in (None, 1, 2):
        heard = Melody(8000)
        fed(heard, samples, seed)
        found.append(heard.pitch())
    assert found[0] == found[1] == found[2] and len(found[0]) == int(np.ceil(81.02 / CONTOUR_STEP))


@pytest.mark.parametrize("seconds", (0.0, 0.01, 0.3, 61.0, 120.0))
def test_sounds_of_any_length_have_a_value_for_every_step(seconds: float) -> None:
    pytest.importorskip("pyworld")
    heard = Melody(8000)
    fed(heard, sound.noise(5, seconds, 8000))
    assert len(heard.pitch()) == int(np.ceil(round(seconds / CONTOUR_STEP, 6)))
