"""Writes ONNX models: nodes and constants are added one after the other, and all of it becomes the bytes of a file.

ONNX is written here by hand, for the few fields that are needed: the ``onnx`` package is large, and has nothing else
to do in voicekit. Field numbers are those of ``onnx.proto3``.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

OPSET = 18
MICROSOFT = "com.microsoft"
"""The domain of onnxruntime's own operators."""

FLOAT, UINT8, INT8 = 1, 2, 3
"""Numbers of the types, for ``Cast``."""

_IR = 8
_KINDS = {np.dtype(np.float32): FLOAT, np.dtype(np.uint8): UINT8, np.dtype(np.int8): INT8, np.dtype(np.int64): 7}

_Attribute = int | float | str | Sequence[int]


class OnnxGraph:
    """Nodes and constants, as they are added.

    Examples
    --------
    >>> graph = OnnxGraph()
    >>> added = graph.node("Add", ["x", graph.array(np.float32([1, 2]))], outputs=("y",))
    >>> len(graph.model("sum", {"x": (2,)}, {"y": (2,)}))
    121
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._numbers = itertools.count()

    def array(self, values: NDArray[Any], shape: Sequence[int] | None = None) -> str:
        """Add numbers: float32, uint8, int8 or int64; returns their name."""
        name = f"constant{next(self._numbers)}"
        data = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
        self._parts.append(_bytes(5, b"".join((
            *(_number(1, length) for length in (values.shape if shape is None else shape)),
            _number(2, _KINDS[values.dtype]), _text(8, name), _bytes(9, data)))))
        return name

    def integers(self, *values: int) -> str:
        """Add integers; returns their name."""
        return self.array(np.array(values, np.int64))

    def node(self, operator: str, inputs: Sequence[str], outputs: Sequence[str] = ("",), domain: str = "",
             **attributes: _Attribute) -> str:
        """Add an operation; returns the name of its first output, which it gets here where it has none."""
        name = outputs[0] or f"made{next(self._numbers)}"
        self._parts.append(_bytes(1, b"".join((
            *(_text(1, one) for one in inputs), *(_text(2, one) for one in (name, *outputs[1:])),
            _text(4, operator), *(_attribute(*one) for one in attributes.items()), _text(7, domain)))))
        return name

    def model(self, name: str, inputs: Mapping[str, Sequence[int | None]],
              outputs: Mapping[str, Sequence[int | None]], kinds: Mapping[str, DTypeLike] | None = None) -> bytes:
        """All of it, as a file holds it.

        Parameters
        ----------
        name : str
            Of the graph.
        inputs, outputs : mapping of str to sequence of (int or None)
            Shapes by name; None is a length that may be any.
        kinds : mapping of str to dtype, optional
            Types by name, of those that are not float32: int8 or int64.
        """
        others = kinds or {}
        numbers = {one: _KINDS[np.dtype(others.get(one, np.float32))] for one in (*inputs, *outputs)}
        graph = b"".join((*self._parts, _text(2, name),
                          *(_bytes(11, _declared(one, shape, numbers[one])) for one, shape in inputs.items()),
                          *(_bytes(12, _declared(one, shape, numbers[one])) for one, shape in outputs.items())))
        versions = (_bytes(8, _text(1, domain) + _number(2, version))
                    for domain, version in (("", OPSET), (MICROSOFT, 1)))
        return b"".join((_number(1, _IR), _bytes(7, graph), *versions))


def _attribute(name: str, value: _Attribute) -> bytes:
    if isinstance(value, int):
        return _bytes(5, _text(1, name) + _number(3, value) + _number(20, 2))
    if isinstance(value, float):
        return _bytes(5, _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1))
    if isinstance(value, str):
        return _bytes(5, _text(1, name) + _text(4, value) + _number(20, 3))
    return _bytes(5, _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, 7))


def _declared(name: str, shape: Sequence[int | None], kind: int) -> bytes:
    """An input or output."""
    lengths = b"".join(_bytes(1, b"" if length is None else _number(1, length)) for length in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, lengths)))


# ---- protocol buffers ----

def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
