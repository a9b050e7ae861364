"""From clustered windows to turns: how many speak in each frame, who they are, when each begins and ends.

Equal, bit for bit, to pyannote.audio 4.0.7 (``SpeakerDiarizationMixin.speaker_count``,
``SpeakerDiarization.reconstruct``, ``to_diarization``, ``to_annotation``), which holds arrays of windows x frames x
speakers in double precision: 1.4 GB for four hours and twenty speakers. Here windows are added one after the
other, so that memory grows with frames x speakers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.diarization.grid import Grid
from voicekit.speakers import Diarization
from voicekit.types import Turn

NOBODY = -2
"""The cluster of a local speaker who never speaks, as in pyannote.audio."""

_BLOCK = 65_536  # frames that are ranked at a time

SpeakerTurn = tuple[float, float, int]
"""Start and end in seconds, and the number of the speaker."""


def speaker_count(activity: Sequence[NDArray[Any]], grid: Grid) -> NDArray[np.uint8]:
    """How many speakers are active in each frame: the mean over the windows that see it, rounded half to even.

    Parameters
    ----------
    activity : sequence of ndarray, shape (windows, frames, local speakers)
        Of all stretches in order; 0 where a local speaker is silent, 1 where he speaks.
    grid : Grid
        Where windows and frames lie.

    Returns
    -------
    ndarray, shape (frames of the recording,), uint8
    """
    windows = sum(map(len, activity))
    if windows == 0:
        return np.zeros(0, np.uint8)
    speaking = np.zeros(grid.total_frames(windows), np.float32)
    seen = np.zeros_like(speaking)
    for index, window in enumerate(_windows(activity)):
        first = grid.first_frame(index)
        speaking[first:first + grid.frames] += window.sum(axis=-1, dtype=np.float64)
        seen[first:first + grid.frames] += 1.0
    mean = speaking / np.maximum(seen, np.float32(1e-12))
    return np.rint(mean).astype(np.uint8)


def reconstruct(activity: Sequence[NDArray[Any]], clusters: NDArray[np.integer[Any]], count: NDArray[np.uint8],
                grid: Grid) -> NDArray[np.bool_]:
    """Who is active in each frame: the ``count`` speakers with the most windows (or the highest scores) for them.

    Parameters
    ----------
    activity : sequence of ndarray, shape (windows, frames, local speakers), uint8 or float32
        Of all stretches in order; 0 or 1, or scores.
    clusters : ndarray, shape (windows, local speakers), integers
        Which speaker of the recording each local speaker is; ``NOBODY`` where he is none.
    count : ndarray, shape (frames of the recording,), uint8
        How many speak, as from :func:`speaker_count`.
    grid : Grid
        Where windows and frames lie.

    Returns
    -------
    ndarray, shape (frames of the recording, speakers), bool
        With more speakers than clusters where ``count`` says so.
    """
    if len(count) == 0:
        return np.zeros((0, 0), np.bool_)
    speakers = max(int(clusters.max()) + 1, 0)
    scores = np.zeros((len(count), max(speakers, int(count.max()))), np.float32)
    for index, (window, of_local) in enumerate(zip(_windows(activity), clusters, strict=True)):
        first = grid.first_frame(index)
        for cluster in np.unique(of_local):
            if cluster != NOBODY:
                # In double precision, then rounded: in single precision the sums of scores would differ.
                best = window[:, of_local == cluster].max(axis=1).astype(np.float64)
                scores[first:first + grid.frames, cluster] += np.nan_to_num(best, copy=False, nan=0.0)
    active = np.zeros(scores.shape, np.bool_)
    for begin in range(0, len(scores), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        # The very same sort as pyannote's: how equal scores fall depends on it.
        ranked = np.argsort(-scores[block], axis=-1)
        for rank in range(int(count[block].max())):
            rows = np.flatnonzero(count[block] > rank)
            active[begin + rows, ranked[rows, rank]] = True
    return active


def turns(active: NDArray[np.bool_], grid: Grid, longest_gap: float = 0.0) -> list[SpeakerTurn]:
    """Turns from frames: each from the middle of its first frame to the middle of the first silent one after it.

    Parameters
    ----------
    active : ndarray, shape (frames of the recording, speakers), bool
        As from :func:`reconstruct`.
    grid : Grid
        Where frames lie.
    longest_gap : float, optional
        Seconds; pauses inside a speaker's speech that are shorter are filled.

    Returns
    -------
    list of (float, float, int)
        In order of time, then of speakers. A turn that begins in the last frame has no length and is left out.
    """
    found: list[SpeakerTurn] = []
    last = len(active) - 1
    for speaker in range(active.shape[1]):
        edges = np.diff(active[:, speaker].astype(np.int8), prepend=np.int8(0))
        starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        pairs = itertools.zip_longest(starts.tolist(), ends.tolist(), fillvalue=last)
        spoken = [(grid.middle(start), grid.middle(end)) for start, end in pairs if start < end]
        if longest_gap > 0:
            spoken = _filled(spoken, longest_gap)
        found += [(start, end, speaker) for start, end in spoken]
    return sorted(found)


def diarization(turns: Sequence[SpeakerTurn], exclusive: Sequence[SpeakerTurn],
                centroids: NDArray[Any] | None, warnings: Sequence[str] = ()) -> Diarization:
    """Name the speakers in order of first speech.

    Parameters
    ----------
    turns, exclusive : sequence of (float, float, int)
        Start and end in seconds and the speaker's number; clipped by the caller where that is wanted.
    centroids : ndarray, shape (speakers, dimension), or None
        How each sounds, by number. Speakers behind its end, and zeros, get no voice.
    warnings : sequence of str, optional
        What the user should know.

    Examples
    --------
    >>> found = diarization([(4.0, 6.0, 0), (1.0, 5.0, 3)], [], None)
    >>> [(turn.start, turn.speaker) for turn in found.turns]
    [(1.0, 'SPEAKER_00'), (4.0, 'SPEAKER_01')]
    """
    order = dict.fromkeys(speaker for _, _, speaker in itertools.chain(sorted(turns), sorted(exclusive)))
    labels = {speaker: f"SPEAKER_{number:02d}" for number, speaker in enumerate(order)}

    def named(spoken: Sequence[SpeakerTurn]) -> tuple[Turn, ...]:
        return tuple(Turn(*turn) for turn in sorted((start, end, labels[speaker]) for start, end, speaker in spoken))

    voices = {}
    for speaker, label in labels.items():
        if centroids is not None and speaker < len(centroids):
            voice = np.asarray(centroids[speaker], np.float64)
            length = float(np.linalg.norm(voice))
            if np.isfinite(length) and length > 0:
                voices[label] = tuple((voice / length).tolist())
    return Diarization(named(turns), named(exclusive), voices, tuple(warnings))


def clipped(turns: Sequence[SpeakerTurn], end: float) -> list[SpeakerTurn]:
    """Turns without what lies behind the recording's end: frames reach a little further than the sound.

    Parameters
    ----------
    turns : sequence of (float, float, int)
        As from :func:`turns`.
    end : float
        Seconds.
    """
    return [(start, min(stop, end), speaker) for start, stop, speaker in turns if start < end]


def _windows(activity: Sequence[NDArray[Any]]) -> Iterator[NDArray[Any]]:
    return itertools.chain.from_iterable(activity)


def _filled(spoken: Sequence[tuple[float, float]], longest_gap: float) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in spoken:
        if joined and start - joined[-1][1] < longest_gap:
            joined[-1] = joined[-1][0], end
        else:
            joined.append((start, end))
    return joined
