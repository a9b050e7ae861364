"""One channel of a recording instead of the average of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import sound
from voicekit import audio


@pytest.mark.parametrize("extension", [".wav", ".flac", ".m4a", ".mp3", ".opus"])
def test_each_channel_by_itself(tmp_path: Path, extension: str) -> None:
    rate = sound.usual_rate(extension)
    both = np.stack([sound.tone(1.0, rate, 500), sound.silence(1.0, rate)])
    path = sound.write(tmp_path / f"two{extension}", both, rate, layout="stereo")
    loudness = []
    for channel in (None, 0, 1):
        recording = audio.decode(path, tmp_path / "pcm", channel=channel)
        samples = audio.read(recording, 0.2, 0.8)
        loudness.append(float(np.sqrt(np.mean(samples ** 2))))
        assert recording.channels == 2
    assert loudness[1] == pytest.approx(0.354, abs=0.02) and loudness[2] < 0.01
    assert loudness[0] == pytest.approx(loudness[1] / 2, rel=0.05)
    assert len({audio.decode(path, tmp_path / "pcm", channel=channel).samples for channel in (None, 0, 1)}) == 1


def test_a_channel_that_is_not_there_is_the_last(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "one.wav", sound.tone(0.5))
    recording, other = audio.decode(path, tmp_path / "pcm"), audio.decode(path, tmp_path / "pcm", channel=3)
    assert recording.channels == 1
    assert np.array_equal(audio.read_pcm(recording, 0, 8000), audio.read_pcm(other, 0, 8000))
