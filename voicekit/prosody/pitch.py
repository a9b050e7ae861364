"""How high a voice is from moment to moment, and how high somebody speaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicekit.errors import EngineMissingError
from voicekit.spoken import Register

Contour: TypeAlias = NDArray[np.float64]

STEP = 0.005
"""Seconds from frame to frame."""

LOWEST, HIGHEST = 60.0, 600.0
"""Hz: from a deep voice that falls at the end of its sentence to a child's."""

SHORTEST = 0.05
"""Seconds; shorter sound has no pitch to speak of."""

_ENOUGH, _COARSE = 11000, 5500
"""Samples per second, at the least about, that F0 is looked for on: more cost time and gave no better contours."""

_JUMP = 0.5
"""Octaves from one frame to the next that no voice does by itself."""

_RANGE = 0.75
"""Octaves from the middle of somebody's register within which nothing is doubted."""

_APART = 1.5
"""Times as far as within sentences that F0 varies in all, from which on there must be several people."""

_SURE = 10
"""Frames of a run that are held against the next; a shorter one is often no voice: it counts less."""

_BRIEF = 5
"""Frames: what is voiced for less than 25 ms is no sound of a voice."""

_ONSET, _RUN_OFF = 4, 0.06
"""Frames at either end of a voiced stretch, and how far they may be from those next to them: log F0, a semitone."""

_MEMORY = 0.15
"""Seconds of silence after which what comes next is no longer held against what came before."""

_MISTRUST = 0.004
"""Cost per frame, in octaves of a jump, of believing that a frame is an octave off: a slip of half a second is found
between two jumps, a whole sentence in another octave is let be."""


@dataclass(frozen=True, slots=True)
class Pitch:
    """F0 over time.

    Attributes
    ----------
    f0 : ndarray, shape (frames,), float64
        Hz; 0 where there is no voice. Frame k is at ``k * step`` seconds.
    step : float
        Seconds.
    """

    f0: Contour
    step: float = STEP

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """Whether there is a voice, per frame."""
        return self.f0 > 0

    def filled(self, otherwise: float = 120.0) -> Contour:
        """The natural logarithm of F0, drawn straight over what is unvoiced.

        Parameters
        ----------
        otherwise : float
            Hz, where nothing at all is voiced.
        """
        frames = np.flatnonzero(self.voiced)
        if not len(frames):
            return np.full(len(self.f0), np.log(otherwise))
        return np.interp(np.arange(len(self.f0)), frames, np.log(self.f0[frames]))


def track(samples: NDArray[Any], rate: int, *, fine: bool = True) -> Pitch:
    """Find F0 every 5 ms: WORLD's DIO, octave slips put right, then StoneMask.

    Parameters
    ----------
    samples : ndarray, shape (samples,)
        Mono.
    rate : int
        Samples per second.
    fine : bool
        Without it F0 is found on half as many samples and not refined: within some 30 cents, and several times as
        fast.

    Raises
    ------
    EngineMissingError
        If pyworld is not installed.

    References
    ----------
    M. Morise, H. Kawahara, H. Katayose, "Fast and reliable F0 estimation method based on the period extraction of
    vocal fold vibration of singing voice and speech", AES 35th Int. Conf., 2009.
    """
    world = pyworld()
    frames = int(len(samples) / rate / STEP) + 1
    wave = np.ascontiguousarray(samples, np.float64)
    if len(wave) < SHORTEST * rate or not np.any(wave):
        return Pitch(np.zeros(frames))
    f0, times = world.dio(wave, rate, f0_floor=LOWEST, f0_ceil=HIGHEST, frame_period=STEP * 1000,
                          speed=min(max(round(rate / (_ENOUGH if fine else _COARSE)), 1), 12))
    f0 = without_slips(f0)
    if fine:
        f0 = world.stonemask(wave, f0, times, rate)
    return Pitch(_believed(f0))


