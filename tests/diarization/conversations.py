"""Conversations made of read speech, with who speaks when: to tune and to test diarization.

The speakers are those of LibriSpeech's training subset in the evaluation data, one utterance each, which is cut into
turns at its pauses. Ten speakers are held out: nothing was tuned on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.conftest import samples_of
from voicekit.types import SAMPLE_RATE, Turn

FOLDER = Path("training") / "librispeech_train_clean_subset"
HELD_OUT = 10

_FRAME = 160
_PAUSE = 0.15  # seconds of quiet at which an utterance may be cut


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Sound, and who speaks when.

    Attributes
    ----------
    samples : ndarray, shape (samples,), float32
        16 kHz.
    turns : tuple of Turn
        In order of time; nobody speaks at the same time as another.
    """

    samples: NDArray[np.float32]
    turns: tuple[Turn, ...]


def speakers(evaluation: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The speakers to tune on, and the ten that are held out; the same in every run."""
    names = sorted({path.name.partition("-")[0] for path in (evaluation / FOLDER).glob("*.flac")}, key=int)
    order = np.random.default_rng(2006).permutation(len(names))
    shuffled = [names[index] for index in order]
    return tuple(shuffled[HELD_OUT:]), tuple(shuffled[:HELD_OUT])


def utterance(evaluation: Path, speaker: str, folder: Path) -> NDArray[np.float32]:
    """What a speaker says; decoded into `folder`."""
    (path,) = (evaluation / FOLDER).glob(f"{speaker}-*.flac")
    return samples_of(path, folder).astype(np.float32) / np.float32(32768)


def pieces(samples: NDArray[np.float32], longest: float, random: np.random.Generator) -> list[NDArray[np.float32]]:
    """Cut an utterance at pauses into turns of at least a second, and about `longest` seconds at most."""
    quiet = _quiet(samples)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], quiet, [False]]).astype(int))).reshape(-1, 2)
    pauses = [(start, stop) for start, stop in edges.tolist() if (stop - start) * _FRAME >= _PAUSE * SAMPLE_RATE]
    inner = [(start, stop) for start, stop in pauses if start > 0 and stop < len(quiet)]
    first = pauses[0][1] if pauses and pauses[0][0] == 0 else 0
    last = pauses[-1][0] if pauses and pauses[-1][1] == len(quiet) else len(quiet)
    found, wanted = [], random.uniform(1.0, longest)
    for start, stop in inner:
        if (start - first) * _FRAME >= wanted * SAMPLE_RATE:
            found.append(samples[first * _FRAME:start * _FRAME])
            first, wanted = stop, random.uniform(1.0, longest)
    if (last - first) * _FRAME >= SAMPLE_RATE:
        found.append(samples[first * _FRAME:last * _FRAME])
    return found


def converse(said: Sequence[Sequence[NDArray[np.float32]]], seed: int, noise: float = 1e-4) -> Conversation:
    """Let speakers take turns at random until everything is said.

    Parameters
    ----------
    said : sequence of sequence of ndarray
        The turns of each speaker, in their order.
    seed : int
        Decides who is next, the pauses between turns (0.1 to 1.5 s) and how loud each speaker is.
    noise : float
        Of the room, as a share of full scale.
    """
    random = np.random.default_rng(seed)
    gains = 10 ** (random.uniform(-6, 3, len(said)) / 20)
    left, parts, turns = [list(each) for each in said], [np.zeros(SAMPLE_RATE // 2, np.float32)], []
    position, speaker = len(parts[0]), -1
    while any(left):
        weights = np.array([len(each) * (0.1 if index == speaker else 1.0) for index, each in enumerate(left)])
        speaker = int(random.choice(len(left), p=weights / weights.sum()))
        sound = left[speaker].pop(0) * np.float32(gains[speaker])
        turns.append(Turn(position / SAMPLE_RATE, (position + len(sound)) / SAMPLE_RATE, f"speaker {speaker}"))
        pause = np.zeros(int(np.clip(random.normal(0.4, 0.3), 0.1, 1.5) * SAMPLE_RATE), np.float32)
        parts += [sound, pause]
        position += len(sound) + len(pause)
    samples = np.concatenate(parts) + random.normal(0, noise, position).astype(np.float32)
    return Conversation(np.clip(samples, -1, 1).astype(np.float32), tuple(turns))


def of_librispeech(evaluation: Path, names: Sequence[str], seed: int, folder: Path,
                   longest: float = 5.0) -> Conversation:
    """A conversation of these speakers."""
    random = np.random.default_rng(seed)
    return converse([pieces(utterance(evaluation, name, folder), longest, random) for name in names], seed)


def _quiet(samples: NDArray[np.float32]) -> NDArray[np.bool_]:
    frames = samples[:len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    level = np.convolve((frames.astype(np.float64) ** 2).mean(axis=1), np.full(5, 0.2), "same")
    return np.asarray(10 * np.log10(level + 1e-12) < 10 * np.log10(np.percentile(level, 95)) - 30)
