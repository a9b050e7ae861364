"""Another pace and another melody by taking the voice apart: WORLD, for shifts that grains do not bear.

References
----------
M. Morise, F. Yokomori, K. Ozawa, "WORLD: a vocoder-based high-quality speech synthesis system for real-time
applications", IEICE Transactions on Information and Systems E99-D(7), 2016.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicekit.prosody.pitch import LOWEST, Contour, Pitch, pyworld


def resynthesise(samples: NDArray[np.float32], rate: int, pitch: Pitch, times: Contour, sources: Contour,
                 shift: Contour, length: int) -> NDArray[np.float32]:
    """As :func:`voicekit.prosody.psola.resynthesise`, and like it the same each time to the bit.

    Parameters
    ----------
    samples, rate, pitch, times, sources, shift, length
        As there.
    """
    if length <= 0 or len(samples) < 2 or not pitch.voiced.any():
        return np.zeros(max(length, 0), np.float32)
    world = pyworld()
    wave = np.ascontiguousarray(samples, np.float64)
    at = np.arange(len(pitch.f0)) * pitch.step
    size = world.get_cheaptrick_fft_size(rate, LOWEST)
    envelope = world.cheaptrick(wave, pitch.f0, at, rate, fft_size=size, f0_floor=LOWEST)
    breath = world.d4c(wave, pitch.f0, at, rate, fft_size=size)
    grid = np.arange(int(length / rate / pitch.step) + 2) * pitch.step
    there = np.clip(np.interp(grid, times, sources) / pitch.step, 0, len(at) - 1)
    before = np.minimum(there.astype(int), max(len(at) - 2, 0))
    after = np.minimum(before + 1, len(at) - 1)
    part = (there - before)[:, None]
    drawn = np.exp((1 - part) * np.log(envelope[before]) + part * np.log(envelope[after]))
    rough = (1 - part) * breath[before] + part * breath[after]
    nearest = np.round(there).astype(int)
    own = np.exp(np.interp(there, np.arange(len(at)), pitch.filled()))
    rise = np.interp(grid, np.arange(len(shift)) * pitch.step, shift)
    f0 = np.where(pitch.voiced[nearest], own * rise, 0.0)
    made = world.synthesize(f0, np.ascontiguousarray(drawn), np.ascontiguousarray(rough), rate, pitch.step * 1000)
    result = np.zeros(length, np.float32)
    result[:min(length, len(made))] = made[:length]
    return result
