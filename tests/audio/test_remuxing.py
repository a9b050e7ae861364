"""A video keeps its picture, byte for byte and in its time, and gets the new sound."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests import sound
from tests.audio.test_decoding import decode, whole
from voicekit.audio.native import native
from voicekit.audio.remuxing import VIDEO_EXTENSIONS, has_pictures, write_video
from voicekit.errors import InputError, NotAudioError, OutputError, UsageError


def pictures(path: Path) -> list[tuple[float, int]]:
    """When each packet of the pictures is shown, from the beginning of the file; and its content."""
    with av.open(str(path)) as container:
        begin = (container.start_time or 0) / 1e6
        return [(float(packet.pts * packet.time_base) - begin, hash(bytes(packet)))
                for packet in container.demux(video=0) if packet.size]


def shown(path: Path) -> list[tuple[float, int]]:
    """When each decoded picture is shown, and what it shows."""
    with av.open(str(path)) as container:
        begin = (container.start_time or 0) / 1e6
        return [(frame.time - begin, hash(frame.to_ndarray().tobytes())) for frame in container.decode(video=0)]


def with_sound(source: Path, target: Path, at: float = 1.0) -> tuple[str, ...]:
    """New sound: a short tone at a known moment."""
    found = native(source)
    samples = np.zeros(found.samples, np.float32)
    first = round(at * found.rate)
    samples[first:first + found.rate // 5] = sound.tone(0.2, found.rate, 1000)
    return write_video([samples], found.rate, found.samples, source, target, target.suffix[1:], start=found.start)


def onset(path: Path) -> float:
    samples = np.abs(whole(decode(path)))
    return float(np.flatnonzero(samples > 0.25)[0]) / 16000


def h264(path: Path, seconds: float, begin: float = 0.0, subtitles: str = "") -> Path:
    """A video whose pictures are not decoded in the order in which they are shown, as most are."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "3", "g": "25"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        heard = container.add_stream("aac", rate=48000, layout="mono")
        heard.metadata["language"] = "rus"
        written = container.add_mux_stream(subtitles) if subtitles else None
        container.metadata["title"] = "Ёлка"
        container.set_chapters([{"id": 1, "start": 0, "end": 1000, "time_base": Fraction(1, 1000),
                                 "metadata": {"title": "one"}}])
        rng = np.random.default_rng(0)
        for number in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (48, 64, 3)).astype(np.uint8), "rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = number + round(begin * 25), Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        frame = av.AudioFrame.from_ndarray(sound.tone(seconds, 48000)[np.newaxis], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, 0, Fraction(1, 48000)
        container.mux(heard.encode(frame))
        container.mux(heard.encode(None))
        if written is not None:
            packet = av.Packet(b"Good morning")
            packet.stream, packet.pts, packet.dts, packet.duration = written, 500, 500, 1000
            packet.time_base = Fraction(1, 1000)
            container.mux(packet)
    return path


@pytest.mark.parametrize("delay", [0.0, 0.5])
@pytest.mark.parametrize("extension", [".mp4", ".mkv", ".mov", ".webm", ".avi", ".ts", ".mpg"])
def test_the_pictures_stay_as_they_were(tmp_path: Path, extension: str, delay: float) -> None:
    rate = max(sound.usual_rate(extension), 44100)
    source = sound.write(tmp_path / f"a{extension}", sound.tone(3, rate), rate, picture=True, delay=delay)
    for target in VIDEO_EXTENSIONS:
        path = tmp_path / f"b.{target}"
        if (extension == ".webm") != (target in ("webm", "mkv")) and "webm" in (target, extension[1:]):
            continue
        assert with_sound(source, path) == ()
        old, new = pictures(source), pictures(path)
        assert [packet[1] for packet in new] == [packet[1] for packet in old]
        assert np.abs(np.array([new_[0] - old_[0] for old_, new_ in zip(old, new)])).max() <= 0.002
        found, made = native(source), native(path)
        length = found.start + found.samples / found.rate
        assert -1e-4 < made.samples / made.rate + made.start - length < 1024 / min(rate, 44100)
        assert onset(path) + made.start == pytest.approx(1.0 + found.start, abs=0.025)


