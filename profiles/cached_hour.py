"""What a recording of one hour costs when everything is in the cache, and where the time goes.

    python -m profiles.cached_hour

A synthetic hour (six conversations, as mp3) is transcribed with the pico Whisper of the tests, then again and again
with the full cache: the whole command, median of several, and the same steps one by one in this process. Needs
espeak-ng.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np

from tests import sound
from tests.commands import command, environment
from tests.models import espeak, measure_pico, pico_cases
from voicekit import audio, formats
from voicekit.options import EngineOptions, PlanOptions, RunOptions, StoreOptions, SubtitleOptions
from voicekit.planning.machine import this_machine
from voicekit.running.crew import choose_crew
from voicekit.running.jobs import Job
from voicekit.running.known import Known
from voicekit.running.preparation import prepare
from voicekit.running.transcribing import Made, transcript_of
from voicekit.store import Cache
from voicekit.types import InputFile, Language

REPEATS = 5


def synthetic_hour(folder: Path) -> Path:
    """An mp3 of 60 minutes."""
    talks = [pico_cases.conversation(300 + number, 610, "en").samples for number in range(6)]
    return sound.write(folder / "hour.mp3", np.concatenate(talks)[:3600 * 16000])


@contextmanager
def timed(name: str, split: dict[str, float]) -> Iterator[None]:
    """Note how long a step takes."""
    began = time.monotonic()
    yield
    split[name] = time.monotonic() - began


def steps(path: Path, model: Path, kept: Path, folder: Path) -> dict[str, float]:
    """The steps of a cached run, one by one; seconds of each."""
    split: dict[str, float] = {}
    options = RunOptions(engine=EngineOptions("faster-whisper", str(model)), plan=PlanOptions(),
                         store=StoreOptions(str(kept)), language="en")
    cache = Cache.of(options.store, print)
    with timed("decode (once more beside the next step)", split):
        audio.decode(path, folder)
    with timed("decode, hash, speech from the cache", split):
        prepared = prepare(InputFile(path, path.name), folder, options, cache)
    with timed("engine and model, found and hashed", split):
        crew = choose_crew(options, this_machine())
    with timed("windows", split):
        plan = prepared.windows(crew.window)
    known = Known(cache, options)
    with timed("results from the cache", split):
        found = known.windows(prepared.recording, plan, crew, "en")
    known.close()
    with timed("merge", split):
        job = Job(prepared.recording, plan, (), found.results)
        transcript = transcript_of(job, Made(Language("en"), crew, time.monotonic(), 0), options, 1, ())
    with timed("txt, srt, json", split):
        for extension in ("txt", "srt", "json"):
            formats.write(transcript, folder / f"hour.{extension}", SubtitleOptions(), extension=extension)
    return split


@click.command()
def main() -> None:
    """Measure and print."""
    if espeak.library() is None:
        raise click.ClickException("espeak-ng's library is not installed: on Debian, apt install espeak-ng")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, model = synthetic_hour(folder), measure_pico.build("faster-whisper int8", folder)
        line = command(path, "--engine", "faster-whisper", "--model", model, "--language", "en", "--overwrite",
                       "-o", "out/", "--temp-dir", folder)
        env = environment(folder, VOICEKIT_CACHE=str(folder / "kept"))
        walls = []
        for _ in range(REPEATS + 1):
            began = time.monotonic()
            subprocess.run(line, cwd=folder, env=env, check=True, stderr=subprocess.DEVNULL)
            walls.append(time.monotonic() - began)
        click.echo(f"one hour, empty cache: {walls[0]:.1f} s; full cache: {statistics.median(walls[1:]):.2f} s "
                   f"(median of {REPEATS}, {min(walls[1:]):.2f} to {max(walls[1:]):.2f})")
        rounds = [steps(path, model, folder / "kept", folder) for _ in range(REPEATS)]
    for step in rounds[0]:
        click.echo(f"  {step:45} {statistics.median(one[step] for one in rounds):6.3f} s")


if __name__ == "__main__":
    main()
