"""The compiled graphs: sound goes in, and the decoder's steps come out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from voicekit import processor, telemetry
from voicekit.engines.whisper_openvino import decoder, encoder, timing
from voicekit.engines.whisper_openvino.decoder import Vocabulary
from voicekit.engines.whisper_openvino.encoders import Encoder, OpenVINOEncoder
from voicekit.engines.whisper_openvino.search import Rules, Step
from voicekit.engines.whisper_weights import Weights

CANDIDATES = 8
"""What comes out of the decoder for every row: enough for beams of five and a few tokens that may not come."""

Heads: TypeAlias = tuple[tuple[int, int], ...]
"""Layers and heads of attention."""

Kind: TypeAlias = tuple[int, Heads]

_BY_ROW = ("tokens", "parents", *decoder.RULES)

_UNSEEN = -1e9


class Compiled:
    """A Whisper ready to run.

    Parameters
    ----------
    weights : Weights
        The model.
    vocabulary : Vocabulary
        Its tokens.
    precision : str
        ``int8``, ``bfloat16`` or ``float32``.
    threads : int
        Of the CPU.
    heads : tuple of (int, int)
        Of the attention that will be asked for; another decoder is made where it is.
    others : callable, optional
        Loads an encoder to be taken with ``int8``, whose values are turned; then nothing is multiplied of which sums
        would not fit into 16 bits: for a processor that has no others for products of 8 bits.
    """

    def __init__(self, weights: Weights, vocabulary: Vocabulary, precision: str, threads: int,
                 heads: Heads = (), others: Callable[[], Encoder] | None = None) -> None:
        openvino = telemetry.openvino()
        self.weights, self.vocabulary = weights, vocabulary
        self.small = precision == "int8"
        self._turned = others is not None
        # A row by itself is multiplied in another order there, and rounded otherwise: it gets one like it beside it.
        self.least_rows = 2 if self._turned else 1
        self._threads = threads
        self._core = openvino.Core()
        # In bfloat16 the scores of the vocabulary would be too coarse to tell its tokens apart, so the decoder never
        # computes in it; with weights and sound in 8 bits it would not be faster either.
        halves = precision == "bfloat16" or (self.small and processor.multiplies_in_bfloat16())
        self._decoder: tuple[Kind, Any] | None = None
        with ThreadPoolExecutor(1) as beside:
            coming = beside.submit(self.decoder, CANDIDATES, heads)
            self._encoder = others() if others is not None else OpenVINOEncoder(
                self._compile(encoder.build(weights, self.small), "bf16" if halves else "f32"))
            coming.result()
        self.weights.release()
        self.device = self._encoder.device
        self._shapes = encoder.shapes(weights, self.small, self._turned)
        self._sound: dict[str, NDArray[Any]] = {}

    def _compile(self, model: Any, precision: str) -> Any:
        return self._core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": self._threads, "NUM_STREAMS": 1,
            "KV_CACHE_PRECISION": "f16" if self.small else "f32", "ENABLE_CPU_PINNING": False,
            # Inputs of layers with 8-bit weights are rounded to 8 bits, so many together: whole rows.
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": self.weights.width if self.small else 0})

    def encode(self, mels: Sequence[NDArray[np.float32]]) -> Sound:
        """Turn spectrograms, each shape (mels, frames), into keys and values, in the place of those before."""
        sound = self._room(len(mels))
        for place, mel in enumerate(mels):
            self._encoder.run(mel, {name: array[place:place + 1] for name, array in sound.items()})
        return Sound(sound, len(mels))

    def silence(self) -> Sound:
        """A window in which there is nothing to look at: the decoder can run on it, and no encoder has to."""
        sound = self._room(1)
        for array in sound.values():
            array[:1] = 0
        return Sound(sound, 1)

    def _room(self, windows: int) -> dict[str, NDArray[Any]]:
        """Room for the keys and values, kept from batch to batch: to ask the system for it anew takes as long as
        to fill it. It is given back where batches become smaller, as they do when memory runs out; but not for a
        single window that is tried again."""
        room = len(next(iter(self._sound.values()))) if self._sound else 0
        if room < windows or 1 < windows <= room // 2:
            self._sound = {}
            for name, shape in self._shapes.items():
                kind = np.int8 if self.small and "scales" not in name else np.float32
                self._sound[name] = np.empty((windows, *shape[1:]), kind)
        return self._sound

    def decoder(self, candidates: int, heads: Heads) -> Any:
        """The decoder with so many candidates and the attention of these heads; the last one asked for is kept."""
        kind = (max(candidates, CANDIDATES), heads)
        if self._decoder is None or self._decoder[0] != kind:
            self._decoder = None  # there is no need for two at a time
            model = decoder.build(self.weights, self.vocabulary, self.small, *kind, turned=self._turned)
            self._decoder = (kind, self._compile(model, "f32").create_infer_request())
            self.weights.release()
        return self._decoder[1]

    @property
    def any_decoder(self) -> Any:
        """The decoder that there is."""
        assert self._decoder is not None
        return self._decoder[1]


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

    def give(self, request: Any, windows: int) -> None:
        """Make the first so many windows the decoder's inputs."""
        openvino = telemetry.openvino()
        for name, array in self._cached.items():
            request.set_tensor(name, openvino.Tensor(array[:windows], shared_memory=True))


