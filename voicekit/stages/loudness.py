"""As loud as the original, and never too loud.

Loudness is that of ITU-R BS.1770-4 with pyloudnorm's filters. pyloudnorm itself wants the whole recording in memory;
here the filters keep their state from block to block, and what is kept of the sound is its energy in each tenth of a
second, from which the gated blocks of 0.4 s are put together at the end: twelve hours are 430,000 numbers.

Peaks are found between the samples too, by fourfold oversampling, and brought down to -1 dBTP by a gain that begins
to fall 10 ms before the peak, so that nothing is clipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from voicekit.audio.pcm import Samples
from voicekit.errors import EngineMissingError, ProcessingError
from voicekit.types import Span

CEILING = 10 ** (-1 / 20)
"""The highest true peak: lossy codecs need about a decibel to stay below full scale."""

MOST = 30.0
"""Decibels by which a track is made louder or softer at most: beyond, there was no speech in one of the two."""

_BLOCK = 1 << 16
_LOOK = 0.01
"""Seconds from which on a peak is seen coming."""

_SHORT = 4096
"""Samples; where all in such a stretch are low, nothing lies between them that is high."""

_TAPS = 24
"""Samples from which one between them is told: half before it and half behind."""

_UNDER = CEILING * 10 ** (-0.1 / 20)
"""What peaks are brought down to: a gain that changes makes new ones, though hardly any higher."""

_NEAR = 0.05
"""Decibels; a difference in loudness that nobody hears."""

_TRIES = 8
"""Times that the gain is corrected for what limiting takes away."""

_PLACES = 30
"""Where a long track is limited to find that out: ten seconds at each."""

Read = Callable[[int, int], Samples]
"""Samples from the first to before the last of a track."""


class Meter:
    """Integrated loudness of a sound that comes in blocks.

    Examples
    --------
    >>> meter = Meter()
    >>> native("talk.mp3", meter.take).rate  # doctest: +SKIP
    44100
    >>> meter.loudness()  # doctest: +SKIP
    -18.3
    """

    def __init__(self) -> None:
        self.samples = self.rate = 0
        self._filter: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._state: NDArray[np.float64] = np.zeros(4)
        self._energies: list[NDArray[np.float64]] = []
        self._rest: NDArray[np.float64] = np.zeros(0)
        self._hops = 0

    def take(self, samples: Samples, rate: int) -> None:
        """The next block; the rate stays the same."""
        if not len(samples):
            return
        from scipy.signal import lfilter

        if self._filter is None:
            self.rate, self._filter = rate, _weighting(rate)
        heard, self._state = lfilter(*self._filter, samples.astype(np.float64), zi=self._state)
        power = np.concatenate((self._rest, np.square(heard)))
        before = self.samples - len(self._rest)
        self.samples += len(samples)
        hops = self.samples * 10 // rate
        edges = np.arange(self._hops, hops + 1) * rate // 10 - before
        if len(edges) > 1:
            self._energies.append(np.add.reduceat(power[:edges[-1]], edges[:-1]))
            self._hops = hops
        self._rest = power[edges[-1]:]

    def loudness(self, speech: Iterable[Span] | None = None) -> float:
        """LUFS so far; minus infinity for silence.

        Parameters
        ----------
        speech : iterable of Span, optional
            Seconds; only blocks inside of these are counted, or, where they are too short for a block, those that
            touch them.
        """
        if not self.samples:
            return -np.inf
        energies = np.concatenate((*self._energies, np.zeros(0)))
        if 20 * len(self._rest) >= self.rate:  # rounded to the nearest tenth, as pyloudnorm does
            energies = np.append(energies, self._rest.sum())
        if len(energies) < 4:  # too short for one block: as loud as what there is
            return _lufs(np.array([(energies.sum() if len(energies) else self._rest.sum()) / self.samples]))
        blocks = np.convolve(energies, np.ones(4), "valid") / (0.4 * self.rate)
        return _lufs(blocks if speech is None else blocks[_counted(speech, len(energies))])


def _weighting(rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two filters of BS.1770 as one of fourth order, four times as fast and the same to 1e-10."""
    try:
        import pyloudnorm
    except ImportError as error:
        raise EngineMissingError("Matching loudness needs the package pyloudnorm.",
                                 'Install it: pip install -e ".[revoice]"') from error
    shelf, high = pyloudnorm.Meter(rate)._filters.values()
    gain = shelf.passband_gain * high.passband_gain
    return gain * np.convolve(shelf.b, high.b), np.convolve(shelf.a, high.a)


