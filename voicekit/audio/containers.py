"""What is opened and what is refused: everything that is decided about a file before it is decoded.

A part of :mod:`voicekit.audio`, which is the door to it. A file is taken to be hostile: only listed
containers are opened, and none of them may open a second file or a network connection.
"""

from __future__ import annotations

import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import av
import av.logging

from voicekit.audio import bounds
from voicekit.audio.overhead import behind_tags, overhead
from voicekit.audio.pcm import Tally
from voicekit.errors import InputError, NotAudioError, RefusedInputError

CONTAINERS = """
aa aac ac3 ac4 act aea aiff amr amrnb amrwb ape asf au avi avr caf codec2 dhav dsf dss dts dtshd dv eac3
epaf flac flv g722 g723_1 g729 gsm gxf hcom iamf iff ilbc ircam ivf kux latm lc3 live_flv loas matroska
mlp mmf mov mp3 mpc mpc8 mpeg mpegts mxf nistsphere nsv nut nuv obu ogg oma osq paf pva pvf qcp qoa rm rpl
sbc sds shn siff sln smjpeg sol sox spdif swf tak truehd tta ty voc vqf w64 wav webm wsd wtv wv wve xa xwma
h261 h263 h264 hevc m4v mjpeg mpegvideo vc1 vvc
""".split()
"""FFmpeg's names of the containers that are opened. None of them reads a second file: playlists,
concatenation scripts, manifests, image sequences, capture devices and text formats are not here."""

_MEASURED = frozenset({"mpegts", "mpeg"})
"""Containers whose length FFmpeg works out from clocks that may have been set on the way."""

_PROTECTED = frozenset({"drms", "enca", "aavd"})
"""Codec tags of encrypted sound, which would otherwise decode to noise."""

_DRM = re.compile(r"activation_bytes|DRM protected", re.IGNORECASE)


_SOUND_ALONE = "Copy its sound alone, as in: ffmpeg -i FILE -map 0:a -map_metadata -1 -c copy sound.mka"

_SCRIPTS = tuple((re.compile(pattern, re.IGNORECASE | re.MULTILINE), what) for pattern, what in (
    (r"\A#EXTM3U|^#EXT-X-", "an M3U playlist"),
    (r"\Affconcat version", "an FFmpeg concatenation script"),
    (r"\A\[playlist\]", "a PLS playlist"),
    (r"\A\[Reference\]|\A<asx|\A(rtsp|smil)text", "a streaming playlist"),
    (r"<MPD[\s>]", "a DASH manifest"),
    (r"<(SmoothStreamingMedia|smil|asx)[\s>]|<playlist[\s>]|<\?wpl", "an XML playlist"),
    (r"^(c=IN IP|m=audio )", "an SDP session description"),
    (r"\A;FFMETADATA", "an FFmpeg metadata file"),
    (r"^[ \t]*FILE[ \t]+\S.*[ \t](WAVE|MP3|AIFF|BINARY|MOTOROLA)[ \t\r]*$", "a cue sheet"),
))
_SCRIPT_NAMES = (".m3u", ".m3u8", ".pls", ".cue", ".sdp", ".mpd", ".asx", ".wpl", ".xspf", ".ram")

# Messages reach Python only while a file is open here; without a handler of its own the logger
# would print those of other threads on stderr.
logging.getLogger("libav").addHandler(logging.NullHandler())


@contextmanager
def messages() -> Iterator[list[Any]]:
    """Catch what FFmpeg says in this thread: (level, where, message)."""
    level, skip = av.logging.get_level(), av.logging.get_skip_repeated()
    with av.logging.Capture(local=True) as log:
        av.logging.set_skip_repeated(False)  # else a message that another file gave as well is swallowed
        av.logging.set_level(av.logging.WARNING)
        try:
            yield log
        finally:
            av.logging.set_level(level)
            av.logging.set_skip_repeated(skip)


def reason(log: list[Any], error: Exception | None = None) -> str:
    """FFmpeg's last error message, or the text of its error code."""
    said = [message.strip() for level, _, message in log if level <= av.logging.ERROR and message.strip()]
    code = getattr(error, "strerror", None) or ("" if error is None else str(error))
    return (said[-1] if said else code or "it gave no reason").rstrip(".")


