"""Whisper's two halves on onnxruntime, in 8 bits, for processors that have AVX2 and nothing better."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import telemetry
from voicekit.engines.whisper_openvino import encoder, keeping, onnx_decoder, onnx_encoder
from voicekit.engines.whisper_openvino.halves import CANDIDATES, Heads, Shown
from voicekit.engines.whisper_openvino.search import FORBIDDEN
from voicekit.engines.whisper_openvino.vocabulary import Vocabulary
from voicekit.engines.whisper_weights import Weights


_AS_MUCH_AS_NEEDED = {"arena_extend_strategy": "kSameAsRequested"}


class OnnxRuntimeHalves:
    """See :class:`~voicekit.engines.whisper_openvino.halves.Halves`.

    Parameters
    ----------
    folder : Path
        The model's.
    weights : Weights
        Its weights in 8 bits.
    vocabulary : Vocabulary
        Its tokens.
    threads : int
        Of the CPU. With one it needs no thread but the caller's, and may be copied with its process.
    heads : tuple of (int, int)
        Those of which the attention can be asked for.
    """

    def __init__(self, folder: Path, weights: Weights, vocabulary: Vocabulary, threads: int, heads: Heads) -> None:
        self.shapes, self.kinds = onnx_encoder.shapes(weights), encoder.kinds(weights, small=True)
        source = folder / "model.bin"

        def exact() -> Weights:
            return Weights(folder, quantize=False)

        self._encoder = keeping.kept_graph(source, "encoder", lambda: onnx_encoder.build(exact()),
                                           lambda model: _session(model, threads, own_memory=True))
        self.any_decoder = keeping.kept_graph(
            source, f"decoder {heads}", lambda: onnx_decoder.build(exact(), heads),
            lambda model: OnnxRuntimeDecoder(_session(model, threads), weights, vocabulary))
        self.device = ", ".join(name.removesuffix("ExecutionProvider") for name in self._encoder.get_providers())

    def encode(self, mel: NDArray[np.float32], into: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Halves`."""
        binding = self._encoder.io_binding()
        binding.bind_cpu_input(onnx_encoder.INPUT, np.ascontiguousarray(mel[None]))
        for name, array in into.items():
            assert array.flags.c_contiguous and array.shape == self.shapes[name]
            binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._encoder.run_with_iobinding(binding)

    def decoder(self, candidates: int, heads: Heads) -> OnnxRuntimeDecoder:
        """The only one there is, made to tell so much."""
        self.any_decoder.candidates = max(candidates, CANDIDATES)
        self.any_decoder.told = bool(heads)
        return self.any_decoder


