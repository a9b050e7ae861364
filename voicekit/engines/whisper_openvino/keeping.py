"""What is made of a model's weights to compute in 8 bits, kept after it was made once.

Published models have 16 bits. To round them takes a second or more at every start, and twice the memory: what was
rounded is the process's own, but what lies in a file is read when it is needed, and once for all workers.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import struct
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from voicekit import model_files
from voicekit.engines.whisper_weights import BINARY_VERSION, in_8_bits, read_variables

ORIGIN = ".origin"
"""The file beside a kept one that says what it was made of ends so."""

GENERATION = 2
"""Counts up when the same weights are to be rounded in another way, or other graphs are to be built of them."""

_TYPES = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.int16): 2, np.dtype(np.int32): 3,
          np.dtype(np.float16): 4}

_SUFFIXES = (".bin", ".onnx")

_Loaded = TypeVar("_Loaded")

_log = logging.getLogger("voicekit")


def kept(source: Path) -> Path:
    """The file with the weights of `source` in 8 bits, made where it is missing.

    Parameters
    ----------
    source : Path
        A Whisper's ``model.bin``.

    Returns
    -------
    Path
        `source` itself where it has 8 bits already, or where the other file cannot be written.

    Raises
    ------
    ValueError
        If `source` is no Whisper.
    """
    made_of = _facts(source)
    target = _target(made_of, ".bin")
    if target.is_file():
        with contextlib.suppress(ValueError):  # damaged: it is made again
            read_variables(target)
            return target
    variables = read_variables(source)
    if not any(_wide(name, array) for name, array in variables.items()):
        return source
    keep = functools.partial(_write_variables, variables=variables)
    return target if _keep(target, made_of, keep, "The weights in 8 bits") else source


def kept_graph(source: Path, name: str, build: Callable[[], bytes],
               load: Callable[[Path | bytes], _Loaded]) -> _Loaded:
    """Load a graph that was built of `source`; it is built where it is missing.

    Parameters
    ----------
    source : Path
        A Whisper's ``model.bin``.
    name : str
        Which graph: what beside `source` it was made of.
    build : callable
        Build it: a file's content.
    load : callable
        Load such a file; or its content, where no file can be written.
    """
    made_of = _facts(source)
    target = _target(f"{made_of}\n{name}", ".onnx")
    if target.is_file():
        # onnxruntime's errors share no narrower type. If it is damaged it is made again; if not, that fails as well.
        with contextlib.suppress(Exception):
            return load(target)
    content = build()
    written = _keep(target, made_of, lambda file: file.write(content), f"The graph {name!r} in 8 bits")
    return load(target if written else content)


def _target(made_of: str, suffix: str) -> Path:
    return model_files.folder("openvino") / (hashlib.sha256(os.fsencode(made_of)).hexdigest()[:32] + suffix)


def _keep(target: Path, made_of: str, content: Callable[[BinaryIO], object], what: str) -> bool:
    """Write the file, and what it was made of; whether it could be written."""
    try:
        _forget_what_is_gone(target.parent)
        _write(target, content)
        _write(target.with_suffix(ORIGIN), lambda file: file.write(os.fsencode(made_of)))
    except OSError as error:
        _log.info("%s could not be kept in %s (%s); made again at every start.", what, target.parent, error)
        return False
    return True


def _facts(source: Path) -> str:
    """What tells a file from what it was before; after the first line comes where it is."""
    facts = source.stat()
    return f"{facts.st_size} {facts.st_mtime_ns} {GENERATION}\n{source.resolve()}"


def _forget_what_is_gone(folder: Path) -> None:
    """Remove what was made of models that are not there any more, or are others now."""
    for origin in folder.glob(f"*{ORIGIN}"):
        with contextlib.suppress(OSError, ValueError):
            made_of = os.fsdecode(origin.read_bytes())
            source = Path(made_of.partition("\n")[2])
            if not source.is_file() or _facts(source) != made_of:
                for suffix in _SUFFIXES:
                    origin.with_suffix(suffix).unlink(missing_ok=True)
                origin.unlink()


def _wide(name: str, array: NDArray[Any]) -> bool:
    """Whether it is the weight of a layer in more than 8 bits."""
    return name.endswith("/weight") and array.ndim == 2 and array.dtype in (np.float16, np.float32)


def _write(target: Path, content: Callable[[BinaryIO], object]) -> None:
    """Write the file whole or not at all; several processes may do it at once, and the last one's stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=f"{target.name}.", suffix=".partial", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            content(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


def _write_variables(file: BinaryIO, variables: dict[str, NDArray[Any]]) -> None:
    """In CTranslate2's own format: see :mod:`voicekit.engines.whisper_weights`."""
    originals: dict[int, str] = {}
    aliases = []
    for name, array in variables.items():
        if originals.setdefault(id(array), name) != name:
            aliases.append((name, originals[id(array)]))
    once = {name: variables[name] for name in originals.values()}
    wide = {name for name, array in once.items() if _wide(name, array)}
    file.write(struct.pack("<I", BINARY_VERSION))
    _write_text(file, "WhisperSpec")
    file.write(struct.pack("<II", 3, len(once) + len(wide)))
    for name, array in once.items():
        for part, values in _rounded(name, array) if name in wide else ((name, array),):
            _write_text(file, part)
            file.write(struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape))
            file.write(struct.pack("<BI", _TYPES[values.dtype], values.nbytes))
            file.write(np.ascontiguousarray(values).data)
    aliases += [(f"{name}_scale", f"{original}_scale") for name, original in aliases if original in wide]
    file.write(struct.pack("<I", len(aliases)))
    for alias, original in aliases:
        _write_text(file, alias)
        _write_text(file, original)


def _rounded(name: str, array: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    small, factor = in_8_bits(array)
    yield name, small
    yield f"{name}_scale", factor


def _write_text(file: BinaryIO, text: str) -> None:
    raw = text.encode()
    file.write(struct.pack("<H", len(raw) + 1) + raw + b"\0")
