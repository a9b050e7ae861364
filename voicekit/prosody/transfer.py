"""A sentence in its new voice, with the melody, the loudness and the timing of the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.options import Quality
from voicekit.prosody import psola, timing, world
from voicekit.prosody.contours import shifts, with_energy
from voicekit.prosody.loudness import alike, trimmed, with_onset
from voicekit.prosody.pitch import STEP, Contour, register, track
from voicekit.prosody.timing import Timing
from voicekit.spoken import Fitted, Register, Spoken
from voicekit.types import SAMPLE_RATE, Span

LEAD = 0.04
"""Seconds of sound before the first word that are kept: how it sets in."""

TAIL = 0.08
"""Seconds of sound after the last word that are kept: how it dies away."""

FADE = 0.015
"""Seconds over which sound begins and ends."""

QUICK = 0.002
"""Seconds over which sound begins where the voice left nothing before its first word."""

STILL = 0.02
"""Seconds of silence at the start of what was spoken that are let be."""

SAME = 1e-6
"""A stretch so near to 1 is none: what is left is how floats are rounded."""

LARGE = 0.4
"""Octaves that a tenth of the voiced frames must be shifted by for ``high`` to take the voice apart with WORLD."""


def transfer(original: NDArray[np.float32], before: float, anchors: Sequence[Span | None], spoken: Spoken,
             speaker: Register | None, voice: Register | None, room: float, quality: Quality = "normal") -> Fitted:
    """Fit what a voice said into the original's time, and let it rise, fall and swell as the original does.

    The same arguments give the same samples to the bit.

    Parameters
    ----------
    original : ndarray, shape (samples,), float32
        The original recording around the sentence, at 16 kHz.
    before : float
        Seconds of it before the sentence's start.
    anchors : sequence of (Span or None)
        Per word its time in the original, seconds from the sentence's start; None where it has none.
    spoken : Spoken
        What the voice said; as many words as there are anchors.
    speaker, voice : Register or None
        How high the original speaker and the voice speak as a rule; None to take it from this sentence alone.
    room : float
        Seconds from the sentence's start until the next one may begin. The result does not run past it.
    quality : {"fast", "normal", "high"}
        ``fast`` keeps the voice's own melody, loudness and pace and makes it quicker only where it must fit.
        ``normal`` is TD-PSOLA, ``high`` WORLD where F0 is far from the voice's own.

    Raises
    ------
    EngineMissingError
        If pyworld is needed and not installed.
    """
    if not len(spoken.samples) or not np.any(spoken.samples) or room <= 0:
        return Fitted(np.zeros(0, np.float32), spoken.rate, 0.0, tuple(None for _ in spoken.words), 1.0,
                      ("no room for it",) if room <= 0 else ("the voice said nothing",))
    short = trimmed(spoken.words, spoken.samples, spoken.rate)
    onset = _first(short) if (_first(short) or 0) - (_first(spoken.words) or 0) > STILL else _first(spoken.words)
    length = len(spoken.samples) / spoken.rate
    if quality == "fast":
        words = with_onset(alike(spoken.words, short, spoken.words, short), onset)
        return _fast(timing.as_one(anchors, words, length, room), spoken, room)
    theirs = trimmed(anchors, original, SAMPLE_RATE, before)
    words = with_onset(alike(spoken.words, short, anchors, theirs), onset)
    # The onset stays where the transcript has it.
    times = with_onset(alike(anchors, theirs, spoken.words, short), _first(anchors))
    plan = _framed(timing.word_by_word(times, words, length, room), length, room)
    return _sung(original, before, plan, spoken, speaker, voice, room, quality)


def _first(spans: Sequence[Span | None]) -> float | None:
    return next((span.start for span in spans if span is not None), None)


def _fast(plan: Timing, spoken: Spoken, room: float) -> Fitted:
    plan = _framed(plan, len(spoken.samples) / spoken.rate, room)
    lead, length = _extent(plan, spoken.rate, room)
    times = plan.output + lead / spoken.rate
    if abs(plan.stretch - 1) < SAME:
        first = round((plan.spoken[0] - times[0]) * spoken.rate)
        made = _cut(spoken.samples, first, length)
    else:
        pitch = track(spoken.samples, spoken.rate, fine=False)
        made = psola.resynthesise(spoken.samples, spoken.rate, pitch, times, plan.spoken, np.ones(1), length)
    return _finished(made, plan, lead, spoken)


def _sung(original: NDArray[np.float32], before: float, plan: Timing, spoken: Spoken, speaker: Register | None,
          voice: Register | None, room: float, quality: Quality) -> Fitted:
    lead, length = _extent(plan, spoken.rate, room)
    theirs, own = track(original, SAMPLE_RATE), track(spoken.samples, spoken.rate)
    times = plan.output + lead / spoken.rate
    grid = np.arange(int(length / spoken.rate / STEP) + 2) * STEP
    at = np.interp(grid, times, plan.original) + before
    there = np.interp(grid, times, plan.spoken)
    speaker, voice = speaker or register([theirs]), voice or register([own])
    shift = np.ones(len(grid))
    if speaker is not None and voice is not None and theirs.voiced.any() and own.voiced.any():
        shift = shifts(theirs, at, own, there, speaker, voice)
    far = float(np.percentile(np.abs(np.log2(shift)), 90)) > LARGE
    remake = world.resynthesise if quality == "high" and far else psola.resynthesise
    made = remake(spoken.samples, spoken.rate, own, times, plan.spoken, shift, length)
    made = with_energy(_gated(made, plan, lead, spoken.rate), spoken.rate, original, SAMPLE_RATE, at)
    return _finished(made, plan, lead, spoken)


def _framed(plan: Timing, length: float, room: float) -> Timing:
    """With the sound just before the first word and just after the last."""
    lead = min(LEAD, float(plan.spoken[0]))
    tail = max(min(TAIL, length - float(plan.spoken[-1]), room - plan.end), 0.0)
    ends = (np.array([-lead, 0.0]), np.array([0.0, tail]))

    def longer(clock: Contour) -> Contour:
        return np.concatenate([clock[:1] + ends[0][:1], clock, clock[-1:] + ends[1][1:]])

    return replace(plan, output=longer(plan.output), spoken=longer(plan.spoken), original=longer(plan.original))


def _extent(plan: Timing, rate: int, room: float) -> tuple[int, int]:
    """Samples before the sentence's start, and in all."""
    lead = max(int(np.ceil(-plan.start * rate)), 0)
    return lead, lead + max(int(min(plan.end, room) * rate), 0)


