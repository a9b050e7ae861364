"""What the page of one hour weighs, and how long it takes to write.

    python -m profiles.report_page

A synthetic hour of speech (six conversations, as mp3) and a synthetic transcript of four speakers and some 9,000
words become a page: without sound, with its waveform, with an Opus copy of the sound, and as if it had been spoken
again, with pitch and energy of both. Each in a process of its own. Needs espeak-ng and
``pip install -e ".[full,test]"``.
"""

from __future__ import annotations

import dataclasses
import multiprocessing
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click

from profiles.cached_hour import synthetic_hour
from tests.formats.report import recordings
from tests.models import espeak
from voicekit import audio
from voicekit.formats import report
from voicekit.profiling.usage import peak_memory
from voicekit.spoken import Voicing
from voicekit.types import SAMPLE_RATE, Transcript

CASES = ("without sound", "with the waveform", "with a copy of the sound",
         "spoken again", "spoken again, with copies")


def written(case: str, hour: Path, track: Path, samples: int) -> tuple[float, int, int]:
    """Seconds, bytes of the page, and bytes of memory at most."""
    transcript = recordings.talk(3600.0)
    page = hour.with_suffix(".html")
    began = time.monotonic()
    if case == CASES[0]:
        report.write(transcript, page)
    else:
        voicing = _voicing(transcript, track, samples) if case.startswith("spoken again") else None
        report.write(transcript, page, sound=hour, voicing=voicing, embed="cop" in case)
    return time.monotonic() - began, page.stat().st_size, peak_memory() or 0


def _voicing(transcript: Transcript, track: Path, samples: int) -> Voicing:
    return dataclasses.replace(recordings.voicing(transcript), track=str(track), rate=SAMPLE_RATE, samples=samples)


def as_track(hour: Path, folder: Path) -> tuple[Path, int]:
    """The hour once more, in the form of a new voice, and its samples."""
    decoded = audio.decode(hour, folder)
    track = folder / "track.f32"
    with open(track, "wb") as file:
        for block in audio.blocks(decoded):
            file.write(block.astype("<f4").tobytes())
    return track, decoded.samples


@click.command()
def main() -> None:
    """Measure and print."""
    if espeak.library() is None:
        raise click.ClickException("espeak-ng's library is not installed: on Debian, apt install espeak-ng")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hour = synthetic_hour(folder)
        track, samples = as_track(hour, folder)
        click.echo("| one hour | page | written in | memory |\n|---|--:|--:|--:|")
        for case in CASES:
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                seconds, size, memory = pool.submit(written, case, hour, track, samples).result()
            click.echo(f"| {case} | {size / 1e6:.1f} MB | {seconds:.1f} s | {memory / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
