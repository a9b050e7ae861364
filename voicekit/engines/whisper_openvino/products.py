"""How the encoder multiplies: OpenVINO has several ways, and which is the fastest depends on the processor."""

from __future__ import annotations

from typing import Any, Protocol

from voicekit.engines.whisper_openvino import layers
from voicekit.engines.whisper_openvino.layers import floats, ops, whole
from voicekit.engines.whisper_weights import Linear


class Products(Protocol):
    """The products of a graph."""

    def linear(self, x: Any, *some: Linear) -> list[Any]:
        """``x @ weight.T + bias`` of some layers that look at the same x, shape (rows, places, width)."""
        ...

    def attention(self, query: Any, key: Any, value: Any, part: int) -> Any:
        """Attention, for heads of shape (rows, heads, places, part)."""
        ...


class Plain:
    """As OpenVINO has them: it rounds what comes into a layer with weights of 8 bits by itself, if it is told to."""

    def linear(self, x: Any, *some: Linear) -> list[Any]:
        """See :class:`Products`."""
        return [layers.linear(x, one) for one in some]

    def attention(self, query: Any, key: Any, value: Any, part: int) -> Any:
        """See :class:`Products`."""
        return ops().scaled_dot_product_attention(query, key, value, causal=False)


class Tiled:
    """In units that multiply tiles of matrices (AMX), for weights in 8 bits.

    There OpenVINO (2026.4) does not round: it makes weights of 8 bits larger, again at each call, and multiplies in
    bfloat16, which for 1500 frames takes three times as long. So the graph rounds, each row by its largest, as
    OpenVINO does elsewhere. (Weights in bfloat16 are no faster here, and would take five times the memory.)
    """

    def linear(self, x: Any, *some: Linear) -> list[Any]:
        """See :class:`Products`."""
        op = ops()
        largest = _largest(x)
        rows = layers.steps(op.divide(x, largest), 255, -1.0, 1.0)
        found = []
        for one in some:
            y = op.multiply(op.matmul(rows, layers.weight(one), False, True), largest)
            found.append(y if one.bias is None else op.add(y, floats(one.bias)))
        return found

    def attention(self, query: Any, key: Any, value: Any, part: int) -> Any:
        """See :class:`Products`."""
        # Written out, OpenVINO does not bring the keys into another order first: a tenth of medium's encoder.
        op = ops()
        scores = op.matmul(op.multiply(query, floats(part ** -0.5)), key, False, True)
        return op.matmul(op.softmax(scores, -1), value, False, False)


def _largest(x: Any) -> Any:
    """:func:`layers.largest` of each row, without the absolute numbers of an array that may be very large: it would
    need as much room once more."""
    op, along = ops(), whole(-1)
    highest, lowest = op.reduce_max(x, along, True), op.reduce_min(x, along, True)
    return op.maximum(op.maximum(highest, op.negative(lowest)), floats(layers.NOTHING))
