"""Log mel filterbank energies as Kaldi computes them, which is what WeSpeaker's models were trained on.

The same steps as ``torchaudio.compliance.kaldi.fbank(waveform * 32768, num_mel_bins=80, frame_length=25,
frame_shift=10, dither=0, window_type="hamming", use_energy=False)``, and so as Kaldi's ``compute-fbank-feats``
(``feat/feature-window.cc``, ``feat/mel-computations.cc``), for sound at 16 kHz; in double precision until the end.
No BLAS is used: its last bits may depend on the number of its threads.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from voicekit.types import SAMPLE_RATE

BANDS = 80
LENGTH = SAMPLE_RATE // 40
"""Samples that a frame sees: 25 ms."""
HOP = SAMPLE_RATE // 100
"""Samples from frame to frame: 10 ms."""

_FFT = 512  # the next power of two
_LOWEST = 20.0  # Hz; the highest band ends at half the sample rate
_PRE_EMPHASIS = 0.97
_SCALE = 32768.0  # Kaldi counts in 16-bit samples
_FLOOR = float(np.finfo(np.float32).eps)
_BLOCK = 1024  # frames that are computed at a time: 4 MB


def frame_count(samples: int) -> int:
    """How many whole frames so many samples hold (Kaldi's ``snip_edges``)."""
    return 1 + (samples - LENGTH) // HOP if samples >= LENGTH else 0


def fbank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log energies of 80 mel bands.

    Every frame is computed alone, so frames of a long sound are those of any piece of it that begins at a whole hop.

    Parameters
    ----------
    samples : ndarray, shape (samples,), float32
        16 kHz, -1 to 1.

    Returns
    -------
    ndarray, shape (frames, 80), float32
        Natural logarithms; not mean-normalised.
    """
    count = frame_count(len(samples))
    energies = np.empty((count, BANDS), np.float32)
    if not count:
        return energies
    framed = np.lib.stride_tricks.sliding_window_view(samples, LENGTH)[::HOP]
    for first in range(0, count, _BLOCK):
        frames = framed[first:first + _BLOCK].astype(np.float64) * _SCALE
        frames -= frames.mean(axis=1, keepdims=True)
        before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)  # Kaldi repeats the first sample
        spectrum = np.fft.rfft((frames - _PRE_EMPHASIS * before) * np.hamming(LENGTH), _FFT)
        power = np.einsum("tf,fb->tb", spectrum.real ** 2 + spectrum.imag ** 2, _weights(), optimize=False)
        energies[first:first + _BLOCK] = np.log(np.maximum(power, _FLOOR))
    return energies


@lru_cache(maxsize=1)
def _weights() -> NDArray[np.float64]:
    """Triangles that are even on the mel scale; shape (FFT bins, bands)."""
    def mel(hertz: float) -> float:
        return 1127.0 * math.log1p(hertz / 700.0)

    edges = np.linspace(mel(_LOWEST), mel(SAMPLE_RATE / 2), BANDS + 2)
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    bins = np.array([[mel(place * SAMPLE_RATE / _FFT)] for place in range(_FFT // 2 + 1)])
    weights: NDArray[np.float64] = np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre))
    return np.maximum(weights, 0.0)
