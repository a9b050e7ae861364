"""Each channel a speaker."""

from __future__ import annotations

import numpy as np

from tests import sound
from voicekit.stages.channels import FRAME, levels, turns_of_channels
from voicekit.types import Span, Turn

RATE = 16000


def call(*parts: tuple[float, float, float], seconds: float = 10.0, leak: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Two channels of noise: (start, end, 0 or 1 for whose it is); each is heard in the other's channel `leak` times
    as loud."""
    own = np.zeros((2, round(seconds * RATE)), np.float32)
    for number, (start, end, channel) in enumerate(parts):
        own[int(channel), int(start * RATE):int(end * RATE)] += sound.noise(number, end - start)
    return own + leak * own[::-1]


def told(channels: np.ndarray, *speech: list[Span]) -> list[Turn]:
    return list(turns_of_channels(speech, [levels(one, RATE) for one in channels]).turns)


def test_everybody_has_a_channel() -> None:
    turns = told(call((1, 3, 1), (4, 6, 0), (5, 8, 1)), [Span(4, 6)], [Span(1, 3), Span(5, 8)])
    assert turns == [Turn(1, 3, "SPEAKER_01"), Turn(4, 6, "SPEAKER_00"), Turn(5, 8, "SPEAKER_01")]


def test_what_leaks_into_the_other_channel_is_not_said_there() -> None:
    everywhere = [Span(1, 3), Span(4, 6)]
    turns = told(call((1, 3, 0), (4, 6, 1), leak=0.1), everywhere, everywhere)
    assert turns == [Turn(1, 3, "SPEAKER_00"), Turn(4, 6, "SPEAKER_01")]


def test_both_at_once_are_two_turns_and_one_of_them_alone() -> None:
    loud = call((1, 5, 0), (2, 4, 1)) * np.array([[1.0], [0.5]], np.float32)
    found = turns_of_channels([[Span(1, 5)], [Span(2, 4)]], [levels(one, RATE) for one in loud])
    assert found.turns == (Turn(1, 5, "SPEAKER_00"), Turn(2, 4, "SPEAKER_01"))
    assert found.exclusive == (Turn(1, 5, "SPEAKER_00"),)


def test_the_same_sound_in_all_channels_is_one_speaker() -> None:
    one = call((1, 3, 0))[0]
    found = turns_of_channels([[Span(1, 3)], [Span(1, 3)]], [levels(one, RATE), levels(one * 1.001, RATE)])
    assert found.turns == (Turn(1, 3, "SPEAKER_00"),) and "same sound" in found.warnings[0]


def test_pauses_for_breath_do_not_end_a_turn_and_clicks_are_none() -> None:
    turns = told(call((1, 3, 0), (6, 6.05, 0)), [Span(1, 1.8), Span(2, 3), Span(6, 6.05)], [])
    assert turns == [Turn(1, 3, "SPEAKER_00")]


def test_silence_has_no_turns() -> None:
    assert told(call(), [], []) == []


def test_levels() -> None:
    found = levels(sound.tone(0.12, RATE, level=1.0), RATE)
    assert len(found) == 3 and found[0] == np.float64(found[0]) and abs(found[0] + 3.01) < 0.1
    assert levels(np.zeros(RATE, np.float32), RATE).max() == -100 and FRAME == 0.05
