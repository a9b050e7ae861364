"""Each channel a speaker, as in recorded telephone calls: from speech and loudness of each channel to turns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voicekit.speakers import Diarization
from voicekit.stages.naming import LABEL
from voicekit.types import Span, Turn

FRAME = 0.05
"""Seconds in which loudness is compared."""

LEAK = 12.0
"""dB; what is softer than the loudest channel by more is that channel, heard through a wall, a table or a line."""

AROUND = 0.2
"""Seconds before and after a moment in which the loudest counts: between two syllables every channel is silent."""

SHORTEST_PAUSE = 0.3
"""Seconds; a shorter gap in a turn is filled."""

SHORTEST_TURN = 0.1
"""Seconds; what is shorter is a click."""

SAME = 0.999
"""Channels whose loudness is so alike (correlation, and level within half a dB) are one sound recorded twice."""


def levels(samples: NDArray[np.float32], rate: int) -> NDArray[np.float64]:
    """Loudness frame by frame.

    Parameters
    ----------
    samples : ndarray, shape (samples,), float32
        A whole number of frames, or the end of a recording.
    rate : int
        Samples per second.

    Returns
    -------
    ndarray, shape (frames,), float64
        dB of full scale, at least -100.
    """
    size = round(FRAME * rate)
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % size)).reshape(-1, size)
    level: NDArray[np.float64] = 10 * np.log10(np.mean(padded * padded, axis=1) + 1e-10)
    return level


def turns_of_channels(speech: Sequence[Sequence[Span]], loudness: Sequence[NDArray[np.float64]]) -> Diarization:
    """Who spoke when, where everybody has a channel.

    Parameters
    ----------
    speech : sequence of sequence of Span
        For each channel, the speech that was detected in it.
    loudness : sequence of ndarray, shape (frames,), float64
        For each channel, as :func:`levels` gives it.

    Returns
    -------
    Diarization
        Labels by channel: ``SPEAKER_00`` is the first, whoever speaks first. Voices are unknown.
    """
    frames = max(map(len, loudness))
    level = np.stack([np.pad(one, (0, frames - len(one)), constant_values=-100.0) for one in loudness])
    warnings = []
    if _same(level):
        warnings.append("All channels hold the same sound, so they are taken to be one speaker: "
                        "--diarize tells speakers of one channel apart.")
        speech, level = speech[:1], level[:1]
    from scipy.ndimage import maximum_filter1d

    active = np.stack([_within(spans, frames) for spans in speech])
    around = maximum_filter1d(level, 2 * round(AROUND / FRAME) + 1, axis=1, mode="nearest")
    own = active & (around >= around.max(axis=0) - LEAK)
    own = np.stack([_without_short(channel) for channel in own])
    loudest = np.where(own, level, -np.inf).argmax(axis=0)
    alone = own & (np.arange(len(own))[:, None] == loudest)
    return Diarization(_turns(own), _turns(alone), {}, tuple(warnings))


def _same(level: NDArray[np.float64]) -> bool:
    first = level[0]
    return all(np.abs(one - first).max() < 0.5 or (one.std() > 0 and first.std() > 0 and np.abs(
        one - first).mean() < 0.5 and np.corrcoef(one, first)[0, 1] > SAME) for one in level[1:])


def _within(spans: Sequence[Span], frames: int) -> NDArray[np.bool_]:
    inside = np.zeros(frames, np.bool_)
    for span in spans:
        inside[int(span.start / FRAME):int(np.ceil(span.end / FRAME))] = True
    return inside


def _without_short(active: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Short pauses filled, then short turns dropped."""
    filled = active.copy()
    for first, last in _runs(~active):
        if (last - first) * FRAME < SHORTEST_PAUSE and first > 0 and last < len(active):
            filled[first:last] = True
    kept = filled.copy()
    for first, last in _runs(filled):
        if (last - first) * FRAME < SHORTEST_TURN:
            kept[first:last] = False
    return kept


def _runs(active: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate(([0], active.astype(np.int8), [0]))))
    return [(int(first), int(last)) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _turns(active: NDArray[np.bool_]) -> tuple[Turn, ...]:
    found = [Turn(round(first * FRAME, 3), round(last * FRAME, 3), LABEL.format(channel))
             for channel, one in enumerate(active) for first, last in _runs(one)]
    return tuple(sorted(found, key=lambda turn: (turn.start, turn.end, turn.speaker)))
