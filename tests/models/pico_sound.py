"""What the pico Whisper hears: voices, rooms, noises and music, for training and, kept apart, for tests."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.models import espeak
from tests.models.espeak import Spoken
from tests.models.pico_grammar import Sentence

Sound = NDArray[np.float32]
Noise = NDArray[np.float64]

RATE = espeak.RATE

ACCENTS = {"en": ("en-us", "en", "en-gb-x-gbclan", "en-us-nyc"), "ru": ("ru",)}
SPEAKERS = ("", *(
    "Alex Alicia Andy Annie AnxiousAndy Denis Diogo Henrique Jacky Lee Mario Mike Nguyen RicishayMax RicishayMax3 Storm "
    "Tweaky adam anika antonio aunty belinda benjamin boris caleb croak ed edward edward2 f1 f2 f3 f5 grandma grandpa "
    "gustave iven iven2 iven3 iven4 john kaukovalta klatt klatt2 klatt3 klatt4 linda m1 m2 m3 m4 m5 m7 m8 marcelo max "
    "michel miguel norbert pablo paul pedro quincy rob robert robosoft robosoft3 sandro shelby steph steph2 steph3 "
    "travis victor zac").split())
UNHEARD_ACCENTS = {"en": ("en-gb-x-rp", "en-us"), "ru": ("ru",)}
UNHEARD_SPEAKERS = ("m6", "f4", "Andrea", "Michael", "Gene", "david", "Marco", "Hugo")
"""Never trained on."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One spoken sentence.

    Attributes
    ----------
    sentence : Sentence
        What is said.
    language : str
        ``en`` or ``ru``.
    samples : ndarray, shape (samples,), float32
        At 16 kHz.
    words : tuple of (str, float, float)
        Each word with espeak's times, in seconds.
    """

    sentence: Sentence
    language: str
    samples: Sound
    words: tuple[tuple[str, float, float], ...]

    @property
    def duration(self) -> float:
        """Seconds from the start of the first word to the end of the last."""
        return self.words[-1][2]


def say(sentence: Sentence, language: str, rng: random.Random, held_out: bool = False,
        voice: str | None = None) -> Clip | None:
    """Speak a sentence in a random voice and room; None where espeak-ng gave no time for some word."""
    voice = voice or random_voice(language, rng, held_out)
    spoken = espeak.speak(sentence.text(language), voice, rng.randint(130, 190), rng.randint(25, 75),
                          rng.randint(30, 70))
    if not held_out:
        spoken = _another_throat(spoken, rng)
    words = sentence.words(language)
    places = [sum(len(word) + 1 for word in words[:index]) for index in range(len(words))]
    if [place for place, _, _ in spoken.words] != places:
        return None
    times = tuple((word, start, end) for word, (_, start, end) in zip(words, spoken.words, strict=True))
    return Clip(sentence, language, room(spoken.samples, rng, held_out), times)


def _another_throat(spoken: Spoken, rng: random.Random) -> Spoken:
    """Played slower or faster: a longer or shorter throat than espeak-ng's voices have."""
    from scipy.signal import resample_poly

    percent = rng.randint(88, 114)
    samples = resample_poly(spoken.samples, percent, 100).astype(np.float32)
    return Spoken(samples, tuple((place, start * percent / 100, end * percent / 100)
                                 for place, start, end in spoken.words))


def random_voice(language: str, rng: random.Random, held_out: bool) -> str:
    """A voice by espeak's name: one of those trained on, or one of the others."""
    accent = rng.choice((UNHEARD_ACCENTS if held_out else ACCENTS)[language])
    speaker = rng.choice(UNHEARD_SPEAKERS if held_out else SPEAKERS)
    return f"{accent}+{speaker}" if speaker else accent


def room(samples: Sound, rng: random.Random, held_out: bool) -> Sound:
    """The sound in a room and through a microphone, as loud as any speaker may be."""
    from scipy.signal import fftconvolve

    seed = np.random.default_rng(rng.getrandbits(32))
    echo = np.zeros(1, np.float32) + 1
    if rng.random() < 0.5:
        fade = rng.uniform(0.15, 0.5) if held_out else rng.uniform(0.1, 0.6)  # seconds until -60 dB
        count = int(fade * RATE)
        tail = seed.standard_normal(count) * np.exp(-6.9 * np.arange(count) / count)
        if held_out:  # single walls instead of a diffuse field
            tail *= seed.random(count) < 0.01
        tail[:int(0.002 * RATE)] = 0
        tail *= rng.uniform(0.1, 0.7) / max(float(np.linalg.norm(tail)), 1e-9)
        echo = np.concatenate([echo, tail])
    if rng.random() < 0.5:  # a dull or a sharp microphone
        echo = np.convolve(echo, [1, rng.uniform(-0.6, 0.6)])
    heard = fftconvolve(samples, echo)
    level = 10 ** (rng.uniform(-12, 0) / 20)
    return (heard * (0.5 * level / max(float(np.abs(heard).max()), 1e-9))).astype(np.float32)


