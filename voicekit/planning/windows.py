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

from voicekit.planning.frames import Frames
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
    pieces = [piece for span in spans for piece in _divide(span, frames, read, longest)]
    atoms = _borders(pieces, samples, read)
    length = round(longest * SAMPLE_RATE)
    windows: list[Window] = []
    first = stop = 0
    while first < len(atoms):
        if first == 0 or first > stop:
            stop = next((i for i in range(first, len(atoms)) if atoms[i].pause > LONGEST_GAP), len(atoms) - 1)
        last = _last_of_window(atoms, first, stop, length)
        windows.append(Window(
            index=len(windows),
            start=atoms[first].left / SAMPLE_RATE,
            end=atoms[last].right / SAMPLE_RATE,
            speech=tuple(atom.speech for atom in atoms[first:last + 1]),
        ))
        first = last + 1
    return tuple(windows)


def _last_of_window(atoms: Sequence[_Atom], first: int, stop: int, length: int) -> int:
    """The atom after which the window that begins with `first` is closed; the next window is looked at, too.

    `stop` has to be the last of its window.
    """
    worths = _worths(atoms, first, stop, length)
    following = {last: max(_worths(atoms, last + 1, stop, length).values()) for last in worths if last < stop}
    return max(worths, key=lambda last: (worths[last] + following.get(last, 0.0), last))


def _worths(atoms: Sequence[_Atom], first: int, stop: int, length: int) -> dict[int, float]:
    """For every atom that a window beginning with `first` may be closed after, what that is worth."""
    def filled(begin: int, end: int) -> float:
        return (atoms[end].right - atoms[begin].left) / length

    fits = list(itertools.takewhile(lambda last: filled(first, last) <= 1, range(first, stop + 1))) or [first]
    if fits[-1] == stop:
        return {stop: LAST}
    whole = [last for last in fits if min(filled(first, last), filled(last + 1, stop)) >= SCRAP]
    return {last: filled(first, last) - atoms[last].cost for last in whole or fits}


def _cost(read: ReadPcm, pause: float, cut: int) -> float:
    """What a cut in a pause costs, as a share of a window.

    The shorter the pause the more. As many pauses are equally long, to each is added a lot, drawn from the second
    of sound before the cut. Good lots are rare, so windows that began at different places go for the same one.
    """
    digest = hashlib.sha256(read(max(0, cut - SAMPLE_RATE), cut).tobytes()).digest()
    lot = (int.from_bytes(digest[:8], "big") + 1) / 2 ** 64
    return SHORTNESS / max(pause, 0.02) + CHANCE * math.log(lot)


def _divide(span: Span, frames: Frames, read: ReadPcm, longest: float) -> list[Span]:
    """Divide speech without a pause that is longer than a window, where speech is least likely."""
    # A cut in a short pause may lie as far from the speech as two margins, on both sides.
    room = longest - 4 * MARGIN
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


def _borders(pieces: Sequence[Span], samples: int, read: ReadPcm) -> list[_Atom]:
    """Find, once for every pause, where windows around it would begin and end."""
    margin = round(MARGIN * SAMPLE_RATE)
    starts = [round(piece.start * SAMPLE_RATE) for piece in pieces]
    ends = [round(piece.end * SAMPLE_RATE) for piece in pieces]
    atoms = []
    left = quietest(read, max(0, starts[0] - margin), starts[0]) if pieces else 0
    for index, piece in enumerate(pieces):
        following = starts[index + 1] if index + 1 < len(pieces) else samples + 2 * margin
        pause = following - ends[index]
        if pause <= 2 * margin:  # one cut serves both neighbours
            right = next_left = quietest(read, ends[index], following)
        else:
            right = quietest(read, ends[index], min(samples, ends[index] + margin))
            next_left = quietest(read, min(samples, following - margin), min(samples, following))
        atoms.append(_Atom(piece, left, right, pause / SAMPLE_RATE, _cost(read, pause / SAMPLE_RATE, right)))
        left = next_left
    return atoms


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
