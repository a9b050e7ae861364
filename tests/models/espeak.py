"""Speech from espeak-ng's library, with the times of its words: the same whatever was said before.

The library (GPL-3) speaks while tests run or the pico Whisper is trained, in voicekit's process for it
(:mod:`voicekit.voices.espeak_process`), which says each sentence from an untouched state. In one process the
library keeps a state from call to call, so that a sentence would sound by which tests ran before.
"""

from __future__ import annotations

import ctypes.util
import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.voices.espeak_library import Process

RATE = 16_000


@dataclass(frozen=True, slots=True)
class Spoken:
    """Speech and its words.

    Attributes
    ----------
    samples : ndarray, shape (samples,), float32
        At 16 kHz, without silence before and after.
    words : tuple of (int, float, float)
        Where in the text each word begins (in characters), and its start and end in seconds.
    """

    samples: NDArray[np.float32]
    words: tuple[tuple[int, float, float], ...]


def library() -> str | None:
    """The name of espeak-ng's library; None where it is not installed."""
    return ctypes.util.find_library("espeak-ng")


@functools.cache
def _process() -> Process:
    return Process(library() or "libespeak-ng.so.1", "")


def speak(text: str, voice: str, speed: int = 160, pitch: int = 50, liveliness: int = 50) -> Spoken:
    """Speak a text.

    Parameters
    ----------
    text : str
        One sentence.
    voice : str
        As ``espeak-ng -v`` takes it: ``en-us+f3``.
    speed : int
        Words per minute.
    pitch, liveliness : int
        Height of the voice and range of its melody, 0 to 99.
    """
    from scipy.signal import resample_poly

    answer = _process().ask({"text": text, "voice": voice, "speed": speed, "pitch": pitch, "range": liveliness})
    samples = np.frombuffer(answer.sound, "<i2").astype(np.float32) / np.float32(32768)
    if not samples.any():
        raise OSError(f"espeak-ng could not speak {text!r}")
    if answer.rate != RATE:
        samples = resample_poly(samples, RATE, answer.rate).astype(np.float32)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    first, last = int(loud[0]), int(loud[-1]) + 1
    length = (last - first) / RATE
    places = [(place - 1, sample / answer.rate) for place, _, sample in answer.words if place > 0]  # 0: no word of the text
    starts = [min(max(time - first / RATE, 0.0), length) for _, time in places]
    ends = [*starts[1:], length]
    return Spoken(samples[first:last], tuple((place, start, end) for (place, _), start, end
                                             in zip(places, starts, ends, strict=True)))