class OnnxRuntimeDecoder:
    """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        Of what :func:`voicekit.engines.whisper_openvino.onnx_decoder.build` gives.
    weights : Weights
        Of the same model, for what tokens and places stand for.
    vocabulary : Vocabulary
        Its tokens.

    Attributes
    ----------
    candidates : int
        How many come out for every row.
    told : bool
        Tell the attention.
    """

    def __init__(self, session: Any, weights: Weights, vocabulary: Vocabulary) -> None:
        self._session, self._vocabulary, self._size = session, vocabulary, weights.vocabulary
        self._embeddings = weights.linear("decoder/embeddings")
        self._positions = weights.array("decoder/position_encodings/encodings")
        self._heads, self._part = weights.heads, weights.width // weights.heads
        self._past, self._present = onnx_decoder.past(weights), onnx_decoder.present(weights)
        self._sound: dict[str, Any] = {}
        self._remembered: list[Any] = []
        self._windows = 0
        self.candidates, self.told = CANDIDATES, False

    def forget(self) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`."""
        self._remembered, self._sound = [], {}

    def listen(self, sound: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`."""
        self._sound = {name: _value(array) for name, array in sound.items()}
        self._windows = len(next(iter(sound.values())))

    def show(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], allowed: NDArray[np.float32],
             opening: bool) -> Shown:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`."""
        before = self._before(parents)
        embedded = self._embedded(tokens, before[0].shape()[2])
        given: dict[str, NDArray[Any]] = {**self._numbers(*tokens.shape), "tokens": embedded, "allowed": allowed}
        wanted = [*onnx_decoder.SCORES, *(["attention"] if self.told else []), *(["logits"] if opening else [])]
        values = self._session.run_with_ort_values([*wanted, *self._present], {
            **self._sound, **dict(zip(self._past, before, strict=True)),
            **{name: _value(array) for name, array in given.items()}})
        self._remembered = values[len(wanted):]
        found = {name: one.numpy() for name, one in zip(wanted, values, strict=False)}
        attention = found.pop("attention", None)
        by_row = {name: array[0] for name, array in found.items()}
        silence, languages = self._opening(by_row["logits"]) if opening else (None, None)
        return Shown(*self._best(by_row), attention, silence, languages)

    def _before(self, parents: NDArray[np.int32]) -> list[Any]:
        """Keys and values of the tokens so far, each row's from its parent."""
        if not self._remembered:
            nothing = _value(np.zeros((len(parents), self._heads, 0, self._part), np.float32))
            return [nothing] * len(self._past)
        if np.array_equal(parents, np.arange(self._remembered[0].shape()[0])):
            return self._remembered
        return [_value(one.numpy()[parents]) for one in self._remembered]

    def _numbers(self, rows: int, places: int) -> dict[str, NDArray[np.int64]]:
        """What the graph has to know of its inputs' shapes, and how much it shall tell."""
        queries = rows * places // self._windows
        products = (2 * queries, 1) if queries <= onnx_decoder.FEW else (1, 2 * queries)
        times = self._size - self._vocabulary.timestamps
        numbers = {"shape": (rows, places, self._heads * self._part),
                   "listening": (self._windows, self._heads, queries, self._part),
                   "products": (self._windows, self._heads, *products, -1),
                   "first_time": (self._vocabulary.timestamps,),
                   "texts": (min(self.candidates, self._vocabulary.timestamps),),
                   "times": (min(self.candidates, times),)}
        return {name: np.array(value, np.int64) for name, value in numbers.items()}

    def _embedded(self, tokens: NDArray[np.int64], first: int) -> NDArray[np.float32]:
        """What stands for the tokens, one position after the other; those of a row begin with that place."""
        rows, places = tokens.shape
        found = self._embeddings.weight[tokens].astype(np.float32)
        if self._embeddings.scale is not None:
            found *= self._embeddings.scale[tokens]
        found += self._positions[first:first + places]
        return found.reshape(1, rows * places, -1)

    def _best(self, found: Mapping[str, NDArray[Any]]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        highest, begin = found["highest"].astype(np.float64), self._vocabulary.timestamps
        timed, text = (part.sum(axis=1, keepdims=True).astype(np.float64)
                       for part in (found["shares"][:, begin:], found["shares"][:, :begin]))
        # A timestamp is written where all of them together are likelier than any one text token.
        sure = timed > np.exp(found["text_scores"][:, :1] - highest)
        scores = np.concatenate([np.where(sure, FORBIDDEN, found["text_scores"]), found["time_scores"]], 1)
        candidates = np.concatenate([found["text_candidates"],
                                     found["time_candidates"] + begin], 1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :self.candidates]
        total = highest + np.log(np.where(sure, timed, timed + text))
        return ((np.take_along_axis(scores, order, 1) - total).astype(np.float32),
                np.take_along_axis(candidates, order, 1))

    def _opening(self, logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        shares = np.exp(logits - logits.max(axis=1, keepdims=True), dtype=np.float64)
        silence = shares[:, self._vocabulary.no_speech] / shares.sum(axis=1)
        if not self._vocabulary.languages:
            return silence.astype(np.float32), None
        languages = shares[:, self._vocabulary.languages]
        return silence.astype(np.float32), (languages / languages.sum(axis=1, keepdims=True)).astype(np.float32)


def _session(model: Path | bytes, threads: int, own_memory: bool = False) -> Any:
    """Load a graph; of a file no copy stays in memory.

    What has one shape at every run takes half as much from memory of its own that it keeps as from the heap, where
    its gaps are others'. What grows from run to run does not.
    """
    telemetry.switch_off()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = own_memory
    options.enable_mem_pattern = False  # else there would be memory for the first run, and other for the next
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    # Else the threads of one half would keep the cores busy for a while after it, when the other has begun.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options,
                                        providers=[("CPUExecutionProvider", _AS_MUCH_AS_NEEDED)])


def _value(array: NDArray[Any]) -> Any:
    """The array for onnxruntime, where it lies."""
    import onnxruntime

    return onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array))
