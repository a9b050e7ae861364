"""The compiled encoder: OpenVINO's, or onnxruntime's where that multiplies in 8 bits and OpenVINO does not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from voicekit import telemetry
from voicekit.engines.whisper_openvino import onnx_encoder


class Encoder(Protocol):
    """A compiled encoder."""

    device: str
    """Where it is found to run: ``CPU``."""

    def run(self, mel: NDArray[np.float32], into: Mapping[str, NDArray[Any]]) -> None:
        """Encode one spectrogram, shape (mels, frames); each output goes into the array of its name."""
        ...


class OpenVINOEncoder:
    """On OpenVINO.

    Parameters
    ----------
    compiled : openvino.CompiledModel
        Of :func:`voicekit.engines.whisper_openvino.encoder.build`.
    """

    def __init__(self, compiled: Any) -> None:
        self.device = ", ".join(compiled.get_property("EXECUTION_DEVICES"))
        self._request = compiled.create_infer_request()

    def run(self, mel: NDArray[np.float32], into: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`Encoder`."""
        openvino = telemetry.openvino()
        for name, array in into.items():
            self._request.set_tensor(name, openvino.Tensor(array, shared_memory=True))
        self._request.infer([mel[None]])


class OnnxRuntimeEncoder:
    """On onnxruntime, in 8 bits.

    Parameters
    ----------
    model : Path or bytes
        The file, or the content, that :func:`voicekit.engines.whisper_openvino.onnx_encoder.build` gives. Of a file
        no copy stays in memory.
    shapes : mapping of str to tuple of int
        Of its outputs.
    threads : int
        Of the CPU. With one it needs no thread but the caller's, and may be copied with its process.
    """

    def __init__(self, model: Path | bytes, shapes: Mapping[str, tuple[int, ...]], threads: int) -> None:
        telemetry.switch_off()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False  # as fast, and a tenth of a run's memory less
        # Else its threads would keep the cores busy for a while when the encoder is done, and the decoder has begun.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self._session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options,
                                                     providers=["CPUExecutionProvider"])
        self.device = ", ".join(name.removesuffix("ExecutionProvider") for name in self._session.get_providers())
        self._shapes = shapes

    def run(self, mel: NDArray[np.float32], into: Mapping[str, NDArray[Any]]) -> None:
        """See :class:`Encoder`."""
        binding = self._session.io_binding()
        binding.bind_cpu_input(onnx_encoder.INPUT, np.ascontiguousarray(mel[None]))
        for name, array in into.items():
            assert array.flags.c_contiguous and array.shape == self._shapes[name]
            binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._session.run_with_iobinding(binding)