class Decoding:
    """The decoder while it writes: a :class:`~voicekit.engines.whisper_openvino.search.Stepper`.

    Parameters
    ----------
    compiled : Compiled
        The model.
    request : openvino.InferRequest
        Of its decoder.
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

    def __init__(self, compiled: Compiled, request: Any, sound: Sound, beams: int, opening: int) -> None:
        self._compiled = compiled
        self._request, self._sound, self._beams, self._opening = request, sound, beams, opening
        self._windows = sound.windows
        self._past = 0
        self._outputs = {name for output in request.get_compiled_model().outputs for name in output.names}
        self.silence: NDArray[np.float32] = np.zeros(0, np.float32)
        self.languages: NDArray[np.float32] | None = None

    def begin(self, start: Sequence[int], rules: Rules) -> Step:
        """See :class:`~voicekit.engines.whisper_openvino.search.Stepper`."""
        self._request.reset_state()
        self._sound.give(self._request, self._windows)
        self._past = 0
        rows = self._windows * self._beams
        opened = self._infer(np.tile(np.array(start[:self._opening], np.int64), (rows, 1)), np.arange(rows), rules)
        self._compiled.weights.release()  # the first time a decoder runs it reads them, into a form of its own
        self.silence = self._request.get_tensor("silence").data[:rows:self._beams, 0].copy()
        if "languages" in self._outputs:
            self.languages = self._request.get_tensor("languages").data[:rows:self._beams].copy()
        if len(start) == self._opening:
            return opened
        step = self._infer(np.tile(np.array(start[self._opening:], np.int64), (rows, 1)), np.arange(rows), rules)
        attention = None
        if opened.attention is not None and step.attention is not None:
            attention = np.concatenate([opened.attention, step.attention], axis=2)
        return Step(step.scores, step.candidates, attention)

    def step(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], rules: Rules) -> Step:
        """See :class:`~voicekit.engines.whisper_openvino.search.Stepper`."""
        if len(tokens) != self._windows * self._beams:
            self._windows = len(tokens) // self._beams
            self._sound.give(self._request, self._windows)
        return self._infer(tokens, parents, rules)

    def move(self, source: int, target: int) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.search.Stepper`."""
        self._sound.move(source, target)

    def _infer(self, tokens: NDArray[np.int64], parents: NDArray[Any], rules: Rules) -> Step:
        openvino = telemetry.openvino()
        rows, places = tokens.shape
        more = max(0, self._compiled.least_rows - rows)  # they look at the same window
        everything = self._past + places
        mask = np.triu(np.full((places, everything), _UNSEEN, np.float32), 1 + self._past)
        given = {"tokens": tokens, "places": np.arange(self._past, everything, dtype=np.int64),
                 "parents": parents.astype(np.int32), "mask": mask[None, None],
                 **{name: getattr(rules, name) for name in decoder.RULES}}
        for name, array in given.items():
            filled = np.pad(array, [(0, more), (0, 0)][:array.ndim], "edge") if more and name in _BY_ROW else array
            self._request.set_tensor(name, openvino.Tensor(np.ascontiguousarray(filled)))
        self._request.infer()
        self._past = everything
        attention = None  # what comes out is overwritten by the next step, so it is copied
        if "attention" in self._outputs:
            seen = timing.halved(self._request.get_tensor("attention").data[:, :, :rows * places // self._windows])
            windows, heads, _, frames = seen.shape
            attention = seen.reshape(windows, heads, self._beams, places, frames).swapaxes(1, 2).reshape(
                windows * self._beams, heads, places, frames)
        return Step(self._request.get_tensor("scores").data[:rows].copy(),
                    self._request.get_tensor("candidates").data[:rows].copy(), attention)
