from __future__ import annotations

import numpy as np

from voicekit.planning.frames import Frames
from voicekit.planning.speech import speech_spans

FRAME = 512
STEP = FRAME / 16000


def even(probabilities: list[float]) -> Frames:
    return Frames(np.arange(len(probabilities)) * FRAME, np.array(probabilities, np.float32))


def spans(probabilities: list[float]) -> list[tuple[float, float]]:
    found = speech_spans(even(probabilities), len(probabilities) * STEP)
    return [(round(span.start / STEP, 2), round(span.end / STEP, 2)) for span in found]


def test_speech_begins_at_the_onset_and_ends_below_the_offset() -> None:
    # 0.4 keeps speech going but does not begin it; padding is 0.1 s = 3.125 frames.
    (span,) = spans([0.4] * 20 + [0.9] * 10 + [0.4] * 10 + [0.1] * 20)
    assert span == (20 - 3.12, 40 + 3.12)


def test_clicks_are_dropped_and_short_pauses_joined() -> None:
    assert spans([0.0] * 20 + [0.9] * 3 + [0.0] * 20) == [], "96 ms are a click"
    (joined,) = spans([0.0] * 20 + [0.9] * 10 + [0.0] * 3 + [0.9] * 10 + [0.0] * 20)
    assert joined == (20 - 3.12, 43 + 3.12)


def test_padding_never_closes_a_pause() -> None:
    first, second = spans([0.0] * 20 + [0.9] * 10 + [0.0] * 6 + [0.9] * 10 + [0.0] * 20)
    assert first[1] == 32 and second[0] == 34, "a third of the pause is left"


def test_speech_reaches_the_end_and_stays_inside() -> None:
    found = speech_spans(even([1.0] * 10), 0.3)
    assert [(span.start, span.end) for span in found] == [(0.0, 0.3)]
    assert speech_spans(even([]), 0.0) == ()
