"""Two speakers saying the same sentence, with the times of their words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from tests.models import espeak, pico_cases
from voicekit.spoken import Spoken
from voicekit.types import Span

RATE = 22_050
BEFORE = 0.5

ENGLISH = "Yesterday my older brother found a red phone, and tomorrow morning your friend buys a new table."
RUSSIAN = "Вчера мой старый друг нашёл красный телефон, а завтра утром наш сосед купит новый стол."


@dataclass(frozen=True, slots=True)
class Pair:
    """The original, half a second of silence before and after, and what the voice said."""

    original: NDArray[np.float32]
    anchors: tuple[Span, ...]
    spoken: Spoken

    @property
    def room(self) -> float:
        return len(self.original) / espeak.RATE - BEFORE


def say(text: str, voice: str, rate: int = RATE, **settings: int) -> Spoken:
    pico_cases.need_espeak()
    made = espeak.speak(text, voice, **settings)
    samples = made.samples if rate == espeak.RATE else resample_poly(made.samples, rate, espeak.RATE)
    return Spoken(samples.astype(np.float32), rate, tuple(Span(start, end) for _, start, end in made.words))


def pair(text: str = ENGLISH, who: str = "en-us+f4", voice: str = "en-us+m1", rate: int = RATE,
         **settings: int) -> Pair:
    theirs = say(text, who, espeak.RATE, **settings)
    silence = np.zeros(round(BEFORE * espeak.RATE), np.float32)
    spoken = say(text, voice, rate)
    assert len(theirs.words) == len(spoken.words)
    return Pair(np.concatenate([silence, theirs.samples, silence]),
                tuple(span for span in theirs.words if span is not None), spoken)
