"""A file is decoded, and nothing else: whatever it says, no other file is opened and no address is asked.

The neighbour that hostile files point to is watched by the system itself, and the address they point to is a
real server; tests that take the guards away show that either would notice.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from tests import sound
from tests.audio import forged, watching
from voicekit import audio
from voicekit.errors import InputError, NotAudioError, RefusedInputError

SCRIPTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "master.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
    "key.m3u8": '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:10,\n{target}\n'
                "#EXT-X-ENDLIST\n",
    "m3u": "# my songs\n{target}\n",
    "ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "cue": 'PERFORMER "x"\nFILE "{target}" WAVE\n  TRACK 01 AUDIO\n',
    "sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"
           "a=control:{target}\r\n",
    "mpd": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT2S" '
           'profiles="urn:mpeg:dash:profile:isoff-live:2011" type="static"><Period><AdaptationSet mimeType="audio/wav">'
           '<Representation id="1" bandwidth="1"><BaseURL>{target}</BaseURL><SegmentList><SegmentURL media="{target}"/>'
           "</SegmentList></Representation></AdaptationSet></Period></MPD>",
    "ism": '<?xml version="1.0"?><SmoothStreamingMedia MajorVersion="2"><StreamIndex Url="{target}"/></SmoothStreamingMedia>',
    "smil": '<smil><body><audio src="{target}"/></body></smil>',
    "asx": '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    "ref.asx": "[Reference]\r\nRef1={target}\r\n",
    "wpl": '<?wpl version="1.0"?><smil><body><seq><media src="{target}"/></seq></body></smil>',
    "xspf": '<?xml version="1.0"?><playlist version="1"><trackList><track><location>{target}</location></track></trackList></playlist>',
    "rtsp": "RTSPtext{target}\n",
    "ffmeta": ";FFMETADATA1\ntitle={target}\n",
    "imf": '<?xml version="1.0"?><AssetMap xmlns="http://www.smpte-ra.org/schemas/429-9/2007/AM"><AssetList><Asset>'
           "<Path>{target}</Path></Asset></AssetList></AssetMap>",
    "avs": 'WavSource("{target}")\n',
    "srt": "1\n00:00:01,000 --> 00:00:02,000\n{target}\n\n2\n00:00:03,000 --> 00:00:04,000\nyou\n",
}
"""Files that point to another, which stands for ``{{target}}``."""

PLAIN = ("m3u", "avs", "imf", "rtsp")
"""Those that look like any text."""

WAYS = {"as it is": b"", "behind a mark": b"\xef\xbb\xbf", "behind lines": b"\n\n  ",
        "behind a tag": b"ID3\3\0\0\0\0\0\x0a" + bytes(10), "behind two tags": (b"ID3\3\0\0\0\0\0\x0a" + bytes(10)) * 2}


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording that nobody asked for."""
    return sound.write(tmp_path_factory.mktemp("place") / "secret.wav", sound.tone(2))


@pytest.fixture(scope="module")
def server(secret: Path) -> Iterator[watching.Server]:
    with watching.serve(secret) as serving:
        yield serving


def targets(secret: Path, server: watching.Server) -> list[str]:
    return ["secret.wav", str(secret), f"file://{secret}", f"file:{secret}", f"{server.address}/secret.wav",
            f"concat:{secret}|{secret}", f"subfile,,start,0,end,0,,:{secret}", f"crypto:{secret}", f"async:file:{secret}",
            f"cache:{server.address}/secret.wav"]


def refuse(path: Path, secret: Path, server: watching.Server) -> InputError:
    """Decode, which must be refused without touching the secret."""
    out = path.parent / "pcm"
    with watching.watch(secret) as watched:
        with pytest.raises(InputError) as caught:
            audio.decode(path, out)
        assert watched.touched() == set()
    assert server.requests == []
    assert caught.value.hint and (not out.exists() or os.listdir(out) == [])
    return caught.value


@pytest.mark.parametrize("kind", SCRIPTS)
@pytest.mark.parametrize("way", WAYS)
def test_a_script_touches_nothing(secret: Path, server: watching.Server, kind: str, way: str) -> None:
    for target in targets(secret, server):
        for name in (f"list.{kind}", "talk.mp3"):
            path = secret.parent / name
            path.write_bytes(WAYS[way] + SCRIPTS[kind].format(target=target).encode())
            error = refuse(path, secret, server)
            path.unlink()
            if isinstance(error, RefusedInputError):
                assert "Playlists and scripts that point to other files are refused" in error.message
                assert error.hint == "Give the media file itself."
            else:
                assert kind in PLAIN and isinstance(error, NotAudioError) and "a text file" in error.message


