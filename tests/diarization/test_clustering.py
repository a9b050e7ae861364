from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from voicekit.diarization import clustering
from voicekit.diarization.clustering import NOBODY, assign, cluster
from voicekit.speakers import SpeakerBounds

ANY = SpeakerBounds()


def voices(speakers: int, each: int, spread: float = 0.5, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Embeddings of speakers who take turns, of any length, and whose they are."""
    random = np.random.default_rng(seed)
    whose = np.concatenate([random.permutation(speakers) for _ in range(each)])
    means = random.normal(size=(speakers, 64))
    found = means[whose] + spread * random.normal(size=(len(whose), 64))
    return (found * random.uniform(0.1, 10, (len(whose), 1))).astype(np.float32), whose


def same_groups(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


def test_groups_are_those_of_scipy() -> None:
    embeddings, _ = voices(5, 40, spread=1.2)
    for threshold in (0.5, 0.7, 0.9):
        expected = fcluster(linkage(embeddings, "average", metric="cosine"), threshold, "distance")
        found = cluster(embeddings, ANY, threshold)
        assert 1 < found.max() < 199 and same_groups(found, expected.astype(np.int64))


@pytest.mark.parametrize("speakers", [1, 2, 4, 10, 30])
def test_the_number_of_speakers_is_found(speakers: int) -> None:
    embeddings, whose = voices(speakers, 20)
    found = cluster(embeddings, ANY, 0.6, smallest=5)
    assert same_groups(found, whose)
    order = list(dict.fromkeys(found.tolist()))
    assert order == sorted(order), "numbered by first appearance"


def test_bounds_hold() -> None:
    embeddings, whose = voices(4, 20)
    for least, most in ((2, 2), (3, 3), (7, 7), (1, 2), (6, 9), (None, 3), (5, None)):
        count = cluster(embeddings, SpeakerBounds(least, most), 0.6, smallest=3).max() + 1
        assert count == min(max(4, least or 1), most or 80), (least, most)
    assert same_groups(cluster(embeddings, SpeakerBounds(2, 6), 0.6, smallest=3), whose)


def test_more_speakers_than_embeddings_are_as_many_as_there_are() -> None:
    embeddings, _ = voices(3, 1)
    assert cluster(embeddings, SpeakerBounds(9, 9), 0.6, smallest=4).tolist() == [0, 1, 2]
    assert cluster(embeddings[:1], SpeakerBounds(2, 2), 0.6).tolist() == [0]
    assert cluster(embeddings[:0], ANY, 0.6).tolist() == []


def test_a_cough_is_no_speaker() -> None:
    embeddings, whose = voices(2, 30)
    cough = np.random.default_rng(9).normal(size=(2, 64)).astype(np.float32)
    found = cluster(np.concatenate([embeddings, cough]), ANY, 0.6, smallest=4)
    assert found.max() == 1 and same_groups(found[:60], whose)
    assert cluster(np.concatenate([embeddings, cough]), ANY, 0.6, smallest=1).max() == 3


def test_equal_embeddings_and_zeros_are_no_trouble() -> None:
    assert cluster(np.ones((50, 8), np.float32), ANY, 0.5).tolist() == [0] * 50
    assert cluster(np.zeros((50, 8), np.float32), SpeakerBounds(1, 1), 0.5).tolist() == [0] * 50
    assert cluster(np.ones((50, 8), np.float32), SpeakerBounds(3, 3), 0.5).max() == 2


def test_many_embeddings_take_bounded_memory_and_give_the_same_speakers() -> None:
    embeddings, whose = voices(6, 4000)
    tracemalloc.start()
    found = cluster(embeddings, ANY, 0.6, smallest=5)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert same_groups(found, whose)
    assert peak < 150e6, "their distances alone would take 2.3 GB"


def test_local_speakers_of_one_window_are_different_ones() -> None:
    centroids = np.eye(3)
    embeddings = np.zeros((4, 3, 3), np.float32)
    embeddings[0] = [[1, 0.2, 0], [1, 0.1, 0], [0, 0, 1]]  # both first ones sound like speaker 0
    embeddings[1] = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    embeddings[2] = [[np.nan] * 3, [1, 0, 0], [0, 1, 0]]
    active = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1], [0, 0, 0]], np.bool_)
    assert assign(embeddings, active, centroids).tolist() == [
        [1, 0, NOBODY], [1, NOBODY, NOBODY], [2, 0, 1], [NOBODY] * 3]
    assert assign(embeddings, active, centroids[:1]).tolist()[0] == [NOBODY, 0, NOBODY], "one too many"
    assert assign(embeddings, active, centroids[:0]).tolist() == [[NOBODY] * 3] * 4


def test_centroids_are_means_of_directions() -> None:
    embeddings = np.array([[2, 0], [0, 9], [0, 1]], np.float32)
    labels = np.array([0, 0, 1])
    np.testing.assert_allclose(clustering.centroids(embeddings, labels), [[0.5 ** 0.5] * 2, [0, 1]])
    assert clustering.centroids(embeddings, labels, of_length_one=False).tolist() == [[0.5, 0.5], [0, 1]]
