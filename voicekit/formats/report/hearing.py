"""What a page draws of a sound, gathered while the sound goes by: peaks, energy, and how high the voice is.

Each of these takes blocks of samples in order, keeps at most a minute of them, and is asked at the end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voicekit.formats.report.material import CONTOUR_STEP, LEVEL_STEP
from voicekit.prosody import pitch
from voicekit.protocols import Samples

QUIETEST = -90.0
"""dB: the energy of silence."""

_STRETCH, _MARGIN = 60, 1
"""Seconds of which pitch is found at once, and more on either side, so that it does not depend on the cuts."""

_FRAMES = round(CONTOUR_STEP / pitch.STEP)
"""Frames of pitch to one value of the page."""

_FAINT = 0.02
"""Peaks below this share of the highest say nothing of how loud the recording is."""

_LOUD = 0.003
"""Full height for a recording that is as good as silent (-50 dB): its hiss is not drawn as if it were speech."""

_BEND = 0.7
"""Exponent from amplitude to height. Drawn straight, the ends of words vanish beside their vowels."""


class Envelope:
    """Peaks every :data:`LEVEL_STEP` seconds and energy every :data:`CONTOUR_STEP`.

    Parameters
    ----------
    rate : int
        Samples per second, at least 1000.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._rest: Samples = np.zeros(0, np.float32)
        self._peaks: list[NDArray[np.float32]] = []
        self._powers: list[NDArray[np.float64]] = []

    def take(self, block: Samples) -> None:
        """Hear the next block, shape (samples,), in [-1, 1]."""
        sound = np.concatenate([self._rest, block])
        # Whole seconds begin with a new value at every rate, also where a step is no whole number of samples.
        whole = len(sound) // self._rate * self._rate
        self._measure(sound[:whole])
        self._rest = sound[whole:].copy()  # a view would keep all of it

    def finish(self) -> None:
        """Hear what is left; nothing comes after it."""
        self._measure(self._rest)
        self._rest = self._rest[:0]

    def levels(self) -> tuple[int, ...]:
        """Heights of the waveform, 0 to 255.

        The 99th percentile of the peaks that are not faint is the full height, so that neither a quiet recording nor
        one with a single slammed door is a flat line.
        """
        peaks = np.concatenate([np.zeros(0, np.float32), *self._peaks])
        if not len(peaks):
            return ()
        loud = peaks[peaks >= _FAINT * peaks.max()]
        full = max(float(np.quantile(loud, 0.99)), _LOUD)
        heights = np.rint(255 * np.minimum(peaks / full, 1) ** _BEND)
        return tuple(heights.astype(int).tolist())

    def energy(self) -> tuple[float, ...]:
        """Root mean square in dB, 0 for full scale, at least :data:`QUIETEST`; one decimal."""
        powers = np.concatenate([np.zeros(0), *self._powers])
        decibels = 10 * np.log10(np.maximum(powers, 10 ** (QUIETEST / 10)))
        return tuple(np.round(decibels, 1).tolist())

    def _measure(self, sound: Samples) -> None:
        if len(sound):
            self._peaks.append(np.maximum.reduceat(np.abs(sound), self._edges(len(sound), LEVEL_STEP)))
            edges = self._edges(len(sound), CONTOUR_STEP)
            squares = np.add.reduceat(np.square(sound, dtype=np.float64), edges)
            self._powers.append(squares / np.diff(edges, append=len(sound)))

    def _edges(self, samples: int, step: float) -> NDArray[np.int64]:
        """First samples of the steps, of which a second holds a whole number."""
        steps = round(1 / step)
        return np.arange(-(-samples * steps // self._rate)) * self._rate // steps


class Melody:
    """F0 every :data:`CONTOUR_STEP` seconds: the median of its frames, where most of them are voiced.

    Parameters
    ----------
    rate : int
        Samples per second.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._kept: Samples = np.zeros(0, np.float32)
        self._blocks: list[Samples] = []
        self._waiting = 0
        self._margin = 0  # seconds of what was done already, at the beginning of what is kept
        self._values: list[NDArray[np.int64]] = []

    def take(self, block: Samples) -> None:
        """Hear the next block, shape (samples,)."""
        self._blocks.append(block)
        self._waiting += len(block)
        if len(self._kept) + self._waiting < (self._margin + _STRETCH + _MARGIN) * self._rate:
            return
        self._gather()
        while len(self._kept) >= (self._margin + _STRETCH + _MARGIN) * self._rate:
            self._find(self._kept[:(self._margin + _STRETCH + _MARGIN) * self._rate], _STRETCH)
            self._kept = self._kept[(self._margin + _STRETCH - _MARGIN) * self._rate:].copy()
            self._margin = _MARGIN

    def finish(self) -> None:
        """Hear what is left; nothing comes after it."""
        self._gather()
        left = len(self._kept) / self._rate - self._margin
        if left > 0:
            self._find(self._kept, left)
        self._kept = self._kept[:0]

    def pitch(self) -> tuple[int, ...]:
        """Hz, 0 where there is no voice."""
        return tuple(np.concatenate([np.zeros(0, np.int64), *self._values]).tolist())

    def _gather(self) -> None:
        self._kept = np.concatenate([self._kept, *self._blocks])
        self._blocks, self._waiting = [], 0

    def _find(self, sound: Samples, seconds: float) -> None:
        """Keep the values of so many seconds after the margin."""
        values = -(-round(seconds / pitch.STEP) // _FRAMES)
        first = round(self._margin / pitch.STEP)
        f0 = pitch.track(sound, self._rate, fine=False).f0[first:first + values * _FRAMES]
        frames = np.pad(f0, (0, values * _FRAMES - len(f0))).reshape(values, _FRAMES)
        voiced = np.count_nonzero(frames, axis=1) >= _FRAMES / 2
        found = np.zeros(values, np.int64)
        sounding = np.where(frames[voiced] > 0, frames[voiced], np.nan)
        found[voiced] = np.rint(np.nanmedian(sounding, axis=1)).astype(int)
        self._values.append(found)
