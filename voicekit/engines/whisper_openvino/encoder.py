"""The graph of Whisper's encoder, with the keys and values that the decoder's layers look at.

The decoder never sees the encoder's output: only its projections, one key and one value for each layer, head and
frame. They are made here once, and kept in 8 bits where the weights are: the step that reads them is bound by memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from voicekit import telemetry
from voicekit.engines.whisper_openvino import layers
from voicekit.engines.whisper_openvino.layers import floats, ops, whole
from voicekit.engines.whisper_openvino.products import Products
from voicekit.engines.whisper_weights import Linear, Weights

CACHED = ("keys", "key_scales", "values", "value_scales")
"""What a layer of the decoder looks at; without 8 bits there are no scales."""


def cached_names(weights: Weights, small: bool) -> tuple[str, ...]:
    """Names of the encoder's outputs, which are the decoder's inputs."""
    return tuple(f"{name}_{layer}" for layer in range(weights.decoder_layers)
                 for name in (CACHED if small else CACHED[::2]))


def shapes(weights: Weights, small: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the encoder's outputs for one window, by their names; see :func:`build`."""
    part, frames, heads = weights.width // weights.heads, weights.frames, weights.heads
    lengths = {"keys": (frames, part), "values": (frames, part), "key_scales": (1, frames), "value_scales": (1, part)}
    return {name: (1, heads, *lengths[name.rpartition("_")[0]]) for name in cached_names(weights, small)}


def kinds(weights: Weights, small: bool) -> dict[str, type]:
    """Types of the encoder's outputs, by their names."""
    return {name: np.int8 if small and "scales" not in name else np.float32 for name in cached_names(weights, small)}


def build(weights: Weights, small: bool, products: Products) -> Any:
    """The encoder as an ``openvino.Model``.

    Parameters
    ----------
    weights : Weights
        The model.
    small : bool
        Keep keys and values in 8 bits: a key has a scale for each head and frame, a value for each head and place.
    products : Products
        How to multiply.

    Returns
    -------
    openvino.Model
        Input: the log-mel spectrogram of one window, shape (1, mels, 2 * frames), float32. Outputs, for every layer
        of the decoder: ``keys`` and ``values``, shape (1, heads, frames, part), int8 or float32; ``key_scales``,
        shape (1, heads, 1, frames), and ``value_scales``, shape (1, heads, 1, part), float32.

    Notes
    -----
    One window fits the caches of a CPU, and several together are not faster. Where the shape is fixed, OpenVINO
    brings the weights into the form that it reads when the graph is compiled, not when it first runs, and each window
    takes some 4 % less.
    """
    op = ops()
    mel = op.parameter([1, weights.mels, 2 * weights.frames], np.float32, name="mel")
    x = _convolved(mel, weights.linear("encoder/conv1"), 1)
    x = _convolved(x, weights.linear("encoder/conv2"), 2)
    x = op.transpose(x, whole(0, 2, 1))
    x = op.add(x, floats(weights.array("encoder/position_encodings/encodings")[None]))
    for layer in range(weights.encoder_layers):
        x = _layer(x, weights, f"encoder/layer_{layer}", products)
    x = layers.norm(x, weights.norm("encoder/layer_norm"))
    heard = iter(products.linear(x, *(part for layer in range(weights.decoder_layers)
                                      for part in _parts(weights, f"decoder/layer_{layer}/attention/linear_1", 2))))
    results = []
    for layer in range(weights.decoder_layers):
        for name, axis in (("key", 3), ("value", 2)):
            projected = layers.split_heads(next(heard), weights.heads)
            for output, node in zip((f"{name}s_{layer}", f"{name}_scales_{layer}"),
                                    _eight_bits(projected, axis) if small else (projected,), strict=False):
                result = op.result(node)
                result.set_friendly_name(output)
                result.get_output_tensor(0).set_names({output})
                results.append(result)
    return telemetry.openvino().Model(results, [mel], "encoder")


def _convolved(x: Any, layer: Linear, stride: int) -> Any:
    op = ops()
    y = op.convolution(x, floats(layer.weight), [stride], [1], [1], [1])
    assert layer.bias is not None
    return op.gelu(op.add(y, floats(layer.bias.reshape(1, -1, 1))), "erf")


def _layer(x: Any, weights: Weights, name: str, products: Products) -> Any:
    op, width, heads = ops(), weights.width, weights.encoder_heads
    h = layers.norm(x, weights.norm(f"{name}/self_attention/layer_norm"))
    query, key, value = (layers.split_heads(part, heads) for part in
                         products.linear(h, *_parts(weights, f"{name}/self_attention/linear_0", 3)))
    h = layers.join_heads(products.attention(query, key, value, width // heads))
    h, = products.linear(h, weights.linear(f"{name}/self_attention/linear_1"))
    x = op.add(x, h)
    h, = products.linear(layers.norm(x, weights.norm(f"{name}/ffn/layer_norm")),
                         weights.linear(f"{name}/ffn/linear_0"))
    h, = products.linear(op.gelu(h, "erf"), weights.linear(f"{name}/ffn/linear_1"))
    return op.add(x, h)


def _parts(weights: Weights, name: str, count: int) -> list[Linear]:
    """Layers that are kept as one: for queries, keys and values."""
    together, width = weights.linear(name), weights.width
    return [together.rows(part * width, (part + 1) * width) for part in range(count)]


def _eight_bits(x: Any, axis: int) -> tuple[Any, Any]:
    """In 8 bits, and what to multiply by along the other of the last two axes."""
    op = ops()
    largest = layers.largest(x, axis)
    rounded = op.convert(op.round(op.multiply(x, op.divide(floats(127), largest)), "half_to_even"), "i8")
    scale = op.divide(largest, floats(127))
    return rounded, op.transpose(scale, whole(0, 1, 3, 2)) if axis == 3 else scale