@pytest.mark.parametrize("begin", [0.0, 0.4])
@pytest.mark.parametrize("source", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize("target", ["mp4", "mkv", "mov"])
def test_pictures_out_of_order(tmp_path: Path, source: str, target: str, begin: float) -> None:
    old = h264(tmp_path / f"a.{source}", 3, begin)
    new = tmp_path / f"b.{target}"
    assert with_sound(old, new) == ()
    before, after = shown(old), shown(new)
    assert len(after) == 75 and [picture for _, picture in after] == [picture for _, picture in before]
    assert np.abs(np.array([time for time, _ in after]) - [time for time, _ in before]).max() <= 0.002
    if source != "ts":
        assert after[0][0] == pytest.approx(begin, abs=0.03)
        assert [content for _, content in pictures(new)] == [content for _, content in pictures(old)]
        with av.open(str(new)) as container:
            assert container.metadata["title"] == "Ёлка"
            assert container.streams.audio[0].language == "rus"
            assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one"]
    assert onset(new) == pytest.approx(1.0, abs=0.01)


def test_matroska_is_exact_to_the_sample(tmp_path: Path) -> None:
    for seconds in (2.0, 2.017, 2.9999):
        source = sound.write(tmp_path / "a.mkv", sound.tone(seconds, 48000), 48000, codec="flac", picture=True)
        with_sound(source, tmp_path / "b.mkv")
        assert native(tmp_path / "b.mkv").samples == native(source).samples


def test_subtitles_are_kept_where_they_can_be(tmp_path: Path) -> None:
    source = h264(tmp_path / "a.mkv", 3, subtitles="subrip")
    assert with_sound(source, tmp_path / "b.mkv") == ()
    with av.open(str(tmp_path / "b.mkv")) as container:
        (packet,) = [packet for packet in container.demux(subtitles=0) if packet.size]
        assert bytes(packet) == b"Good morning" and packet.pts * packet.time_base == Fraction(1, 2)
    (note,) = with_sound(source, tmp_path / "b.mp4")
    assert "subtitle" in note and "srt" in note
    assert onset(tmp_path / "b.mp4") == pytest.approx(1.0, abs=0.01)


def test_a_video_can_take_its_own_place(tmp_path: Path) -> None:
    source = h264(tmp_path / "a.mp4", 2)
    before = pictures(source)
    with_sound(source, source)
    assert pictures(source) == before and os.listdir(tmp_path) != []
    assert onset(source) == pytest.approx(1.0, abs=0.01)


def test_a_video_without_pictures(tmp_path: Path) -> None:
    source = sound.write(tmp_path / "a.mp3", sound.tone(1))
    assert not has_pictures(source)
    assert has_pictures(sound.write(tmp_path / "c.mp4", sound.tone(1), picture=True))
    with pytest.raises(UsageError, match="no moving pictures"):
        with_sound(source, tmp_path / "b.mp4", 0.1)
    with pytest.raises(NotAudioError):
        has_pictures(Path(__file__))
    assert not (tmp_path / "b.mp4").exists()


def test_what_cannot_be_done(tmp_path: Path) -> None:
    source = h264(tmp_path / "a.mp4", 1)
    with pytest.raises(UsageError, match="mp4, m4v, mov, mkv, webm"):
        write_video([], 48000, 0, source, tmp_path / "b.avi", "avi")
    with pytest.raises(UsageError, match="cannot hold the pictures"):
        with_sound(source, tmp_path / "b.webm", 0.5)
    with pytest.raises(OutputError, match="Make its folder first"):
        with_sound(source, tmp_path / "none" / "b.mp4", 0.5)
    with pytest.raises(InputError, match="no file"):
        write_video([], 48000, 0, tmp_path / "none.mp4", tmp_path / "b.mp4", "mp4")
    assert os.listdir(tmp_path) in (["a.mp4"], ["a.mp4", "pcm"])
