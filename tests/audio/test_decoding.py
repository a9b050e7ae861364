"""What decoding promises: the sound of every container, a warning for everything missing, a clear refusal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests import sound
from voicekit import audio
from voicekit.errors import InputError, OutputError, ProcessingError
from voicekit.audio.pcm import clock
from voicekit.types import Recording

PICTURED = {".mp4", ".mkv", ".webm", ".mov", ".avi", ".ts", ".flv", ".mpg"}


def decode(path: Path) -> Recording:
    return audio.decode(path, path.parent / "pcm")


def whole(recording: Recording) -> np.ndarray:
    return audio.read(recording, 0.0, 1e9)


def loudest_frequency(samples: np.ndarray) -> int:
    middle = samples[len(samples) // 2 - 8000:][:16000]
    return int(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))).argmax())


@pytest.mark.parametrize("extension", sound.CODECS)
def test_every_container(tmp_path: Path, extension: str) -> None:
    rate = sound.usual_rate(extension)
    path = sound.write(tmp_path / f"a{extension}", sound.tone(3, rate), rate, picture=extension in PICTURED)
    recording = decode(path)
    assert recording.samples / 16000 == pytest.approx(3, abs=0.1)
    assert loudest_frequency(whole(recording)) == 440
    assert np.sqrt(np.mean(whole(recording)[8000:40000] ** 2)) == pytest.approx(0.354, rel=0.2)
    assert recording.warnings == () and not recording.partial
    assert recording.source.name == path.name
    assert recording.source.duration == recording.samples / 16000
    assert os.path.getsize(recording.pcm) == 2 * recording.samples


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
def test_every_rate_keeps_its_length_and_pitch(tmp_path: Path, rate: int) -> None:
    recording = decode(sound.write(tmp_path / "a.wav", sound.tone(4, rate), rate, codec="pcm_f32le"))
    assert abs(recording.samples - 64000) <= 1
    expected = sound.tone(4)[:recording.samples]
    assert np.abs(whole(recording)[1000:-1000] - expected[1000:-1000]).max() < 0.01


@pytest.mark.parametrize("codec", [
    "pcm_u8", "pcm_s16be", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_s64le", "pcm_alaw",
    "alac", "flac", "tta"])
def test_every_sample_format(tmp_path: Path, codec: str) -> None:
    extension = ".mkv" if codec in ("pcm_s16be", "alac", "flac", "tta") else ".wav"
    path = sound.write(tmp_path / f"a{extension}", sound.tone(2), codec=codec)
    assert np.abs(whole(decode(path))[:31000] - sound.tone(2)[:31000]).max() < 0.03


@pytest.mark.parametrize("codec", ["pcm_f32le", "pcm_s16le", "flac"])
@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "7.1"])
def test_channels_are_averaged(tmp_path: Path, layout: str, codec: str) -> None:
    samples = sound.tone(2, level=0.9)
    recording = decode(sound.write(tmp_path / "a.mkv", samples, codec=codec, layout=layout))
    assert np.abs(whole(recording) - samples).max() < 1e-4  # neither quieter nor clipped


@pytest.mark.parametrize(("codec", "layout", "rate"), [("libopus", "7.1", 48000), ("aac", "7.1", 48000),
                                                       ("pcm_f32le", "hexadecagonal", 192000)])
def test_eight_and_more_channels(tmp_path: Path, codec: str, layout: str, rate: int) -> None:
    recording = decode(sound.write(tmp_path / "a.mkv", sound.tone(2, rate), rate, codec, layout, bit_rate=512000))
    middle = whole(recording)[4000:28000]
    assert loudest_frequency(middle) == 440
    assert np.sqrt(np.mean(middle ** 2)) == pytest.approx(0.354, rel=0.25)


def test_eight_channels_without_a_layout(tmp_path: Path) -> None:
    values = np.zeros((32000, 8), np.int16)
    values[:, 5] = 8000
    recording = decode(sound.write_plain_wav(tmp_path / "a.wav", values))
    assert set(audio.read_pcm(recording, 0, 32000)) == {1000}


def test_a_plain_wav_is_copied_bit_for_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(1).integers(-32768, 32768, 300_001).astype(np.int16)
    values[:2] = -32768, 32767
    recording = decode(sound.write_plain_wav(tmp_path / "a.wav", values))
    assert np.array_equal(audio.read_pcm(recording, 0, recording.samples), values)


def test_decoding_twice_gives_the_same_bytes_in_two_files(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mp3", sound.noise(1, 5, 44100), 44100, layout="stereo")
    first, second = decode(path), decode(path)
    assert first.pcm != second.pcm
    assert Path(first.pcm).read_bytes() == Path(second.pcm).read_bytes()
    assert first.source == second.source


def test_spans_and_blocks_add_up(tmp_path: Path) -> None:
    recording = decode(sound.write(tmp_path / "a.flac", sound.noise(1, 7.3)))
    everything = whole(recording)
    assert everything.dtype == np.float32 and len(everything) == recording.samples
    edges = [0.0, 0.1, 0.33333, 1.5, 2.00001, 6.99, 7.3]
    spans = [audio.read(recording, start, end) for start, end in zip(edges, edges[1:])]
    assert np.array_equal(np.concatenate(spans), everything)
    for seconds in (0.01, 0.5, 60.0):
        assert np.array_equal(np.concatenate(list(audio.blocks(recording, seconds))), everything)
    assert len(next(audio.blocks(recording, 0.5))) == 8000


def test_spans_are_clipped(tmp_path: Path) -> None:
    recording = decode(sound.write(tmp_path / "a.wav", sound.noise(1, 1)))
    assert len(audio.read(recording, -1, 0.5)) == 8000
    assert len(audio.read(recording, 0.75, 9)) == 4000
    assert len(audio.read(recording, 2, 3)) == 0
    assert len(audio.read(recording, 0.5, 0.25)) == 0


def test_a_raw_file_that_went_away(tmp_path: Path) -> None:
    recording = decode(sound.write(tmp_path / "a.wav", sound.noise(1, 1)))
    os.truncate(recording.pcm, 100)
    with pytest.raises(ProcessingError, match="has become shorter"):
        audio.read(recording, 0, 1)
    os.unlink(recording.pcm)
    with pytest.raises(ProcessingError, match="cannot be read from .*--temp-dir"):
        audio.read(recording, 0, 1)


def test_names(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/-we ird\n[\xff]*%d\xf0\x9f\x8e\xa4.wav")
    os.rename(sound.write(tmp_path / "a.wav", sound.tone(1)), odd)
    recording = audio.decode(odd, tmp_path / "pcm")
    assert recording.samples == 16000
    assert recording.source.name == "-we ird\n[\ufffd]*%d\U0001f3a4.wav"  # printable everywhere
    assert audio.decode(odd, tmp_path / "pcm", name="stdin").source.name == "stdin"


def test_hash_is_of_the_files_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert audio.sha256(path).startswith("ba7816bf8f01cfea")
    with pytest.raises(InputError, match="There is no file"):
        audio.sha256(tmp_path / "b")


def test_foreign_tags(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mp3", sound.tone(1))
    tag = b"TIT2\0\0\0\x05\0\0\x03\xff\xfe\xc4\xd6"
    path.write_bytes(b"ID3\x03\0\0\0\0\0" + bytes([len(tag)]) + tag + path.read_bytes())
    assert decode(path).samples > 15000


def test_clock() -> None:
    assert [clock(value) for value in (0, 59.96, 3723.5)] == ["0:00:00.0", "0:01:00.0", "1:02:03.5"]


def test_ffmpeg_is_silent_on_stderr(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.flac", sound.noise(1, 3))
    data = bytearray(path.read_bytes())
    data[len(data) // 2:len(data) // 2 + 3000] = bytes(3000)
    path.write_bytes(data)
    script = "import sys; from voicekit import audio; print(audio.decode(*sys.argv[1:]).partial)"
    ran = subprocess.run([sys.executable, "-c", script, path, tmp_path / "pcm"], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("True\n", "")
    assert av.logging.get_level() is None


# --- what is missing is told


@pytest.mark.parametrize(("extension", "options", "picture"), [
    (".wav", {}, False), (".mp3", {}, False), (".flac", {}, False), (".mkv", {}, False), (".mkv", {}, True),
    (".webm", {}, True), (".mp4", {"movflags": "faststart"}, False), (".mp4", {"movflags": "faststart"}, True),
    (".aiff", {}, False), (".flv", {}, False),
])
def test_a_file_that_was_cut_short(
        tmp_path: Path, extension: str, options: dict[str, str], picture: bool) -> None:
    rate = sound.usual_rate(extension)
    path = sound.write(tmp_path / f"a{extension}", sound.noise(1, 20, rate), rate, picture=picture, options=options)
    assert decode(path).warnings == ()
    os.truncate(path, path.stat().st_size * 6 // 10)
    recording = decode(path)
    assert recording.partial
    assert recording.source.duration == pytest.approx(12, abs=1)
    assert any("cut short: it says that it lasts 0:00:20" in warning for warning in recording.warnings)


@pytest.mark.parametrize("extension", [".ogg", ".aac", ".avi", ".w64"])
def test_a_cut_file_whose_header_gives_no_length(tmp_path: Path, extension: str) -> None:
    rate = sound.usual_rate(extension)
    path = sound.write(tmp_path / f"a{extension}", sound.noise(1, 20, rate), rate, picture=extension == ".avi")
    os.truncate(path, path.stat().st_size * 6 // 10)
    recording = decode(path)
    assert recording.partial and "packet" in " ".join(recording.warnings)


@pytest.mark.parametrize("length", ["9" * 5000 + ":00:00", "9" * 400 + ":00:00", "00:00:" + "9" * 400, "00:00:1e999",
                                    "\u0661:00:00", "0000000001:00:00", "00:00:02" + "." + "0" * 5000])
def test_a_length_that_is_no_time_at_all(tmp_path: Path, length: str) -> None:
    path = tmp_path / "a.mka"
    with av.open(str(path), "w", format="matroska") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        stream.metadata["DURATIOM"] = length
        frame = av.AudioFrame.from_ndarray(np.ones((1, 32000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
    data = path.read_bytes().replace(b"DURATION", b"DURATIOX").replace(b"DURATIOM", b"DURATION")
    path.write_bytes(data)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].metadata["DURATION"] == length
    assert decode(path).samples == 32000


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_from_a_pipe_is_whole(tmp_path: Path, size: int) -> None:
    path = sound.write_plain_wav(tmp_path / "a.wav", np.ones(32000), size=size)
    recording = decode(path)
    assert (recording.samples, recording.partial, recording.warnings) == (32000, False, ())


def test_sound_shorter_than_the_pictures_is_whole(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mkv", sound.tone(2), picture=True, delay=3.0)
    recording = decode(path)
    assert recording.warnings == ()
    samples = whole(recording)  # times are those of the player
    assert np.abs(samples[:46900]).max() == 0 and np.abs(samples[50000:78000]).max() > 0.4


@pytest.mark.parametrize("extension", [".flac", ".mp3", ".mkv", ".mp4", ".ts"])
def test_damage_in_the_middle_keeps_the_times(tmp_path: Path, extension: str) -> None:
    samples = np.concatenate([sound.noise(1, 10), sound.tone(10)])
    path = sound.write(tmp_path / f"a{extension}", samples)
    data = bytearray(path.read_bytes())
    data[len(data) // 4:len(data) // 4 + 4000] = np.random.default_rng(2).bytes(4000)
    path.write_bytes(data)
    recording = decode(path)
    assert recording.partial and recording.warnings
    if extension != ".mp3":  # which has no timestamps that could tell what is missing
        assert recording.source.duration == pytest.approx(20, abs=0.15)


def test_a_gap_becomes_silence(tmp_path: Path) -> None:
    path, gapped = sound.write(tmp_path / "a.mka", sound.tone(6), codec="pcm_s16le"), tmp_path / "b.mka"
    with av.open(str(path)) as source, av.open(str(gapped), "w", format="matroska") as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.pts is not None and not 2 <= packet.pts * packet.time_base < 4:
                packet.stream = stream
                target.mux(packet)
    recording = decode(gapped)
    assert recording.partial
    assert any(one[:3] in ("1.9", "2.0") and "missing from the file" in one for one in recording.warnings)
    samples = whole(recording)
    assert recording.source.duration == pytest.approx(6, abs=0.1)
    assert np.abs(samples[33000:63000]).max() == 0 and np.abs(samples[65000:]).max() > 0.4


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    samples = sound.tone(4)
    samples[16000:24000], samples[30000] = np.nan, np.inf
    recording = decode(sound.write(tmp_path / "a.wav", samples, codec="pcm_f32le"))
    assert not recording.partial
    assert recording.warnings == ("0.500 s of the samples are not numbers (NaN or infinite); "
                                  "silence takes their place.",)
    assert np.abs(whole(recording)[16000:24000]).max() == 0


def test_absurdly_loud_samples_are_clipped(tmp_path: Path) -> None:
    samples = np.full(16000, 3e38, np.float32)
    recording = decode(sound.write(tmp_path / "a.wav", samples, codec="pcm_f32le", layout="stereo"))
    assert set(audio.read_pcm(recording, 0, 16000)) == {32767}


def test_several_tracks(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mkv", sound.tone(2), codec="pcm_s16le", tracks=3, default=1)
    recording = decode(path)
    assert recording.warnings == ("The file has 3 sound tracks; number 2 was taken (pcm_s16le).",)
    assert np.abs(whole(recording)).max() == pytest.approx(0.25, abs=0.01)
    assert not recording.partial


def test_a_track_that_does_not_decode_gives_way_to_the_next(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.mkv", sound.noise(1, 2), codec="flac", tracks=2, default=0)
    data = path.read_bytes()
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            if packet.size:
                data = data.replace(bytes(packet), bytes(packet.size))
    path.write_bytes(data)
    recording = decode(path)
    assert any("number 2 was taken" in warning for warning in recording.warnings)
    assert recording.source.duration == pytest.approx(2, abs=0.2)


def test_a_change_of_rate_and_channels(tmp_path: Path) -> None:
    first = sound.write(tmp_path / "a.aac", sound.tone(3, 16000), 16000)
    second = sound.write(tmp_path / "b.aac", sound.tone(3, 48000), 48000, layout="stereo")
    first.write_bytes(first.read_bytes() + second.read_bytes())
    recording = decode(first)
    assert any("from 16000 Hz and 1 channel to 48000 Hz and 2 channels" in one for one in recording.warnings)
    assert recording.source.duration == pytest.approx(6, abs=0.3) and not recording.partial
    assert loudest_frequency(whole(recording)[:40000]) == loudest_frequency(whole(recording)[-40000:]) == 440


@pytest.mark.parametrize("layout", ["7.1(wide)", "octagonal"])
def test_a_change_of_nothing_but_the_layout(tmp_path: Path, layout: str) -> None:
    parts = []
    for one in ("7.1", layout, "7.1"):
        path = tmp_path / "part.mp4"
        sound.write(path, sound.tone(2, 48000), 48000, "aac", one)
        with av.open(str(path)) as source, av.open(str(tmp_path / "part.latm"), "w", format="latm") as target:
            stream = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(audio=0):
                packet.stream = stream
                target.mux(packet)
        parts.append((tmp_path / "part.latm").read_bytes())
    (tmp_path / "a.latm").write_bytes(b"".join(parts))
    recording = decode(tmp_path / "a.latm")
    assert recording.source.duration == pytest.approx(6, abs=0.2)
    assert np.sqrt(np.mean(whole(recording)[4000:90000] ** 2)) == pytest.approx(0.354, rel=0.25)


# --- a full disk

FULL = """
import resource, sys
from voicekit import audio
from voicekit.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    audio.decode(*sys.argv[1:])
except OutputError as error:
    print(error, type(error.__cause__).__name__)
"""


def test_a_full_disk(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    path = sound.write(tmp_path / "a.flac", sound.tone(9))
    ran = subprocess.run([sys.executable, "-B", "-c", FULL, path, tmp_path / "pcm"], capture_output=True, text=True)
    assert ran.stderr == ""
    assert f"no room left for the decoded sound in {tmp_path / 'pcm'}: File too large" in ran.stdout
    assert "--temp-dir" in ran.stdout and "OSError" in ran.stdout
    assert os.listdir(tmp_path / "pcm") == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    path = sound.write(tmp_path / "a.wav", sound.tone(1))
    with pytest.raises(OutputError, match="cannot be written to .*directory.*--temp-dir"):
        audio.decode(path, path / "pcm")


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("voicekit.audio.pcm.mix", interrupt)
    with pytest.raises(KeyboardInterrupt):
        decode(sound.write(tmp_path / "a.wav", sound.tone(1)))
    assert os.listdir(tmp_path / "pcm") == []


def test_speech_for_other_tests(tmp_path: Path) -> None:
    recording = decode(sound.speech("This is a test.", tmp_path / "a.wav"))
    assert 0.5 < recording.source.duration < 3 and np.abs(whole(recording)).max() > 0.1
