from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from voicekit.errors import UsageError
from voicekit.options import DecodingOptions
from voicekit.protocols import Samples
from voicekit.stages.transcription import from_json, to_json, transcribe_batch
from voicekit.types import Segment, WindowResult, Word


class Fragile:
    """An engine that cannot stand a window of a certain length."""

    version = "1"
    device = "cpu"

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.calls: list[int] = []

    def transcribe(self, windows: Sequence[Samples], options: DecodingOptions) -> list[WindowResult]:
        self.calls.append(len(windows))
        if any(len(window) == 13 for window in windows):
            raise self.error
        return [WindowResult("transcribed", (Segment(0.0, 1.0, str(len(window))),)) for window in windows]

    def detect_language(self, windows: Sequence[Samples]) -> list[Mapping[str, float]]:
        return []


SOUNDS = [np.zeros(length, np.float32) for length in (5, 13, 8)]


def test_an_error_costs_only_its_own_window() -> None:
    engine = Fragile(RuntimeError("cannot stand 13"))
    results = transcribe_batch(engine, SOUNDS, DecodingOptions(language="en"))
    assert [result.status for result in results] == ["transcribed", "failed", "transcribed"]
    assert results[1].reason == "RuntimeError: cannot stand 13"
    assert engine.calls == [3, 1, 1, 1]


@pytest.mark.parametrize("error", [UsageError("no such language"), MemoryError()])
def test_what_every_window_would_meet_is_not_swallowed(error: BaseException) -> None:
    with pytest.raises(type(error)):
        transcribe_batch(Fragile(error), SOUNDS, DecodingOptions(language="en"))


def test_results_survive_the_store() -> None:
    result = WindowResult("transcribed", (Segment(0.1, 2.0, "да, вот", (Word(0.1, 0.5, " да,", 0.5),)),), "")
    assert from_json(to_json(result)) == result
