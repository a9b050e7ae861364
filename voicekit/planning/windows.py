"""Where to cut: spans of speech packed into windows, cut only in silence.

A border is the quietest place near it, found from the samples themselves and not from a running count. Which pause
closes a window is decided by how full it is then, and by what a cut in the pause costs, which depends on the pause
alone. So of two pauses the same one is preferred wherever the window began: two cuttings of one recording, of which
one began elsewhere because something was cut out or put in, meet again after a few windows.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.planning.frames import Frames, joined
from voicekit.types import SAMPLE_RATE, Span, Window

LONGEST_GAP = 5.0
"""Seconds of silence that a window may span; after a longer one a new window begins."""

SCRAP = 1 / 6
"""A window filled to less than this share is avoided: engines transcribe a second or two badly."""

SHORTNESS = 0.08
"""A cut in a pause of a second costs as much as this share of a window left empty; in half a second, twice that."""

CHANCE = 0.22
"""How much of the cost is drawn by lot. More brings two cuttings together sooner, and leaves windows emptier. Now
it takes 1 window in the mean, 10 at worst, and windows are filled to 0.81 (without it: 5, 35 and 0.84)."""

LAST = 1.5
"""What the window that reaches the end of speech is worth, however full: more than most, as no other is needed."""

MARGIN = 0.5
"""At most so many seconds of silence are kept before the first and after the last word."""

_LOUDNESS_SPAN = 320  # samples (20 ms): shorter follows single waves, longer blurs short pauses

ReadPcm = Callable[[int, int], NDArray[np.int16]]
"""Reads samples [start, stop) of the recording."""


@dataclass(frozen=True, slots=True)
class _Atom:
    """Speech that no cut may divide, and the borders a window would get around it, in samples."""

    speech: Span
    left: int
    right: int
    pause: float  # seconds until the next speech; 0 where a long span had to be divided
    cost: float  # of a cut in that pause, as a share of a window


def plan_windows(spans: Sequence[Span], frames: Frames, samples: int, read: ReadPcm,
                 longest: float) -> tuple[Window, ...]:
    """Pack speech into windows.

    Parameters
    ----------
    spans : sequence of Span
        Detected speech in order of time.
    frames : Frames
        Speech probability per frame, to find the least likely one where speech has to be divided.
    samples : int
        Length of the recording.
    read : callable
        Reads samples ``[start, stop)`` as int16.
    longest : float
        Seconds that a window may last.

    Returns
    -------
    tuple of Window
        Disjoint, in order of time, each at most ``longest``; every span is in exactly one window,
        but for spans longer than a window, which are divided.
    """
    plan = WindowPlan(read, longest)
    return (*plan.add(spans, frames), *plan.end(samples))


class WindowPlan:
    """The same for a recording that is still being heard: windows as soon as nothing later can change them.

    A window is sure when two windows and a sixth are known from where it begins, or a long pause.

    Parameters
    ----------
    read, longest
        As for :func:`plan_windows`. Of `read` no sample is asked that lies after the last span that was given.
    """

    def __init__(self, read: ReadPcm, longest: float) -> None:
        self._read = read
        self._longest = longest
        self._frames: list[Frames] = []  # those that the next span may lie in
        self._piece: Span | None = None  # the last piece of speech, whose pause is not known yet
        self._left = 0  # where a window that begins with it would begin
        self._atoms: list[_Atom] = []
        self._first = 0  # the first atom that is in no window yet
        self._looked = 0  # all atoms from the first to here are followed by short pauses
        self._windows = 0

    def add(self, spans: Sequence[Span], frames: Frames) -> tuple[Window, ...]:
        """More spans, and the frames since the last call; returns the windows that are sure by now, each once."""
        self._frames.append(frames)
        if any(span.duration > _room(self._longest) for span in spans):
            frames = joined(self._frames)
        for span in spans:
            for piece in _divide(span, frames, self._read, self._longest):
                self._follow(piece)
        if spans:
            end = spans[-1].end * SAMPLE_RATE
            self._frames = [part for part in self._frames if len(part) and part.starts[-1] >= end]
        return self._sure(whole=False)

    def end(self, samples: int) -> tuple[Window, ...]:
        """The recording is over, after so many samples; returns the windows that are left."""
        if self._piece is not None:
            self._border(self._piece, samples + 2 * round(MARGIN * SAMPLE_RATE), samples)
            self._piece = None
        return self._sure(whole=True)

    def _follow(self, piece: Span) -> None:
        """The next piece of speech, which no cut may divide: now the pause before it is known."""
        start = round(piece.start * SAMPLE_RATE)
        if self._piece is None:
            self._left = quietest(self._read, max(0, start - round(MARGIN * SAMPLE_RATE)), start)
        else:
            self._border(self._piece, start, start)
        self._piece = piece

    def _border(self, piece: Span, following: int, samples: int) -> None:
        """Find, once for every pause, where windows around it would begin and end."""
        margin, end = round(MARGIN * SAMPLE_RATE), round(piece.end * SAMPLE_RATE)
        pause = following - end
        if pause <= 2 * margin:  # one cut serves both neighbours
            right = next_left = quietest(self._read, end, following)
        else:
            right = quietest(self._read, end, min(samples, end + margin))
            next_left = quietest(self._read, min(samples, following - margin), min(samples, following))
        cost = _cost(self._read, pause / SAMPLE_RATE, right)
        self._atoms.append(_Atom(piece, self._left, right, pause / SAMPLE_RATE, cost))
        self._left = next_left

    def _sure(self, *, whole: bool) -> tuple[Window, ...]:
        """The windows that can be closed with the atoms that are known: all, where these are the whole."""
        windows: list[Window] = []
        atoms, length = self._atoms, round(self._longest * SAMPLE_RATE)
        while self._first < len(atoms):
            self._looked = max(self._looked, self._first)
            while self._looked < len(atoms) and atoms[self._looked].pause <= LONGEST_GAP:
                self._looked += 1
            stop = min(self._looked, len(atoms) - 1)
            last = _last_of_window(atoms, self._first, stop, length, final=whole or self._looked == stop)
            if last is None:
                break
            windows.append(Window(
                index=self._windows,
                start=atoms[self._first].left / SAMPLE_RATE,
                end=atoms[last].right / SAMPLE_RATE,
                speech=tuple(atom.speech for atom in atoms[self._first:last + 1]),
            ))
            self._windows += 1
            self._first = last + 1
        return tuple(windows)


def _last_of_window(atoms: Sequence[_Atom], first: int, stop: int, length: int, *, final: bool) -> int | None:
    """The atom after which the window that begins with `first` is closed; the next window is looked at, too.

    `stop` has to be the last of its window; but where it is not `final`, more atoms may follow it in the same
    window, and None says that they may change the answer.
    """
    worths = _worths(atoms, first, stop, length, final=final)
    if worths is None:
        return None
    together = {}
    for last, worth in worths.items():
        following: dict[int, float] | None = {stop: 0.0}
        if last < stop:
            following = _worths(atoms, last + 1, stop, length, final=final)
        if following is None:
            return None
        together[last] = worth + max(following.values())
    return max(together, key=lambda last: (together[last], last))


def _worths(atoms: Sequence[_Atom], first: int, stop: int, length: int, *, final: bool) -> dict[int, float] | None:
    """For every atom that a window beginning with `first` may be closed after, what that is worth.

    None where `stop` is not `final` and atoms after it may change the answer.
    """
    def filled(begin: int, end: int) -> float:
        return (atoms[end].right - atoms[begin].left) / length

    fits = list(itertools.takewhile(lambda last: filled(first, last) <= 1, range(first, stop + 1))) or [first]
    if fits[-1] == stop:
        return {stop: LAST} if final else None
    full = [last for last in fits if filled(first, last) >= SCRAP]
    whole = [last for last in full if filled(last + 1, stop) >= SCRAP]
    if len(whole) < len(full) and not final:
        return None
    return {last: filled(first, last) - atoms[last].cost for last in whole or fits}


def _cost(read: ReadPcm, pause: float, cut: int) -> float:
    """What a cut in a pause costs, as a share of a window.

    The shorter the pause the more. As many pauses are equally long, to each is added a lot, drawn from the second
    of sound before the cut. Good lots are rare, so windows that began at different places go for the same one.
    """
    digest = hashlib.sha256(read(max(0, cut - SAMPLE_RATE), cut).tobytes()).digest()
    lot = (int.from_bytes(digest[:8], "big") + 1) / 2 ** 64
    return SHORTNESS / max(pause, 0.02) + CHANCE * math.log(lot)


def _room(longest: float) -> float:
    """Seconds of speech that a window holds: a cut in a short pause may lie two margins away, on both sides."""
    return longest - 4 * MARGIN


def _divide(span: Span, frames: Frames, read: ReadPcm, longest: float) -> list[Span]:
    """Divide speech without a pause that is longer than a window, where speech is least likely."""
    room = _room(longest)
    pieces = []
    while span.duration > room:
        begin, end = span.start * SAMPLE_RATE, (span.start + room) * SAMPLE_RATE
        first, last = np.searchsorted(frames.starts, [begin + (end - begin) / 3, end])
        # Likelier than speech elsewhere is not likely: 0.999 differs from 0.99 as 0.9 from 0.5 does.
        doubt = np.log(1 - frames.probabilities[first:last - 1].astype(np.float64) + 1e-6)
        least = first + int(np.argmax(frames.starts[first:last - 1] / (end - begin) + CHANCE * doubt))
        cut = quietest(read, int(frames.starts[least]), int(frames.starts[least + 1])) / SAMPLE_RATE
        pieces.append(Span(span.start, cut))
        span = Span(cut, span.end)
    return [*pieces, span]


def quietest(read: ReadPcm, start: int, stop: int) -> int:
    """The sample around which 20 ms are quietest, among samples ``[start, stop]``.

    Ties (digital silence) give the middle of their longest run.

    Parameters
    ----------
    read : callable
        Reads samples ``[start, stop)`` as int16; what lies outside the recording is not returned.
    start, stop : int
        Where to look.

    Returns
    -------
    int
        ``start`` where there is nothing to choose from.
    """
    pcm = read(start, stop).astype(np.int64)
    width = min(_LOUDNESS_SPAN, len(pcm))
    if width < 2:
        return start
    # Exact integers: equal sound gives equal sums, so ties are true ties on every machine.
    energy = np.concatenate([[0], np.cumsum(pcm * pcm)])
    loudness = energy[width:] - energy[:-width]
    silent = np.concatenate([[0], (loudness == loudness.min()).astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(silent))
    begins, ends = edges[::2], edges[1::2]
    run = int(np.argmax(ends - begins))
    return start + int(begins[run] + ends[run] - 1) // 2 + width // 2
