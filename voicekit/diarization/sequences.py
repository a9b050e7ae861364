"""Who speaks in each cell, from embeddings: clustering first, then the likeliest sequence of speakers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.diarization import clustering
from voicekit.diarization.cells import STEP
from voicekit.diarization.d_vector import FRAMES, HOP
from voicekit.speakers import SpeakerBounds
from voicekit.types import SAMPLE_RATE


_CELL = STEP / SAMPLE_RATE
_WINDOW = FRAMES * HOP / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was tuned, on conversations made of LibriSpeech's training speakers; ``fringe`` also on hours of a reader.

    Attributes
    ----------
    threshold : float
        Mean cosine distance between the points of two groups, with which clustering begins: rather too many groups.
    cells_per_point : int
        Neighbouring cells of a span whose mean is a point to cluster: one window is noisier than several.
    clear : float
        Speech in seconds that a cell's window needs for its embedding to be clustered.
    groups_per_speaker : int
        Groups that clustering begins with at least for each speaker that there must be: a cut for just so many would
        single out whatever sounds odd.
    apart, doubt, fringe : float
        Two groups are two speakers if the cosine distance of their means is more than ``apart``; and by
        ``doubt * (1 / seconds of one + 1 / seconds of the other)`` more, as the mean of little speech is far from
        everything, also from more speech of the same speaker; and by ``fringe * log10(ratio of their lengths)`` more,
        as the longer somebody speaks, the more there is that does not sound like him.
    change, change_in_span : float
        How much more similar, summed over its cells, another speaker must be to be taken: after a pause, and in the
        middle of a span of speech, where speakers hardly ever change.
    """

    threshold: float = 0.26
    cells_per_point: int = 4
    clear: float = 0.8
    groups_per_speaker: int = 4
    apart: float = 0.13
    doubt: float = 0.2
    fringe: float = 0.09
    change: float = 0.1
    change_in_span: float = 0.3


