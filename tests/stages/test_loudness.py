"""Loudness as pyloudnorm measures it, whatever the blocks; peaks that stay below the ceiling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import sound
from voicekit.errors import ProcessingError
from voicekit.stages.loudness import CEILING, Meter, limited, loudness_of, matching_gain, mixed, reader
from voicekit.types import Span

pyloudnorm = pytest.importorskip("pyloudnorm")


def cut(samples: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """In blocks of any length, empty ones too."""
    places = np.sort(np.random.default_rng(seed).integers(0, len(samples) + 1, 20))
    return np.split(samples, places)


def true_peak(samples: np.ndarray) -> float:
    """In decibels, oversampled fourfold."""
    from scipy.signal import resample_poly
    return 20 * np.log10(np.abs(resample_poly(samples.astype(np.float64), 4, 1)).max())


def stored(path: Path, samples: np.ndarray) -> str:
    samples.astype("<f4").tofile(path)
    return str(path)


def whole(path: str, gain: float, rate: int, samples: int) -> np.ndarray:
    return np.concatenate(list(limited(reader(path, gain), rate, samples)))


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("seconds", [0.4, 0.55, 1.0, 3.37, 12.03])
def test_the_same_as_pyloudnorm(rate: int, seconds: float) -> None:
    noise = sound.noise(1, seconds, rate)
    noise *= np.interp(np.arange(len(noise)), np.linspace(0, len(noise), 30),
                       np.random.default_rng(2).random(30) ** 4).astype(np.float32)
    expected = pyloudnorm.Meter(rate).integrated_loudness(noise.astype(np.float64))
    assert loudness_of(cut(noise), rate) == pytest.approx(expected, abs=0.002)


def test_speech_is_as_loud_as_pyloudnorm_says(speech: np.ndarray) -> None:
    said = speech.astype(np.float32) / 32768
    expected = pyloudnorm.Meter(16000).integrated_loudness(said.astype(np.float64))
    assert loudness_of(cut(said), 16000) == pytest.approx(expected, abs=0.001)
    assert loudness_of(cut(said, 1), 16000) == pytest.approx(loudness_of([said], 16000), abs=1e-6)


def test_only_speech_counts(speech: np.ndarray) -> None:
    said = speech[:80_000].astype(np.float32) / 32768
    meter = Meter()
    for part in (said, sound.noise(1, 5, level=0.3), said):
        meter.take(part, 16000)
    alone = loudness_of([said], 16000)
    assert meter.loudness() > alone + 3
    assert meter.loudness([Span(0, 5), Span(10, 15)]) == pytest.approx(alone, abs=0.1)
    assert meter.loudness([Span(0.2, 0.4)]) < -10  # too short for a block of 0.4 s
    assert meter.loudness([]) == -np.inf


def test_silence_and_next_to_nothing(tmp_path: Path) -> None:
    assert loudness_of([], 16000) == loudness_of([np.zeros(0, np.float32)], 16000) == -np.inf
    assert loudness_of([sound.silence(3)], 16000) == -np.inf
    for samples in (1, 50, 1700, 6399):
        assert -30 < loudness_of([sound.noise(1, 1, level=0.1)[:samples]], 16000) < -10
    silent = stored(tmp_path / "s", sound.silence(1))
    assert matching_gain(silent, 16000, 16000, -20.0) == 0
    assert not whole(silent, 0.0, 16000, 16000).any()
    assert matching_gain(stored(tmp_path / "n", sound.noise(1, 1)), 16000, 16000, -np.inf) == 0
    assert matching_gain(stored(tmp_path / "e", sound.silence(0)), 16000, 0, -20.0) == 0
    assert list(limited(reader(str(tmp_path / "e")), 16000, 0)) == []


@pytest.mark.parametrize("wanted", [-45.0, -23.0, -14.0, -11.0])
def test_a_track_becomes_as_loud_as_wanted(tmp_path: Path, speech: np.ndarray, wanted: float) -> None:
    """At -11 LUFS about every vowel is limited."""
    track = stored(tmp_path / "t", speech / 32768)
    gain = matching_gain(track, 16000, len(speech), wanted)
    made = whole(track, gain, 16000, len(speech))
    assert len(made) == len(speech)
    assert loudness_of([made], 16000) == pytest.approx(wanted, abs=0.1)
    assert true_peak(made) <= -1.0


def test_a_gain_has_an_end(tmp_path: Path) -> None:
    whisper = stored(tmp_path / "t", sound.noise(1, 5, level=0.0005))
    assert matching_gain(whisper, 16000, 80_000, -10.0) == 30


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
def test_peaks_stay_below_the_ceiling(tmp_path: Path, rate: int) -> None:
    bursts = sound.noise(1, 10, rate, level=0.15)
    bursts[3 * rate:4 * rate] *= 3
    time = np.arange(rate)
    bursts[6 * rate:7 * rate] = 0.99 * np.sin(np.pi / 2 * time + np.pi / 4)  # 3 dB higher between the samples
    made = whole(stored(tmp_path / "t", bursts), 6.0, rate, len(bursts))
    assert np.abs(made).max() <= CEILING
    assert true_peak(made) < -0.8  # noise up to half the rate; speech stays below -1


def test_limiting_does_not_touch_what_is_low_and_makes_no_clicks(tmp_path: Path) -> None:
    steady = sound.tone(4, frequency=100, level=0.4)
    steady[32000:32080] += 0.9 * np.hanning(80).astype(np.float32)
    made = whole(stored(tmp_path / "t", steady), 0.0, 16000, 64000)
    assert np.array_equal(made[:31000], steady[:31000]) and np.array_equal(made[33000:], steady[33000:])
    assert np.abs(np.diff(made)).max() <= np.abs(np.diff(steady)).max()
    assert np.abs(made).max() <= CEILING


def test_blocks_leave_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loud = sound.noise(3, 12, level=0.4)
    track = stored(tmp_path / "t", loud)
    made = whole(track, 3.0, 16000, len(loud))
    monkeypatch.setattr("voicekit.stages.loudness._BLOCK", 5000)
    assert np.abs(whole(track, 3.0, 16000, len(loud)) - made).max() < 1e-6


def test_both_together(tmp_path: Path) -> None:
    one, two = sound.tone(1, level=0.2), sound.noise(1, 1, level=0.01)
    read = mixed(reader(stored(tmp_path / "a", one)), reader(stored(tmp_path / "b", two), 6.0))
    assert np.allclose(read(-10, 16010)[10:-10], one + two * 10 ** 0.3, atol=1e-6)
    with pytest.raises(ProcessingError, match="cannot be read"):
        reader(str(tmp_path / "none"))(0, 1)
