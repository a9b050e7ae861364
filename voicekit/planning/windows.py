"""Where to cut: spans of speech packed into windows, cut only in silence.

A border is the quietest place near it, found from the samples themselves and not from a frame grid or
a running count; so the same sound gives the same windows wherever in a recording it lies. Among the
pauses that would fill a window well, the longest is taken: that is where a sentence ends, and where two
different cuttings of the same recording meet again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.types import SAMPLE_RATE, Span, Window

LONGEST_GAP = 5.0
"""Seconds of silence that a window may span; after a longer one a new window begins."""

FULL_ENOUGH = 2 / 3
"""A window filled to this share of its length may be closed at any pause."""

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


def plan_windows(spans: Sequence[Span], probabilities: NDArray[np.float32], frame: int,
                 samples: int, read: ReadPcm, longest: float) -> tuple[Window, ...]:
    """Pack speech into windows.

    Parameters
    ----------
    spans : sequence of Span
        Detected speech in order of time.
    probabilities : ndarray, shape (frames,), float32
        Speech probability per frame, to find the least likely one where speech has to be divided.
    frame : int
        Samples per frame.
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
    pieces = [piece for span in spans for piece in _divide(span, probabilities, frame, read, longest)]
    atoms = _borders(pieces, samples, read)
    windows: list[Window] = []
    first = 0
    while first < len(atoms):
        last = _last_of_window(atoms, first, longest)
        windows.append(Window(
            index=len(windows),
            start=atoms[first].left / SAMPLE_RATE,
            end=atoms[last].right / SAMPLE_RATE,
            speech=tuple(atom.speech for atom in atoms[first:last + 1]),
        ))
        first = last + 1
    return tuple(windows)


def _last_of_window(atoms: Sequence[_Atom], first: int, longest: float) -> int:
    """The atom after which the window that begins with `first` is closed."""
    length = round(longest * SAMPLE_RATE)
    stop = next((i for i in range(first, len(atoms)) if atoms[i].pause > LONGEST_GAP), len(atoms) - 1)
    fits = [i for i in range(first, stop + 1) if atoms[i].right - atoms[first].left <= length] or [first]
    if fits[-1] == stop:
        return stop
    full_enough = length * FULL_ENOUGH
    candidates = [i for i in fits if atoms[i].right - atoms[first].left >= full_enough]
    # Two windows to the end of this stretch: cut so that neither is a scrap of a second or two,
    # which engines transcribe badly.
    in_two = [i for i in fits if atoms[stop].right - atoms[i + 1].left <= length]
    if in_two:
        candidates = [i for i in in_two if min(atoms[i].right - atoms[first].left,
                                               atoms[stop].right - atoms[i + 1].left) >= length / 6] or in_two
    return max(candidates or fits[-1:], key=lambda i: (atoms[i].pause, i))


def _divide(span: Span, probabilities: NDArray[np.float32], frame: int, read: ReadPcm,
            longest: float) -> list[Span]:
    """Divide speech without a pause that is longer than a window, where speech is least likely."""
    # A cut in a short pause may lie as far from the speech as two margins, on both sides.
    room = longest - 4 * MARGIN
    pieces = []
    while span.duration > room:
        lowest = int(np.ceil((span.start + room * FULL_ENOUGH) * SAMPLE_RATE / frame))
        highest = int((span.start + room) * SAMPLE_RATE / frame)
        least = lowest + int(np.argmin(probabilities[lowest:highest]))
        cut = quietest(read, least * frame, (least + 1) * frame) / SAMPLE_RATE
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
        atoms.append(_Atom(piece, left, right, pause / SAMPLE_RATE))
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
