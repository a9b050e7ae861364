"""How close a re-voiced recording comes to the original's prosody: figures, each with its definition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.prosody.contours import mapped
from voicekit.prosody.loudness import loudness, speaking
from voicekit.prosody.pitch import STEP, Contour, Pitch, register, track
from voicekit.spoken import Register
from voicekit.types import Span

GROSS = 0.2
"""Share by which an F0 is grossly wrong."""


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures for one stretch of a recording, or for all of it.

    Attributes
    ----------
    f0_rmse : float or None
        Cents: root mean square of the distance between the result's F0 and the original's, which is mapped from the
        speaker's register to the voice's by mean and variance of log F0 (as it is usual in voice conversion: Chappell
        and Hansen 1998), over the frames that are voiced in both. None where no frame is.
    f0_rmse_fine : float or None
        The same over those that are not grossly wrong (see ``gross_pitch_error``): what is left when mistakes of the
        pitch tracker in either recording are taken out.
    f0_correlation : float or None
        Pearson's, of log F0, over the frames that are voiced in both. None where there are fewer than three or one
        of the two does not move.
    gross_pitch_error : float or None
        Share of the frames voiced in both whose F0 is more than 20 % off the mapped original's (Rabiner et al. 1976;
        20 % as in Chu and Alwan 2009).
    voicing_error : float or None
        Share of the frames in which either speaks that are voiced in one and not in the other (voicing decision
        error, Nakatani et al. 2008).
    energy_correlation : float or None
        Pearson's, of loudness in dB over 40 ms, over the frames in which either speaks; loudness is cut off 45 dB
        below its maximum.
    overlap : float or None
        Share of the time in which the original speaks during which the result speaks too. Speech is sound louder
        than 35 dB below the loud parts and clear of the noise, with silences shorter than 150 ms inside it.
    overlap_back : float or None
        Share of the time in which the result speaks during which the original speaks.
    duration_error : int
        Samples, at the result's rate, by which the result is longer than the original.
    voiced_frames : int
        Frames that are voiced in both: the weight of a mean over sentences.
    """

    f0_rmse: float | None
    f0_rmse_fine: float | None
    f0_correlation: float | None
    gross_pitch_error: float | None
    voicing_error: float | None
    energy_correlation: float | None
    overlap: float | None
    overlap_back: float | None
    duration_error: int
    voiced_frames: int


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording as it is compared: measured once, compared whole or sentence by sentence.

    Attributes
    ----------
    pitch : Pitch
        Its F0.
    levels : ndarray, shape (frames,)
        Its loudness in dB.
    speech : ndarray, shape (frames,), bool
        Where somebody speaks.
    samples, rate : int
        Its length.
    """

    pitch: Pitch
    levels: Contour
    speech: NDArray[np.bool_]
    samples: int
    rate: int


def hear(samples: NDArray[Any], rate: int) -> Heard:
    """Measure a recording.

    Parameters
    ----------
    samples : ndarray, shape (samples,)
        Mono.
    rate : int
        Samples per second.
    """
    levels = loudness(samples, rate)
    return Heard(track(samples, rate), levels, speaking(levels), len(samples), rate)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Frames of an original and a result side by side.

    Attributes
    ----------
    wanted, heard : ndarray, shape (frames,)
        Log F0 where both are voiced: the original's, mapped to the voice's register, and the result's.
    levels, our_levels : ndarray, shape (frames,)
        Loudness in dB where either speaks.
    voiced_once : ndarray, shape (frames,), bool
        Where either speaks: whether one is voiced and the other is not.
    speech, our_speech : ndarray, shape (frames,), bool
        Where each speaks.
    """

    wanted: Contour
    heard: Contour
    levels: Contour
    our_levels: Contour
    voiced_once: NDArray[np.bool_]
    speech: NDArray[np.bool_]
    our_speech: NDArray[np.bool_]


