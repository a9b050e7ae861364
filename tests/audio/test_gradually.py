"""A recording can be read while it is being decoded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import sound
from voicekit import audio
from voicekit.errors import InputError

RATE = 16000


@pytest.mark.parametrize("extension", [".wav", ".mp3", ".flac", ".mkv", ".opus"])
def test_what_was_told_is_there_and_stays(tmp_path: Path, extension: str) -> None:
    rate = sound.usual_rate(extension)
    path = sound.write(tmp_path / f"a{extension}", sound.noise(1, 100, rate), rate)
    told = []
    for recording in audio.decode_gradually(path, tmp_path / "pcm"):
        told.append((recording, audio.read_pcm(recording, 0, recording.samples)))
    whole = audio.decode(path, tmp_path / "other")
    expected = audio.read_pcm(whole, 0, whole.samples)
    assert len(told) > 3 and told[-1][0].samples == whole.samples and told[-1][0].source == whole.source
    for recording, samples in told:
        assert np.array_equal(samples, expected[:recording.samples])
    assert [bool(recording.source.sha256) for recording, _ in told] == [False] * (len(told) - 1) + [True]
    lengths = [recording.samples for recording, _ in told]
    assert lengths == sorted(lengths) and lengths[0] < whole.samples / 2


def test_a_track_with_nothing_in_it_is_not_told_of(tmp_path: Path) -> None:
    """The first track's packets are damaged, so silence was written before another track was taken."""
    path = sound.write(tmp_path / "a.mkv", sound.noise(1, 60), codec="flac", tracks=2)
    data = path.read_bytes()
    begin = data.index(bytes.fromhex("1f43b675"))
    # A block's header: its track (1, as a number of one byte), two bytes of time, one of flags; then FLAC's mark.
    parts = data[begin:].split(b"\xff\xf8")
    damaged = b"".join(part + (b"\0\0" if part[-4] == 0x81 else b"\xff\xf8") for part in parts[:-1]) + parts[-1]
    path.write_bytes(data[:begin] + damaged)
    told = list(audio.decode_gradually(path, tmp_path / "pcm"))
    whole = audio.decode(path, tmp_path / "other")
    assert any("number 2 was taken" in warning for warning in whole.warnings)
    expected = audio.read_pcm(whole, 0, whole.samples)
    assert expected.any() and np.array_equal(audio.read_pcm(told[-1], 0, told[-1].samples), expected)
    assert [one.samples for one in told] == sorted(one.samples for one in told)


def test_the_raw_file_is_the_callers_from_the_first_sound_on(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.wav", sound.noise(1, 100))
    closed = audio.decode_gradually(path, tmp_path / "closed")
    first = next(closed)
    closed.close()
    assert [str(one) for one in (tmp_path / "closed").iterdir()] == [first.pcm]
    told = []
    with pytest.raises(InputError):
        for recording in audio.decode_gradually(path, tmp_path / "refused", longest=70.0):
            told.append(recording)
    assert [str(one) for one in (tmp_path / "refused").iterdir()] == [told[-1].pcm]
    with pytest.raises(InputError):
        list(audio.decode_gradually(path, tmp_path / "early", longest=1.0))
    with pytest.raises(InputError):
        audio.decode(path, tmp_path / "whole", longest=70.0)
    assert not list((tmp_path / "early").iterdir()) and not list((tmp_path / "whole").iterdir())
