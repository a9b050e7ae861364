"""What this machine can do at best, measured: operations of a matrix product, and bytes read in a second."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

REPEATS = 8
"""The best of so many counts: whatever else the machine does only makes it slower."""

_SIDE = 2048
_ROWS, _WIDTH, _LAYERS = 1500, 1024, 4  # of the chain of products: as in an encoder
_READ = 1 << 30  # bytes: far more than any cache


@dataclass(frozen=True, slots=True)
class Rate:
    """How much in a second.

    Attributes
    ----------
    per_second : float
        Operations (a multiplication and an addition are two), or bytes.
    measured_with : str
        The library, and the type of the numbers.
    """

    per_second: float
    measured_with: str


def arithmetic(device: str) -> tuple[Rate, ...]:
    """Rates of matrix products in every type that can be tried here, the fastest first.

    Parameters
    ----------
    device : str
        ``cpu`` or ``cuda``.

    Returns
    -------
    tuple of Rate
        numpy's float32 always on a CPU, bfloat16 and int8 where OpenVINO is installed; float16 on a GPU that torch
        can use. Empty where nothing can be tried.
    """
    found = list(_on_cuda() if device == "cuda" else _on_cpu())
    return tuple(sorted(found, key=lambda rate: rate.per_second, reverse=True))


def bandwidth(device: str) -> Rate | None:
    """How fast a large array is read by all cores, or by the GPU; None where that cannot be tried."""
    if device == "cuda":
        torch = _torch()
        if torch is None:
            return None
        array = torch.ones(_READ // 4, dtype=torch.float32, device="cuda")
        return Rate(_READ / _best(lambda: _awaited(torch, array.sum)), "sum by torch")
    import joblib

    cores = int(joblib.cpu_count())
    parts = np.array_split(np.ones(_READ // 8, np.int64), cores)

    def read() -> None:
        threads = [threading.Thread(target=np.bitwise_or.reduce, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return Rate(_READ / _best(read), f"numpy, {cores} threads")


def _on_cpu() -> Iterator[Rate]:
    first, second = (np.random.default_rng(seed).random((_SIDE, _SIDE), dtype=np.float32) for seed in (1, 2))
    result = np.empty_like(first)
    seconds = _best(lambda: np.matmul(first, second, out=result))
    yield Rate(2 * _SIDE ** 3 / seconds, "numpy float32")
    if importlib.util.find_spec("openvino") is None:
        return
    for name, kind in (("bf16", "bfloat16"), ("int8", "int8")):
        # A machine may not have the type: then OpenVINO takes another, and that is no rate of this one.
        with contextlib.suppress(RuntimeError):
            infer = _chain(name)
            if infer is not None:
                yield Rate(2 * _ROWS * _WIDTH ** 2 * _LAYERS / _best(infer), f"OpenVINO {kind}")


def _chain(kind: str) -> Callable[[], object] | None:
    """Matrix products one after the other in OpenVINO; None where it does not compute them in that type."""
    openvino = importlib.import_module("openvino")
    layer = importlib.import_module("openvino.opset13")
    rng = np.random.default_rng(1)

    def quantized(array: Any, low: float, high: float) -> Any:
        ends = [layer.constant(np.float32(value)) for value in (low, high)]
        # From -128 to 127 for what flows, from -127 to 127 for weights: only so are the products int8.
        return layer.fake_quantize(array, *ends, *ends, 255 if high == -low else 256) if kind == "int8" else array

    given = made = layer.parameter([_ROWS, _WIDTH], np.float32)
    for _ in range(_LAYERS):
        weight = (rng.standard_normal((_WIDTH, _WIDTH)) / np.sqrt(_WIDTH)).astype(np.float32)
        made = layer.matmul(quantized(made, -4.0, 4.0 * 127 / 128), quantized(layer.constant(weight), -0.15, 0.15),
                            False, True)
    hints = {"INFERENCE_PRECISION_HINT": "bf16" if kind == "bf16" else "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(openvino.Model([made], [given], kind), "CPU", hints)
    used = {str(node.get_rt_info()["runtimePrecision"].value) for node in compiled.get_runtime_model().get_ops()
            if str(node.get_rt_info()["layerType"].value) == "FullyConnected"}
    if used != {{"bf16": "bf16", "int8": "i8"}[kind]}:
        return None
    request, rows = compiled.create_infer_request(), rng.standard_normal((_ROWS, _WIDTH)).astype(np.float32)
    return lambda: request.infer([rows])


def _on_cuda() -> Iterator[Rate]:
    torch = _torch()
    if torch is None:
        return
    side = 4 * _SIDE
    first, second = (torch.rand(side, side, dtype=torch.float16, device="cuda") for _ in range(2))
    seconds = _best(lambda: _awaited(torch, lambda: torch.matmul(first, second)))
    yield Rate(2 * side ** 3 / seconds, "torch float16")


def _torch() -> Any:
    """torch, if it is installed and can use a GPU."""
    if importlib.util.find_spec("torch") is None:
        return None
    torch = importlib.import_module("torch")
    return torch if torch.cuda.is_available() else None


def _awaited(torch: Any, work: Callable[[], object]) -> None:
    """A GPU is asked, and answers later."""
    work()
    torch.cuda.synchronize()


def _best(work: Callable[[], object]) -> float:
    """Seconds of the fastest of several, after one that does not count."""
    work()
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
