"""Another rate: the length is known before, and every sound stays where it was."""

from __future__ import annotations

import numpy as np
import pytest

from tests import sound
from voicekit.audio.resampling import resampled, resampled_length

RATES = [8000, 16000, 22050, 24000, 44100, 48000, 96000]


def at(samples: np.ndarray, rate: int, target: int, block: int = 5000) -> np.ndarray:
    blocks = [samples[first:first + block] for first in range(0, len(samples), block)]
    return np.concatenate([np.zeros(0, np.float32), *resampled(blocks, len(samples), rate, target)])


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("target", RATES)
def test_a_tone_stays_what_it_was(rate: int, target: int) -> None:
    frequency = 0.4 * min(rate, target)
    made = at(sound.tone(1, rate, frequency), rate, target)
    assert len(made) == target
    error = (made - sound.tone(1, target, frequency))[target // 50:-target // 50]
    assert np.abs(error).max() < 1e-4  # 80 dB below full scale


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, 51, 4999, 10001])
@pytest.mark.parametrize("rates", [(22050, 48000), (48000, 16000), (16000, 16000), (44100, 8000)])
def test_the_length_is_known_before(count: int, rates: tuple[int, int]) -> None:
    samples = sound.noise(1, 1, 44100)[:count]
    assert len(at(samples, *rates)) == resampled_length(count, *rates) == pytest.approx(
        count * rates[1] / rates[0], abs=0.5)


def test_blocks_leave_no_trace() -> None:
    noise = sound.noise(1, 2, 22050)
    whole = at(noise, 22050, 48000, 10 ** 6)
    assert np.abs(at(noise, 22050, 48000, 777) - whole).max() < 1e-6
    assert np.array_equal(at(noise, 22050, 48000), at(noise, 22050, 48000))
