"""Another pace and another melody for the same voice: TD-PSOLA.

The sound is cut into grains of two periods, each around a moment when the vocal folds close, and the grains are
laid anew: closer together for a higher voice, some twice or not at all for a slower or a quicker one. No loop runs
over samples or grains.

References
----------
E. Moulines, F. Charpentier, "Pitch-synchronous waveform processing techniques for text-to-speech synthesis using
diphones", Speech Communication 9, 1990.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.prosody.pitch import SHORTEST, Contour, Pitch

_FINER = 4
"""Grains are laid to a quarter of a sample: whole samples would make a high voice rough."""

_TICK = 0.001
"""Seconds between two readings of the pace at which the periods of the result go by."""

_NEIGHBOURS = 6
"""Periods to either side over which the place of the loudest moment within a period is taken."""


def resynthesise(samples: NDArray[np.float32], rate: int, pitch: Pitch, times: Contour, sources: Contour,
                 shift: Contour, length: int) -> NDArray[np.float32]:
    """Say it again at another pace and with another melody.

    Nothing to change (the samples' own times, a shift of 1) gives the samples back.

    Parameters
    ----------
    samples : ndarray, shape (samples,)
        Mono.
    rate : int
        Samples per second.
    pitch : Pitch
        Of the samples.
    times, sources : ndarray, shape (knots,)
        The time map: second ``times[i]`` of the result is second ``sources[i]`` of the samples, and straight lines
        between. Both ascend.
    shift : ndarray, shape (frames,)
        By what F0 is multiplied, a frame of the result each ``pitch.step``.
    length : int
        Samples of the result.
    """
    if len(samples) < SHORTEST * rate:  # not a few periods: nothing to lay anew
        return np.concatenate([samples, np.zeros(max(length, 0), np.float32)])[:max(length, 0)].astype(np.float32)
    marks = pitch_marks(samples, rate, pitch)
    grid = (np.arange(int(length / rate / _TICK) + 2) + 0.5) * _TICK
    source = np.interp(grid, times, sources)
    # The marks' own distances, not the F0 that was tracked: so a period keeps its place among its neighbours.
    pace = (_count(marks, (source + _TICK / 2) * rate) - _count(marks, (source - _TICK / 2) * rate)) / _TICK
    start = float(_count(marks, np.interp([0.0], times, sources) * rate)[0])
    phase = start + np.concatenate([[0.0], np.cumsum(
        pace * _TICK * np.interp(grid, np.arange(len(shift)) * pitch.step, shift))])
    wanted = np.arange(np.ceil(phase[0]), np.floor(phase[-1]) + 1)
    places = np.interp(wanted, phase, np.arange(len(phase)) * _TICK)
    if len(places) < 2:
        places = np.array([0.0, length / rate])
    exact = np.interp(places, times, sources) * rate
    frames = np.round(exact / rate / pitch.step).astype(int)
    voiced = pitch.voiced[np.clip(frames, 0, len(pitch.f0) - 1)]
    # Between two periods of the source, both are laid, each by its nearness: none is dropped, or said twice, at once.
    one = np.clip(np.searchsorted(marks, exact, side="right") - 1, 0, len(marks) - 2)
    part = np.clip((exact - marks[one]) / (marks[one + 1] - marks[one]), 0.0, 1.0)
    # A grain is as wide as the distance to the neighbour on that side, so that grains laid as they were add up to
    # what was. Without a voice there is no period to keep: the sound is read where the time map says.
    gaps, steps = np.diff(marks), np.diff(places) * rate
    left, right = (np.concatenate(ends) for ends in ((gaps[:1], gaps), (gaps, gaps[-1:])))
    before, after = (np.concatenate(ends) for ends in ((steps[:1], steps), (steps, steps[-1:])))
    said, mute = np.flatnonzero(voiced), np.flatnonzero(~voiced)
    at, ahead = one[said], one[said] + 1
    return _laid(samples, np.concatenate([marks[at], marks[ahead], exact[mute]]),
                 np.concatenate([places[said], places[said], places[mute]]) * rate,
                 np.concatenate([left[at], left[ahead], before[mute]]),
                 np.concatenate([right[at], right[ahead], after[mute]]),
                 np.concatenate([1 - part[said], part[said], np.ones(len(mute))]), length)


def _count(marks: Contour, places: Contour) -> Contour:
    """How many marks have gone by, parts of a period included; goes on at the same pace before and after them."""
    numbers = np.arange(len(marks), dtype=np.float64)
    before = np.minimum(places - marks[0], 0) / (marks[1] - marks[0])
    after = np.maximum(places - marks[-1], 0) / (marks[-1] - marks[-2])
    return np.asarray(np.interp(places, marks, numbers) + before + after)


def pitch_marks(samples: NDArray[Any], rate: int, pitch: Pitch) -> Contour:
    """One moment per period, in samples (not whole ones), near where the period is loudest.

    The phase that F0 adds up to runs away from that of the sound by and by; how far is read, period by period, from
    the sound itself turned back by that phase. Where there is no voice the marks go on with the pitch drawn straight.

    Parameters
    ----------
    samples : ndarray, shape (samples,)
        Mono.
    rate : int
        Samples per second.
    pitch : Pitch
        Of the samples.
    """
    frequency = np.exp(pitch.filled())
    at = np.arange(len(frequency)) * pitch.step * rate
    phase = np.concatenate([[0.0], np.cumsum((frequency[1:] + frequency[:-1]) / 2 * pitch.step)])
    every = np.interp(np.arange(len(samples)), at, phase)
    guesses = np.interp(np.arange(max(np.floor(every[-1]), 1.0) + 1), every, np.arange(len(samples)))
    period = rate / np.interp(guesses, at, frequency)
    wave = np.asarray(samples, np.float64)
    turned = np.exp(-2j * np.pi * every)
    fundamental = _sums(wave * turned, guesses, period)
    sharp = np.diff(wave, prepend=wave[:1]) ** 2
    loudness = _sums(sharp * turned, guesses, period)
    voiced = pitch.voiced[np.clip(np.round(guesses / rate / pitch.step).astype(int), 0, len(frequency) - 1)]
    lag = loudness * np.conj(fundamental) / np.maximum(np.abs(fundamental), 1e-12) * voiced
    window = np.hanning(2 * _NEIGHBOURS + 3)
    smooth = np.convolve(lag, window, "same") if len(lag) >= len(window) else np.full(len(lag), lag.sum())
    if not voiced.any():
        return guesses
    here = np.flatnonzero(voiced)
    angles = np.unwrap(np.angle(fundamental[here]) + np.unwrap(np.angle(smooth[here])))
    moved = guesses - np.interp(np.arange(len(guesses)), here, angles - angles[0]) / (2 * np.pi) * period
    moved -= _wrapped(angles[0]) / (2 * np.pi) * period
    ahead = np.maximum.accumulate(moved)
    kept = np.concatenate([[True], np.diff(ahead) > 0.4 * period[1:]])
    inside = kept & (ahead >= 0) & (ahead < len(samples))
    return ahead[inside] if np.count_nonzero(inside) > 1 else guesses


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


def _sums(values: NDArray[Any], centres: Contour, reach: Contour) -> NDArray[np.complex128]:
    """Sums of a period to either side of each centre: whole periods, so that only the first partial is left."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.clip(np.round(centres - reach).astype(int), 0, len(values))
    last = np.clip(np.round(centres + reach).astype(int), 0, len(values))
    return np.asarray(total[last] - total[first], np.complex128)


def _laid(samples: NDArray[np.float32], centres: Contour, places: Contour, left: Contour, right: Contour,
          weights: Contour, length: int) -> NDArray[np.float32]:
    """Grains around the centres, laid at the places; a grain falls to nothing at `left` and `right` samples."""
    fine = _finer(samples)
    centres, places, left, right, weights = (values[weights > 1e-3] for values in
                                             (centres, places, left, right, weights))
    first = np.ceil(places - left).astype(np.int64)
    counts = np.maximum(np.floor(places + right).astype(np.int64) - first + 1, 0)
    starts = np.cumsum(counts) - counts
    where = np.arange(int(counts.sum())) + np.repeat(first - starts, counts)
    away = where - np.repeat(places, counts)
    wide = np.where(away < 0, np.repeat(left, counts), np.repeat(right, counts))
    window = 0.5 + 0.5 * np.cos(np.pi * np.clip(away / np.maximum(wide, 1e-9), -1, 1))
    window *= np.repeat(weights, counts)
    read = np.round((away + np.repeat(centres, counts)) * _FINER).astype(np.int64)
    inside = (where >= 0) & (where < length)
    sounding = inside & (read >= 0) & (read < len(fine))
    value = fine[np.clip(read, 0, len(fine) - 1)] * window * sounding
    where = np.clip(where, 0, length - 1)
    total = np.bincount(where, value, length)
    weight = np.bincount(where, window * inside, length)
    return (total / np.maximum(weight, 1.0)).astype(np.float32)


def _finer(samples: NDArray[np.float32]) -> Contour:
    """The same sound at four times the rate."""
    size = 1 << int(np.ceil(np.log2(len(samples) + 64)))
    for factor in (0.5625, 0.625, 0.75, 0.84375):
        if size * factor >= len(samples) + 64:
            size = int(size * factor)
            break
    spectrum = np.fft.rfft(samples, size)
    spectrum[-1] *= 0.5
    return np.asarray(np.fft.irfft(spectrum, size * _FINER)[:len(samples) * _FINER] * _FINER)
