"""Melody and loudness of the original, in the new voice's own register and at its own level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.prosody.loudness import loudness, speaking
from voicekit.prosody.pitch import STEP, Contour, Pitch
from voicekit.spoken import Register

MOST_GAIN = 12.0
"""dB: more than this makes noise of the quiet parts, and holes of the loud ones."""

MOST_SHIFT = 2.0
"""By how much F0 is multiplied or divided at most: an octave."""

_SMOOTH = 0.05
"""Seconds over which the gain is smoothed: slower than a period, quicker than a syllable."""

_DYNAMICS = 45.0
"""dB below the loudest at which silence is silence, however deep."""

_DEVIATION = (0.03, 0.6)
"""Deviations of log F0 below and above which a register tells nothing: a monotone, or slips."""

_FARTHEST = 4.0
"""Deviations from a speaker's mean beyond which it is not the speaker who is heard: a slip, or music."""

_EDGES = 2
"""Frames at either end of a voiced stretch that are not believed: half of their window is not voiced."""


def mapped(logs: Contour, speaker: Register, voice: Register) -> Contour:
    """Log F0 of one speaker as another would have it: by mean and variance.

    Parameters
    ----------
    logs : ndarray, shape (frames,)
        Natural logarithm of F0 in Hz.
    speaker, voice : Register
        Of the one and of the other.
    """
    wide = np.clip(voice.deviation, *_DEVIATION) / np.clip(speaker.deviation, *_DEVIATION)
    return np.asarray(voice.mean + (logs - speaker.mean) * wide)


def certain(pitch: Pitch) -> Pitch:
    """Without the first and last frames of each voiced stretch, where it is long enough to spare them."""
    voiced = pitch.voiced
    inner = voiced.copy()
    for away in range(1, _EDGES + 1):
        inner[away:] &= voiced[:-away]
        inner[:-away] &= voiced[away:]
    edges = np.flatnonzero(np.diff(voiced.astype(np.int8), prepend=0, append=0))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start < 4 * _EDGES:
            inner[start:end] = True
    return Pitch(np.where(inner, pitch.f0, 0.0), pitch.step)


def shifts(original: Pitch, at: Contour, spoken: Pitch, there: Contour, speaker: Register,
           voice: Register) -> Contour:
    """By what the voice's own F0 is to be multiplied, per frame of the result.

    Parameters
    ----------
    original, spoken : Pitch
        Of the two recordings.
    at, there : ndarray, shape (frames,)
        Seconds in the original and in what was spoken, per frame of the result.
    speaker, voice : Register
        Of the original speaker and of the voice.
    """
    logs = _read(certain(original), at)
    reach = _FARTHEST * max(speaker.deviation, _DEVIATION[0])
    melody = mapped(np.clip(logs, speaker.mean - reach, speaker.mean + reach), speaker, voice)
    own = _read(certain(spoken), there)
    most = np.log(MOST_SHIFT)
    return np.asarray(np.exp(np.clip(melody - own, -most, most)))


def _read(pitch: Pitch, times: Contour) -> Contour:
    logs = pitch.filled()
    return np.interp(times / pitch.step, np.arange(len(logs)), logs)


def gain(wanted: Contour, levels: Contour) -> Contour:
    """dB to add per frame, so that a sound rises and falls as another does; its level as a whole stays.

    Parameters
    ----------
    wanted, levels : ndarray, shape (frames,)
        Loudness of the other and of the sound, in dB.
    """
    loud = speaking(levels)
    if not loud.any() or not speaking(wanted).any():
        return np.zeros(len(levels))
    wanted, own = (np.maximum(contour, contour.max() - _DYNAMICS) for contour in (wanted, levels))
    difference = wanted - own
    difference = difference - np.median(difference[loud])
    limited = np.clip(np.where(loud, difference, np.minimum(difference, 0)), -MOST_GAIN, MOST_GAIN)
    window = np.hanning(2 * round(_SMOOTH / STEP / 2) + 3)
    half = len(window) // 2
    padded = np.pad(limited, half, mode="edge")
    return np.asarray(np.convolve(padded, window / window.sum(), "valid"))


def with_energy(samples: NDArray[np.float32], rate: int, original: NDArray[Any], original_rate: int,
                at: Contour) -> NDArray[np.float32]:
    """The samples as loud from moment to moment as the original, as far as 12 dB allow.

    Parameters
    ----------
    samples : ndarray, shape (samples,)
        The result so far.
    rate : int
        Samples per second.
    original : ndarray, shape (samples,)
        The original recording.
    original_rate : int
        Its samples per second.
    at : ndarray, shape (frames,)
        Seconds in the original, per frame of the result.
    """
    theirs = loudness(original, original_rate)
    wanted = np.interp(at / STEP, np.arange(len(theirs)), theirs, left=-100.0, right=-100.0)
    decibels = gain(wanted, loudness(samples, rate, len(at)))
    every = np.interp(np.arange(len(samples)) / rate / STEP, np.arange(len(decibels)), decibels)
    louder = samples * 10 ** (every / 20)
    before, after = float(np.sum(samples.astype(np.float64) ** 2)), float(np.sum(louder ** 2))
    return (louder * np.sqrt(before / after)).astype(np.float32) if after > 0 else samples
