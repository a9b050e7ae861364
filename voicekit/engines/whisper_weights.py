"""CTranslate2's file of a Whisper, read as it lies on disk.

The format is that of ``ctranslate2.specs.model_spec`` (MIT), binary version 6: a header, then each variable with its
name, shape, type and bytes, then the names that share another's bytes.
"""

from __future__ import annotations

import json
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINARY_VERSION = 6
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16, 5: np.uint16}
_BFLOAT16 = 5


class _Cursor:
    """Reads the parts of a file one after the other."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.place = 0

    def number(self, code: str) -> int:
        size = struct.calcsize(code)
        (value,) = struct.unpack_from("<" + code, self.data, self.place)
        self.place += size
        return int(value)

    def text(self) -> str:
        length = self.number("H")
        found = self.data[self.place:self.place + length - 1].decode()
        self.place += length
        return found

    def array(self) -> NDArray[Any]:
        shape = [self.number("I") for _ in range(self.number("B"))]
        kind = self.number("B")
        size = self.number("I")
        array: NDArray[Any] = np.frombuffer(self.data, _TYPES[kind], size // np.dtype(_TYPES[kind]).itemsize,
                                            self.place).reshape(shape)
        self.place += size
        if kind == _BFLOAT16:  # its bits are the upper half of a float32's
            array = (array.astype(np.uint32) << 16).view(np.float32)
        return array


def read_variables(file: Path) -> dict[str, NDArray[Any]]:
    """Every variable of the file by name; the arrays lie in the file and are read when they are used.

    Raises
    ------
    ValueError
        If it is no Whisper in the binary version that is read here.
    """
    return _read_from(_mapped(file))


def _mapped(file: Path) -> mmap.mmap:
    with open(file, "rb") as stream:
        return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)


def _read_from(data: mmap.mmap) -> dict[str, NDArray[Any]]:
    try:
        return _read(_Cursor(data))
    except (struct.error, UnicodeDecodeError, KeyError) as error:
        raise ValueError("it is damaged") from error


def _read(cursor: _Cursor) -> dict[str, NDArray[Any]]:
    version = cursor.number("I")
    if version != BINARY_VERSION:
        raise ValueError(f"its format has version {version}, not {BINARY_VERSION}")
    if (name := cursor.text()) != "WhisperSpec":
        raise ValueError(f"it is a {name[:40]}, not a Whisper")
    cursor.number("I")  # the specification's own revision
    found = {}
    for _ in range(cursor.number("I")):
        name = cursor.text()
        found[name] = cursor.array()
    for _ in range(cursor.number("I")):
        alias, original = cursor.text(), cursor.text()
        found[alias] = found[original]
    return found


@dataclass(frozen=True, slots=True)
class Linear:
    """A layer ``x @ weight.T + bias``.

    Attributes
    ----------
    weight : ndarray, shape (out, in), float32 or int8
    scale : ndarray, shape (out, 1), float32, or None
        What the rows of an int8 weight are multiplied by.
    bias : ndarray, shape (out,), float32, or None
    """

    weight: NDArray[Any]
    scale: NDArray[np.float32] | None
    bias: NDArray[np.float32] | None

    @property
    def float(self) -> NDArray[np.float32]:
        """The weight as float32."""
        weight = self.weight.astype(np.float32)
        return weight if self.scale is None else weight * self.scale.reshape(-1, *[1] * (weight.ndim - 1))

    def rows(self, begin: int, end: int) -> Linear:
        """Some of the outputs."""
        return Linear(self.weight[begin:end], None if self.scale is None else self.scale[begin:end],
                      None if self.bias is None else self.bias[begin:end])


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer normalisation: ``gamma`` and ``beta``, shape (width,), float32."""

    gamma: NDArray[np.float32]
    beta: NDArray[np.float32]


class Weights:
    """A Whisper's weights and dimensions.

    Parameters
    ----------
    folder : Path
        With ``model.bin`` and ``config.json``.
    quantize : bool
        Give linear layers in 8 bits, a scale to each output, rounded as CTranslate2 does.
    file : Path, optional
        To be read instead of ``model.bin``: see :mod:`voicekit.engines.whisper_openvino.keeping`.

    Raises
    ------
    ValueError
        If the file cannot be used; what is wrong with it.
    """

    def __init__(self, folder: Path, quantize: bool, file: Path | None = None) -> None:
        self._data = _mapped(file or folder / "model.bin")
        self._variables = _read_from(self._data)
        self.config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self._quantize = quantize
        self.encoder_layers = self._count("encoder")
        self.decoder_layers = self._count("decoder")
        if not self.encoder_layers or not self.decoder_layers:
            raise ValueError("layers are missing")
        self.heads = int(self._variables["decoder/num_heads"])
        self.encoder_heads = int(self._variables["encoder/num_heads"])
        self.vocabulary, self.width = self._variables["decoder/embeddings/weight"].shape
        self.mels = int(self._variables["encoder/conv1/weight"].shape[1])
        self.frames = int(self._variables["encoder/position_encodings/encodings"].shape[0])

    def _count(self, half: str) -> int:
        return sum(name.startswith(f"{half}/layer_") and name.endswith("ffn/linear_0/weight")
                   for name in self._variables)

    def release(self) -> None:
        """Give back the memory that the file took while it was read; what is needed again is read again."""
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self._data.madvise(mmap.MADV_DONTNEED)

    def array(self, name: str) -> NDArray[np.float32]:
        """A variable as float32."""
        return np.ascontiguousarray(self._variables[name].astype(np.float32, copy=False))

    def norm(self, name: str) -> Norm:
        """The layer normalisation of that name."""
        return Norm(self.array(f"{name}/gamma"), self.array(f"{name}/beta"))

    def linear(self, name: str) -> Linear:
        """The linear layer, or the convolution, of that name."""
        weight = self._variables[f"{name}/weight"]
        bias = self.array(f"{name}/bias") if f"{name}/bias" in self._variables else None
        if weight.dtype == np.int8:  # kept as weight * scale, rounded
            kept = Linear(weight, np.float32(1) / self.array(f"{name}/weight_scale").reshape(-1, 1), bias)
        elif weight.dtype == np.int16:
            kept = Linear(weight.astype(np.float32) / self._int16_scale(name), None, bias)
        else:
            kept = Linear(weight.astype(np.float32, copy=False), None, bias)
        if not self._quantize or weight.ndim != 2:
            return Linear(kept.float, None, bias)
        return kept if kept.scale is not None else quantized(kept)

    def _int16_scale(self, name: str) -> NDArray[np.float32]:
        scale = self.array(f"{name}/weight_scale")
        return scale.reshape(-1, *[1] * (self._variables[f"{name}/weight"].ndim - 1)) if scale.size > 1 else scale


def quantized(linear: Linear) -> Linear:
    """The layer with its weight in 8 bits: each row is divided by its largest value and rounded."""
    small, factor = in_8_bits(linear.weight)
    return Linear(small, np.float32(1) / factor.reshape(-1, 1), linear.bias)


def in_8_bits(weight: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A weight, rounded as CTranslate2 does, and what its rows were multiplied by before, shape (out,)."""
    exact = weight.astype(np.float32, copy=False)
    largest = np.abs(exact).max(axis=1)
    factor = (np.float32(127) / np.where(largest > 0, largest, np.float32(127))).astype(np.float32)
    return np.rint(exact * factor[:, None]).astype(np.int8), factor
