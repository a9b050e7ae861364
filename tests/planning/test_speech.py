from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from voicekit.engines.silero import SileroDetector
from voicekit.planning.speech import speech_probabilities, speech_spans

FRAME = 512
STEP = FRAME / 16000


def spans(probabilities: list[float]) -> list[tuple[float, float]]:
    found = speech_spans(np.array(probabilities, np.float32), FRAME, len(probabilities) * STEP)
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
    found = speech_spans(np.ones(10, np.float32), FRAME, 0.3)
    assert [(span.start, span.end) for span in found] == [(0.0, 0.3)]
    assert speech_spans(np.zeros(0, np.float32), FRAME, 0.0) == ()


def _sound(seconds: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return (rng.standard_normal(int(16000 * seconds)) * 0.1).astype(np.float32)


@pytest.mark.parametrize("block", [1, 511, 512, 16000, 10**7])
def test_blocks_of_any_length_give_the_same_probabilities(block: int) -> None:
    sound = _sound(3.21 if block == 1 else 80.0)
    whole = speech_probabilities(SileroDetector(), [sound])
    cut = speech_probabilities(SileroDetector(), (sound[i:i + block] for i in range(0, len(sound), block)))
    assert len(whole) == -(-len(sound) // FRAME)
    assert np.array_equal(whole, cut)


def test_the_detector_agrees_with_faster_whispers_own_use_of_the_model() -> None:
    from faster_whisper.vad import get_vad_model

    sound = _sound(10.0)
    reference = get_vad_model()(np.pad(sound, (0, -len(sound) % FRAME))).reshape(-1)
    assert np.abs(speech_probabilities(SileroDetector(), [sound]) - reference).max() < 1e-6
