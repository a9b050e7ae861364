"""Where a loaded model really is, read from every part of it.

A log line "on cuda" proves nothing: torch moves modules in place but tensors not, onnxruntime goes on with the CPU
where CUDA does not load, and a pipeline keeps the name of the device it was told. So every parameter and buffer of
every torch module inside an object is looked at, and the providers of every onnxruntime session.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from voicekit.errors import DeviceError

_OPAQUE = (str, bytes, bytearray, int, float, complex, type, ModuleType, FunctionType, BuiltinFunctionType,
           MethodType)


def audit(loaded: object, device: str) -> str:
    """Check that every part of what was loaded is on one device.

    Parameters
    ----------
    loaded : object
        A torch module, an onnxruntime session, or anything that holds such in its attributes, mappings and sequences.
    device : str
        Where all should be: ``cpu``, ``cuda``, ``cuda:1``.

    Returns
    -------
    str
        Where it was found to be: ``cpu``, ``cuda:0``.

    Raises
    ------
    DeviceError
        If a part is elsewhere, or there is nothing to look at. The message names the module and where it is.

    Examples
    --------
    >>> import torch
    >>> audit({"encoder": torch.nn.Linear(2, 2)}, "cpu")
    'cpu'
    """
    wanted = f"{device}:0" if device == "cuda" else device
    looked_at = 0
    for path, part in _parts(loaded):
        if _is_session(part):
            looked_at += 1
            found = session_device(part)
            if found != wanted:
                raise DeviceError(f"The model's {path or 'session'} is on {found}, not on {wanted}.",
                                  "Use --device cpu, or check that onnxruntime-gpu finds CUDA and cuDNN.")
        else:
            for name, tensor in itertools.chain(part.named_parameters(), part.named_buffers()):
                looked_at += 1
                if str(tensor.device) != wanted:
                    module = ".".join(filter(None, (path, name.rpartition(".")[0]))) or type(part).__name__
                    raise DeviceError(f"The module {module} of the model has {name.rpartition('.')[2]} on "
                                      f"{tensor.device}, not on {wanted}.",
                                      "Report this; meanwhile take --device cpu.")
    if not looked_at:
        raise DeviceError(f"Cannot tell whether the model is on {wanted}: it shows neither a tensor nor a session.",
                          "Install the versions of the libraries that voicekit was tested with.")
    return wanted


def sessions(loaded: object) -> dict[str, Any]:
    """Every onnxruntime session inside an object, by where it is found: ``encoder``, ``embedding.session``."""
    return {path: part for path, part in _parts(loaded) if _is_session(part)}


def session_device(session: Any) -> str:
    """The device that an onnxruntime session runs on: that of its first provider."""
    first = session.get_providers()[0]
    if first == "CUDAExecutionProvider":
        return f"cuda:{session.get_provider_options()[first].get('device_id', '0')}"
    return "cpu" if first == "CPUExecutionProvider" else str(first)


def _parts(loaded: object) -> Iterator[tuple[str, Any]]:
    """All outermost torch modules and all sessions that can be reached, with the path to each."""
    waiting: list[tuple[str, object]] = [("", loaded)]
    seen: dict[int, object] = {}  # holds them, so that no number is given twice
    while waiting:
        path, thing = waiting.pop()
        if thing is None or isinstance(thing, _OPAQUE) or id(thing) in seen:
            continue
        seen[id(thing)] = thing
        if _is_module(thing) or _is_session(thing):
            yield path, thing
            if _is_session(thing):
                continue
        waiting += [(f"{path}.{name}" if path and name else path or name, part)
                    for name, part in reversed(list(_inside(thing)))]


def _inside(thing: object) -> Iterator[tuple[str, object]]:
    if isinstance(thing, Mapping):
        yield from ((str(key).strip("_"), value) for key, value in thing.items())
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from ((str(index), value) for index, value in enumerate(thing))
    elif _is_module(thing):
        # Its parameters, buffers and submodules have been looked at; there may be sessions beside them.
        yield from ((name.strip("_"), value) for name, value in vars(thing).items()
                    if name not in ("_parameters", "_buffers", "_modules"))
    else:
        # A library's registries (pyannote's _models, _inferences, _pipelines) are no part of the name.
        yield from (("" if isinstance(value, Mapping) else name.strip("_"), value)
                    for name, value in getattr(thing, "__dict__", {}).items())


def _is_module(thing: object) -> bool:
    torch = sys.modules.get("torch")  # where it was not imported there are no modules of it
    return torch is not None and isinstance(thing, torch.nn.Module)


def _is_session(thing: object) -> bool:
    runtime = sys.modules.get("onnxruntime")
    return runtime is not None and isinstance(thing, runtime.InferenceSession)
