"""What both halves of Whisper are made of for onnxruntime, in 8 bits, on processors with AVX2 and nothing better.

onnxruntime multiplies there in 8 bits twice as fast as in float32, which OpenVINO does not. Each position is divided
by its own largest value before it is rounded, as CTranslate2 does, so one loud frame does not make the others coarse.

These processors add each two products in 16 bits, and cut off what does not fit: 255 times 127, twice, does not.
So the weights have 7 bits. What is lost by that is less than what rounding the sound takes anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicekit.engines.onnx_graph import MICROSOFT, OnnxGraph
from voicekit.engines.whisper_openvino.layers import EPSILON
from voicekit.engines.whisper_weights import Linear, Norm

LARGEST_WEIGHT = 63
"""Of the rounded weights: 255 times this, twice, fits into 16 bits."""

MIDDLE, LARGEST = 128, 127
"""Of what is rounded: what stands for nothing, and how far it goes from there."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """What goes into a linear layer: 8 bits around :data:`MIDDLE`, and what to multiply each position by."""

    values: str
    scales: str


class OnnxLayers:
    """Adds layers to a graph. What they take and give has the shape (1, positions, width).

    Parameters
    ----------
    graph : OnnxGraph
        Gets them.
    middles : str
        Name of :data:`MIDDLE`, uint8, once for each position.
    """

    def __init__(self, graph: OnnxGraph, middles: str) -> None:
        self._graph = graph
        self._middles = middles
        self._middle = graph.array(np.array(MIDDLE, np.uint8))
        self._one = graph.array(np.array(1, np.float32))
        self._step = graph.array(np.array(1 / LARGEST, np.float32))
        self._least = graph.array(np.array(1e-9, np.float32))

    def norm(self, x: str, layer: Norm) -> str:
        """Layer normalisation."""
        parts = [x, self._graph.array(layer.gamma), self._graph.array(layer.beta)]
        return self._graph.node("LayerNormalization", parts, epsilon=EPSILON)

    def gelu(self, x: str) -> str:
        """GELU, with the error function."""
        return self._graph.node("Gelu", [x], domain=MICROSOFT)

    def feed_forward(self, x: str, first: Linear, second: Linear) -> str:
        """The two layers after the attention, with GELU between them."""
        return self.linear(self.rounded(self.gelu(self.linear(self.rounded(x), first))), second)

    def rounded(self, x: str) -> Rounded:
        """Each position in 8 bits."""
        graph, scales = self._graph, self.scales(x, 2)
        each = graph.node("Reshape", [scales, graph.integers(-1)])
        return Rounded(graph.node("QuantizeLinear", [x, each, self._middles], axis=1), scales)

    def scales(self, x: str, axis: int) -> str:
        """What the numbers along an axis are to be divided by."""
        graph = self._graph
        highest, lowest = (graph.node(kind, [x, graph.integers(axis)], keepdims=1)
                           for kind in ("ReduceMax", "ReduceMin"))
        largest = graph.node("Max", [highest, graph.node("Neg", [lowest]), self._least])
        return graph.node("Mul", [largest, self._step])

    def linear(self, rounded: Rounded, layer: Linear) -> str:
        """``x @ weight.T + bias``; any positions, or any outputs, give the same bits without the others."""
        graph = self._graph
        weight, scale = in_7_bits(layer.float)
        product = graph.node("MatMulIntegerToFloat", [
            rounded.values, graph.array(weight), self._one, graph.array(scale), self._middle,
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