def label_cells(embeddings: NDArray[np.float32], spans: NDArray[np.int64], seconds: NDArray[np.float64],
                bounds: SpeakerBounds, tuning: Tuning = Tuning()) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Say who speaks in each cell.

    Parameters
    ----------
    embeddings : ndarray, shape (cells, dimension), float32
        In order of time, only of cells in which somebody speaks; none of them NaN.
    spans : ndarray, shape (cells,), int64
        In which span of speech each cell lies.
    seconds : ndarray, shape (cells,), float64
        How much speech its embedding was computed from.
    bounds : SpeakerBounds
        How many speakers there may be.
    tuning : Tuning
        As measured.

    Returns
    -------
    labels : ndarray, shape (cells,), int64
        The speaker of each cell.
    voices : ndarray, shape (speakers, dimension), float64
        How each sounds; of length 1.
    """
    clear = seconds >= tuning.clear
    if clear.sum() < max(2, bounds.least or 0):
        clear = np.ones(len(spans), np.bool_)
    members = _runs(spans[clear], tuning.cells_per_point)
    points = clustering.centroids(embeddings[clear], members).astype(np.float32)
    groups = bounds.least * tuning.groups_per_speaker if bounds.least else None
    found = clustering.cluster(points, SpeakerBounds(groups), tuning.threshold)
    voices = clustering.centroids(points, found)
    change = np.where(np.diff(spans, prepend=-1) != 0, tuning.change, tuning.change_in_span)
    labels = _speak_in_turn(embeddings, voices, seconds, change, bounds)
    labels = _without_doubles(embeddings, labels, bounds, tuning)
    voices = clustering.centroids(embeddings, labels)
    labels = _speak_in_turn(embeddings, voices, seconds, change, bounds)
    return labels, clustering.centroids(embeddings, labels)


def likeliest(scores: NDArray[np.float64], change: NDArray[np.float64]) -> NDArray[np.int64]:
    """The sequence of speakers with the highest sum of scores less the costs of changes: Viterbi's algorithm.

    Parameters
    ----------
    scores : ndarray, shape (cells, speakers), float64
        How well each speaker fits each cell.
    change : ndarray, shape (cells,), float64
        What it costs to have another speaker than in the cell before.

    Examples
    --------
    >>> likeliest(np.array([[1.0, 0], [0, 0.3], [1, 0], [0, 2]]), np.full(4, 0.5))
    array([0, 0, 0, 1])
    """
    cells, speakers = scores.shape
    before = np.zeros((cells, speakers), np.int32)
    stay = np.arange(speakers)
    best = scores[0].copy()
    for cell in range(1, cells):
        leader = int(best.argmax())
        changed = best[leader] - change[cell] > best
        before[cell] = np.where(changed, leader, stay)
        best = best[before[cell]] - changed * change[cell] + scores[cell]
    labels = np.empty(cells, np.int64)
    labels[-1] = best.argmax()
    for cell in range(cells - 1, 0, -1):
        labels[cell - 1] = before[cell, labels[cell]]
    return labels


def _speak_in_turn(embeddings: NDArray[np.float32], voices: NDArray[np.float64], seconds: NDArray[np.float64],
                   change: NDArray[np.float64], bounds: SpeakerBounds) -> NDArray[np.int64]:
    """The likeliest sequence; speakers who get no cell in it are left out, unless they were asked for."""
    similar = np.einsum("cd,kd->ck", embeddings, voices, optimize=False)
    labels = likeliest(similar * np.minimum(seconds / _WINDOW, 1.0)[:, None], change)
    if len(np.unique(labels)) < min(bounds.least or 1, len(voices)):
        labels = similar.argmax(axis=1)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _without_doubles(embeddings: NDArray[np.float32], labels: NDArray[np.int64], bounds: SpeakerBounds,
                     tuning: Tuning) -> NDArray[np.int64]:
    """Join speakers who sound alike, the most alike first; and the nearest ones where there are too many."""
    counts = np.bincount(labels)
    sums = clustering.centroids(embeddings, labels, of_length_one=False) * counts[:, None]
    now = np.arange(len(counts))  # which group each of the first ones is in
    excess = np.stack([_excess(sums, counts, group, tuning) for group in range(len(counts))])
    left = len(counts)
    while left > (bounds.least or 1):
        one, other = sorted(divmod(int(excess.argmin()), len(counts)))
        if excess[one, other] >= tuning.apart and left <= (bounds.most or left):
            break
        now[now == other] = one
        sums[one] += sums[other]
        counts[one] += counts[other]
        counts[other] = 0
        excess[other, :] = excess[:, other] = np.inf
        excess[one, :] = excess[:, one] = _excess(sums, counts, one, tuning)
        left -= 1
    return np.unique(now[labels], return_inverse=True)[1].astype(np.int64)


def _excess(sums: NDArray[np.float64], counts: NDArray[np.int64], group: int, tuning: Tuning) -> NDArray[np.float64]:
    """How far the means of all groups are from that of one, less what little speech explains; inf: not there."""
    voices = clustering.normalised(sums)
    there = counts > 0
    sizes = np.maximum(counts, 1)
    unsure = tuning.doubt / (sizes * _CELL)
    fringe = tuning.fringe * np.abs(np.log10(sizes / sizes[group]))
    distances = 1.0 - (voices * voices[group]).sum(axis=1)
    there[group] = False
    return np.where(there, distances - unsure - unsure[group] - fringe, np.inf)


def _runs(spans: NDArray[np.int64], longest: int) -> NDArray[np.int64]:
    """Number the runs of cells of one span, each of at most `longest` cells and about as long as its neighbours."""
    begins = np.flatnonzero(np.diff(spans, prepend=-1) != 0)
    lengths = np.diff(np.append(begins, len(spans)))
    pieces = -(-lengths // longest)
    place = np.arange(len(spans)) - np.repeat(begins, lengths)
    piece = place * np.repeat(pieces, lengths) // np.repeat(lengths, lengths)
    return np.asarray(np.repeat(np.cumsum(pieces) - pieces, lengths) + piece, np.int64)