def _counted(speech: Iterable[Span], hops: int) -> NDArray[np.bool_]:
    """Which blocks of four hops are speech."""
    inside = np.zeros(hops)
    for span in speech:  # those whose middle is in it
        inside[max(round(span.start * 10), 0):max(round(span.end * 10), 0)] = 1
    whole = np.convolve(inside, np.ones(4), "valid")
    full: NDArray[np.bool_] = whole == (4 if whole.max() == 4 else max(whole.max(), 1))
    return full


def _lufs(blocks: NDArray[np.float64]) -> float:
    """Gated mean: without what is below -70 LUFS, then without what is 10 below the mean of the rest."""
    blocks = blocks[blocks > _power(-70)]
    if not len(blocks):
        return -np.inf
    blocks = blocks[blocks > blocks.mean() / 10]
    return float(-0.691 + 10 * np.log10(blocks.mean()))


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def loudness_of(blocks: Iterable[Samples], rate: int) -> float:
    """LUFS of a whole sound; minus infinity for silence."""
    meter = Meter()
    for block in blocks:
        meter.take(block, rate)
    return meter.loudness()


def matching_gain(track: str, rate: int, samples: int, wanted: float) -> float:
    """Decibels that make a track as loud as wanted after its peaks were limited.

    Parameters
    ----------
    track : str
        Raw file of mono float32.
    rate, samples : int
        Samples per second, and how many there are.
    wanted : float
        LUFS; where this or the track is silence, the gain is 0.
    """
    read, meter, peak = reader(track), Meter(), 0.0
    for first in range(0, samples, _BLOCK):
        block = read(first, min(first + _BLOCK, samples))
        peak = max(peak, float(np.abs(block).max()))
        meter.take(block, rate)
    found = meter.loudness()
    if not (np.isfinite(found) and np.isfinite(wanted)):
        return 0.0
    gain = float(np.clip(wanted - found, -MOST, MOST))
    step = before = 0.0
    for _ in range(_TRIES):
        if peak * 10 ** (gain / 20) * _HIGHER <= CEILING or abs(gain) >= MOST:
            break
        lost = _lost(track, gain, rate, samples)
        missing = wanted - found - gain + lost
        if abs(missing) < _NEAR:
            break
        # Of the next decibel limiting takes as much away as it took of the last.
        taken = float(np.clip((lost - before) / step, 0, 0.8)) if step else 0.0
        step, before = missing / (1 - taken), lost
        gain = float(np.clip(gain + step, -MOST, MOST))
    return gain