def _cut(samples: NDArray[np.float32], first: int, length: int) -> NDArray[np.float32]:
    """So many samples from the first on, with silence where there are none."""
    made = np.zeros(length, np.float32)
    start, end = max(first, 0), min(first + length, len(samples))
    if end > start:
        made[start - first:end - first] = samples[start:end]
    return made


def _gated(samples: NDArray[np.float32], plan: Timing, lead: int, rate: int) -> NDArray[np.float32]:
    """Silence in the pauses, with fades before and after."""
    knots: list[tuple[float, float]] = [(-FADE, 0.0)]
    for pause in plan.silent:
        fade = min(FADE, max((pause.start + lead / rate - knots[-1][0]) / 2, 1e-4))
        start, end = pause.start + lead / rate, pause.end + lead / rate
        knots += [(start - fade, 1.0), (start, 0.0), (end, 0.0), (end + FADE, 1.0)]
    if len(knots) == 1:
        return samples
    places, values = zip(*([(0.0, 1.0), *knots[1:]]), strict=True)
    ramp = np.interp(np.arange(len(samples)) / rate, np.maximum.accumulate(places), values)
    return np.asarray(samples * (0.5 - 0.5 * np.cos(np.pi * ramp)), np.float32)


def _finished(samples: NDArray[np.float32], plan: Timing, lead: int, spoken: Spoken) -> Fitted:
    """Faded at its ends, and no louder than full scale."""
    made: NDArray[Any] = samples.astype(np.float64)
    first = min(max(lead + round(plan.start * spoken.rate), 0), len(made))
    made[:first] = 0
    rising = _ramp(min(max(float(plan.output[1] - plan.output[0]), QUICK), FADE), spoken.rate, len(made) - first)
    made[first:first + len(rising)] *= rising
    falling = _ramp(FADE, spoken.rate, len(made) - first)
    made[len(made) - len(falling):] *= falling[::-1]
    peak = float(np.abs(made).max()) if len(made) else 0.0
    if peak > 1.0:
        made = made / peak
    return Fitted(made.astype(np.float32), spoken.rate, lead / spoken.rate, plan.words, plan.stretch, plan.notes)


def _ramp(seconds: float, rate: int, most: int) -> Contour:
    """From nothing to one, in a half wave, over at most half of so many samples."""
    count = max(min(round(seconds * rate), most // 2), 0)
    return 0.5 - 0.5 * np.cos(np.pi * (np.arange(count) + 0.5) / max(count, 1))
