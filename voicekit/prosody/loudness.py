"""How loud a sound is from moment to moment, and where in it somebody speaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.prosody.pitch import STEP, Contour
from voicekit.types import Span

WINDOW = 0.04
"""Seconds over which loudness is taken: two periods of the deepest voice, shorter than most sounds of speech."""

RANGE = 35.0
"""dB below the loud parts of speech (95th percentile) down to which sound counts as speech: the softest consonants
are about 30 dB below the vowels."""

_ABOVE_NOISE = 6.0
"""dB above the quietest parts of a sound (2nd percentile) that sound must have to count as speech."""

_CLOSURE = 0.15
"""Seconds of silence inside speech that belong to it: before a p, t or k, and between words."""

_SMEAR = 3
"""Frames by which sound seems to begin too early and to end too late: nearly half of the window."""

_PAUSE = 0.18
"""Seconds of silence at the edge of a word that are a pause; less may be the closure of a t that one speaker lets go
audibly and another does not."""


def loudness(samples: NDArray[Any], rate: int, frames: int | None = None) -> Contour:
    """Mean power in dB, every 5 ms, over 40 ms.

    Parameters
    ----------
    samples : ndarray, shape (samples,)
        Mono.
    rate : int
        Samples per second.
    frames : int, optional
        How many; as many as there are in the sound if not given.
    """
    count = int(len(samples) / rate / STEP) + 1 if frames is None else frames
    total = np.concatenate([[0.0], np.cumsum(np.asarray(samples, np.float64) ** 2)])
    centres = np.arange(count) * STEP * rate
    first = np.clip(np.round(centres - WINDOW / 2 * rate).astype(int), 0, len(samples))
    last = np.clip(np.round(centres + WINDOW / 2 * rate).astype(int), 0, len(samples))
    # Beyond the ends there is silence: the divisor is the whole window.
    return np.asarray(10 * np.log10(np.maximum(total[last] - total[first], 0) / (WINDOW * rate) + 1e-10))


def sounding(levels: Contour) -> NDArray[np.bool_]:
    """Per frame whether there is sound, closures within words left out.

    Parameters
    ----------
    levels : ndarray, shape (frames,)
        dB, from :func:`loudness`.
    """
    if not len(levels):
        return np.zeros(0, bool)
    loud, quiet = (float(level) for level in np.percentile(levels, (95, 2)))
    # In a sound that is speech throughout, the quiet parts are speech too.
    floor = max(loud - RANGE, min(quiet + _ABOVE_NOISE, loud - RANGE / 2))
    return np.asarray((levels > floor) & (levels > -80))


def speaking(levels: Contour) -> NDArray[np.bool_]:
    """Per frame whether somebody speaks: sound, and silences shorter than 150 ms within it."""
    found = sounding(levels)
    edges = np.flatnonzero(np.diff(found.astype(np.int8), prepend=0, append=0))
    for end, start in zip(edges[1:-1:2], edges[2::2], strict=True):
        if (start - end) * STEP < _CLOSURE:
            found[end:start] = True
    return found


def trimmed(spans: Sequence[Span | None], samples: NDArray[Any], rate: int,
            before: float = 0.0) -> tuple[Span | None, ...]:
    """The spans of words without any silence at their edges.

    Parameters
    ----------
    spans : sequence of (Span or None)
        Words, in order.
    samples : ndarray, shape (samples,)
        The sound they are in.
    rate : int
        Samples per second.
    before : float
        Seconds of sound before the time that the spans count from.
    """
    found = _eroded(sounding(loudness(samples, rate)))
    return tuple(span and _trimmed(span, found, before) for span in spans)


def _eroded(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Sound without what is heard too early and too late, because loudness is taken over a window."""
    padded = np.pad(found, _SMEAR, constant_values=True)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * _SMEAR + 1).all(axis=1))


def _trimmed(span: Span, found: NDArray[np.bool_], before: float) -> Span:
    first, last = (max(int(round((time + before) / STEP)), 0) for time in (span.start, span.end))
    heard = np.flatnonzero(found[first:last])
    if not len(heard):
        return span
    # A frame from the edge is at the edge: what sounds there is the next word.
    start = (first + int(heard[0])) * STEP - before if heard[0] > 0 else span.start
    end = (first + int(heard[-1])) * STEP - before if first + heard[-1] < last - 1 else span.end
    return Span(start, end) if span.start <= start < end <= span.end else span


def alike(one: Sequence[Span | None], one_trimmed: Sequence[Span | None], other: Sequence[Span | None],
          other_trimmed: Sequence[Span | None]) -> tuple[Span | None, ...]:
    """One side's spans, trimmed where both sides have a pause, or one a much longer one than the other.

    Where they differ by less it is not a pause that differs, but how softly a word ends; trimmed by different
    lengths it would come out too long or too short.

    Parameters
    ----------
    one, other : sequence of (Span or None)
        The words in the two recordings.
    one_trimmed, other_trimmed : sequence of (Span or None)
        The same without silence at their edges, from :func:`trimmed`.
    """
    made: list[Span | None] = []
    for span, short, theirs, their_short in zip(one, one_trimmed, other, other_trimmed, strict=True):
        if span is None or short is None or theirs is None or their_short is None:
            made.append(short)
            continue
        before = short.start - span.start, their_short.start - theirs.start
        after = span.end - short.end, theirs.end - their_short.end
        made.append(Span(*(cut if min(silences) >= _PAUSE or abs(silences[0] - silences[1]) >= _PAUSE else whole
                           for silences, cut, whole in ((before, short.start, span.start),
                                                        (after, short.end, span.end)))))
    return tuple(made)


def with_onset(spans: Sequence[Span | None], start: float | None) -> tuple[Span | None, ...]:
    """The same spans, the first of them from another time on.

    Parameters
    ----------
    spans : sequence of (Span or None)
        Words, in order.
    start : float or None
        Seconds; None to leave it.
    """
    made = list(spans)
    index = next((index for index, span in enumerate(spans) if span is not None), None)
    if index is not None and start is not None:
        first = made[index]
        assert first is not None
        made[index] = Span(start, max(first.end, start))
    return tuple(made)