def inspect(path: str, label: str) -> bool:
    """Refuse what is no file with sound in it before FFmpeg sees it; tells whether it is text."""
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{label} is a folder, not a recording.", "Give the files in it.")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{label} is not a regular file.", "Pipe its content to standard input, as '-'.")
        if not status.st_size:
            raise NotAudioError(f"{label} is empty (0 bytes).", "Copy or download it again.")
        with open(path, "rb") as file:
            file.seek(behind_tags(file))  # where FFmpeg looks for a playlist, too
            head = file.read(1 << 16)
            around = overhead(file, status.st_size, bounds.AROUND + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise unreadable(path, error) from error
    if around.size > bounds.AROUND:
        raise InputError(
            f"{label} has {around.size >> 20} MB of tags, pictures, attachments and indexes in it, "
            f"and at most {bounds.AROUND >> 20} MB are read.", _SOUND_ALONE)
    if around.packets > bounds.PACKETS:
        raise InputError(f"The index of {label} names {around.packets} packets, "
                         f"and at most {bounds.PACKETS} are read.", _SOUND_ALONE)
    if around.misnumbered and around.fragments > bounds.FRAGMENTS:
        raise NotAudioError(f"{label} is damaged: a track in it has a number that none can have.",
                            "Copy or download it again.")
    text = _text(head)
    if text is None:
        return False
    kind = next((what for pattern, what in _SCRIPTS if pattern.search(text)), None)
    if kind is None and label.lower().endswith(_SCRIPT_NAMES):
        kind = "a playlist"
    if kind is not None:
        raise _refused(label, kind)
    return True


def _text(head: bytes) -> str | None:
    """The beginning of a text file, or None for a binary one."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") and len(head) > 2:
        text = head.decode("utf-16", "replace")
    else:
        text = head.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    if not text or "\0" in text:  # nearly every recording: to count takes longer than to decode a minute of sound
        return None
    strange = sum(not (char.isprintable() or char.isspace() or char >= "\x80") for char in text)
    return text.lstrip() if strange * 100 <= len(text) else None


def _refused(label: str, kind: str) -> RefusedInputError:
    return RefusedInputError(
        f"{label} is {kind}. Playlists and scripts that point to other files are refused.",
        "Give the media file itself.")


def unreadable(path: str, error: Exception) -> InputError:
    """What to tell about a file that the system does not let us read."""
    why = getattr(error, "strerror", None) or str(error)
    if isinstance(error, FileNotFoundError):
        return InputError(f"There is no file {path}.", "Check the name and the folder.")
    if isinstance(error, PermissionError):
        return InputError(f"{path} may not be read ({why}).", "Ask for permission to read it, or copy it.")
    return InputError(f"{path} cannot be read: {why}.", "Check the path and the disk.")


def open_container(path: str, label: str, text: bool, log: list[Any]) -> Any:
    """Open the container, and nothing else."""
    bounds.bound_allocations()
    began = time.monotonic()
    try:
        return av.open(f"file:{path}", mode="r", metadata_errors="replace", timeout=(bounds.OPENING, None),
                       container_options={"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "file"})
    except av.error.FFmpegError as error:
        if time.monotonic() - began >= bounds.OPENING:  # being interrupted, FFmpeg says all kinds of things
            raise InputError(f"{label} could not be opened in {bounds.OPENING:g} s: its tags or index have no end.",
                             "Convert it to WAV, FLAC or MP3 with the program that made it.") from error
        said = " ".join(message for _, _, message in log)
        refused = "not on whitelist" in said  # which quotes the whole list
        why = "a format that voicekit does not open" if refused else reason(log, error)
        if text and refused:
            raise _refused(label, "a playlist, a script or another text") from error
        if text:
            raise NotAudioError(f"{label} is a text file, not a recording (FFmpeg: {why}).",
                                "If it was downloaded, look into it: it may be an error message.") from error
        if "moov atom not found" in said:
            raise NotAudioError(f"{label} is incomplete: its index is missing (FFmpeg: {why}).",
                                "Copy or download it again; a recorder that crashed leaves such files.") from error
        if _DRM.search(said):
            raise _protected(label, why) from error
        raise NotAudioError(f"{label} is no sound or video file that can be opened (FFmpeg: {why}).",
                            "Check that it plays; if it does, convert it to WAV, FLAC or MP3.") from error


def _protected(label: str, why: str) -> NotAudioError:
    return NotAudioError(f"{label} is encrypted or copy-protected ({why}).",
                         "Voicekit cannot open protected files: use an unprotected copy.")


def choose_stream(container: Any, label: str, tried: list[int], tally: Tally, log: list[Any]) -> Any:
    """The next stream to try: the default one first, then by number."""
    streams = container.streams.audio
    if not streams:
        what = "pictures but no sound" if container.streams.video else "no sound"
        raise NotAudioError(f"{label} has {what} in it.", "Give the file that holds the sound.")
    if any(message for _, _, message in log if _DRM.search(message)):
        raise _protected(label, reason(log))
    hidden = [s for s in streams if s.codec_context is not None and _tag(s) in _PROTECTED]
    usable = [s for s in streams if s.codec_context is not None and s not in hidden]
    left = [s for s in usable if s.index not in tried][:max(bounds.TRACKS - len(tried), 0)]
    if not left:
        if hidden:
            raise _protected(label, f"marked {_tag(hidden[0])}")
        if not usable:
            raise NotAudioError(f"The sound in {label} has a codec that this FFmpeg cannot decode.",
                                "Convert it to WAV, FLAC or MP3 with the program that made it.")
        raise NotAudioError(f"No sound could be decoded from {label} (0 samples; FFmpeg: {reason(log)}).",
                            "The file is only a header, or damaged throughout: copy or download it again.")
    stream = min(left, key=lambda s: (not s.disposition & av.stream.Disposition.default, s.index))
    if len(streams) > 1:
        number = [s.index for s in streams].index(stream.index) + 1
        language = f", language {stream.language}" if stream.language else ""
        tally.notes.append(f"The file has {len(streams)} sound tracks; number {number} was taken "
                           f"({stream.codec_context.name}{language}).")
    return stream


def _tag(stream: Any) -> str:
    try:
        return str(stream.codec_context.codec_tag)
    except UnicodeDecodeError:  # a damaged header; PyAV takes the tag to be ASCII
        return ""


def declared_length(path: str, container: Any, stream: Any, log: list[Any]) -> float | None:
    """How long the file says that its sound is, in seconds; None where it does not say."""
    names = set(container.format.name.split(","))
    if "wav" in names and stream.codec_context.name.startswith("pcm"):
        return _wav_length(path)
    if names & _MEASURED or any("Estimating duration" in message for _, _, message in log):
        return None
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    tag = re.fullmatch(r"(\d{1,5}):(\d\d?):(\d\d?(?:\.\d*)?)", stream.metadata.get("DURATION", ""), re.ASCII)
    if tag:
        return int(tag[1]) * 3600 + int(tag[2]) * 60 + float(tag[3])
    return None if container.duration is None else float(container.duration / 1e6)


def _wav_length(path: str) -> float | None:
    """What a WAV's header says; FFmpeg tells only how much is there."""
    with open(path, "rb") as file:
        rate, large = 0, 0
        file.seek(12)
        for _ in range(100):
            name, size = file.read(4), int.from_bytes(file.read(4), "little")
            if name == b"data":
                size = large or size
                # Programs that write to a pipe leave zero, or nearly the largest size there is.
                unknown = not size or any(top - (1 << 16) <= size <= top for top in (1 << 31, 1 << 32))
                return None if unknown or not rate else size / rate
            if name in (b"fmt ", b"ds64") and size < 1 << 16:
                body = file.read(size + size % 2)
                rate = int.from_bytes(body[8:12], "little") if name == b"fmt " else rate
                large = int.from_bytes(body[8:16], "little") if name == b"ds64" else large
            else:
                file.seek(size + size % 2, os.SEEK_CUR)
    return None


def ogg_is_cut(path: str) -> bool:
    """Whether the last page of an Ogg file is incomplete; FFmpeg drops it without a word."""
    with open(path, "rb") as file:
        if file.read(4) != b"OggS":
            return False
        length = file.seek(0, os.SEEK_END)
        file.seek(max(length - (1 << 17), 0))  # a page is at most 65307 bytes long
        end = file.read()
    page = end[end.rfind(b"OggS"):]
    return len(page) < 27 or len(page) < 27 + page[26] + sum(page[27:27 + page[26]])
