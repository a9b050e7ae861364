"""Which embeddings are of one speaker: agglomerative clustering, and assignment to the speakers found.

Average linkage on cosine distances, or centroid linkage, as scipy computes them. Everything is deterministic, and
distances are computed without BLAS, whose last bits may depend on its threads.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from voicekit.diarization.reconstruction import NOBODY
from voicekit.speakers import SpeakerBounds

MOST_POINTS = 2000
"""Embeddings that are clustered together: their distances take 16 MB, and a second to compute."""

_BLOCK = 8192
_TIGHT = 0.5
"""Share of the threshold up to which the embeddings of a block become one point, where there are too many."""


def cluster(embeddings: NDArray[np.float32], bounds: SpeakerBounds, threshold: float,
            smallest: int = 1, linkage: Literal["average", "centroid"] = "average") -> NDArray[np.int64]:
    """Group embeddings by speaker.

    The tree of `linkage` is cut at `threshold`. Groups of fewer than `smallest` embeddings (a cough, a laugh,
    two voices at once) are no speakers: they join the nearest one. Where `bounds` forbid the number of speakers
    found, the cut nearest to the threshold is taken that gives an allowed one.

    Parameters
    ----------
    embeddings : ndarray, shape (n, dimension), float32
        In order of time, none of them NaN; of any length. From :data:`MOST_POINTS` on, near ones of a stretch of
        time are merged first, so that memory is bounded.
    bounds : SpeakerBounds
        How many speakers there may be.
    threshold : float
        From which on two groups are two speakers. With average linkage a mean cosine distance, 0 to 2; with centroid
        linkage the Euclidean distance of the means of their embeddings (made as long as 1), as in pyannote.audio 3.1.
    smallest : int
        Embeddings that make a speaker; at most a tenth of all.
    linkage : {"average", "centroid"}
        How far apart two groups are: see `threshold`.

    Returns
    -------
    ndarray, shape (n,), int64
        Speakers 0, 1 and so on, in order of first appearance. Fewer than `bounds` ask for where there are not so
        many embeddings.

    Examples
    --------
    >>> three = np.array([[1, 0], [0, 1], [1, 0.1]], np.float32)
    >>> cluster(three, SpeakerBounds(), threshold=0.5)
    array([0, 1, 0])
    >>> cluster(three, SpeakerBounds(1, 1), threshold=0.5)
    array([0, 0, 0])
    """
    if len(embeddings) < 2:
        return np.zeros(len(embeddings), np.int64)
    members = _merged(embeddings, threshold, linkage)
    points, weights = centroids(embeddings, members, of_length_one=False), np.bincount(members)
    if len(points) < 2:
        return np.zeros(len(embeddings), np.int64)
    smallest = min(smallest, max(1, round(len(embeddings) / 10)))
    tree = _tree(points, linkage)
    groups = _cut(tree, _merges(tree, weights, bounds, threshold, smallest))
    labels = _without_small(points, weights, groups, _allowed_small(groups, weights, bounds, smallest))
    return _by_appearance(labels[members])


def assign(embeddings: NDArray[np.float32], active: NDArray[np.bool_],
           centroids: NDArray[Any]) -> NDArray[np.int64]:
    """Give every active local speaker the most similar speaker; those of one window get different ones.

    Parameters
    ----------
    embeddings : ndarray, shape (windows, local speakers, dimension), float32
        NaN where a speaker says too little: he gets whom the others leave.
    active : ndarray, shape (windows, local speakers), bool
        Who is heard at all.
    centroids : ndarray, shape (speakers, dimension)
        How each speaker sounds.

    Returns
    -------
    ndarray, shape (windows, local speakers), int64
        Speakers, and :data:`NOBODY` for who is not active, or one too many.
    """
    from scipy.optimize import linear_sum_assignment

    clusters = np.full(active.shape, NOBODY, np.int64)
    if not len(centroids):
        return clusters
    similar = np.einsum("wld,kd->wlk", normalised(embeddings), normalised(centroids), optimize=False)
    similar = np.nan_to_num(similar, nan=-2.0)
    alone = active.sum(axis=1) == 1
    clusters[alone] = np.where(active[alone], similar[alone].argmax(axis=2), NOBODY)
    for window in np.flatnonzero(active.sum(axis=1) > 1):
        local = np.flatnonzero(active[window])
        rows, columns = linear_sum_assignment(similar[window, local], maximize=True)
        clusters[window, local[rows]] = columns
    return clusters


def centroids(embeddings: NDArray[np.float32], labels: NDArray[np.int64],
              of_length_one: bool = True) -> NDArray[np.float64]:
    """How each speaker sounds: the mean of the embeddings, each made as long as 1 before.

    Parameters
    ----------
    embeddings : ndarray, shape (n, dimension), float32
        None of them NaN.
    labels : ndarray, shape (n,), int64
        Of which speaker each is: 0 to the number of speakers less one, each at least once.
    of_length_one : bool
        Whether the mean is made as long as 1 too. If not, it is the shorter the less its embeddings agree.

    Returns
    -------
    ndarray, shape (speakers, dimension), float64
    """
    counts = np.bincount(labels)
    sums = np.zeros((len(counts), embeddings.shape[1]))
    for first in range(0, len(labels), _BLOCK):  # or twelve hours would be several copies in double precision
        block = slice(first, first + _BLOCK)
        np.add.at(sums, labels[block], normalised(embeddings[block]))
    means = sums / counts[:, None]
    return normalised(means) if of_length_one else means


def normalised(vectors: NDArray[Any]) -> NDArray[np.float64]:
    """Vectors of length 1 along the last axis; zeros stay zeros, NaN stays NaN."""
    wide = vectors.astype(np.float64)
    lengths = np.sqrt(np.einsum("...d,...d->...", wide, wide))[..., None]
    wide /= np.where(lengths == 0, 1.0, lengths)
    return wide


def _merged(embeddings: NDArray[np.float32], threshold: float, linkage: str) -> NDArray[np.int64]:
    """To which point each embedding belongs: one of its own, or one with near ones of the same stretch of time."""
    members = np.arange(len(embeddings))
    tight = threshold * _TIGHT
    while (count := int(members.max()) + 1) > MOST_POINTS:
        points = embeddings if count == len(embeddings) else centroids(embeddings, members, of_length_one=False)
        found, offset = np.empty(count, np.int64), 0
        for first in range(0, count, MOST_POINTS):
            some = points[first:first + MOST_POINTS]
            block = normalised(some) if count == len(embeddings) else some.astype(np.float64)
            groups = _cut(_tree(block, linkage), None, tight) if len(block) > 1 else np.zeros(1, np.int64)
            found[first:first + MOST_POINTS] = groups + offset
            offset += int(groups.max()) + 1
        members = _by_appearance(found[members])
        tight *= 1.5  # where all is different: coarser, until it is few enough
    return members


def _tree(points: NDArray[np.float64], method: str) -> NDArray[np.float64]:
    from scipy.cluster.hierarchy import linkage

    if method == "centroid":
        tree: NDArray[np.float64] = np.asarray(linkage(points, "centroid"), np.float64)
        # A mean may be nearer to a third group than the two it is made of were. Whoever cuts below those does not get
        # this merge either, and as it comes later in the tree, it may as well count as high as they do.
        tree[:, 2] = np.maximum.accumulate(tree[:, 2])
        return tree
    apart = points.any(axis=1)  # nothing is similar to a vector of zeros, and scipy would say NaN
    distances = np.nan_to_num(_distances(points), nan=1.0) if not apart.all() else _distances(points)
    return np.asarray(linkage(distances, "average"), np.float64)


def _distances(points: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.spatial.distance import pdist

    found = np.asarray(pdist(points, "cosine"), np.float64)
    return np.asarray(np.maximum(found, 0.0), np.float64)  # rounding makes it -1e-16 between equal vectors


def _cut(tree: NDArray[np.float64], merges: int | None, height: float = 0.0) -> NDArray[np.int64]:
    """Groups after so many merges, or after all up to a height."""
    from scipy.cluster.hierarchy import fcluster

    if merges is None:
        merges = int(np.searchsorted(tree[:, 2], height, side="right"))
    steps = tree.copy()
    steps[:, 2] = np.arange(1, len(tree) + 1)  # heights may be equal, the order of merges is not
    return np.asarray(fcluster(steps, merges + 0.5, "distance"), np.int64) - 1


def _merges(tree: NDArray[np.float64], weights: NDArray[np.int64], bounds: SpeakerBounds, threshold: float,
            smallest: int) -> int:
    """How many merges of the tree to do: all up to the threshold, unless the bounds want another number."""
    sizes: list[int] = weights.tolist()
    counts = [sum(size >= smallest for size in sizes)]
    for left, right in tree[:, :2].astype(int).tolist():
        sizes.append(sizes[left] + sizes[right])
        gone = (sizes[left] >= smallest) + (sizes[right] >= smallest)
        counts.append(counts[-1] - gone + (sizes[-1] >= smallest))
    heights = np.concatenate([[0.0], tree[:, 2]])
    usual = int(np.searchsorted(tree[:, 2], threshold, side="right"))
    least, most = bounds.least or 1, bounds.most or len(sizes)
    here = max(1, counts[usual])
    wanted: int = min(max(here, least), most)
    if wanted == here:
        return usual
    found = np.flatnonzero(np.array(counts) == wanted)
    if len(found):
        return int(found[np.argmin(np.abs(heights[found] - threshold))])
    return max(0, len(weights) - wanted)  # not so many of that size: then of any size


def _allowed_small(groups: NDArray[np.int64], weights: NDArray[np.int64], bounds: SpeakerBounds,
                   smallest: int) -> int:
    """The size of a speaker, made less where there would be fewer speakers than there must be."""
    sizes = np.sort(np.bincount(groups, weights))[::-1]
    least = min(bounds.least or 1, len(sizes))
    return min(smallest, int(sizes.tolist()[least - 1]))


def _without_small(points: NDArray[np.float64], weights: NDArray[np.int64], groups: NDArray[np.int64],
                   smallest: int) -> NDArray[np.int64]:
    """Groups that are too small join the one whose mean is most similar."""
    means = np.zeros((int(groups.max()) + 1, points.shape[1]))
    np.add.at(means, groups, points * weights[:, None])
    large = np.bincount(groups, weights) >= smallest
    similar = np.einsum("ad,bd->ab", normalised(means), normalised(means[large]), optimize=False)
    joined = np.where(large, np.arange(len(large)), np.flatnonzero(large)[similar.argmax(axis=1)])
    return np.asarray(joined[groups], np.int64)


def _by_appearance(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
