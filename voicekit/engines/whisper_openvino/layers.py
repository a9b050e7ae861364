"""What both halves of Whisper are made of, as nodes of an OpenVINO graph.

A node is ``openvino.Node``; it is ``Any`` here, as the library is imported when a graph is built and not before.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import telemetry
from voicekit.engines.whisper_weights import Linear, Norm

EPSILON = 1e-5

NOTHING = 1e-9
"""A row whose largest number is below it counts as if that were so large: it is divided by it."""


@functools.lru_cache(maxsize=1)
def ops() -> Any:
    """OpenVINO's operations."""
    return telemetry.openvino().opset15


def floats(values: Any) -> Any:
    """A constant of float32."""
    return ops().constant(np.asarray(values, np.float32))


def whole(*values: int) -> Any:
    """A constant of int64, shape (values,)."""
    return ops().constant(np.array(values, np.int64))


def number(value: int) -> Any:
    """A constant of int64 without dimensions, as an axis is given."""
    return ops().constant(np.int64(value))


def weight(linear: Linear) -> Any:
    """A weight, shape (out, in); OpenVINO keeps one of 8 bits as it is, and multiplies in 8 bits."""
    if linear.scale is None:
        return floats(linear.weight)
    op = ops()
    return op.multiply(op.convert(_kept(linear), "f32"), floats(linear.scale))


def rows(linear: Linear, numbers: Any) -> Any:
    """Rows of a weight: they are looked up in 8 bits where they are kept so, and only then made larger."""
    op = ops()
    if linear.scale is None:
        return op.gather(floats(linear.weight), numbers, number(0))
    found = op.convert(op.gather(_kept(linear), numbers, number(0)), "f32")
    return op.multiply(found, op.gather(floats(linear.scale), numbers, number(0)))


def _kept(linear: Linear) -> Any:
    # It stays where it lies, in the file, until the graph is compiled.
    kept: NDArray[np.int8] = np.ascontiguousarray(linear.weight)
    return ops().constant(kept, shared_memory=True)


def linear(x: Any, layer: Linear) -> Any:
    """``x @ weight.T + bias`` for x of shape (..., in)."""
    op = ops()
    y = op.matmul(x, weight(layer), False, True)
    return y if layer.bias is None else op.add(y, floats(layer.bias))


def norm(x: Any, layer: Norm) -> Any:
    """Layer normalisation of x, shape (rows, places, width)."""
    op = ops()
    y = op.mvn(x, whole(2), True, EPSILON, "inside_sqrt")
    return op.add(op.multiply(y, floats(layer.gamma)), floats(layer.beta))


def feed_forward(x: Any, first: Linear, second: Linear) -> Any:
    """The two layers after the attention, with GELU between them."""
    return linear(ops().gelu(linear(x, first), "erf"), second)


def split_heads(x: Any, heads: int) -> Any:
    """(rows, places, width) to (rows, heads, places, width / heads)."""
    op = ops()
    return op.transpose(op.reshape(x, whole(0, 0, heads, -1), True), whole(0, 2, 1, 3))


def join_heads(x: Any) -> Any:
    """(rows, heads, places, part) to (rows, places, width)."""
    op = ops()
    return op.reshape(op.transpose(x, whole(0, 2, 1, 3)), whole(0, 0, -1), True)


def steps(x: Any, levels: int, low: float, high: float) -> Any:
    """Round to so many levels between low and high: how OpenVINO is told to multiply in 8 bits."""
    low_, high_ = floats(low), floats(high)
    return ops().fake_quantize(x, low_, high_, low_, high_, levels)


def largest(x: Any, axis: int = -1) -> Any:
    """The largest absolute number along an axis, and at least a very small one."""
    op = ops()
    return op.maximum(op.reduce_max(op.abs(x), whole(axis), True), floats(NOTHING))


def size(x: Any, axis: int) -> Any:
    """The length of an axis, shape (1,)."""
    op = ops()
    return op.gather(op.shape_of(x), whole(axis), number(0))
