from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from voicekit.engines.silero import SileroDetector
from voicekit.planning.frames import detect

FRAME = 512


def _sound(seconds: float) -> NDArray[np.float32]:
    rng = np.random.default_rng(1)
    return (rng.integers(-9000, 9000, int(16000 * seconds)) / 32768).astype(np.float32)


@pytest.mark.parametrize("block", [1, 511, 512, 16000, 10**7])
def test_blocks_of_any_length_give_the_same_frames(block: int) -> None:
    sound = _sound(3.21 if block == 1 else 130.0)
    whole = detect(SileroDetector(), [sound])
    cut = detect(SileroDetector(), (sound[i:i + block] for i in range(0, len(sound), block)))
    assert np.array_equal(whole.starts, cut.starts)
    assert np.array_equal(whole.probabilities, cut.probabilities)


def test_the_detector_agrees_with_faster_whispers_own_use_of_the_model() -> None:
    from faster_whisper.vad import get_vad_model

    sound = _sound(10.0)
    reference = get_vad_model()(np.pad(sound, (0, -len(sound) % FRAME))).reshape(-1)
    assert np.abs(np.concatenate(list(SileroDetector().probabilities([sound]))) - reference).max() < 1e-6


@pytest.mark.parametrize("seconds", [0.0, 0.01, 3.21, 7.0, 130.0])
def test_frames_follow_one_another_from_the_first_sample_to_the_last(seconds: float) -> None:
    sound = _sound(seconds)
    frames = detect(SileroDetector(), [sound])
    steps = np.diff([*frames.starts.tolist(), len(sound)])
    assert list(frames.starts[:1]) == [0] * min(1, len(sound))
    assert all(FRAME <= step < 2 * FRAME for step in steps[:-1]) and all(0 < step < 2 * FRAME for step in steps[-1:])
    assert seconds < 20 or (steps > FRAME).sum() >= seconds / 30, "frames are laid anew from anchors"


@pytest.mark.parametrize("cut", [1, 7, 511, 12345])
def test_frames_are_laid_through_the_sound_and_not_from_its_beginning(cut: int) -> None:
    sound = _sound(60.0)
    whole, rest = (detect(SileroDetector(), [part]) for part in (sound, sound[cut:]))
    known = dict(zip(whole.starts.tolist(), whole.probabilities.tolist(), strict=True))
    pairs = zip(rest.starts.tolist(), rest.probabilities.tolist(), strict=True)
    later = {start + cut: probability for start, probability in pairs if start > 20 * 16000}
    assert set(later) <= set(known)
    assert max(abs(known[start] - later[start]) for start in later) < 0.05


def test_an_anchor_is_the_quietest_place_around() -> None:
    sound = _sound(60.0)
    for second in (13, 29, 47):
        sound[second * 16000 + 5:second * 16000 + 5 + 320] = 0
    starts = detect(SileroDetector(), [sound]).starts.tolist()
    for second in (13, 29, 47):
        assert second * 16000 + 5 + 160 in starts
    assert all(one < other for one, other in itertools.pairwise(starts))
