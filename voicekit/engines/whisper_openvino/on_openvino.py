"""Whisper's two halves on OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import processor, telemetry
from voicekit.engines.whisper_openvino import decoder, encoder
from voicekit.engines.whisper_openvino.halves import CANDIDATES, Heads, Shown
from voicekit.engines.whisper_openvino.products import Plain, Tiled
from voicekit.engines.whisper_openvino.vocabulary import Vocabulary
from voicekit.engines.whisper_weights import Weights

_UNSEEN = -1e9


class OpenVINOHalves:
    """See :class:`~voicekit.engines.whisper_openvino.halves.Halves`.

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
    """

    def __init__(self, weights: Weights, vocabulary: Vocabulary, precision: str, threads: int, heads: Heads) -> None:
        self._weights, self._vocabulary, self._threads = weights, vocabulary, threads
        self._small = precision == "int8"
        self._core = telemetry.openvino().Core()
        self.shapes = encoder.shapes(weights, self._small)
        self.kinds = encoder.kinds(weights, self._small)
        # In bfloat16 the scores of the vocabulary would be too coarse to tell its tokens apart, so the decoder never
        # computes in it; with weights and sound in 8 bits it would not be faster either.
        halves = precision == "bfloat16" or (self._small and processor.multiplies_in_bfloat16())
        self._decoder: tuple[tuple[int, Heads], OpenVINODecoder] | None = None
        with ThreadPoolExecutor(1) as beside:
            coming = beside.submit(self.decoder, CANDIDATES, heads)
            products = Tiled() if self._small and processor.multiplies_in_tiles() else Plain()
            model = encoder.build(weights, self._small, products)
            compiled = self._compile(model, "bf16" if halves else "f32")
            coming.result()
        self.device = ", ".join(compiled.get_property("EXECUTION_DEVICES"))
        self._encoder = compiled.create_infer_request()

    def _compile(self, model: Any, precision: str) -> Any:
        return self._core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": self._threads, "NUM_STREAMS": 1,
            "KV_CACHE_PRECISION": "f16" if self._small else "f32", "ENABLE_CPU_PINNING": False,
            # Inputs of layers with 8-bit weights are rounded to 8 bits, so many together: whole rows.
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": self._weights.width if self._small else 0})

    def encode(self, mel: NDArray[np.float32], into: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Halves`."""
        openvino = telemetry.openvino()
        for name, array in into.items():
            self._encoder.set_tensor(name, openvino.Tensor(array, shared_memory=True))
        self._encoder.infer([mel[None]])

    def decoder(self, candidates: int, heads: Heads) -> OpenVINODecoder:
        """The decoder that tells so much; the last one asked for is kept."""
        kind = (max(candidates, CANDIDATES), heads)
        if self._decoder is None or self._decoder[0] != kind:
            self._decoder = None  # there is no need for two at a time
            model = decoder.build(self._weights, self._vocabulary, self._small, *kind)
            self._decoder = (kind, OpenVINODecoder(self._compile(model, "f32")))
            self._weights.release()
        return self._decoder[1]

    @property
    def any_decoder(self) -> OpenVINODecoder:
        """The decoder that there is."""
        assert self._decoder is not None
        return self._decoder[1]


class OpenVINODecoder:
    """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`.

    Parameters
    ----------
    compiled : openvino.CompiledModel
        Of :func:`voicekit.engines.whisper_openvino.decoder.build`.
    """

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._outputs = {name for output in compiled.outputs for name in output.names}
        self._past = 0
        self._sound: Mapping[str, NDArray[Any]] = {}
        self._allowed: NDArray[np.float32] | None = None

    def forget(self) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`."""
        self._request.reset_state()
        self._past = 0
        # A tensor that is set keeps its array, even when there is another sound of another size.
        self.listen({name: array[:0].copy() for name, array in self._sound.items()})

    def listen(self, sound: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`."""
        openvino = telemetry.openvino()
        self._sound = sound
        for name, array in sound.items():
            self._request.set_tensor(name, openvino.Tensor(array, shared_memory=True))

    def show(self, tokens: NDArray[np.int64], parents: NDArray[np.int32], allowed: NDArray[np.float32],
             opening: bool) -> Shown:
        """See :class:`~voicekit.engines.whisper_openvino.halves.Decoder`."""
        openvino = telemetry.openvino()
        places = tokens.shape[1]
        everything = self._past + places
        mask = np.triu(np.full((places, everything), _UNSEEN, np.float32), 1 + self._past)
        given = {"tokens": tokens, "places": np.arange(self._past, everything, dtype=np.int64), "parents": parents,
                 "mask": mask[None, None]}
        if allowed is not self._allowed:
            self._allowed = given["allowed"] = allowed
        for name, array in given.items():
            self._request.set_tensor(name, openvino.Tensor(np.ascontiguousarray(array)))
        self._request.infer()
        self._past = everything
        found = {name: self._request.get_tensor(name).data for name in self._outputs}
        # What comes out is overwritten by the next step.
        return Shown(found["scores"].copy(), found["candidates"].copy(), found.get("attention"),
                     found["silence"][:, 0].copy() if opening else None,
                     found["languages"].copy() if opening and "languages" in found else None)