def pairs(original: Heard, result: Heard, speaker: Register | None = None, voice: Register | None = None,
          span: Span | None = None) -> Pairs:
    """Put two recordings side by side, frame by frame on one clock.

    Parameters
    ----------
    original, result : Heard
        Both from their first sample.
    speaker, voice : Register or None
        How high the original speaker and the voice speak as a rule; taken from the two recordings if not given.
    span : Span, optional
        The sentence to look at; the whole if not given.
    """
    frames = min(len(original.levels), len(result.levels))
    first, last = (0, frames) if span is None else (
        min(max(int(round(time / STEP)), 0), frames) for time in (span.start, span.end))
    theirs, ours = (Pitch(heard.pitch.f0[first:last]) for heard in (original, result))
    speaker, voice = speaker or register([theirs]), voice or register([ours])
    both = theirs.voiced & ours.voiced
    if speaker is None or voice is None:
        both &= False
        speaker = voice = Register(0.0, 1.0)
    speech, our_speech = original.speech[first:last], result.speech[first:last]
    either = speech | our_speech
    levels, our_levels = (np.maximum(heard.levels, heard.levels.max(initial=-100.0) - 45.0)[first:last][either]
                          for heard in (original, result))
    return Pairs(mapped(np.log(theirs.f0[both]), speaker, voice), np.log(ours.f0[both]), levels, our_levels,
                 (theirs.voiced != ours.voiced)[either], speech, our_speech)


def figures(parts: Sequence[Pairs], duration_error: int) -> Measures:
    """The measures over all frames of all parts together.

    Parameters
    ----------
    parts : sequence of Pairs
        For example one for each sentence.
    duration_error : int
        Samples by which the whole result is too long.
    """
    def together(name: str) -> NDArray[Any]:
        return np.concatenate([np.zeros(0), *(getattr(part, name) for part in parts)])

    wanted, heard = together("wanted"), together("heard")
    speech, our_speech = together("speech").astype(bool), together("our_speech").astype(bool)
    rmse = fine_rmse = correlation = gross = None
    if len(wanted):
        fine = np.abs(np.expm1(heard - wanted)) <= GROSS
        gross = float(1 - np.mean(fine))
        rmse = _cents(heard - wanted)
        fine_rmse = _cents((heard - wanted)[fine]) if fine.any() else None
        correlation = _correlation(wanted, heard)
    voiced_once = together("voiced_once")
    return Measures(
        rmse, fine_rmse, correlation, gross, float(np.mean(voiced_once)) if len(voiced_once) else None,
        _correlation(together("levels"), together("our_levels")), _share(our_speech, speech),
        _share(speech, our_speech), duration_error, len(wanted))


def compare(original: Heard, result: Heard, speaker: Register | None = None, voice: Register | None = None,
            span: Span | None = None) -> Measures:
    """Compare a re-voiced recording with its original: :func:`figures` of their :func:`pairs`.

    ``duration_error`` is always that of the whole.
    """
    return figures([pairs(original, result, speaker, voice, span)],
                   result.samples - round(original.samples * result.rate / original.rate))


def mean(measures: Sequence[Measures]) -> Measures:
    """The mean over sentences of each figure, where it is known; ``duration_error`` is the largest.

    Parameters
    ----------
    measures : sequence of Measures
        At least one.
    """
    def known(name: str) -> float | None:
        values = [value for one in measures if (value := getattr(one, name)) is not None]
        return float(np.mean(values)) if values else None

    return Measures(known("f0_rmse"), known("f0_rmse_fine"), known("f0_correlation"), known("gross_pitch_error"),
                    known("voicing_error"), known("energy_correlation"), known("overlap"), known("overlap_back"),
                    max((one.duration_error for one in measures), key=abs),
                    sum(one.voiced_frames for one in measures))


def _cents(logs: Contour) -> float:
    return float(1200 / np.log(2) * np.sqrt(np.mean(logs ** 2)))


def _correlation(one: Contour, other: Contour) -> float | None:
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _share(part: NDArray[np.bool_], of: NDArray[np.bool_]) -> float | None:
    return float(np.mean(part[of])) if of.any() else None
