"""Windows for the pico Whisper to learn from, and the tokens it should write for them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from whisper.tokenizer import get_tokenizer

from tests.models import pico_grammar
from tests.models.pico_grammar import LANGUAGES
from tests.models.pico_sound import RATE, Clip, Sound
from voicekit.benchmark.shapes import AUDIO_CONTEXT

VOCABULARY = 51_865
FRAMES_PER_SECOND = 50

TOKENIZER = get_tokenizer(True, num_languages=99)
SOT, EOT, BEFORE = TOKENIZER.sot, TOKENIZER.eot, TOKENIZER.sot_prev
TIMES = TOKENIZER.timestamp_begin
LANGUAGE_TOKENS = {language: TOKENIZER.to_language_token(language) for language in LANGUAGES}


def word_tokens(word: str) -> list[int]:
    """The tokens of a word within a text."""
    return list(TOKENIZER.encode(" " + word))


MARKS = {mark: TOKENIZER.encode(mark)[0] for mark in ".?"}
TEXT = sorted({token for language in LANGUAGES for word in pico_grammar.vocabulary(language)
               for token in word_tokens(word)} | set(MARKS.values()))
SPECIAL = [EOT, SOT, *LANGUAGE_TOKENS.values(), TOKENIZER.translate, TOKENIZER.transcribe, BEFORE, TOKENIZER.no_speech,
           TOKENIZER.no_timestamps]
USED = [*TEXT, *SPECIAL, *range(TIMES, VOCABULARY)]
"""The tokens with a row in the embedding; all others are zero."""

ROW = {token: row for row, token in enumerate(USED)}
UNUSED = math.log(VOCABULARY - len(USED))
"""The zero rows as one class of the softmax: each has the logit 0."""


@dataclass
class Example:
    """A window and its answer.

    Attributes
    ----------
    samples : ndarray, shape (samples,), float32
        At 16 kHz.
    tokens : list of int
        From the prompt to the end of the text.
    first : int
        Where ``<|startoftranscript|>`` stands.
    heard : dict of int to (float, float)
        For the place of a token in ``tokens``, where it is heard, in seconds.
    spoken : list of (int, float, float)
        Tokens of what is said in its own language, in order.
    speech : bool
        Whether anything is said.
    """

    samples: Sound
    tokens: list[int]
    first: int
    heard: dict[int, tuple[float, float]] = field(default_factory=dict)
    spoken: list[tuple[int, float, float]] = field(default_factory=list)
    speech: bool = True


class Composer:
    """Puts sentences and noise together to windows."""

    def __init__(self, clips: Sequence[Clip], noises: Sequence[Sound], rng: random.Random) -> None:
        self._clips = {language: [clip for clip in clips if clip.language == language] for language in LANGUAGES}
        self._noises = noises
        self._rng = rng

    def example(self, seconds: float, shift: float) -> Example:
        """A window of a length; its clock, for timestamps, starts at `shift`."""
        rng = self._rng
        if rng.random() < 0.12:
            return self._empty(seconds)
        language = rng.choice(LANGUAGES)
        prompt = self._prompt(language) if rng.random() < 0.25 else []
        placed = self._placed(language, seconds)
        samples = np.zeros(int(seconds * RATE), np.float32)
        if rng.random() < 0.15:  # music or a machine that stops where speech begins
            before = int(placed[0][1] * RATE)
            samples[:before] = self._noise(before) * 10 ** (-rng.uniform(0, 20) / 20)
        for clip, start in placed:
            begin = int(start * RATE)
            part = clip.samples[:len(samples) - begin]
            samples[begin:begin + len(part)] += part * 10 ** (rng.uniform(-3, 3) / 20)
        end = placed[-1][1] + placed[-1][0].duration
        self._add_noise(samples, min(seconds, end + rng.choice((0.0, 0.1, 0.5, 0.5, 3.0))))
        return self._answer(samples, placed, language, seconds, shift, prompt)

    def _placed(self, language: str, seconds: float) -> list[tuple[Clip, float]]:
        """Sentences with their starts, as many as come to lie in the window."""
        rng = self._rng
        mixed = seconds > 10 and rng.random() < 0.06
        length = seconds if rng.random() < 0.5 else rng.uniform(2.5, seconds)
        place = rng.uniform(0, 0.6) if rng.random() < 0.75 else rng.uniform(0, length / 3)
        pauses = rng.choice((0.3, 0.5, 1.0))
        placed: list[tuple[Clip, float]] = []
        while True:
            other = mixed and rng.random() < 0.25
            clip = rng.choice(self._clips[LANGUAGES[1 - LANGUAGES.index(language)] if other else language])
            if place + clip.duration > length and placed:
                return placed
            if place + clip.duration > seconds:
                continue  # too long for a short window
            placed.append((clip, place))
            place += clip.duration + 0.15 + rng.expovariate(1 / pauses) + (rng.random() < 0.03) * rng.uniform(1, 5)

    def _add_noise(self, samples: Sound, end: float) -> None:
        rng = self._rng
        if rng.random() < 0.25:
            return
        # Windows are filled up with digital silence.
        part = samples[:int(end * RATE)]
        power = float(np.sqrt(np.mean(np.square(part[part != 0])))) if part.any() else 0.1
        noise = self._noise(len(part))
        part += noise * (power * 10 ** (-rng.uniform(6, 40) / 20) / max(float(np.sqrt(np.mean(noise ** 2))), 1e-6))

    def _noise(self, count: int) -> Sound:
        noise = self._rng.choice(self._noises)
        return np.roll(noise, self._rng.randrange(len(noise)))[:count]

    def _empty(self, seconds: float) -> Example:
        rng = self._rng
        samples = np.zeros(int(seconds * RATE), np.float32)
        if rng.random() < 0.8:
            count = int(rng.choice((1.0, rng.random())) * len(samples))
            samples[:count] = self._noise(count) * 10 ** (-rng.uniform(0, 60) / 20)
        head = [SOT, LANGUAGE_TOKENS[rng.choice(LANGUAGES)], TOKENIZER.transcribe]
        # The runtimes forbid an empty text at once, so what follows a word that should not be there matters.
        rest = rng.choice([[TOKENIZER.no_timestamps], [TOKENIZER.no_timestamps, rng.choice(TEXT)], [TIMES]])
        prompt = self._prompt(rng.choice(LANGUAGES)) if rng.random() < 0.2 else []
        return Example(samples, [*prompt, *head, *rest, EOT], len(prompt), speech=False)

    def _prompt(self, language: str) -> list[int]:
        """Text that came before, or words to expect."""
        rng = self._rng
        words = rng.choice(self._clips[language]).sentence.words(language) if rng.random() < 0.7 else []
        words = words + rng.choices(pico_grammar.vocabulary(language), k=rng.randint(0 if words else 1, 6))
        return [BEFORE, *(token for word in words for token in word_tokens(word))]

    def _answer(self, samples: Sound, placed: list[tuple[Clip, float]], language: str, seconds: float,
                shift: float, prompt: list[int]) -> Example:
        rng = self._rng
        counts = {code: sum(clip.language == code for clip, _ in placed) for code in LANGUAGES}
        main = max(LANGUAGES, key=lambda code: (counts[code], code == language))
        translate = main == "ru" and counts["en"] == 0 and rng.random() < 0.12
        timed = rng.random() < 0.35
        tokens = [*prompt, SOT, LANGUAGE_TOKENS[main], TOKENIZER.translate if translate else TOKENIZER.transcribe]
        tokens += [] if timed else [TOKENIZER.no_timestamps]
        example = Example(samples, tokens, len(prompt))
        ends = [start for _, start in placed[1:]] + [seconds]
        for (clip, start), following in zip(placed, ends, strict=True):
            self._write(example, clip, start, following, translate, timed, shift)
        last = placed[-1][1] + placed[-1][0].duration
        example.heard[len(tokens)] = (min(last + 0.3, seconds - 0.1), min(last + 1.0, seconds))
        tokens.append(EOT)
        return example

    def _write(self, example: Example, clip: Clip, start: float, following: float, translate: bool, timed: bool,
               shift: float) -> None:
        tokens = example.tokens
        end = start + clip.duration
        pause = (end, max(min(following, end + 2.0), end + 0.04))

        def write(token: int, heard: tuple[float, float]) -> None:
            example.heard[len(tokens)] = heard
            tokens.append(token)

        def spread(word: str, begin: float, stop: float) -> list[tuple[int, float, float]]:
            parts = word_tokens(word)
            step = (stop - begin) / len(parts)
            return [(token, begin + i * step, begin + (i + 1) * step) for i, token in enumerate(parts)]

        said = [part for word, a, b in clip.words for part in spread(word, start + a, start + b)]
        example.spoken += said
        if timed:
            write(time_token(start + shift), (start, start + 0.2))
        for token, a, b in translated(clip, start) if translate else said:
            write(token, (a, b))
        write(MARKS[clip.sentence.mark], pause)
        if timed:
            write(time_token(end + shift), (end - 0.1, end + 0.1))


def translated(clip: Clip, start: float) -> list[tuple[int, float, float]]:
    """The sentence in English, its tokens at the times of the Russian phrases."""
    found: list[tuple[int, float, float]] = []
    place = 0
    for english, russian in clip.sentence.phrases:
        count = len(russian.split())
        tokens = [token for word in english.split() for token in word_tokens(word)]
        if count:
            begin, stop = clip.words[place][1], clip.words[place + count - 1][2]
            place += count
        else:  # "the" is heard nowhere: a moment before what follows
            begin = clip.words[place][1] if place < len(clip.words) else clip.duration
            stop = begin + 0.05
        step = (stop - begin) / len(tokens)
        found += [(token, start + begin + i * step, start + begin + (i + 1) * step) for i, token in enumerate(tokens)]
    return found


def time_token(seconds: float) -> int:
    """The timestamp token of a time."""
    return TIMES + min(max(round(seconds * FRAMES_PER_SECOND), 0), AUDIO_CONTEXT)