def noise(rng: random.Random, seconds: float, held_out: bool = False) -> Sound:
    """Something that is not speech, its peak near 0.5: noise of any colour, hum, clicks, beats or music."""
    kind = rng.choice(("wind", "fan", "rain", "arpeggio") if held_out else
                      ("colour", "colour", "hum", "clicks", "beats", "tunes", "tunes"))
    sound = _one_noise(rng, int(seconds * RATE), kind)
    if not held_out and rng.random() < 0.2:
        sound = sound + rng.uniform(0.05, 0.5) * _one_noise(rng, len(sound), rng.choice(("colour", "hum", "clicks")))
    return np.asarray(0.5 * sound / max(float(np.abs(sound).max()), 1e-9), np.float32)


def _one_noise(rng: random.Random, count: int, kind: str) -> Noise:
    seed = np.random.default_rng(rng.getrandbits(32))
    time = np.arange(count) / RATE
    if kind in ("colour", "wind"):
        sound = _coloured(seed, count, rng.uniform(0.9, 1.3) if kind == "wind" else rng.uniform(0, 1.2))
        if kind == "wind" or rng.random() < 0.3:
            sound *= 1 + 0.8 * np.sin(2 * np.pi * rng.uniform(0.05, 0.6) * time)
    elif kind in ("hum", "fan"):
        base = rng.uniform(80, 130) if kind == "fan" else rng.choice((50, 60, rng.uniform(30, 75), rng.uniform(140, 300)))
        sound = np.sum([rng.uniform(0.1, 1) / n * np.sin(2 * np.pi * base * n * time + n) for n in range(1, 9)], axis=0)
        sound = sound + rng.uniform(0.05, 1) * _coloured(seed, count, 0.5)
    elif kind in ("clicks", "rain"):
        rate = rng.uniform(100, 600) if kind == "rain" else rng.choice((rng.uniform(1, 60), rng.uniform(1000, 3000)))
        hits = seed.random(count) < rate / RATE
        ring = np.exp(-np.arange(400) / rng.uniform(4, 80)) * seed.standard_normal(400)
        sound = np.convolve(hits * seed.uniform(0.2, 1, count), ring)[:count] + 0.003 * seed.standard_normal(count)
    elif kind == "beats":  # noise in bursts, as long as syllables or longer
        bursts = np.repeat(seed.random(count // 800 + 1) < rng.uniform(0.1, 0.6), 800)[:count]
        soft = np.convolve(bursts, np.hanning(rng.choice((100, 800, 3000))), "same")
        sound = _coloured(seed, count, rng.uniform(0, 1)) * soft / max(float(soft.max()), 1e-9)
    else:
        sound = _music(rng, count, bright=kind == "arpeggio")
    return np.asarray(sound / max(float(np.abs(sound).max()), 1e-9))


def music(seed: int, count: int) -> Sound:
    """So many samples of a tune it has not heard, with its peak at 0.5."""
    tune = _music(random.Random(f"music {seed}"), count, bright=True)
    return np.asarray(0.5 * tune / np.abs(tune).max(), np.float32)


def _coloured(seed: np.random.Generator, count: int, slope: float) -> Noise:
    """Noise whose spectrum falls with the frequency to the power of `slope`, with a few resonances."""
    spectrum = np.fft.rfft(seed.standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    shape = np.maximum(frequency, 40) ** -slope
    for _ in range(seed.integers(0, 4)):
        shape *= 1 + 3 * np.exp(-((frequency - seed.uniform(100, 6000)) / seed.uniform(50, 600)) ** 2)
    shaped = np.fft.irfft(spectrum * shape, count)
    return np.asarray(shaped / np.abs(shaped).max())


def _music(rng: random.Random, count: int, bright: bool) -> Noise:
    """A tune: single notes of odd partials where it is bright, otherwise any notes of any instrument."""
    sound = np.zeros(count)
    place = 0
    partials = {n: 1 / n for n in range(1, 12, 2)}
    voices, shortest, fade, vibrato = 1, 0.15, (1.0, 5.0), 0.0
    if not bright:
        slope = rng.uniform(0.3, 2.5)
        partials = {n: rng.random() / n ** slope for n in range(1, 14) if n == 1 or rng.random() < 0.7}
        voices, shortest = rng.randint(1, 4), rng.choice((0.08, 0.2, 0.6))
        fade, vibrato = rng.choice(((0.2, 1.0), (1.0, 5.0), (4.0, 12.0))), rng.choice((0.0, 0.0, 0.02))
    base = 110 if bright else rng.uniform(60, 400)
    while place < count:
        length = min(int(shortest * rng.uniform(1, 2.7) * RATE), count - place)
        time = np.arange(length) / RATE
        for _ in range(voices):
            pitch = base * 2 ** (rng.choice((0, 2, 4, 5, 7, 9, 11, 12, 14, 16, 19, 24)) / 12)
            phase = 2 * np.pi * pitch * (time + vibrato * np.sin(2 * np.pi * 5 * time) / 31)
            envelope = np.exp(-rng.uniform(*fade) * time) * np.minimum(1, time * 100)
            for n, strength in partials.items():
                if n * pitch < RATE / 2:
                    sound[place:place + length] += strength * envelope * np.sin(n * phase)
        place += length + (0 if bright or rng.random() < 0.8 else int(rng.uniform(0, 1) * RATE))
    return sound
