"""The weights of the d-vector: how they are read without torch, and without running what a pickle says.

The file is torch's legacy format: four pickles (a magic number, a version, the machine, the checkpoint), a fifth with
the keys of the storages, and these one after another: a count and so many float32. Pickles can call anything; the
reader knows three names and refuses all others.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from voicekit.errors import ModelError

SHAPES = {
    **{f"lstm.{kind}_l{layer}": shape
       for layer, inputs in enumerate((40, 256, 256))
       for kind, shape in (("weight_ih", (1024, inputs)), ("weight_hh", (1024, 256)),
                           ("bias_ih", (1024,)), ("bias_hh", (1024,)))},
    "linear.weight": (256, 256),
    "linear.bias": (256,),
}
"""What the network consists of."""

_MAGIC = 0x1950A86A20F9469CFC6C
_LARGEST = 64 << 20  # bytes; the real file has 17 MB


@dataclass(slots=True)
class _Storage:
    """Where numbers will be, once they are read."""

    key: str
    count: int


@dataclass(slots=True)
class _Tensor:
    """A part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _FloatStorage:
    """What the pickle names as the kind of a storage."""


def _tensor(storage: object, offset: object, shape: object, strides: object, *_: object) -> _Tensor:
    if (not isinstance(storage, _Storage) or not isinstance(offset, int) or not isinstance(shape, tuple)
            or not isinstance(strides, tuple) or not all(isinstance(each, int) for each in (*shape, *strides))):
        raise pickle.UnpicklingError("a tensor is not what it should be")
    return _Tensor(storage, offset, shape, strides)


class _Reader(pickle.Unpickler):
    """Knows the three names of a checkpoint of float32."""

    _known = {("collections", "OrderedDict"): OrderedDict,
              ("torch._utils", "_rebuild_tensor_v2"): _tensor,
              ("torch", "FloatStorage"): _FloatStorage}

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it names {module}.{name}") from None

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage, key, _, count, view = pid
        if kind != "storage" or storage is not _FloatStorage or view is not None or not isinstance(count, int):
            raise pickle.UnpicklingError("a storage is not what it should be")
        return _Storage(str(key), count)


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The network's weights by name, with the shapes of :data:`SHAPES`.

    Raises
    ------
    ModelError
        If the file cannot be read, is of another network, or holds anything but numbers.
    """
    hint = "Delete it and run: voicekit models fetch d-vector --engine embedded"
    try:
        if (size := path.stat().st_size) > _LARGEST:
            raise pickle.UnpicklingError(f"it has {size} bytes")
        tensors = _tensors(io.BytesIO(path.read_bytes()))
    # A damaged pickle raises whatever its operations do: about everything but a VoicekitError.
    except Exception as error:
        raise ModelError(f"{path} is no checkpoint of the d-vector: {error}.", hint) from error
    for name, shape in SHAPES.items():
        found = tensors.get(name)
        if found is None or found.shape != shape or not np.isfinite(found).all():
            raise ModelError(f"{path} is a checkpoint of another network: {name} is not as it should be.", hint)
    return {name: tensors[name] for name in SHAPES}


def _tensors(file: BinaryIO) -> dict[str, NDArray[np.float32]]:
    if _Reader(file).load() != _MAGIC:
        raise pickle.UnpicklingError("it is not in torch's legacy format")
    _version, _machine, checkpoint, keys = (_Reader(file).load() for _ in range(4))
    storages: dict[str, NDArray[np.float32]] = {}
    for key in keys:
        (count,) = struct.unpack("<q", file.read(8))
        storages[str(key)] = np.frombuffer(file.read(4 * count) if count >= 0 else b"", "<f4", count)
    return {name: _values(value, storages) for name, value in checkpoint["model_state"].items()
            if isinstance(value, _Tensor)}


def _values(tensor: _Tensor, storages: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    steps = np.cumprod((1, *tensor.shape[:0:-1]))[:len(tensor.shape)][::-1]
    if tensor.strides != tuple(steps.tolist()) or tensor.offset < 0:
        raise pickle.UnpicklingError("a tensor is not contiguous")
    values = storages[tensor.storage.key][tensor.offset:tensor.offset + int(np.prod(tensor.shape, dtype=np.int64))]
    return np.array(values.reshape(tensor.shape), np.float32)
