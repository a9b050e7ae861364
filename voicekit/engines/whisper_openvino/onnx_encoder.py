"""The same encoder for onnxruntime, in 8 bits, for processors that have AVX2 and nothing better.

onnxruntime multiplies there in 8 bits twice as fast as in float32, which OpenVINO does not. Each position is divided
by its own largest value before it is rounded, as CTranslate2 does, so one loud frame does not make the others coarse.

These processors add each two products in 16 bits, and cut off what does not fit: 255 times 127, twice, does not.
So the weights have 7 bits. What is lost by that is less than what rounding the sound takes anyway.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from voicekit.engines.onnx_graph import INT8, MICROSOFT, OnnxGraph
from voicekit.engines.whisper_openvino import encoder
from voicekit.engines.whisper_openvino.layers import EPSILON
from voicekit.engines.whisper_weights import Linear, Norm, Weights

LARGEST_WEIGHT = 63
"""Of the rounded weights: 255 times this, twice, fits into 16 bits."""

_MIDDLE, _LARGEST = 128, 127  # of the rounded sound: what stands for nothing, and how far it goes from there

INPUT = "mel"


def build(weights: Weights) -> bytes:
    """The encoder as an ONNX model.

    Parameters
    ----------
    weights : Weights
        The model, not in 8 bits.

    Returns
    -------
    bytes
        Input :data:`INPUT` and outputs as those of :func:`voicekit.engines.whisper_openvino.encoder.build` with
        ``small``, but for values, which are turned: shape (1, heads, part, frames).
    """
    return _Encoder(weights).build()


@dataclasses.dataclass(frozen=True, slots=True)
class _Rounded:
    """What goes into a linear layer: 8 bits around :data:`_MIDDLE`, and what to multiply each position by."""

    sound: str
    scales: str


class _Encoder:
    """The encoder while it is being built."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = graph = OnnxGraph()
        self._one = graph.array(np.array(1, np.float32))
        self._middle = graph.array(np.array(_MIDDLE, np.uint8))
        self._middles = graph.array(np.full(weights.frames, _MIDDLE, np.uint8))
        self._step = graph.array(np.array(1 / _LARGEST, np.float32))
        self._least = graph.array(np.array(1e-9, np.float32))

    def build(self) -> bytes:
        graph, weights = self._graph, self._weights
        sound = self._convolved(self._convolved(INPUT, weights.linear("encoder/conv1"), 1),
                                weights.linear("encoder/conv2"), 2)
        positions = graph.array(weights.array("encoder/position_encodings/encodings")[None])
        sound = graph.node("Add", [graph.node("Transpose", [sound], perm=(0, 2, 1)), positions])
        for layer in range(weights.encoder_layers):
            sound = self._layer(sound, f"encoder/layer_{layer}")
        rounded = self._rounded(self._norm(sound, weights.norm("encoder/layer_norm")))
        for layer in range(weights.decoder_layers):
            both = weights.linear(f"decoder/layer_{layer}/attention/linear_1")
            for part, (name, order) in enumerate((("key", (0, 2, 1, 3)), ("value", (0, 2, 3, 1)))):
                projected = self._linear(rounded, both.rows(part * weights.width, (part + 1) * weights.width))
                self._kept(projected, order, f"{name}s_{layer}", f"{name}_scales_{layer}")
        shapes = encoder.shapes(weights, small=True, turned=True)
        return graph.model("encoder", {INPUT: (1, weights.mels, 2 * weights.frames)}, shapes,
                           [name for name in shapes if "scales" not in name])

    def _kept(self, sound: str, order: tuple[int, ...], name: str, scales: str) -> None:
        """Heads apart, in 8 bits, each row of the last axis with a scale of its own."""
        graph, weights = self._graph, self._weights
        shape = graph.integers(1, weights.frames, weights.heads, weights.width // weights.heads)
        heads = graph.node("Transpose", [graph.node("Reshape", [sound, shape])], perm=order)
        scale = self._scales(heads, 3)
        graph.node("Transpose", [scale], (scales,), perm=(0, 1, 3, 2))
        graph.node("Cast", [graph.node("Round", [graph.node("Div", [heads, scale])])], (name,), to=INT8)

    def _layer(self, sound: str, name: str) -> str:
        graph, weights, width = self._graph, self._weights, self._weights.width
        both = weights.linear(f"{name}/self_attention/linear_0")
        assert both.bias is not None
        rounded = self._rounded(self._norm(sound, weights.norm(f"{name}/self_attention/layer_norm")))
        parts = (dataclasses.replace(both.rows(part * width, (part + 1) * width), bias=None) for part in range(3))
        heard = graph.node("MultiHeadAttention", [*(self._linear(rounded, part) for part in parts),
                                                  graph.array(both.bias)],
                           domain=MICROSOFT, num_heads=weights.encoder_heads)
        heard = self._linear(self._rounded(heard), weights.linear(f"{name}/self_attention/linear_1"))
        sound = graph.node("Add", [sound, heard])
        rounded = self._rounded(self._norm(sound, weights.norm(f"{name}/ffn/layer_norm")))
        inner = self._gelu(self._linear(rounded, weights.linear(f"{name}/ffn/linear_0")))
        return graph.node("Add", [sound, self._linear(self._rounded(inner), weights.linear(f"{name}/ffn/linear_1"))])

    def _convolved(self, sound: str, layer: Linear, stride: int) -> str:
        assert layer.bias is not None
        parts = [sound, self._graph.array(layer.weight), self._graph.array(layer.bias)]
        return self._gelu(self._graph.node("Conv", parts, kernel_shape=(3,), strides=(stride,), pads=(1, 1)))

    def _gelu(self, sound: str) -> str:
        return self._graph.node("Gelu", [sound], domain=MICROSOFT)

    def _norm(self, sound: str, layer: Norm) -> str:
        parts = [sound, self._graph.array(layer.gamma), self._graph.array(layer.beta)]
        return self._graph.node("LayerNormalization", parts, epsilon=EPSILON)

    def _rounded(self, sound: str) -> _Rounded:
        graph, scales = self._graph, self._scales(sound, 2)
        each = graph.node("Reshape", [scales, graph.integers(-1)])
        return _Rounded(graph.node("QuantizeLinear", [sound, each, self._middles], axis=1), scales)

    def _scales(self, sound: str, axis: int) -> str:
        """What the numbers along an axis are divided by."""
        graph = self._graph
        highest, lowest = (graph.node(kind, [sound, graph.integers(axis)], keepdims=1)
                           for kind in ("ReduceMax", "ReduceMin"))
        largest = graph.node("Max", [highest, graph.node("Neg", [lowest]), self._least])
        return graph.node("Mul", [largest, self._step])

    def _linear(self, rounded: _Rounded, layer: Linear) -> str:
        graph = self._graph
        weight, scale = in_7_bits(layer.float)
        product = graph.node("MatMulIntegerToFloat", [
            rounded.sound, graph.array(weight), self._one, graph.array(scale), self._middle,
            graph.array(np.zeros(len(scale), np.int8))], domain=MICROSOFT)
        product = graph.node("Mul", [product, rounded.scales])
        return product if layer.bias is None else graph.node("Add", [product, graph.array(layer.bias)])


def in_7_bits(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A weight of shape (out, in), turned and rounded, and what its columns are to be multiplied by.

    Returns
    -------
    ndarray, shape (in, out), int8
        From minus to plus :data:`LARGEST_WEIGHT`.
    ndarray, shape (out,), float32

    Examples
    --------
    >>> [part.tolist() for part in in_7_bits(np.float32([[21, -63], [0, 0]]))]
    [[[21, 0], [-63, 0]], [1.0, 1.0]]
    """
    largest = np.abs(weight).max(axis=1)
    scale = np.where(largest > 0, largest / np.float32(LARGEST_WEIGHT), np.float32(1)).astype(np.float32)
    return np.ascontiguousarray(np.rint(weight / scale[:, None]).astype(np.int8).T), scale
