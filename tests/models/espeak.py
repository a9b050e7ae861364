"""Speech from espeak-ng's library, with the times of its words.

The library (GPL-3) is loaded while tests run or the pico Whisper is trained; voicekit never touches it.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 16_000

_SYNCHRONOUS, _UTF8 = 2, 1
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_END_OF_LIST, _WORD = 0, 1  # espeak_EVENT_TYPE


class _Event(ctypes.Structure):
    """espeak_EVENT of speak_lib.h."""

    _fields_ = [("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                ("user_data", ctypes.c_void_p), ("name", ctypes.c_char * 8)]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


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


class _Synthesizer:
    """The library, which has one state for the whole process."""

    def __init__(self) -> None:
        self._library: Any = ctypes.CDLL(library() or "libespeak-ng.so.1")
        self.rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 200, None, 0))
        if self.rate <= 0:
            raise OSError("espeak-ng could not be initialised: is its data installed?")
        self._callback = _CALLBACK(self._receive)  # kept: C holds a pointer to it
        self._library.espeak_SetSynthCallback(self._callback)
        self._blocks: list[NDArray[np.int16]] = []
        self._events: list[tuple[int, int]] = []

    def _receive(self, samples: Any, count: int, events: Any) -> int:
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type != _END_OF_LIST:
            if events[index].type == _WORD and events[index].text_position > 0:  # 0: no word of the text
                self._events.append((events[index].text_position, events[index].audio_position))
            index += 1
        return 0

    def speak(self, text: str, voice: str, speed: int, pitch: int,
              liveliness: int) -> tuple[NDArray[np.int16], list[tuple[int, int]]]:
        """Samples at the library's own rate; (place in the text, milliseconds) of each word."""
        self._blocks, self._events = [], []
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, speed), (_PITCH, pitch), (_RANGE, liveliness)):
            self._library.espeak_SetParameter(parameter, value, 0)
        data = text.encode()
        status = self._library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 1, 0, _UTF8, None, None)
        if status != 0 or not self._blocks:
            raise OSError(f"espeak-ng could not speak {text!r}")
        return np.concatenate(self._blocks), [(place - 1, time) for place, time in self._events]


@functools.cache
def _synthesizer() -> _Synthesizer:
    return _Synthesizer()


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

    synthesizer = _synthesizer()
    raw, events = synthesizer.speak(text, voice, speed, pitch, liveliness)
    samples = raw.astype(np.float32) / 32768
    if synthesizer.rate != RATE:
        samples = resample_poly(samples, RATE, synthesizer.rate).astype(np.float32)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    first, last = int(loud[0]), int(loud[-1]) + 1
    length = (last - first) / RATE
    starts = [min(max(time / 1000 - first / RATE, 0.0), length) for _, time in events]
    ends = [*starts[1:], length]
    return Spoken(samples[first:last], tuple((place, start, end) for (place, _), start, end
                                             in zip(events, starts, ends, strict=True)))
