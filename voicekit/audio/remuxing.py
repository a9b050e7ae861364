"""A video with its pictures as they were and new sound.

Pictures and subtitles are copied packet by packet, never decoded; what the new container cannot hold is left out and
told. Times stay those of the file, so that sound which began later than the pictures still does.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import av

from voicekit.audio.containers import inspect, messages, open_container
from voicekit.audio.encoding import AAC, OPUS, add_sound, encoded, encoder_errors, muxer_options
from voicekit.audio.pcm import Samples
from voicekit.placing import placed
from voicekit.errors import UsageError

_FORMATS = {"mp4": ("mp4", AAC), "m4v": ("mp4", AAC), "mov": ("mov", AAC), "mkv": ("matroska", OPUS),
            "webm": ("webm", OPUS)}

VIDEO_EXTENSIONS = tuple(_FORMATS)
"""What :func:`write_video` takes, without the dot."""

_REORDERED = 32
"""More pictures than any codec shows in another order than it decodes them."""


def has_pictures(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a video: has moving pictures, not only a cover.

    Raises
    ------
    InputError
        As in :func:`voicekit.audio.decode`.
    """
    path = os.path.abspath(os.fsdecode(path))
    label = os.path.basename(path)
    text = inspect(path, label)
    with messages() as log, open_container(path, label, text, log) as container:
        return any(_moving(stream) for stream in container.streams.video)


def write_video(blocks: Iterable[Samples], rate: int, samples: int, source: str | os.PathLike[str], target: Path,
                extension: str, *, start: float = 0.0) -> tuple[str, ...]:
    """Write a video with another sound, which appears when it is whole.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (samples,), float32
        The new sound, mono, in order.
    rate, samples : int
        Samples per second, and how many there are.
    source : path-like
        The video whose pictures and subtitles are taken. May be the same as ``target``.
    target : Path
        The folder must exist.
    extension : str
        One of :data:`VIDEO_EXTENSIONS`. MP4, M4V and MOV get AAC, Matroska and WebM Opus.
    start : float
        Where the sound begins: :attr:`voicekit.audio.native.Native.start` of the source.

    Returns
    -------
    tuple of str
        What was left out, as sentences for the user.

    Raises
    ------
    UsageError
        If the extension is unknown, the source has no pictures, or the container cannot hold them.
    InputError
        If the source cannot be read.
    OutputError
        If the file cannot be written; an older one is then as it was.
    ProcessingError
        If the encoder fails, or the pictures' times make no sense.

    Examples
    --------
    >>> write_video(read_track("talk.f32"), 48000, 960000, "talk.mp4", Path("new.mp4"), "mp4")  # doctest: +SKIP
    ()
    """
    if extension not in _FORMATS:
        raise UsageError(f"There is no video format {extension!r}.",
                         f"Choose one of: {', '.join(VIDEO_EXTENSIONS)}.")
    muxer, coding = _FORMATS[extension]
    source = os.path.abspath(os.fsdecode(source))
    label = os.path.basename(source)
    text = inspect(source, label)
    with placed(target) as file, encoder_errors(target), messages() as log, \
            open_container(source, label, text, log) as old:
        options = muxer_options(muxer, coding.rate(rate))
        with av.open(file, "w", format=muxer, options=options) as new:
            copies, notes = _copies(old, new, label, extension)
            sound = add_sound(new, coding, rate)
            _describe(old, new, sound)
            new.start_encoding()
            heard = encoded(sound, coding, blocks, rate, samples, start)
            # Both in the order of time: otherwise FFmpeg would hold one of them in memory to its end.
            for packet in heapq.merge(_seen(old, copies), heard, key=_time):
                new.mux(packet)
                del log[:-5]
    return notes


def _moving(stream: Any) -> bool:
    return stream.type == "video" and not stream.disposition & av.stream.Disposition.attached_pic


def _copies(old: Any, new: Any, label: str, extension: str) -> tuple[dict[int, Any], tuple[str, ...]]:
    """Streams of the new container by the number of the old; what had to be left out."""
    copies: dict[int, Any] = {}
    lost: list[str] = []
    for stream in old.streams:
        if stream.type == "audio":
            continue
        codec = None if stream.codec_context is None else stream.codec_context.name
        if _moving(stream) or stream.type == "subtitle":
            try:
                copies[stream.index] = new.add_stream_from_template(stream)
                continue
            except (ValueError, av.error.FFmpegError) as error:
                if _moving(stream):
                    raise UsageError(f"A .{extension} file cannot hold the pictures of {label} ({codec}).",
                                     "Choose the extension of the input, or of a sound file.") from error
        if stream.type == "data" and codec is None:
            continue  # QuickTime's copy of the chapters, which are kept, or a camera's notes
        lost.append(f"cover ({codec})" if stream.type == "video" else f"{stream.type} track ({codec or 'unknown'})")
    if not any(_moving(stream) for stream in old.streams):
        raise UsageError(f"{label} has no moving pictures.",
                         "Choose the extension of a sound file, such as .mp3 or .wav.")
    return copies, tuple(f"Left out of the new file, which cannot hold it: {what}." for what in lost)


def _describe(old: Any, new: Any, sound: Any) -> None:
    """Keep the title, the language of the sound, and the chapters."""
    if "title" in old.metadata:
        new.metadata["title"] = old.metadata["title"]
    language = old.streams.audio[0].language if old.streams.audio else None
    if language:
        sound.metadata["language"] = language
    chapters = old.chapters()
    if chapters:
        new.set_chapters(chapters)


def _seen(old: Any, copies: dict[int, Any]) -> Iterator[Any]:
    """Packets of everything that is copied, from time zero on, in the order of decoding."""
    shift = (old.start_time or 0) / 1e6
    last: dict[int, int] = {}
    for packet in _timed(old.demux([old.streams[index] for index in copies])):
        back = round(shift / packet.time_base)
        index = packet.stream_index
        # Times of decoding must grow; a damaged file's may not.
        packet.dts = max(packet.dts - back, last.get(index, packet.dts - back - 1) + 1)
        packet.pts = packet.dts if packet.pts is None else max(packet.pts - back, packet.dts)
        last[index] = packet.dts
        packet.stream = copies[index]
        yield packet


def _timed(packets: Iterable[Any]) -> Iterator[Any]:
    """Packets that all say when they are decoded: Matroska does not say so of the first few pictures."""
    held: dict[int, list[Any]] = {}
    last: dict[int, int] = {}
    for packet in packets:
        if not packet.size or packet.dts is None and packet.pts is None:
            continue
        index = packet.stream_index
        early = held.setdefault(index, [])
        if packet.dts is None and index not in last:
            if len(early) < _REORDERED:
                early.append(packet)
                continue
            packet.dts = packet.pts
        elif packet.dts is None:
            packet.dts = last[index] + 1
        for number, before in enumerate(early):  # a tick after each other, just before
            before.dts = min(packet.dts, *(each.pts for each in early)) - len(early) + number
        yield from early
        early.clear()
        last[index] = packet.dts
        yield packet
    for early in held.values():
        for before in early:
            before.dts = before.pts
        yield from early


def _time(packet: Any) -> float:
    return float((packet.dts or 0) * packet.time_base)
