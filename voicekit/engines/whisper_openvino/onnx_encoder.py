"""Whisper's encoder for onnxruntime, in 8 bits: see :mod:`voicekit.engines.whisper_openvino.onnx_layers`."""

from __future__ import annotations

import dataclasses

import numpy as np

from voicekit.engines.onnx_graph import INT8, MICROSOFT, OnnxGraph
from voicekit.engines.whisper_openvino import encoder
from voicekit.engines.whisper_openvino.onnx_layers import MIDDLE, OnnxLayers
from voicekit.engines.whisper_weights import Linear, Weights

INPUT = "mel"


def shapes(weights: Weights) -> dict[str, tuple[int, ...]]:
    """Shapes of the encoder's outputs for one window, by their names; keys are turned, as the decoder takes them."""
    return {name: (*shape[:2], *shape[:1:-1]) if name.startswith("keys") else shape
            for name, shape in encoder.shapes(weights, small=True).items()}


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
        ``small``, but for keys, which are turned: shape (1, heads, part, frames).
    """
    return _Encoder(weights).build()


class _Encoder:
    """The encoder while it is being built."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._graph = graph = OnnxGraph()
        self._layers = OnnxLayers(graph, graph.array(np.full(weights.frames, MIDDLE, np.uint8)))

    def build(self) -> bytes:
        graph, layers, weights = self._graph, self._layers, self._weights
        sound = self._convolved(self._convolved(INPUT, weights.linear("encoder/conv1"), 1),
                                weights.linear("encoder/conv2"), 2)
        positions = graph.array(weights.array("encoder/position_encodings/encodings")[None])
        sound = graph.node("Add", [graph.node("Transpose", [sound], perm=(0, 2, 1)), positions])
        for layer in range(weights.encoder_layers):
            sound = self._layer(sound, f"encoder/layer_{layer}")
        rounded = layers.rounded(layers.norm(sound, weights.norm("encoder/layer_norm")))
        for layer in range(weights.decoder_layers):
            both = weights.linear(f"decoder/layer_{layer}/attention/linear_1")
            keys, values = (layers.linear(rounded, both.rows(part * weights.width, (part + 1) * weights.width))
                            for part in range(2))
            self._kept(keys, (0, 2, 3, 1), f"keys_{layer}", f"key_scales_{layer}")
            self._kept(values, (0, 2, 1, 3), f"values_{layer}", f"value_scales_{layer}")
        return graph.model("encoder", {INPUT: (1, weights.mels, 2 * weights.frames)}, shapes(weights),
                           encoder.kinds(weights, small=True))

    def _kept(self, sound: str, order: tuple[int, ...], name: str, scales: str) -> None:
        """Heads apart, in 8 bits, each column of the last two axes with a scale of its own."""
        graph, weights = self._graph, self._weights
        shape = graph.integers(1, weights.frames, weights.heads, weights.width // weights.heads)
        heads = graph.node("Transpose", [graph.node("Reshape", [sound, shape])], perm=order)
        graph.node("Identity", [scale := self._layers.scales(heads, 2)], (scales,))
        graph.node("Cast", [graph.node("Round", [graph.node("Div", [heads, scale])])], (name,), to=INT8)

    def _layer(self, sound: str, name: str) -> str:
        graph, layers, weights, width = self._graph, self._layers, self._weights, self._weights.width
        both = weights.linear(f"{name}/self_attention/linear_0")
        assert both.bias is not None
        rounded = layers.rounded(layers.norm(sound, weights.norm(f"{name}/self_attention/layer_norm")))
        parts = (dataclasses.replace(both.rows(part * width, (part + 1) * width), bias=None) for part in range(3))
        heard = graph.node("MultiHeadAttention", [*(layers.linear(rounded, part) for part in parts),
                                                  graph.array(both.bias)],
                           domain=MICROSOFT, num_heads=weights.encoder_heads)
        heard = layers.linear(layers.rounded(heard), weights.linear(f"{name}/self_attention/linear_1"))
        sound = graph.node("Add", [sound, heard])
        inner = layers.feed_forward(layers.norm(sound, weights.norm(f"{name}/ffn/layer_norm")),
                                    weights.linear(f"{name}/ffn/linear_0"), weights.linear(f"{name}/ffn/linear_1"))
        return graph.node("Add", [sound, inner])

    def _convolved(self, sound: str, layer: Linear, stride: int) -> str:
        assert layer.bias is not None
        parts = [sound, self._graph.array(layer.weight), self._graph.array(layer.bias)]
        return self._layers.gelu(self._graph.node("Conv", parts, kernel_shape=(3,), strides=(stride,), pads=(1, 1)))