def without_slips(f0: Contour) -> Contour:
    """Put right the stretches that are an octave too high or too low.

    The contour falls into runs without a jump. Each may be left, doubled or halved; chosen is what leaves the
    smallest jumps in all, mistrusts the fewest frames and strays the least from the middle of the register. Runs
    that silence parts are held against each other the less, the longer it is.

    Parameters
    ----------
    f0 : ndarray, shape (frames,)
        Hz; 0 where there is no voice.
    """
    runs = _runs(f0)
    if len(runs) < 2:
        return f0.copy()
    octaves = np.log2(np.maximum(f0, 1.0))
    middle = float(np.median(octaves[f0 > 0]))
    moves = np.array([0.0, 1.0, -1.0])
    costs, choices = np.zeros(3), []
    for number, (first, last) in enumerate(runs):
        if number:
            before = runs[number - 1][1]
            near = np.exp(-(first - before - 1) * STEP / _MEMORY)
            long = min(last + 1 - first, before + 1 - runs[number - 1][0], _SURE) / _SURE
            left = octaves[max(before + 1 - _SURE, runs[number - 1][0]):before + 1]
            here = float(np.median(octaves[first:min(first + _SURE, last + 1)]) - np.median(left))
            jump = np.abs(here + moves[None, :] - moves[:, None])
            ways = costs[:, None] + near * long * np.minimum(jump, _JUMP)
            choices.append(np.argmin(ways, axis=0))
            costs = np.min(ways, axis=0)
        moved = float(np.median(octaves[first:last + 1])) + moves
        far = np.maximum(np.abs(moved - middle) - _RANGE, 0)
        costs = costs + (last + 1 - first) * _MISTRUST * (np.abs(moves) + far / (1 - _RANGE))
        costs = costs + 9 * ((moves != 0) & ((moved < np.log2(LOWEST)) | (moved > np.log2(HIGHEST))))
    state = int(np.argmin(costs))
    fixed = f0.copy()
    for number in range(len(runs) - 1, -1, -1):
        first, last = runs[number]
        fixed[first:last + 1] *= 2.0 ** moves[state]
        if number:
            state = int(choices[number - 1][state])
    return fixed


def _believed(f0: Contour) -> Contour:
    """Without what is no voice: stretches shorter than any sound, and F0 that runs off where a voice sets in or ends.

    There half of what an estimate looks at is not voiced.
    """
    kept = np.where((f0 >= LOWEST * 0.8) & (f0 <= HIGHEST * 1.25), f0, 0.0)
    for first, last in _runs(kept):
        if last + 1 - first < _BRIEF:
            kept[first:last + 1] = 0
            continue
        logs = np.log(kept[first:last + 1])
        reach = min(_ONSET, len(logs) // 3)
        for edge, inner in ((0, slice(reach, 3 * reach)), (-1, slice(-3 * reach, len(logs) - reach))):
            off = np.abs(logs - np.median(logs[inner])) > _RUN_OFF
            frames = np.flatnonzero(off[:reach] if edge == 0 else off[len(logs) - reach:])
            if len(frames) and edge == 0:
                kept[first:first + frames[-1] + 1] = 0
            elif len(frames):
                kept[last + 1 - reach + frames[0]:last + 1] = 0
    return kept


def _runs(f0: Contour) -> list[tuple[int, int]]:
    """First and last frames of what is voiced without a jump."""
    voiced = f0 > 0
    octaves = np.log2(np.maximum(f0, 1.0))
    cut = np.ones(len(f0) + 1, bool)
    cut[1:-1] = (voiced[1:] != voiced[:-1]) | (np.abs(np.diff(octaves)) > _JUMP)
    edges = np.flatnonzero(cut)
    return [(int(first), int(end) - 1) for first, end in zip(edges[:-1], edges[1:], strict=True) if voiced[first]]


def register(pitches: Iterable[Pitch]) -> Register | None:
    """How high somebody speaks, from all that they say; None if nothing is voiced.

    Frames more than three deviations from the median (by the median distance from it) do not count: they are
    creaks, and slips that were not found. The deviation is that within sentences; but where the sentences lie much
    farther apart (two people were taken for one), that of all: no voice can follow both.

    Parameters
    ----------
    pitches : iterable of Pitch
        The sentences of one speaker.
    """
    voiced = [np.log(pitch.f0[pitch.voiced]) for pitch in pitches if pitch.voiced.any()]
    if not voiced:
        return None
    kept = [_without_outliers(logs) for logs in voiced]
    within = float(np.std(np.concatenate([logs - np.mean(logs) for logs in kept])))
    whole = _without_outliers(np.concatenate(voiced))
    overall = float(np.std(whole))
    return Register(float(np.mean(whole)), overall if overall > _APART * within else within)


def _without_outliers(logs: Contour) -> Contour:
    middle = float(np.median(logs))
    spread = max(1.4826 * float(np.median(np.abs(logs - middle))), 0.02)
    return logs[np.abs(logs - middle) <= 3 * spread]


def pyworld() -> Any:
    """WORLD's analysis and synthesis, loaded when it is first needed."""
    try:
        import pyworld as found
    except ImportError as error:
        raise EngineMissingError("Prosody is measured with pyworld, which is not installed.",
                                 'Install it: pip install -e ".[revoice]"') from error
    return found
