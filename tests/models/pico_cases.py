"""Recordings for the pico Whisper to be tested with: sentences, voices, rooms and noises it was not trained on."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tests.models import espeak, pico_grammar, pico_sound
from tests.models.pico_grammar import Sentence
from tests.models.pico_sound import RATE, Clip, Sound

PEAK = 0.5


@dataclass(frozen=True, slots=True)
class Talk:
    """A recording and what is said in it.

    Attributes
    ----------
    samples : ndarray, shape (samples,), float32
        At 16 kHz.
    words : tuple of (str, float, float)
        Each word with the times that espeak-ng gives, in seconds.
    sentences : tuple of Sentence
        In order.
    """

    samples: Sound
    words: tuple[tuple[str, float, float], ...]
    sentences: tuple[Sentence, ...]

    @property
    def text(self) -> list[str]:
        """The words alone."""
        return [word for word, _, _ in self.words]

    def pcm(self) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
        """As int16, for a file."""
        return np.round(np.clip(self.samples, -1, 1) * 32767).astype(np.int16)


def need_espeak() -> None:
    """Skip the test where espeak-ng is not installed."""
    if espeak.library() is None:
        pytest.skip("espeak-ng's library is not installed: speech cannot be made for this test")


def talk(seed: int, languages: Sequence[str], *, lead: float = 0.3, tail: float = 0.3, noisy: bool = True,
         voices: Sequence[str] | None = None, wanted: Callable[[Sentence], bool] = lambda _: True,
         pause: tuple[float, float] = (0.4, 1.2)) -> Talk:
    """One sentence after the other.

    Parameters
    ----------
    seed : int
        The same seed is the same recording.
    languages : sequence of str
        One per sentence.
    lead, tail : float
        Seconds before the first word and after the last.
    noisy : bool
        With a noise 10 to 30 dB below the speech.
    voices : sequence of str, optional
        By espeak's name, taken in turn; otherwise each sentence has a random one.
    wanted : callable
        Which sentences to take.
    pause : (float, float)
        Seconds between sentences, from and to.
    """
    need_espeak()
    rng = random.Random(f"talk {seed}")
    turns = itertools.cycle(voices or [None])
    clips = [_clip(rng, language, next(turns), wanted) for language in languages]
    pauses = [lead, *(rng.uniform(*pause) for _ in clips[1:])]
    starts = list(itertools.accumulate(pauses))
    for index, clip in enumerate(clips):
        starts[index] += sum(one.duration for one in clips[:index])
    samples = np.zeros(int((starts[-1] + clips[-1].duration + tail) * RATE), np.float32)
    for clip, start in zip(clips, starts, strict=True):
        place = int(start * RATE)
        part = clip.samples[:len(samples) - place]
        samples[place:place + len(part)] += part
    if noisy:
        noise = pico_sound.noise(rng, min(len(samples) / RATE, 60) + 0.1, held_out=True)
        level = float(np.sqrt(np.mean(samples[samples != 0] ** 2))) * 10 ** (-rng.uniform(10, 30) / 20)
        noise *= level / max(float(np.sqrt(np.mean(noise ** 2))), 1e-6)
        samples += np.resize(noise, len(samples))
    words = [(word, start + begin, start + end) for clip, start in zip(clips, starts, strict=True)
             for word, begin, end in clip.words]
    return Talk(samples * np.float32(PEAK / np.abs(samples).max()), tuple(words), tuple(clip.sentence for clip in clips))


def _clip(rng: random.Random, language: str, voice: str | None, wanted: Callable[[Sentence], bool]) -> Clip:
    while True:
        sentence = pico_grammar.sentence(rng, held_out=True)
        clip = pico_sound.say(sentence, language, rng, held_out=True, voice=voice) if wanted(sentence) else None
        if clip is not None:
            return clip


def conversation(seed: int, seconds: float, language: str) -> Talk:
    """Two voices in turn for about so long."""
    count = 4
    while True:
        voices = {"en": ["en-us+Michael", "en-gb-x-rp+f4"], "ru": ["ru+m6", "ru+Andrea"]}[language]
        made = talk(seed, [language] * count, voices=voices, pause=(0.3, 1.5))
        length = len(made.samples) / RATE
        if length >= seconds:
            return made
        count = max(count + 1, int(count * seconds / length * 1.03))


def not_speech(seed: int) -> Sound:
    """Silence, or a noise it has not heard, 2 to 30 s."""
    rng = random.Random(f"not speech {seed}")
    seconds = rng.uniform(2, 30)
    if rng.random() < 0.2:
        return np.zeros(int(seconds * RATE), np.float32)
    return pico_sound.noise(rng, seconds, held_out=True) * np.float32(10 ** (-rng.uniform(0, 50) / 20))
