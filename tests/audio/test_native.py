"""A recording at its own rate is as long as decode() says, and holds the same sound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import sound
from tests.audio.test_decoding import PICTURED, decode, whole
from voicekit import audio
from voicekit.audio.native import HIGHEST_RATE, Native, native
from voicekit.errors import InputError, NotAudioError, RefusedInputError


def taken(path: Path) -> tuple[Native, np.ndarray]:
    parts: list[np.ndarray] = []
    rates: set[int] = set()

    def take(samples: np.ndarray, rate: int) -> None:
        parts.append(samples.copy())
        rates.add(rate)

    found = native(path, take)
    samples = np.concatenate(parts)
    assert len(samples) == found.samples and rates == {found.rate}
    return found, samples


# Only beside pictures can sound be late.
@pytest.mark.parametrize("extension, delay", [*((one, 0.0) for one in sound.CODECS), *((one, 0.7) for one in sorted(PICTURED))])
def test_as_long_as_decode_says(tmp_path: Path, extension: str, delay: float) -> None:
    """Encoder delays, edit lists and late sound are what decode() takes them for."""
    rate = sound.usual_rate(extension)
    path = sound.write(tmp_path / f"a{extension}", sound.tone(3.01, rate), rate, picture=extension in PICTURED,
                       delay=delay)
    found, samples = taken(path)
    recording = decode(path)
    assert found.rate == rate
    assert abs(found.samples / found.rate - recording.source.duration) <= 1 / 16000
    if rate == 16000:
        assert np.abs(samples - whole(recording)).max() <= 1 / 32768


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 96000, 192000])
def test_every_rate_is_kept(tmp_path: Path, rate: int) -> None:
    path = sound.write(tmp_path / "a.wav", sound.tone(2, rate), rate, codec="pcm_f32le")
    found, samples = taken(path)
    assert found == Native(rate, 2 * rate)
    assert np.array_equal(samples, sound.tone(2, rate))


def test_stereo_is_averaged(tmp_path: Path) -> None:
    both = np.stack((sound.tone(1), sound.silence(1)))
    found, samples = taken(sound.write(tmp_path / "a.flac", both, layout="stereo"))
    assert found.samples == 16000 and np.abs(samples - both[0] / 2).max() < 1e-4


def test_a_rate_beyond_hearing_is_lowered(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.wav", sound.tone(1, 384_000), 384_000)
    assert taken(path)[0] == Native(HIGHEST_RATE, HIGHEST_RATE)


def test_late_sound_begins_with_silence(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mp4", sound.tone(2, 48000), 48000, picture=True, delay=0.5)
    found, samples = taken(path)
    assert np.abs(samples[:22000]).max() < 0.01 and np.abs(samples[30000:]).max() > 0.4
    assert found.start == 0


def test_where_a_container_without_times_begins(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mpg", sound.tone(2, 48000), 48000, picture=True, delay=0.5)
    assert native(path).start == pytest.approx(0.5, abs=0.02)


def test_a_rate_that_changes_on_the_way(tmp_path: Path) -> None:
    one = sound.write(tmp_path / "a.mp3", sound.tone(2, 44100), 44100).read_bytes()
    two = sound.write(tmp_path / "b.mp3", sound.tone(2, 22050), 22050).read_bytes()
    path = tmp_path / "c.mp3"
    path.write_bytes(one + two)
    found, _ = taken(path)
    assert found.rate == 44100
    assert found.samples / 44100 == pytest.approx(decode(path).source.duration, abs=0.001)


def test_damage_in_the_middle(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mkv", sound.tone(20, 44100), 44100, codec="aac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2:len(data) // 2 + 20000] = bytes(20000)
    path.write_bytes(data)
    recording = decode(path)
    assert recording.partial
    found, _ = taken(path)
    assert found.samples / 44100 == pytest.approx(recording.source.duration, abs=0.001)


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotAudioError, match="no sound"):
        native(sound.write_video(tmp_path / "a.mp4"))
    (tmp_path / "b.m3u8").write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n")
    with pytest.raises(RefusedInputError):
        native(tmp_path / "b.m3u8")
    with pytest.raises(InputError, match="limit"):
        native(sound.write(tmp_path / "c.wav", sound.tone(5)), longest=2.0)
    with pytest.raises(InputError, match="no file"):
        native(tmp_path / "none.mp3")


@pytest.mark.eval
def test_real_recordings(evaluation: Path, tmp_path: Path) -> None:
    files = sorted(path for path in evaluation.rglob("*") if path.suffix in (".mp3", ".wav", ".flac", ".ogg"))
    assert files
    for path in files[::max(len(files) // 8, 1)]:
        found, _ = taken(path)
        recording = audio.decode(path, tmp_path)
        assert abs(found.samples / found.rate - recording.source.duration) <= 2 / 16000, path.name
        Path(recording.pcm).unlink()
