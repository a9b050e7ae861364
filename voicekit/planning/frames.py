"""The detector's frames, laid through a recording so that equal sound gets equal frames.

Frames are not counted from the beginning of the recording, but anew from every anchor: a place that is quieter than
all around it. So the detector is shown the same frames of the same sound wherever it lies, and what is cut from a
recording or added to it changes where speech is found only near the edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.protocols import Samples, SpeechDetector

ANCHOR_REACH = 40_000
"""An anchor is quieter than all that lies so many samples (2.5 s) before and after it: one comes every 5 s or so."""

_LOUDNESS_SPAN = 320  # samples (20 ms)
_STRETCH = 4 * ANCHOR_REACH  # samples searched at a time: more takes memory so large that each time it is made anew


@dataclass(frozen=True, slots=True)
class Frames:
    """Where a recording's frames are, and how likely speech is in each.

    Attributes
    ----------
    starts : ndarray, shape (frames,), int64
        The first sample of every frame, ascending from 0. A frame lasts until the next begins.
    probabilities : ndarray, shape (frames,), float32
    """

    starts: NDArray[np.int64]
    probabilities: NDArray[np.float32]

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.probabilities):
            raise ValueError("one start and one probability per frame")

    def __len__(self) -> int:
        return len(self.starts)


def detect(detector: SpeechDetector, blocks: Iterable[Samples]) -> Frames:
    """Run the detector over a whole recording.

    Parameters
    ----------
    detector : SpeechDetector
        For example :class:`voicekit.engines.silero.SileroDetector`.
    blocks : iterable of ndarray, shape (samples,), float32
        The recording in order, at 16 kHz.

    Returns
    -------
    Frames
        Each ``detector.frame`` samples, but for the one before an anchor, which lasts up to twice as long.
    """
    return joined(detected(detector, blocks))


def detected(detector: SpeechDetector, blocks: Iterable[Samples]) -> Iterator[Frames]:
    """The same, as far as it is sure: frames that no later sound can change, in order.

    Parameters
    ----------
    detector, blocks
        As in :func:`detect`. The next block is taken only when all that the ones before it decide was given.
    """
    layout = _Layout(detector.frame)
    starts = np.zeros(0, np.int64)
    for probabilities in detector.probabilities(layout.stretches(blocks)):
        starts = np.concatenate([starts, *layout.new_starts()])
        yield Frames(starts[:len(probabilities)], probabilities)
        starts = starts[len(probabilities):]


def joined(parts: Iterable[Frames]) -> Frames:
    """Frames that follow one another, in one piece."""
    parts = list(parts)
    return Frames(np.concatenate([np.zeros(0, np.int64), *(part.starts for part in parts)]),
                  np.concatenate([np.zeros(0, np.float32), *(part.probabilities for part in parts)]))


class _Layout:
    """Lays frames through a recording, anew from each anchor."""

    def __init__(self, frame: int) -> None:
        self._frame = frame
        self._starts: list[NDArray[np.int64]] = []  # of the frames that were passed on since somebody asked
        self._held = np.zeros(0, np.float32)
        self._origin = 0  # the first sample of what is held
        self._searched = 0  # anchors before this sample are known
        self._begin = 0  # where the next frame begins

    def new_starts(self) -> list[NDArray[np.int64]]:
        """The first sample of every frame that was passed on since the last call."""
        starts, self._starts = self._starts, []
        return starts

    def stretches(self, blocks: Iterable[Samples]) -> Iterator[Samples]:
        """The recording without what is left over before each anchor: less than a frame, where it is quietest."""
        waiting: list[Samples] = []
        samples = 0
        for block in blocks:
            waiting.append(block)
            samples += len(block)
            if samples - self._searched >= _STRETCH:
                yield from self._pass_on(waiting, samples - ANCHOR_REACH - _LOUDNESS_SPAN)
                waiting = []
        yield from self._pass_on(waiting, max(self._searched, samples - ANCHOR_REACH - _LOUDNESS_SPAN))
        if self._begin < samples:
            yield self._take(samples)

    def _pass_on(self, waiting: list[Samples], stop: int) -> Iterator[Samples]:
        """Whole frames that no anchor can fall into any more; `stop` is where the search for anchors ends."""
        self._held = np.concatenate([self._held, *waiting])
        for anchor in [*_anchors(self._held, self._searched - self._origin, stop - self._origin), None]:
            limit = (stop if anchor is None else self._origin + anchor) + _LOUDNESS_SPAN // 2
            whole = self._begin + max(0, limit - self._begin) // self._frame * self._frame
            if whole > self._begin:
                yield self._take(whole)
            if anchor is not None:
                self._begin = limit
        self._searched = stop
        keep = max(self._origin, min(self._begin, stop - ANCHOR_REACH))
        self._held, self._origin = self._held[keep - self._origin:], keep

    def _take(self, end: int) -> Samples:
        self._starts.append(np.arange(self._begin, end, self._frame, dtype=np.int64))
        taken = self._held[self._begin - self._origin:end - self._origin]
        self._begin = end
        return taken


def _anchors(samples: Samples, first: int, stop: int) -> list[int]:
    """Where 20 ms begin, in ``[first, stop)``, that are quieter than all around; the first where several are."""
    if stop <= first:
        return []
    # Exact integers: equal sound gives equal sums.
    pcm = np.rint(samples * np.float32(32768)).astype(np.int32)
    energy = np.zeros(len(pcm) + 1, np.int64)
    energy[1:] = np.multiply(pcm, pcm, out=pcm)
    np.cumsum(energy, out=energy)
    loudness = energy[_LOUDNESS_SPAN:] - energy[:-_LOUDNESS_SPAN]
    found = []
    for begin in range(max(first, ANCHOR_REACH), stop, ANCHOR_REACH):
        place = begin + int(np.argmin(loudness[begin:min(begin + ANCHOR_REACH, stop)]))
        before, after = loudness[place - ANCHOR_REACH:place], loudness[place + 1:place + 1 + ANCHOR_REACH]
        if before.min() > loudness[place] and after.min() >= loudness[place]:
            found.append(place)
    return found
