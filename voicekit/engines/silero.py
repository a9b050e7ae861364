"""Silero VAD through onnxruntime: the ONNX file that faster-whisper ships, streamed.

The model sees 512 new samples and the 64 before them, and carries an LSTM state. The encoder part is
stateless, so many frames go into one call; the state is handed from call to call, so a recording of
any length is read in blocks with the same result as in one piece.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicekit import telemetry
from voicekit.engines.silero_graph import FRAMES_TOGETHER, laid_out
from voicekit.errors import ModelError
from voicekit.protocols import Samples

_FRAME = 512
_CONTEXT = 64
_STATE = (1, 1, 128)
_RUNTIMES = ("onnxruntime", "onnxruntime-directml", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-rocm")
_FRAMES_PER_CALL = 256  # 8 s: as fast as more, and what is sure of a recording is known the sooner


def _model_file() -> Path:
    spec = importlib.util.find_spec("faster_whisper")
    assert spec is not None and spec.origin is not None  # a core dependency
    files = sorted((Path(spec.origin).parent / "assets").glob("silero_vad*.onnx"))
    if not files:
        raise ModelError("faster-whisper's Silero VAD file is missing.",
                         "Reinstall it with: pip install --force-reinstall faster-whisper")
    return files[-1]


def _runtimes() -> list[str]:
    """Names and versions of the packages that bring onnxruntime."""
    found = []
    for name in _RUNTIMES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    if not found:  # to ask every package for its modules takes a tenth of a second, in every run
        names = sorted(set(metadata.packages_distributions().get("onnxruntime", [])))
        found = [f"{name} {metadata.version(name)}" for name in names]
    return found


class SileroDetector:
    """Silero VAD v6, one thread, on the CPU (faster than on a GPU at this size).

    Examples
    --------
    >>> detector = SileroDetector()
    >>> [block.shape for block in detector.probabilities([np.zeros(1000, np.float32)])]
    [(2,)]
    """

    frame = _FRAME

    @staticmethod
    def version() -> str:
        """What decides the probabilities: the model's file and the versions of what brings and runs it."""
        return ", ".join([_model_file().name, f"faster-whisper {metadata.version('faster-whisper')}", *_runtimes()])

    def __init__(self) -> None:
        telemetry.switch_off()
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.enable_cpu_mem_arena = False
        file = _model_file()
        faster = laid_out(file)
        if faster is not None:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        self._session = onnxruntime.InferenceSession(
            str(file) if faster is None else faster, sess_options=options, providers=["CPUExecutionProvider"])

    def probabilities(self, blocks: Iterable[Samples]) -> Iterator[NDArray[np.float32]]:
        """See :meth:`voicekit.protocols.SpeechDetector.probabilities`."""
        hidden, cell = np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)
        context = np.zeros(_CONTEXT, np.float32)
        for frames in _whole_frames(blocks):
            count = len(frames)
            # Row i is preceded by the last samples of row i - 1. Only the last call has rows to fill up.
            rows = np.zeros((count + -count % FRAMES_TOGETHER, _CONTEXT + _FRAME), np.float32)
            rows[:count, _CONTEXT:] = frames
            rows[0, :_CONTEXT] = context
            rows[1:count, :_CONTEXT] = frames[:-1, -_CONTEXT:]
            output, hidden, cell = self._session.run(None, {"input": rows, "h": hidden, "c": cell})
            context = frames[-1, -_CONTEXT:]
            yield np.asarray(output, np.float32).reshape(-1)[:count]


def _whole_frames(blocks: Iterable[Samples]) -> Iterator[NDArray[np.float32]]:
    """Cut blocks of any length into arrays of `_FRAMES_PER_CALL` frames; the last may have fewer, and is padded."""
    waiting: list[Samples] = []
    samples, size = 0, _FRAME * _FRAMES_PER_CALL
    for block in blocks:
        waiting.append(block)
        samples += len(block)
        if samples >= size:
            whole = np.concatenate(waiting)
            for first in range(0, samples - size + 1, size):
                yield whole[first:first + size].reshape(-1, _FRAME)
            samples %= size
            waiting = [whole[len(whole) - samples:]]
    if samples:
        rest = np.concatenate(waiting)
        yield np.pad(rest, (0, -samples % _FRAME)).reshape(-1, _FRAME)
