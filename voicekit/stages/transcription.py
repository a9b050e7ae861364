"""Windows to words: one batch at a time, so that no error costs more than its own window."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

from voicekit.errors import VoicekitError
from voicekit.options import DecodingOptions
from voicekit.protocols import Samples, Transcriber
from voicekit.types import Segment, WindowResult, Word

log = logging.getLogger("voicekit")

_OUT_OF_MEMORY = ("out of memory", "bad_alloc", "bad allocation", "alloc_failed", "failed to allocate",
                  "can't allocate memory", "cannot allocate memory")


def transcribe_batch(engine: Transcriber, windows: Sequence[Samples],
                     options: DecodingOptions) -> list[WindowResult]:
    """Transcribe windows together; where that fails, one by one, so that only the bad one is lost.

    Parameters
    ----------
    engine : Transcriber
        A loaded engine.
    windows : sequence of ndarray, shape (samples,), float32
        Audio at 16 kHz.
    options : DecodingOptions
        With ``language`` set.

    Returns
    -------
    list of WindowResult
        One per window; ``failed`` with the reason where the engine raised an error.

    Raises
    ------
    VoicekitError
        For what would fail in every window alike, such as a language the model does not have.
    Exception
        Where memory runs out (:func:`out_of_memory`): :mod:`voicekit.stages.ladder` knows what to do.
    """
    try:
        return engine.transcribe(windows, options)
    except VoicekitError:
        raise
    except Exception as error:  # an engine may raise anything; the ledger says what
        if out_of_memory(error):
            raise
        if len(windows) == 1:
            log.debug("a window failed", exc_info=True)
            return [WindowResult("failed", reason=f"{type(error).__name__}: {error}".strip(": "))]
    return [result for window in windows for result in transcribe_batch(engine, [window], options)]


def out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that memory ran out: of the machine or of a GPU.

    Python has an error of its own for it; torch, CTranslate2, onnxruntime and OpenVINO say it in words.

    Examples
    --------
    >>> out_of_memory(RuntimeError("CUDA failed with error out of memory"))
    True
    """
    while error is not None:
        text = str(error).lower()
        if isinstance(error, MemoryError) or any(sign in text for sign in _OUT_OF_MEMORY):
            return True
        error = error.__cause__
    return False


def to_json(result: WindowResult) -> dict[str, Any]:
    """For the store."""
    return dataclasses.asdict(result)


def from_json(value: dict[str, Any]) -> WindowResult:
    """From the store; the inverse of :func:`to_json`."""
    return WindowResult(
        status=value["status"],
        reason=value["reason"],
        again=value["again"],
        segments=tuple(Segment(**{**segment, "words": tuple(Word(**word) for word in segment["words"])})
                       for segment in value["segments"]),
    )