@pytest.mark.parametrize("kind", SCRIPTS)
def test_nothing_is_touched_where_the_content_is_not_recognised(
        secret: Path, server: watching.Server, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicekit.audio.containers._SCRIPTS", ())
    monkeypatch.setattr("voicekit.audio.containers._SCRIPT_NAMES", ())
    for target in targets(secret, server):
        path = secret.parent / f"list.{kind}"
        path.write_text(SCRIPTS[kind].format(target=target))
        refuse(path, secret, server)
        path.unlink()


@pytest.mark.parametrize("kind", ["m3u8", "ffconcat"])
def test_without_the_guards_the_neighbour_would_be_opened(secret: Path, kind: str) -> None:
    path = secret.parent / f"bare.{kind}"
    path.write_text(SCRIPTS[kind].format(target="secret.wav" if kind == "ffconcat" else f"file://{secret}"))
    with watching.watch(secret) as watched:
        with av.open(str(path), container_options={"allowed_extensions": "ALL", "extension_picky": "0"}) as container:
            assert sum(frame.samples for frame in container.decode(audio=0)) == 32000
        assert watched.touched() == {"secret.wav"}
    path.unlink()


def test_without_the_guards_the_address_would_be_asked(secret: Path) -> None:
    with watching.serve(secret) as server:
        playlist = SCRIPTS["m3u8"].format(target=f"{server.address}/secret.wav").encode()
        with av.open(io.BytesIO(playlist), format="hls",
                     container_options={"allowed_extensions": "ALL", "extension_picky": "0"}) as container:
            assert sum(frame.samples for frame in container.decode(audio=0)) == 32000
        assert server.requests


# --- names


def odd_names(secret: Path, server: watching.Server) -> list[str]:
    data = base64.b64encode(secret.read_bytes()[:2000]).decode()
    return [*targets(secret, server)[2:], f"data:audio/wav;base64,{data[:150]}", "pipe:0", "fd:0", "unix:/tmp/x",
            "tcp://127.0.0.1:9", "rtp://127.0.0.1:5004", "secret.wav?x=1", "secret.wav#t=1", "s%secret.wav", "secre%c.wav",
            "%s.wav", "secret%%.wav", "{secret,x}.wav", "secre?.wav", "*.wav", "lavfi", "anullsrc", "/dev/stdin|secret.wav"]


def test_names_that_ffmpeg_could_take_for_more_than_a_name(
        secret: Path, server: watching.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(secret.parent)
    for name in odd_names(secret, server):
        with watching.watch(secret) as watched:
            with pytest.raises(InputError, match="There is no file|cannot be read"):
                audio.decode(name, "pcm")
            assert watched.touched() == set()
    assert server.requests == []


def test_a_file_with_such_a_name_is_that_file(tmp_path: Path, server: watching.Server) -> None:
    content = sound.write(tmp_path / "secret.wav", sound.tone(2)).read_bytes()
    other = sound.write(tmp_path / "other.wav", sound.tone(1)).read_bytes()
    (tmp_path / "1.wav").write_bytes(content)
    for name in ("concat:secret.wav|secret.wav", "file:secret.wav", "subfile,,start,0,end,0,,:secret.wav", "data:,x.wav",
                 "pipe:0", "%d.wav", "%01d.wav", "*.wav", "http:x.wav", "secret.wav|", "-", "-i.wav"):
        (tmp_path / name).write_bytes(other)
        with watching.watch(tmp_path / "secret.wav", tmp_path / "1.wav") as watched:
            assert audio.decode(tmp_path / name, tmp_path / "pcm").samples == 16000, name
            assert watched.touched() == set()
    assert server.requests == []


def test_links_to_devices_are_not_read(tmp_path: Path) -> None:
    for number, device in enumerate(("/dev/zero", "/dev/random", "/dev/null", "/dev/tty", "/dev/stdin")):
        if os.path.exists(device):
            os.symlink(device, tmp_path / f"{number}.mp3")
            with pytest.raises(InputError, match="not a regular file|is empty"):
                audio.decode(tmp_path / f"{number}.mp3", tmp_path / "pcm")


# --- containers that may name other files


def test_an_image_sequence(secret: Path, server: watching.Server) -> None:
    picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
    for name in ("img001.png", "img%03d.png"):
        with av.open(str(secret.parent / name.replace("%", "%%")), "w", format="image2",
                     options={"update": "1"}) as container:
            stream = container.add_stream("png", rate=1)
            stream.width = stream.height = 16
            stream.pix_fmt = "rgb24"
            container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
    with watching.watch(secret.parent / "img001.png") as watched:
        refuse(secret.parent / "img%03d.png", secret, server)
        assert watched.touched() == set()


def test_an_mp4_whose_sound_lies_in_another_file(secret: Path, server: watching.Server) -> None:
    path = secret.parent / "a.mov"
    for name in (b"secret.wav", os.fsencode(secret)):
        forged.sound_elsewhere(path, name)
        refuse(path, secret, server)
    with watching.watch(secret) as watched:  # without the guards
        with av.open(str(path), container_options={"enable_drefs": "1", "use_absolute_path": "1"}) as container:
            list(container.demux())
        assert watched.touched() == {"secret.wav"}
    path.unlink()
