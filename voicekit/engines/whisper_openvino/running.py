"""The compiled graphs: sound goes in, and the decoder's steps come out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit.engines.whisper_openvino import timing
from voicekit.engines.whisper_openvino.halves import Decoder, Halves
from voicekit.engines.whisper_openvino.search import Rules, Step
from voicekit.engines.whisper_openvino.vocabulary import Masks, Vocabulary
from voicekit.engines.whisper_weights import Weights


class Compiled:
    """A Whisper ready to run.

    Parameters
    ----------
    weights : Weights
        The model.
    vocabulary : Vocabulary
        Its tokens.
    halves : Halves
        Its two halves, compiled.
    """

    def __init__(self, weights: Weights, vocabulary: Vocabulary, halves: Halves) -> None:
        self.weights, self.halves = weights, halves
        self.masks = Masks(vocabulary, weights.vocabulary)
        self.weights.release()
        self._sound: dict[str, NDArray[Any]] = {}

    def room(self, windows: int) -> Sound:
        """Room for so many windows, in the place of those before."""
        return Sound(self._room(windows), windows)

    def encode(self, mel: NDArray[np.float32], sound: Sound, place: int) -> None:
        """Turn a window's spectrogram, shape (mels, frames), into keys and values, and put them there."""
        self.halves.encode(np.ascontiguousarray(mel, np.float32), sound.one(place))

    def silence(self) -> Sound:
        """A window in which there is nothing to look at: the decoder can run on it, and no encoder has to."""
        return Sound({name: np.zeros((1, *shape[1:]), self.halves.kinds[name])
                      for name, shape in self.halves.shapes.items()}, 1)

    def _room(self, windows: int) -> dict[str, NDArray[Any]]:
        """Room for the keys and values, kept from batch to batch: to ask the system for it anew takes as long as
        to fill it. It is given back where batches become smaller, as they do when memory runs out; but not for a
        single window that is tried again."""
        room = len(next(iter(self._sound.values()))) if self._sound else 0
        if room < windows or 1 < windows <= room // 2:
            self._sound = {}
            for name, shape in self.halves.shapes.items():
                self._sound[name] = np.empty((windows, *shape[1:]), self.halves.kinds[name])
        return self._sound


class Sound:
    """Keys and values of some windows, in the order of their places.

    Attributes
    ----------
    windows : int
        How many.
    """

    def __init__(self, cached: dict[str, NDArray[Any]], windows: int) -> None:
        self._cached = cached
        self.windows = windows

    def move(self, source: int, target: int) -> None:
        """Put one window in the place of another."""
        for array in self._cached.values():
            array[target] = array[source]

    def one(self, place: int) -> dict[str, NDArray[Any]]:
        """A window, alone."""
        return {name: array[place:place + 1] for name, array in self._cached.items()}

    def first(self, windows: int) -> dict[str, NDArray[Any]]:
        """The first so many windows."""
        return {name: array[:windows] for name, array in self._cached.items()}


class Decoding:
    """The decoder while it writes: a :class:`~voicekit.engines.whisper_openvino.search.Stepper`.

    Parameters
    ----------
    compiled : Compiled
        The model.
    decoder : Decoder
        One of its.
    sound : Sound
        What to write down.
    beams : int
        Rows to a window.
    opening : int
        Tokens of the start after which silence and language are told.

    Attributes
    ----------
    silence : ndarray, shape (windows,), float32
        Probability of no speech.
    languages : ndarray, shape (windows, languages), float32, or None
    """

    def __init__(self, compiled: Compiled, decoder: Decoder, sound: Sound, beams: int, opening: int) -> None:
        self._compiled = compiled
        self._decoder, self._sound, self._beams, self._opening = decoder, sound, beams, opening
        self._windows = sound.windows
        self.silence: NDArray[np.float32] = np.zeros(0, np.float32)
        self.languages: NDArray[np.float32] | None = None

    def begin(self, start: Sequence[int], rules: Rules) -> Step:
        """See :class:`~voicekit.engines.whisper_openvino.search.Stepper`."""
        self._decoder.forget()
        self._decoder.listen(self._sound.first(self._windows))
        rows = self._windows * self._beams
        parents = np.arange(rows, dtype=np.int32)
        tokens = np.tile(np.array(start, np.int64), (rows, 1))
        opened = self._show(tokens[:, :self._opening], parents, rules, opening=True)
        self._compiled.weights.release()  # the first time a decoder runs it reads them, into a form of its own
        if len(start) == self._opening:
            return opened
        step = self._show(tokens[:, self._opening:], parents, rules)
        attention = None
        if opened.attention is not None and step.attention is not None:
            attention = np.concatenate([opened.attention, step.attention], axis=2)
        return Step(step.scores, step.candidates, attention)

    def step(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], rules: Rules) -> Step:
        """See :class:`~voicekit.engines.whisper_openvino.search.Stepper`."""
        if len(tokens) != self._windows * self._beams:
            self._windows = len(tokens) // self._beams
            self._decoder.listen(self._sound.first(self._windows))
        return self._show(tokens, parents, rules)

    def move(self, source: int, target: int) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.search.Stepper`."""
        self._sound.move(source, target)

    def end(self) -> None:
        """Give back what the decoder remembers, and what it looked at: what is next can use the memory."""
        self._decoder.forget()

    def _show(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], rules: Rules,
              opening: bool = False) -> Step:
        shown = self._decoder.show(tokens, parents, self._compiled.masks.allowed(rules), opening)
        if shown.silence is not None:
            self.silence = shown.silence[::self._beams]
        if shown.languages is not None:
            self.languages = shown.languages[::self._beams]
        attention = None
        if shown.attention is not None:
            seen = timing.halved(shown.attention)
            windows, heads, _, frames = seen.shape
            attention = seen.reshape(windows, heads, self._beams, -1, frames).swapaxes(1, 2).reshape(
                windows * self._beams, heads, -1, frames)
        return Step(shown.scores, shown.candidates, attention)
