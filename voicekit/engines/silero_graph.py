"""Silero VAD's network laid out anew, so that it takes a third of the time and gives the same bits.

As it is shipped, the network computes frame by frame. Its convolutions are then matrix products with four columns or
two, in which a processor is mostly busy with fetching the weights. Here eight frames lie side by side, which makes
products of 32 and 16 columns. No sum is over other numbers, nor in another order, so nothing is rounded otherwise.
The spectrum's first column, which the shipped network computes and throws away, is left out.

The shipped file is read by hand, too: see :mod:`voicekit.engines.onnx_graph`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from voicekit.engines.onnx_graph import OnnxGraph

FRAMES_TOGETHER = 8
"""Frames that lie side by side: more, and onnxruntime would divide the longest sums, which rounds them otherwise."""

_CONTEXT, _FRAME, _MIRRORED = 64, 512, 64  # samples: before the frame, in it, and those that its end is mirrored to
_WINDOW, _HOP, _BINS = 256, 128, 129  # of the spectrum: samples, samples, frequencies
_HIDDEN = 128

_KNOWN = "4cbf549b8326f60f80f2536d9eefeb450a9abe83365a098031c89719f1be17d2"
"""SHA-256 of the file this was written for: silero_vad_v6.onnx of faster-whisper 1.2."""


def laid_out(path: Path) -> bytes | None:
    """The network of a model file, laid out anew; None for a file of which nothing is known.

    Parameters
    ----------
    path : Path
        ``silero_vad_v6.onnx``.

    Returns
    -------
    bytes or None
        An ONNX model with the file's own inputs and outputs: ``input`` of shape (frames, 576), of which the number
        has to be a multiple of :data:`FRAMES_TOGETHER`; ``h`` and ``c`` of shape (1, 1, 128). Optimisations of
        onnxruntime that change the layout of images would round otherwise: leave them off.

    Examples
    --------
    >>> laid_out(Path("other.onnx"))  # doctest: +SKIP
    """
    content = path.read_bytes()
    return _network(_weights(content)) if hashlib.sha256(content).hexdigest() == _KNOWN else None


# ---- the network ----

def _network(weights: Mapping[str, tuple[tuple[int, ...], bytes]]) -> bytes:
    graph = OnnxGraph()

    def weight(name: str, *more: int) -> str:
        """A tensor of the file, with further axes of these lengths."""
        shape, data = weights[name]
        return graph.array(np.frombuffer(data, "<f4"), (*shape, *more))

    def convolution(layer: int, stride: int, sound: str, *, across: bool) -> str:
        """A convolution along time, of one frame or across those that lie side by side."""
        more = (1,) if across else ()
        name = f"encoder.conv_layers.{layer}"
        parts = (sound, weight(f"{name}.weight", *more), weight(f"{name}.bias"))
        strides, pads = ((stride, 1), (1, 0, 1, 0)) if across else ((stride,), (1, 1))
        return graph.node("Relu", [graph.node("Conv", parts, kernel_shape=(3, *more), strides=strides, pads=pads)])

    one = graph.integers(1)
    sound = graph.node("Pad", ["input", graph.integers(0, 0, 0, _MIRRORED)], mode="reflect")
    shape = graph.integers(-1, FRAMES_TOGETHER, _CONTEXT + _FRAME + _MIRRORED)
    sound = graph.node("Transpose", [graph.node("Reshape", [sound, shape])], perm=(0, 2, 1))
    sound = graph.node("Conv", [graph.node("Unsqueeze", [sound, one]),
                                weight("encoder.feature_extractor.forward_basis_buffer", 1)],
                       kernel_shape=(_WINDOW, 1), strides=(_HOP, 1), pads=(0, 0, 0, 0))
    squares = graph.node("Mul", [sound, sound])
    real, imaginary = (graph.node("Slice", [squares, *(graph.integers(edge) for edge in edges), one])
                       for edges in ((0, _BINS), (_BINS, 2 * _BINS)))
    sound = graph.node("Sqrt", [graph.node("Add", [real, imaginary])])
    sound = convolution(1, 2, convolution(0, 1, sound, across=True), across=True)
    # The last two see one column of a frame; a product with one column is summed in an order of its own.
    sound = graph.node("Reshape", [graph.node("Transpose", [sound], perm=(0, 3, 1, 2)), graph.integers(-1, 64, 2)])
    sound = convolution(3, 1, convolution(2, 2, sound, across=False), across=False)
    # One recurrent layer over all frames, in order.
    state = [weight(f"onnx::LSTM_{number}") for number in (209, 210, 211)]
    sound = graph.node("LSTM", [graph.node("Transpose", [sound], perm=(0, 2, 1)), *state, "", "h", "c"],
                       outputs=("", "hn", "cn"), hidden_size=_HIDDEN)
    sound = graph.node("Relu", [graph.node("Squeeze", [sound, one])])
    sound = graph.node("Conv", [graph.node("Transpose", [sound], perm=(1, 2, 0)),
                                weight("decoder.conv1d.weight"), weight("decoder.conv1d.bias")])
    sound = graph.node("Sigmoid", [sound])
    graph.node("Reshape", [sound, graph.integers(-1)], outputs=("speech_probs",))
    state_shape = (1, 1, _HIDDEN)
    return graph.model("silero", {"input": (None, _CONTEXT + _FRAME), "h": state_shape, "c": state_shape},
                       {"speech_probs": (None,), "hn": state_shape, "cn": state_shape})


# ---- the file that is shipped ----

def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of every field: an integer, or the bytes of a text, a list or another message."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        else:
            length = varint() if key & 7 == 2 else {1: 8, 5: 4}[key & 7]
            yield key >> 3, message[at:at + length]
            at += length


def _inner(message: bytes, field: int) -> list[bytes]:
    """The values of one field that are bytes."""
    return [value for number, value in _fields(message) if number == field and isinstance(value, bytes)]


def _weights(model: bytes) -> dict[str, tuple[tuple[int, ...], bytes]]:
    """Shape and content of every constant, by its name."""
    found = {}
    for tensor in _inner(_inner(model, 7)[0], 5):
        shape = tuple(value for number, value in _fields(tensor) if number == 1 and isinstance(value, int))
        found[_inner(tensor, 8)[0].decode()] = shape, b"".join(_inner(tensor, 9))
    return found