def _lost(track: str, gain: float, rate: int, samples: int) -> float:
    """How much loudness limiting takes away, in decibels: of a long track measured at thirty places."""
    read, before, after = reader(track, gain), Meter(), Meter()
    step = max(samples // _PLACES, 1)
    for start in range(0, samples, step):
        for first in range(start, min(start + min(step, 10 * rate), samples), _BLOCK):
            last = min(first + _BLOCK, start + min(step, 10 * rate), samples)
            before.take(read(first, last), rate)
            after.take(_limited(read, first, last, _look(rate)), rate)
    lost = before.loudness() - after.loudness()
    return lost if np.isfinite(lost) else 0.0


def limited(read: Read, rate: int, samples: int) -> Iterator[Samples]:
    """A track whose true peaks are at most :data:`CEILING`.

    Parameters
    ----------
    read : callable
        Reads the track; asked for some samples before and behind it, which are silence.
    rate, samples : int
        Samples per second, and how many there are.

    Yields
    ------
    ndarray, shape (samples,), float32
        The whole track in order.

    Examples
    --------
    >>> blocks = limited(reader("track.f32", gain=3.0), 44100, 441000)  # doctest: +SKIP
    """
    for first in range(0, samples, _BLOCK):
        yield _limited(read, first, min(first + _BLOCK, samples), _look(rate))


def _look(rate: int) -> int:
    return max(int(_LOOK * rate), 1)


def _limited(read: Read, first: int, last: int, look: int) -> Samples:
    # What happens outside of the block decides about the gain inside of it, as far as two looks away.
    around = 2 * look + _TAPS
    samples = read(first - around, last + around)
    inner = slice(around, -around)
    if np.abs(samples).max() * _HIGHER <= CEILING:
        return samples[inner]
    needed = np.minimum(_UNDER / np.maximum(true_peaks(samples), _UNDER), 1)
    if needed.min() == 1:
        return samples[inner]
    from scipy.ndimage import minimum_filter1d
    from scipy.signal import fftconvolve

    # The lowest gain that is needed within a look, averaged over a look: smooth, and nowhere above what is needed.
    lowest = minimum_filter1d(needed.astype(np.float64), 2 * look + 1)
    window = np.hanning(2 * look + 3)[1:-1]
    gain = fftconvolve(lowest, window / window.sum(), "same")
    level: Samples = (samples * gain).astype(np.float32)[inner]
    return level


def true_peaks(samples: Samples) -> Samples:
    """The highest level at each sample and the three quarters before it.

    Where this cannot be above :data:`CEILING` it is the level of the sample alone.
    """
    peaks: Samples = np.abs(samples)
    loud = np.flatnonzero(np.maximum.reduceat(peaks, np.arange(0, len(peaks), _SHORT)) * _HIGHER > CEILING)
    # A peak in the first samples of a stretch can come from the one before.
    for first in np.union1d(loud * _SHORT, (loud + 1) * _SHORT):
        if first >= len(samples):
            break
        last = min(first + _SHORT, len(samples))
        begin = max(first - _TAPS, 0)
        around = samples[begin:last + _TAPS]
        for phase in _PHASES:
            between = np.convolve(around, phase, "full")[_TAPS // 2 - 1 + first - begin:][:last - first]
            np.maximum(peaks[first:last], np.abs(between), out=peaks[first:last])
    return peaks


def _phases() -> list[Samples]:
    """Filters that tell a sound three quarters, a half and a quarter before each sample."""
    place = np.arange(_TAPS) - _TAPS // 2 + 1
    window = np.kaiser(4 * _TAPS + 1, 6.0)
    phases = []
    for quarter in (1, 2, 3):
        # The window is centred on the moment asked for.
        taps = np.sinc(place + quarter / 4 - 1) * window[(4 * np.arange(_TAPS) + quarter)]
        phases.append((taps / taps.sum()).astype(np.float32))
    return phases


_PHASES = _phases()
_HIGHER = max(float(np.abs(phase).sum()) for phase in _PHASES)
"""By which factor at most a true peak is higher than the samples around it."""


def reader(track: str, gain: float = 0.0) -> Read:
    """How a raw float32 file is read, made louder by a gain in decibels; silence beyond its ends."""
    factor = np.float32(10 ** (gain / 20))

    def read(first: int, last: int) -> Samples:
        begin = max(first, 0)
        try:
            found = np.fromfile(track, "<f4", max(last - begin, 0), offset=4 * begin)
        except OSError as error:
            raise ProcessingError(f"The new sound cannot be read from {track}: {error.strerror}.",
                                  "Keep the temporary folder until the run has ended (--temp-dir).") from error
        part = np.zeros(max(last - first, 0), np.float32)
        part[begin - first:begin - first + len(found)] = found * factor
        return part

    return read


def mixed(voice: Read, background: Read) -> Read:
    """Both together."""
    return lambda first, last: voice(first, last) + background(first, last)
