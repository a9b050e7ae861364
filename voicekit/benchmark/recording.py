"""The recording that all contestants get: a file of the length that was asked for, the same at every call.

A real one is repeated or cut. Without one espeak-ng speaks: sentences of common words, two voices in turn, pauses
as in a talk and a little noise, so that speech is found in it and packed into windows as in real recordings.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicekit import audio
from voicekit.audio import encoding
from voicekit.errors import EngineMissingError, InputError
from voicekit.protocols import Samples
from voicekit.types import SAMPLE_RATE

VOICES = ("en-us+m3", "en-us+f2")
SPEED = 170
"""Words per minute, pauses left out; with them about 140, as people talk."""

PAUSE = (0.15, 1.1)
"""Seconds between sentences, from and to; every eighth is a long one."""
LONG_PAUSE = (1.5, 4.0)

NOISE = 0.002
"""Of the largest sample: that of a quiet room."""

_OWNERS = "my your our their the every another this".split()
_PEOPLE = "brother friend neighbour father daughter doctor teacher driver mother captain writer colleague".split()
_DEEDS = ("sees finds takes knows likes buys carries draws forgot wanted painted repaired describes remembered "
          "followed measured").split()
_KINDS = "red white old new big small quiet heavy wooden narrow beautiful expensive common empty early".split()
_THINGS = ("house garden table bridge knife bread letter answer question forest city market river window mountain "
           "station machine picture language story").split()
_ENDS = ("", "", "here", "there", "at home", "in town", "today", "tomorrow", "by the river", "at the market",
         "before the winter", "after a long journey", "without a word", "for the first time", "as we all know")
_LINKS = ("and", "but", "because", "while", "although", "so")


@dataclass(frozen=True, slots=True)
class BenchmarkRecording:
    """A file to be transcribed.

    Attributes
    ----------
    path : Path
        The file.
    name : str
        Of the recording it was made from; ``synthetic`` for the spoken one.
    seconds : float
        Its length.
    """

    path: Path
    name: str
    seconds: float


def make(folder: Path, minutes: float, source: Path | None = None) -> BenchmarkRecording:
    """Write the recording as an mp3.

    Parameters
    ----------
    folder : Path
        Where to.
    minutes : float
        How long it is to be.
    source : Path, optional
        A recording that is repeated or cut; one is spoken if not given.

    Raises
    ------
    EngineMissingError
        If espeak-ng is needed and not installed.
    InputError
        If there is no sound in ``source``.

    Examples
    --------
    >>> make(Path("/tmp/talk"), 10).seconds  # doctest: +SKIP
    600.0
    """
    samples = round(minutes * 60 * SAMPLE_RATE)
    path = folder / "recording.mp3"
    sound = _spoken() if source is None else _repeated(source, folder)
    with contextlib.closing(sound):
        encoding.write(_first(sound, samples), SAMPLE_RATE, samples, path, "mp3")
    return BenchmarkRecording(path, "synthetic" if source is None else source.name, samples / SAMPLE_RATE)


def _first(blocks: Iterator[Samples], samples: int) -> Iterator[Samples]:
    """So many samples of an endless sound."""
    for block in blocks:
        yield block[:samples]
        samples -= len(block)
        if samples <= 0:
            return


def _repeated(source: Path, folder: Path) -> Generator[Samples, None, None]:
    """A recording, again and again."""
    recording = audio.decode(source, folder, name=source.name)
    try:
        if not recording.samples:
            raise InputError(f"There is no sound in {source.name}.", "Give another --recording.")
        while True:
            yield from audio.blocks(recording)
    finally:
        Path(recording.pcm).unlink(missing_ok=True)


def sentence(rng: random.Random) -> str:
    """Something to say, of one or two clauses.

    Examples
    --------
    >>> sentence(random.Random(1)) == sentence(random.Random(1))
    True
    """
    clauses = [_clause(rng)] + ([rng.choice(_LINKS) + " " + _clause(rng)] if rng.random() < 0.5 else [])
    return ", ".join(clauses) + rng.choice("...?")


def _clause(rng: random.Random) -> str:
    words = [rng.choice(_OWNERS), rng.choice(_PEOPLE), rng.choice(_DEEDS), "the", rng.choice(_KINDS),
             rng.choice(_THINGS), rng.choice(_ENDS)]
    return " ".join(filter(None, words))


def _spoken(seed: int = 1) -> Generator[Samples, None, None]:
    """An endless talk of two, sentence by sentence with the pause after it."""
    from scipy.signal import resample_poly

    from voicekit.voices import espeak
    from voicekit.voices.espeak_library import Process

    library = espeak.library()
    if library is None:
        raise EngineMissingError("Without --recording one is spoken by espeak-ng, which is not installed.",
                                 f"{espeak.Espeak().how_to_install()}; or give --recording FILE.")
    process, rng, noise = Process(*library), random.Random(seed), np.random.default_rng(seed)
    turn = 0
    while True:
        turn += rng.random() < 0.4
        answer = process.ask({"text": sentence(rng), "voice": VOICES[turn % 2], "speed": SPEED + rng.randint(-15, 15),
                              "pitch": rng.randint(40, 60)})
        spoken = resample_poly(np.frombuffer(answer.sound, "<i2") / 32768, SAMPLE_RATE, answer.rate)
        pause = rng.uniform(*(LONG_PAUSE if rng.random() < 0.125 else PAUSE))
        sound = np.zeros(len(spoken) + round(pause * SAMPLE_RATE))
        sound[:len(spoken)] = 0.5 * spoken / max(float(np.abs(spoken).max()), 1e-3)
        sound += NOISE * noise.standard_normal(len(sound))
        yield sound.astype(np.float32)
