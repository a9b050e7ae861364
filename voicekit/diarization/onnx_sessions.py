"""The two models on onnxruntime: who of a window's speakers speaks when, and how somebody sounds.

Each run computes on one thread of its own, and a fixed number of windows at a time, so that results depend neither on
the number of threads nor on how windows are shared out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicekit import telemetry
from voicekit.diarization import powerset
from voicekit.diarization.fbank import BANDS
from voicekit.diarization.grid import Grid
from voicekit.errors import DeviceError, ModelError

_WRONG = "Give the models that voicekit fetches itself, or use --diarize embedded."
_LONGEST_PROBE = 48  # frames; pyannote.audio looks no further than half a second either
_PROBE = 200  # frames: what no model of speakers finds too short


def runtime() -> Any:
    """onnxruntime, told to report to nobody."""
    telemetry.switch_off()
    import onnxruntime

    return onnxruntime


def require_device(device: str) -> None:
    """Raise :class:`DeviceError` if the installed onnxruntime cannot compute there: by itself it would only warn."""
    kind = device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        raise DeviceError(f"The diarization engine onnx cannot run on {device}.", "Use --device cpu.")
    if kind == "cuda" and "CUDAExecutionProvider" not in runtime().get_available_providers():
        raise DeviceError(f"The installed onnxruntime cannot run on {device}: it has no CUDA provider.",
                          "Use --device cpu, or replace it: pip uninstall onnxruntime, "
                          "then pip install onnxruntime-gpu.")


def open_session(path: Path, device: str) -> Any:
    """Load a model.

    Raises
    ------
    ModelError
        If the file cannot be read as a model.
    """
    options = runtime().SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    options.use_deterministic_compute = True
    options.enable_mem_pattern = False  # a pattern is kept for every length, and every speaker's speech has its own
    providers: list[Any] = ["CPUExecutionProvider"]
    kind, _, index = device.partition(":")
    if kind == "cuda":
        # By default cuDNN times its algorithms for each new length, and takes what was fastest then.
        cuda = {"device_id": int(index or 0), "cudnn_conv_algo_search": "HEURISTIC"}
        providers.insert(0, ("CUDAExecutionProvider", cuda))
    try:
        session = runtime().InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # what onnxruntime raises has no nearer common root
        raise ModelError(f"{path} cannot be loaded by onnxruntime: {error}",
                         f"If the file is damaged, copy or fetch it anew. {_WRONG}") from error
    session.disable_fallback()  # else an error on the GPU moves it to the CPU in the middle of a run
    return session


class Segmentation:
    """A powerset segmentation model: sound in, the scores of seven classes out for every frame.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        One input of shape (windows, 1, samples), one output of shape (windows, frames, 7), whatever their names.
    path : Path
        To name in errors.
    grid : Grid
        What its windows and frames must be.

    Raises
    ------
    ModelError
        If it is another kind of model.
    """

    def __init__(self, session: Any, path: Path, grid: Grid) -> None:
        self._session = session
        self._classes = powerset.classes(speakers=3, at_once=2)
        wanted = f"a segmentation model: sound (windows, 1, {grid.window}) in, scores (windows, {grid.frames}, 7) out"
        self._input = _only_input(session, path, wanted, last=grid.window)
        _expect(lambda: self._scores(np.zeros((1, grid.window), np.float32)), (1, grid.frames, len(self._classes)),
                path, wanted)

    def activity(self, windows: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Who speaks in each frame.

        Parameters
        ----------
        windows : ndarray, shape (windows, samples), float32

        Returns
        -------
        ndarray, shape (windows, frames, 3), uint8
        """
        return powerset.to_speakers(self._scores(windows), self._classes)

    def _scores(self, windows: NDArray[np.float32]) -> NDArray[Any]:
        sound = np.ascontiguousarray(windows[:, None, :], np.float32)
        return np.asarray(self._session.run(None, {self._input: sound})[0])


class Embedder:
    """A speaker embedding model: filterbank energies in, a vector out that is similar for the same voice.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        One input of shape (batch, frames, 80), an output of shape (batch, dimension), whatever their names.
    path : Path
        To name in errors.

    Attributes
    ----------
    dimension : int
    shortest : int
        Frames from which on its vectors are numbers: fewer leave its pooling nothing to average.

    Raises
    ------
    ModelError
        If it is another kind of model.
    """

    def __init__(self, session: Any, path: Path) -> None:
        self._session = session
        wanted = f"a speaker embedding model: features (batch, frames, {BANDS}) in, vectors (batch, dimension) out"
        self._input = _only_input(session, path, wanted, last=BANDS)
        probe = np.random.default_rng(0).standard_normal((_PROBE, BANDS)).astype(np.float32)
        found = _expect(lambda: self._run(probe), (1, None), path, wanted)
        self.dimension = int(found.shape[1])
        self.shortest = self._shortest(probe)

    def embedding(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """How somebody sounds.

        Parameters
        ----------
        features : ndarray, shape (frames, 80), float32
            In which nobody else speaks; at least :attr:`shortest`.

        Returns
        -------
        ndarray, shape (dimension,), float32
        """
        found: NDArray[np.float32] = self._run(features)[0].astype(np.float32, copy=False)
        return found

    def _run(self, features: NDArray[np.float32]) -> NDArray[Any]:
        return np.asarray(self._session.run(None, {self._input: features[None]})[0])

    def _shortest(self, probe: NDArray[np.float32]) -> int:
        """By bisection, as pyannote.audio's ``min_num_samples`` finds it."""
        def enough(frames: int) -> bool:
            try:
                return bool(np.isfinite(self._run(probe[:frames])).all())
            except Exception:  # onnxruntime's errors have no nearer common root
                return False

        low, high = 0, _LONGEST_PROBE
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high


def _only_input(session: Any, path: Path, wanted: str, last: int) -> str:
    """The name of the model's only input, if it is one of three dimensions that can be ``last`` long."""
    inputs = session.get_inputs()
    described = ", ".join(f"{each.name} {each.type} {each.shape}" for each in inputs)
    fits = (len(inputs) == 1 and inputs[0].type == "tensor(float)" and len(inputs[0].shape) == 3
            and (not isinstance(inputs[0].shape[2], int) or inputs[0].shape[2] == last))
    if not fits:
        raise ModelError(f"{path} is not {wanted}; its inputs are: {described or 'none'}.", _WRONG)
    return str(inputs[0].name)


def _expect(run: Any, shape: tuple[int | None, ...], path: Path, wanted: str) -> NDArray[Any]:
    """What a first run gives, if it has that shape (None: any length) and is numbers."""
    try:
        found: NDArray[Any] = run()
    except Exception as error:  # onnxruntime's errors have no nearer common root
        raise ModelError(f"{path} is not {wanted}: {error}", _WRONG) from error
    fits = len(found.shape) == len(shape) and all(want in (None, is_) for want, is_ in zip(shape, found.shape))
    if not fits:
        raise ModelError(f"{path} is not {wanted}; it gives {found.shape}.", _WRONG)
    if not np.isfinite(found).all():
        raise ModelError(f"{path} gives no numbers (NaN or infinity).", _WRONG)
    return found
