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
    MemoryError
        Is the business of whoever runs the piece.
    """
    try:
        return engine.transcribe(windows, options)
    except (VoicekitError, MemoryError):
        raise
    except Exception as error:  # an engine may raise anything; the ledger says what
        if len(windows) == 1:
            log.debug("a window failed", exc_info=True)
            return [WindowResult("failed", reason=f"{type(error).__name__}: {error}".strip(": "))]
    return [result for window in windows for result in transcribe_batch(engine, [window], options)]


def to_json(result: WindowResult) -> dict[str, Any]:
    """For the store."""
    return dataclasses.asdict(result)


def from_json(value: dict[str, Any]) -> WindowResult:
    """From the store; the inverse of :func:`to_json`."""
    return WindowResult(
        status=value["status"],
        reason=value["reason"],
        segments=tuple(Segment(**{**segment, "words": tuple(Word(**word) for word in segment["words"])})
                       for segment in value["segments"]),
    )
