"""A file of every format is as long as what went in, sounds like it, and appears whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests import sound
from voicekit import audio
from voicekit.audio.encoding import AUDIO_EXTENSIONS, read_track, write
from voicekit.audio.native import native
from voicekit.audio.resampling import resampled_length
from voicekit.errors import OutputError, ProcessingError, UsageError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux")

WRITTEN = {"mp3": lambda rate: min(rate, 48000), "wav": lambda rate: rate, "flac": lambda rate: rate,
           "m4a": lambda rate: min(rate, 96000), "ogg": lambda rate: 48000, "opus": lambda rate: 48000}


def encode(folder: Path, extension: str, samples: np.ndarray, rate: int, **options: str) -> Path:
    path = folder / f"a.{extension}"
    write(np.array_split(samples, 7), rate, len(samples), path, extension, **options)
    return path


def decoded(path: Path) -> tuple[int, np.ndarray]:
    """With PyAV alone."""
    with av.open(str(path)) as container:
        parts = [(frame.sample_rate, frame.to_ndarray()) for frame in container.decode(audio=0)]
    return parts[0][0], np.concatenate([part.reshape(-1) for _, part in parts])


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_as_long_as_what_went_in(tmp_path: Path, extension: str, rate: int) -> None:
    """To the sample, at the rate of the file; FFmpeg plays the last 1024 samples of AAC to their end."""
    for count in (rate, rate * 2 + 17, rate + 1151, 4700):
        path = encode(tmp_path, extension, sound.noise(count, 3, rate)[:count], rate)
        found, samples = decoded(path)
        assert found == WRITTEN[extension](rate)
        wanted = resampled_length(count, rate, found)
        more = len(samples) - wanted
        assert more == 0 or extension == "m4a" and 0 < more < 1024
        assert 0 <= audio.decode(path, tmp_path).samples - round(count * 16000 / rate) <= 2 + 16000 * more / found
        assert native(path).samples == len(samples)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_an_mp3_of_any_length_is_exact(tmp_path: Path, rate: int) -> None:
    """Some lengths need two packets to end, of which FFmpeg counts one."""
    long = sound.noise(1, 3, rate)
    for count in (*range(30000, 31152, 36), *range(100, 1500, 53), 48):
        path = encode(tmp_path, "mp3", long[:count], rate)
        assert len(decoded(path)[1]) == count


def test_the_edit_list_of_an_m4a_is_exact(tmp_path: Path) -> None:
    for rate in (16000, 44100):
        for count in (rate * 2 + 17, 1000):
            with av.open(str(encode(tmp_path, "m4a", sound.noise(1, 3, rate)[:count], rate))) as container:
                stream = container.streams.audio[0]
                assert stream.duration * stream.time_base * rate == count
                assert stream.start_time == 0


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
def test_it_sounds_like_what_went_in(tmp_path: Path, extension: str, speech: np.ndarray) -> None:
    said = speech[:100_000].astype(np.float32) / 32768
    recording = audio.decode(encode(tmp_path, extension, said, 16000), tmp_path)
    again = audio.read(recording, 0, 100)[:100_000]
    lags = range(-40, 41)
    best = max(lags, key=lambda lag: float(np.dot(again[1000:-1000], said[1000 + lag:len(said) - 1000 + lag])))
    assert best == 0
    assert np.corrcoef(again, said)[0, 1] > 0.97
    assert np.sqrt(np.mean(again ** 2)) == pytest.approx(np.sqrt(np.mean(said ** 2)), rel=0.02)


@pytest.mark.parametrize("extension", ["wav", "flac"])
def test_sixteen_bits_come_back(tmp_path: Path, extension: str, speech: np.ndarray) -> None:
    recording = audio.decode(encode(tmp_path, extension, speech.astype(np.float32) / 32768, 16000), tmp_path)
    assert np.array_equal(audio.read_pcm(recording, 0, len(speech)), speech)


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
def test_what_is_too_loud_is_clipped(tmp_path: Path, extension: str) -> None:
    _, samples = decoded(encode(tmp_path, extension, sound.tone(1, level=3.0), 16000))
    scale = 32768 if samples.dtype == np.int16 else 1
    assert 0.9 < np.abs(samples / scale).max() < 1.6


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
def test_a_title_is_kept_and_the_file_is_the_same_each_time(tmp_path: Path, extension: str) -> None:
    path = encode(tmp_path, extension, sound.tone(1), 16000, title="Über Ёлки")
    with av.open(str(path)) as container:
        found = {**container.metadata, **container.streams.audio[0].metadata}
    assert "Über Ёлки" in found.values()
    data = path.read_bytes()
    assert encode(tmp_path, extension, sound.tone(1), 16000, title="Über Ёлки").read_bytes() == data


@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
def test_nothing_at_all(tmp_path: Path, extension: str) -> None:
    path = tmp_path / "a"
    write([], 44100, 0, path, extension)
    assert path.exists()
    write([np.zeros(0, np.float32), sound.tone(1)[:1]], 16000, 1, path, extension)
    assert path.stat().st_size > 0


def test_a_track_from_disk(tmp_path: Path) -> None:
    tone = sound.tone(10, 44100)
    tone.tofile(tmp_path / "t")
    write(read_track(str(tmp_path / "t")), 44100, len(tone), tmp_path / "a.wav", "wav")
    assert np.abs(decoded(tmp_path / "a.wav")[1] / 32768 - tone).max() < 1e-4
    with pytest.raises(ProcessingError, match="cannot be read"):
        write(read_track(str(tmp_path / "none")), 44100, 10, tmp_path / "b.wav", "wav")
    assert not (tmp_path / "b.wav").exists()


def test_an_unknown_extension_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mp3, wav, flac"):
        write([], 16000, 0, tmp_path / "a.xyz", "xyz")
    assert os.listdir(tmp_path) == []


@posix
def test_permissions_and_links(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "a.mp3"
    link.symlink_to(tmp_path / "there" / "b.mp3")
    encode(tmp_path, "mp3", sound.tone(1), 16000)
    assert link.is_symlink() and len(decoded(tmp_path / "there" / "b.mp3")[1]) == 16000
    (tmp_path / "there" / "b.mp3").chmod(0o600)
    encode(tmp_path, "mp3", sound.tone(2), 16000)
    assert stat.S_IMODE((tmp_path / "there" / "b.mp3").stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "there") == ["b.mp3"]


def test_where_no_file_can_be(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").mkdir()
    (tmp_path / "b").write_text("")
    for name, message in (("a.mp3", "is a folder"), ("none/a.mp3", "Make its folder first"),
                          ("b/a.mp3", "not a folder"), ("n" * 300 + ".mp3", "shorter name")):
        with pytest.raises(OutputError, match=message):
            write([sound.tone(1)], 16000, 16000, tmp_path / name, "mp3")
    assert sorted(os.listdir(tmp_path)) == ["a.mp3", "b"] and not os.listdir(tmp_path / "a.mp3")


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_no_temporary_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str,
                                   failure: BaseException) -> None:
    (tmp_path / "a.mp3").write_bytes(b"old")

    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(OutputError if isinstance(failure, OSError) else KeyboardInterrupt):
        encode(tmp_path, "mp3", sound.tone(1), 16000)
    assert os.listdir(tmp_path) == ["a.mp3"] and (tmp_path / "a.mp3").read_bytes() == b"old"


def test_what_stops_the_sound_stops_the_file(tmp_path: Path) -> None:
    def blocks():
        yield sound.tone(1)
        raise ProcessingError("no more")

    with pytest.raises(ProcessingError, match="no more"):
        write(blocks(), 16000, 32000, tmp_path / "a.ogg", "ogg")
    assert os.listdir(tmp_path) == []


@linux
@pytest.mark.parametrize("extension", AUDIO_EXTENSIONS)
def test_a_full_disk(tmp_path: Path, extension: str) -> None:
    script = ("import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
              "from pathlib import Path; import numpy as np; from voicekit.audio.encoding import write\n"
              "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
              "noise = np.random.default_rng(0).standard_normal(480_000).astype(np.float32) / 4\n"
              "write([noise], 16000, len(noise), Path(sys.argv[1]), sys.argv[2])")
    path = tmp_path / f"a.{extension}"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", script, str(path), extension], capture_output=True, text=True)
    assert "OutputError: Cannot write" in done.stderr and "Free some space" in done.stderr
    assert os.listdir(tmp_path) == [path.name] and path.read_bytes() == b"old"


@linux
def test_devices_and_pipes(tmp_path: Path) -> None:
    write([sound.tone(1)], 16000, 16000, Path("/dev/null"), "mp3")
    with pytest.raises(OutputError, match="No space left"):
        write([sound.tone(1)], 16000, 16000, Path("/dev/full"), "wav")
    script = ("import sys; from pathlib import Path; import numpy as np; from voicekit.audio.encoding import write\n"
              "write([np.zeros(16000, np.float32)], 16000, 16000, Path('/dev/stdout'), 'mp3')")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    (tmp_path / "b.mp3").write_bytes(done.stdout)
    assert len(decoded(tmp_path / "b.mp3")[1]) == 16000


@linux
def test_an_interrupt_leaves_nothing(tmp_path: Path) -> None:
    script = ("import os, signal, sys; from pathlib import Path; import numpy as np\n"
              "from voicekit.audio.encoding import write\n"
              "def blocks():\n"
              "    yield np.zeros(160000, np.float32)\n"
              "    os.kill(os.getpid(), signal.SIGINT)\n"
              "    yield np.zeros(160000, np.float32)\n"
              "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
              "write(blocks(), 16000, 320000, Path(sys.argv[1]), 'm4a')")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.m4a")], capture_output=True, text=True)
    assert "KeyboardInterrupt" in done.stderr and done.returncode in (1, -signal.SIGINT)
    assert os.listdir(tmp_path) == []
