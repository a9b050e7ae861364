"""Another sample rate, a block at a time, with a length that is known before.

FFmpeg's resampler with a filter twice as long as its default: what it adds lies 110 dB below the sound. It makes up
for its own delay, so that a sound stays where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import av
import numpy as np

from voicekit.audio.pcm import Samples

_FILTER = {"filter_size": "64", "phase_shift": "10", "cutoff": "0.97"}


def resampled_length(samples: int, rate: int, target: int) -> int:
    """How many samples there are at another rate: the nearest whole number.

    Examples
    --------
    >>> resampled_length(44100, 44100, 16000), resampled_length(1, 48000, 16000)
    (16000, 0)
    """
    return (2 * samples * target + rate) // (2 * rate)


def resampled(blocks: Iterable[Samples], samples: int, rate: int, target: int) -> Iterator[Samples]:
    """The same sound at another rate.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (samples,), float32
        The sound in order, in blocks of any length.
    samples : int
        How many there are in all of them.
    rate, target : int
        Samples per second, before and after.

    Yields
    ------
    ndarray, shape (samples,), float32
        ``resampled_length(samples, rate, target)`` in all, whatever the blocks held. The first belongs to the same
        moment as the first of ``blocks``.

    Examples
    --------
    >>> sum(len(block) for block in resampled([np.zeros(441, np.float32)], 441, 44100, 16000))
    160
    """
    left = resampled_length(samples, rate, target)
    for block in blocks if rate == target else _converted(blocks, rate, target):
        if len(block) > left:
            block = block[:left]
        if len(block):
            left -= len(block)
            yield block
    if left:  # the last one or two, which lie behind the last sample that came in
        yield np.zeros(left, np.float32)


def _converted(blocks: Iterable[Samples], rate: int, target: int) -> Iterator[Samples]:
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=target, options=_FILTER)
    fed = False
    for block in blocks:
        if len(block):
            fed = True
            yield from _planes(resampler, frame_of(block, rate))
    if fed:
        yield from _planes(resampler, None)


def frame_of(block: Samples, rate: int) -> Any:
    """A block as FFmpeg's frame."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block)[np.newaxis], format="fltp", layout="mono")
    frame.sample_rate = rate
    return frame


def _planes(resampler: Any, frame: Any) -> Iterator[Samples]:
    for out in resampler.resample(frame):
        yield out.to_ndarray()[0]
