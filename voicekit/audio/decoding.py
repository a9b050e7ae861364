"""Any recording in, 16 kHz mono PCM on disk out, read by span.

A file is taken to be hostile until it has decoded (:mod:`voicekit.audio.containers`); nothing holds the
whole recording in memory; and whatever is missing from the result is told in
:attr:`voicekit.types.Recording.warnings`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from voicekit.audio.bounds import LONGEST_RECORDING, bound_frames
from voicekit.audio.containers import (
    choose_stream, declared_length, inspect, messages, ogg_is_cut, open_container, reason, unreadable)
from voicekit.errors import ProcessingError
from voicekit.audio.pcm import Converter, PcmFile, Samples, Tally
from voicekit.types import SAMPLE_RATE, Recording, Source

_GAP = 0.1
"""Seconds; a shorter jump of the timestamps is rounding."""

TIMED = {"matroska": 600.0, "mov": 600.0, "flac": 600.0, "ogg": 600.0, "mpegts": 10.0}
"""Containers whose timestamps tell what is missing, and how long a gap is believed, in seconds.
A longer one is a clock that was set, as it happens where broadcasts are joined."""

_LONGEST_PACKET = 10.0
"""Seconds; no codec makes longer ones, but a forged file can claim so."""

_BLOCK = 1 << 20

_TRIES = 20
"""After this many read errors in a row a file is given up."""


def nothing() -> None:
    """Goes on, whatever happens."""


def decode(path: str | os.PathLike[str], folder: str | os.PathLike[str], *,
           name: str | None = None, check: Callable[[], None] = nothing,
           longest: float = LONGEST_RECORDING, channel: int | None = None) -> Recording:
    """Decode a sound or video file into a raw file of 16 kHz mono 16-bit PCM.

    The first audio stream that decodes is taken, the default one before the others. Channels are
    averaged. Damaged packets and gaps become silence, so that times stay those of the file.

    Parameters
    ----------
    path : path-like
        A regular file in any of :data:`voicekit.audio.containers.CONTAINERS`, of any sample rate and channel count.
    folder : path-like
        Where the raw file goes, under a new name; made if it does not exist.
    name : str, optional
        What the source is called; the file's name by default.
    check : callable, optional
        Called again and again; what it raises ends the decoding, and nothing is left behind.
    longest : float
        Seconds of sound that are decoded at most; a file that holds more is refused.
    channel : int, optional
        The one to take, from 0, instead of their average.

    Returns
    -------
    Recording
        ``partial`` where sound is missing; ``warnings`` are sentences for the user.

    Raises
    ------
    InputError
        If the file cannot be read, or holds more than `longest`.
    NotAudioError
        If there is no sound in it, or none that can be decoded.
    RefusedInputError
        If it is a playlist or a script that points to other files.
    OutputError
        If the raw file cannot be written; nothing is left behind.

    Examples
    --------
    >>> recording = decode("talk.mp3", "/tmp/talk")  # doctest: +SKIP
    >>> read(recording, 12.0, 12.5).shape  # doctest: +SKIP
    (8000,)
    """
    recording = None
    try:
        for recording in decode_gradually(path, folder, name=name, check=check, longest=longest, channel=channel):
            pass
    except BaseException:  # also an interrupt must not leave half a file
        if recording is not None:
            os.unlink(recording.pcm)
        raise
    assert recording is not None  # at the end there is one, or an error
    return recording


def decode_gradually(path: str | os.PathLike[str], folder: str | os.PathLike[str], *, name: str | None = None,
                     check: Callable[[], None] = nothing, longest: float = LONGEST_RECORDING,
                     channel: int | None = None) -> Generator[Recording, None, None]:
    """The same, to be read while it goes on.

    Parameters
    ----------
    path, folder, name, check, longest, channel
        As in :func:`decode`.

    Yields
    ------
    Recording
        As far as it is decoded: nothing that follows changes those samples. Only of the last one the hash, the
        warnings and the number of channels are known. From the first one on the raw file is the caller's to remove,
        also after an error.

    Raises
    ------
    VoicekitError
        As in :func:`decode`, at any time.
    """
    path = os.path.abspath(os.fsdecode(path))
    label = os.path.basename(path) if name is None else name
    label = os.fsencode(label).decode("utf-8", "replace")  # bytes that are no UTF-8 could not be printed
    text = inspect(path, label)
    pcm = PcmFile(os.fsdecode(folder), label, longest)
    tally, given = Tally(), False
    try:
        for tally in _decode_any(path, label, text, pcm, check, channel):
            if tally.frames:  # before, another stream may have to be taken
                given = True
                yield Recording(pcm.path, pcm.samples, Source(label, pcm.samples / SAMPLE_RATE, ""))
        pcm.close()
        digest = sha256(path, check)  # last: what is refused need not be read to its end
    except BaseException:  # also an interrupt must not leave half a file
        pcm.discard(keep=given)
        raise
    yield Recording(pcm=pcm.path, samples=pcm.samples, partial=tally.partial,
                    warnings=tuple(tally.sentences()), channels=max(tally.channels, 1),
                    source=Source(name=label, duration=pcm.samples / SAMPLE_RATE, sha256=digest))


def sha256(path: str | os.PathLike[str], check: Callable[[], None] = nothing) -> str:
    """Hash a file's bytes, in hexadecimal, without holding them.

    Parameters
    ----------
    path : path-like
        The file.
    check : callable, optional
        As in :func:`decode`.

    Raises
    ------
    InputError
        If the file cannot be read.

    Examples
    --------
    >>> sha256("talk.mp3")[:8]  # doctest: +SKIP
    'b5bb9d80'
    """
    try:
        digest = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(_BLOCK):
                check()
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise unreadable(os.path.basename(os.fsdecode(path)), error) from error


def read_pcm(recording: Recording, start_sample: int, end_sample: int) -> NDArray[np.int16]:
    """Read samples as they lie on disk.

    Parameters
    ----------
    recording : Recording
        From :func:`decode`.
    start_sample, end_sample : int
        First sample and the one after the last; clipped to the recording.

    Returns
    -------
    ndarray, shape (samples,), int16
        Empty where nothing is left of the span.

    Raises
    ------
    ProcessingError
        If the raw file is gone or shorter than it was.

    Examples
    --------
    >>> read_pcm(recording, 0, 16000).dtype  # doctest: +SKIP
    dtype('int16')
    """
    first = min(max(start_sample, 0), recording.samples)
    count = max(min(end_sample, recording.samples) - first, 0)
    hint = "Keep the temporary folder until the run has ended, and let every worker see it (--temp-dir)."
    try:
        samples = np.fromfile(recording.pcm, dtype="<i2", count=count, offset=2 * first)
    except OSError as error:
        raise ProcessingError(f"The decoded sound of {recording.source.name} cannot be read from "
                              f"{recording.pcm}: {error.strerror}.", hint) from error
    if len(samples) != count:
        raise ProcessingError(f"The decoded sound of {recording.source.name} in {recording.pcm} "
                              "has become shorter.", hint)
    return samples.astype(np.int16, copy=False)


def read(recording: Recording, start: float, end: float) -> Samples:
    """Read a span.

    Parameters
    ----------
    recording : Recording
        From :func:`decode`.
    start, end : float
        Seconds, rounded to the nearest sample and clipped to the recording. Adjoining spans
        share no sample and lose none.

    Returns
    -------
    ndarray, shape (samples,), float32
        In [-1, 1).

    Raises
    ------
    ProcessingError
        If the raw file is gone or shorter than it was.

    Examples
    --------
    >>> read(recording, 0.0, 30.0).shape  # doctest: +SKIP
    (480000,)
    """
    samples = read_pcm(recording, round(start * SAMPLE_RATE), round(end * SAMPLE_RATE))
    return samples.astype(np.float32) / np.float32(32768)


def blocks(recording: Recording, seconds: float = 60.0) -> Iterator[Samples]:
    """Read the whole recording in order, a block at a time.

    Parameters
    ----------
    recording : Recording
        From :func:`decode`.
    seconds : float
        Length of a block; the last one may be shorter.

    Yields
    ------
    ndarray, shape (samples,), float32
        In [-1, 1).

    Examples
    --------
    >>> sum(len(block) for block in blocks(recording)) == recording.samples  # doctest: +SKIP
    True
    """
    step = max(round(seconds * SAMPLE_RATE), 1)
    for first in range(0, recording.samples, step):
        yield read_pcm(recording, first, first + step).astype(np.float32) / np.float32(32768)


def _decode_any(path: str, label: str, text: bool, pcm: PcmFile, check: Callable[[], None],
                channel: int | None) -> Generator[Tally, None, None]:
    """Decode the first stream that gives sound; yields whenever there is more of it, and at its end."""
    tried: list[int] = []
    with messages() as log:
        while True:
            tally = Tally()
            with open_container(path, label, text, log) as container:
                stream = choose_stream(container, label, tried, tally, log)
                tried.append(stream.index)  # now: a stream of a closed container is freed memory
                tally.declared = declared_length(path, container, stream, log)
                told = pcm.samples
                for _ in decode_stream(container, stream, Converter(pcm, tally, label, channel), tally, log, check):
                    if pcm.samples > told:
                        told = pcm.samples
                        yield tally
            if tally.frames:
                tally.reached = max(tally.reached, pcm.samples / SAMPLE_RATE)
                tally.torn = tally.torn or ogg_is_cut(path)
                yield tally
                return
            pcm.restart()


def decode_stream(container: Any, stream: Any, converter: Converter, tally: Tally, log: list[Any],
                  check: Callable[[], None]) -> Iterator[None]:
    """Decode one stream to its end, whatever is broken on the way; yields after every packet."""
    context, index = stream.codec_context, stream.index
    context.thread_count = 1  # messages from codec threads could not be caught
    bound_frames(context)
    longest = max(TIMED.get(name, 0.0) for name in container.format.name.split(","))
    # Where there are pictures, the sound may begin later than they do: times are those of the player.
    expected = (container.start_time or 0) / 1e6 if longest and container.streams.video else None
    # The last packet of a WAV from a pipe is always called so, for its header gives no true length.
    torn = "\0" if container.format.name == "wav" else f"Packet corrupt (stream = {index},"
    units: dict[int, tuple[int, int]] = {}
    for packet in _packets(container, stream, tally, log):
        check()
        if log:
            tally.torn = tally.torn or any(torn in message for _, _, message in log)
            del log[:-5]  # a damaged hour can make FFmpeg talk for megabytes
        length = 0.0
        if packet is not None:
            begin, length = _times(packet, units)
            tally.reached = max(tally.reached, begin + length)
            if packet.stream_index != index:
                continue
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError:
            filled = converter.silence(min(length, _LONGEST_PACKET))
            tally.damaged += 1
            tally.damaged_seconds += filled
            expected = None if expected is None else expected + filled
            continue
        for frame in frames:
            if longest:
                expected = _place(frame, expected, longest, converter, tally)
            converter.feed(frame)
        yield
    converter.finish()


def _times(packet: Any, units: dict[int, tuple[int, int]]) -> tuple[float, float]:
    """When a packet begins and how long it lasts, in seconds; `units` are those of the streams seen so far."""
    unit = units.get(packet.stream_index)
    if unit is None:  # PyAV makes a Fraction of it each time, which takes longer than to decode some packets
        base = packet.time_base
        unit = units[packet.stream_index] = base.numerator, base.denominator
    return (packet.pts or 0) * unit[0] / unit[1], (packet.duration or 0) * unit[0] / unit[1]


def _place(frame: Any, expected: float | None, longest: float, converter: Converter,
           tally: Tally) -> float | None:
    """Fill the gap before a frame, if there is one; returns when the next frame is due."""
    begin = expected if frame.time is None else frame.time
    if begin is None:
        return None
    if expected is not None and _GAP < begin - expected <= longest:
        filled = converter.silence(begin - expected)
        tally.missing_seconds += filled if tally.frames else 0.0  # before the first nothing is missing
    return float(begin + frame.samples / max(frame.sample_rate, 1))


def _packets(container: Any, stream: Any, tally: Tally, log: list[Any]) -> Iterator[Any]:
    """The stream's packets, then None, which makes the decoder hand out what it holds back.

    Packets of the other streams come along where only they can tell whether the file is whole.
    """
    everything = stream.duration is None and tally.declared is not None
    failures = 0
    while failures < _TRIES:
        try:
            for packet in container.demux() if everything else container.demux(stream):
                if not packet.size:
                    continue
                if failures:  # it went on behind the damage
                    tally.skipped += 1
                    failures, tally.stopped = 0, ""
                yield packet
            break
        except IndexError:  # PyAV, at the end of a file in which a stream turned up late
            break
        except av.error.FFmpegError as error:  # many demuxers find their way again behind the damage
            failures += 1
            tally.stopped = reason(log, error)
    yield None
