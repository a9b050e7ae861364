"""The d-vector: 1.6 s of a voice as a point among voices, in numpy.

Three LSTM layers of 256 on 40 mel bands, a linear layer, ReLU, length 1: the generalized end-to-end loss's network
(Wan et al., 2018), as Resemblyzer trained it. Its weights are Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from voicekit.types import SAMPLE_RATE

HOP = 160
"""Samples from frame to frame."""

FRAMES = 160
"""Frames that the network was trained on: 1.6 s."""

SIZE = 256
"""Numbers of an embedding."""

LOUDNESS = 10 ** (-30 / 20)
"""Root mean square (1 is full scale) to which softer sound is raised, as in training."""

BATCH = 32
"""Embeddings computed together."""

_LANES = 16
"""Embeddings in one matrix product, side by side: as many as the widest vectors have numbers, so that the product
does the same for each of them. With more, OpenBLAS adds up those on the left and on the right in different orders on
some processors (AVX2), and an embedding would depend on its neighbours."""

_WINDOW = 400
_BANDS = 40


class Bands:
    """Mel bands of a sound, as librosa's ``melspectrogram`` computes them: power, not its logarithm."""

    def __init__(self) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        self._filters = np.asarray(FeatureExtractor.get_mel_filters(SAMPLE_RATE, _WINDOW, _BANDS), np.float64)
        self._taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the bands.

        Parameters
        ----------
        samples : ndarray, shape (n,), float32
            16 kHz; silence is assumed before and after.

        Returns
        -------
        ndarray, shape (1 + n // 160, 40), float32
            Frame ``i`` is centred on sample ``160 * i``.
        """
        padded = np.pad(samples, _WINDOW // 2)
        frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP]
        spectra = np.fft.rfft(frames.astype(np.float64) * self._taper, axis=1)
        power = spectra.real ** 2 + spectra.imag ** 2
        return (power @ self._filters.T).astype(np.float32)


class DVector:
    """The network.

    Parameters
    ----------
    weights : mapping of str to ndarray
        From :func:`voicekit.diarization.d_vector_file.read_weights`.
    threads : int
        Batches computed at a time. The result does not depend on it.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.float32]], threads: int = 1) -> None:
        # sigmoid(x) = (1 + tanh(x / 2)) / 2: with halved weights one tanh serves all four gates.
        half = np.full((4 * SIZE, 1), 0.5, np.float32)
        half[2 * SIZE:3 * SIZE] = 1.0  # input, forget, cell, output: the cell's own is a tanh
        self._layers = [
            (half * weights[f"lstm.weight_ih_l{layer}"], half * weights[f"lstm.weight_hh_l{layer}"],
             half * (weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"])[:, None])
            for layer in range(3)]
        self._last = np.ascontiguousarray(weights["linear.weight"]), weights["linear.bias"][:, None]
        self._threads = threads

    def __call__(self, bands: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed stretches of 1.6 s.

        Parameters
        ----------
        bands : ndarray, shape (n, 160, 40), float32
            Mel bands of each.

        Returns
        -------
        ndarray, shape (n, 256), float32
            Of length 1, nowhere below 0; NaN for what excites nothing.
        """
        batches = [bands[first:first + BATCH] for first in range(0, len(bands), BATCH)]
        if self._threads > 1 and len(batches) > 1:
            with ThreadPoolExecutor(self._threads) as pool:  # numpy lets go of the lock while it computes
                found = list(pool.map(self._batch, batches))
        else:
            found = [self._batch(batch) for batch in batches]
        return np.concatenate([np.empty((0, SIZE), np.float32), *found])

    def _batch(self, bands: NDArray[np.float32]) -> NDArray[np.float32]:
        count = len(bands)
        padded = np.zeros((BATCH, FRAMES, _BANDS), np.float32)
        padded[:count] = bands
        hidden = np.ascontiguousarray(padded.reshape(-1, _LANES, FRAMES, _BANDS).transpose(2, 0, 3, 1))
        for layer in self._layers:
            hidden = _lstm(hidden, *layer)
        weights, bias = self._last
        last = np.maximum(weights @ hidden[-1] + bias, 0.0)
        raw = last.transpose(0, 2, 1).reshape(BATCH, SIZE)[:count]
        lengths = np.sqrt((raw * raw).sum(axis=1, keepdims=True))
        return np.asarray(raw / np.where(lengths == 0, np.nan, lengths), np.float32)


def _lstm(inputs: NDArray[np.float32], from_input: NDArray[np.float32], from_before: NDArray[np.float32],
          bias: NDArray[np.float32]) -> NDArray[np.float32]:
    """One layer, all time steps; (time, group, in, lane) to (time, group, hidden, lane)."""
    shape = (inputs.shape[1], SIZE, _LANES)
    outputs = np.empty((len(inputs), *shape), np.float32)
    hidden, cell = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    given, gates = np.empty((2, shape[0], 4 * SIZE, _LANES), np.float32)
    for step, sound in enumerate(inputs):
        np.matmul(from_input, sound, out=given)
        np.matmul(from_before, hidden, out=gates)
        gates += given
        gates += bias
        np.tanh(gates, out=gates)
        enter, keep, new, leave = (gates[:, first:first + SIZE] for first in range(0, 4 * SIZE, SIZE))
        for gate in (enter, keep, leave):
            gate += 1
            gate *= np.float32(0.5)
        cell *= keep
        cell += enter * new
        hidden = np.multiply(leave, np.tanh(cell), out=outputs[step])
    return outputs
