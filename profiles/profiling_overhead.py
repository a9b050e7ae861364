"""What ``--profile`` costs: the same command with and without it, taking turns; and a step where nobody profiles.

    python -m profiles.profiling_overhead
    python -m profiles.profiling_overhead --minutes 2 --pairs 3 --engine openai-whisper

A Whisper ``base`` of the true size with random weights (see whisper_shapes.py) transcribes a synthetic talk, with
nothing kept from run to run: the whole command is timed, with start-up, loading and writing. Which of a pair comes
first changes from pair to pair. CPU seconds are those of all its processes: where the machine has other things to do
they tell more than the wall time. Needs espeak-ng, and openai-whisper for its vocabulary.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import tempfile
import time
import timeit
from pathlib import Path
from typing import NamedTuple

import click

from tests import sound
from tests.commands import command, environment
from tests.models import espeak, pico_cases
from voicekit.benchmark import models as random_models
from voicekit.benchmark.shapes import SHAPES
from voicekit.profiling import step
from voicekit.profiling.summary import load

TOKENS = 80
"""For each window, as in 30 s of English."""

_CALLS = 100_000


def _inactive() -> float:
    """Seconds that a step costs where nobody profiles."""
    def marked() -> None:
        with step("model", first=0, together=4):
            pass

    def plain() -> None:
        pass

    return (min(timeit.repeat(marked, number=_CALLS)) - min(timeit.repeat(plain, number=_CALLS))) / _CALLS


class Cost(NamedTuple):
    """What a command took: seconds, and CPU seconds of all its processes."""

    wall: float
    cpu: float


def _cost(line: list[str], folder: Path) -> Cost:
    """Run a command; what it says is shown where it fails."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(line, cwd=folder, env=environment(folder), capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


@click.command()
@click.option("--minutes", default=8.0, show_default=True, help="Of speech.")
@click.option("--pairs", default=5, show_default=True, type=click.IntRange(1))
@click.option("--engine", default="faster-whisper", show_default=True,
              type=click.Choice(["faster-whisper", "openai-whisper"]))
@click.option("--size", default="base", show_default=True, type=click.Choice(list(SHAPES)))
@click.option("--workers", default="auto", show_default=True)
def main(minutes: float, pairs: int, engine: str, size: str, workers: str) -> None:
    """Measure and print."""
    if espeak.library() is None:
        raise click.ClickException("espeak-ng's library is not installed: on Debian, apt install espeak-ng")
    click.echo(f"a step where nobody profiles: {_inactive() * 1e9:.0f} ns")
    with tempfile.TemporaryDirectory(prefix="voicekit-") as temporary:
        folder = Path(temporary)
        runtime = "ctranslate2" if engine == "faster-whisper" else "openai"
        model = folder / f"random-{size}"
        random_models.write(size, model, TOKENS, runtime, "int8", 1)
        talk = pico_cases.conversation(500, minutes * 60, "en")
        path = sound.write_plain_wav(folder / "talk.wav", talk.pcm())
        line = command(path, "--engine", engine, "--model", model if runtime == "ctranslate2" else f"{model}.pt",
                       "--language", "en", "--workers", workers, "--no-cache", "--overwrite", "-o", "out/",
                       "--temp-dir", folder)
        lines = {"without": line, "with": [*line, "--profile=talk.profile"]}
        _cost(line, folder)  # so that every file has been read once
        costs: dict[str, list[Cost]] = {name: [] for name in lines}
        for pair in range(pairs):
            for name in sorted(lines, reverse=pair % 2 == 0):
                costs[name].append(_cost(lines[name], folder))
            plain, profiled = costs["without"][-1], costs["with"][-1]
            click.echo(f"  pair {pair + 1}: wall {plain.wall:6.2f} s without, {profiled.wall:6.2f} s with, "
                       f"{profiled.wall / plain.wall:.3f}; CPU {plain.cpu:6.2f} s and {profiled.cpu:6.2f} s, "
                       f"{profiled.cpu / plain.cpu:.3f}")
        click.echo(f"{engine} {size}, {minutes:g} minutes, with / without:")
        for name in Cost._fields:
            ratios = [getattr(profiled, name) / getattr(plain, name)
                      for profiled, plain in zip(costs["with"], costs["without"], strict=True)]
            click.echo(f"  {name:4}: median {statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")
        found = load(folder / "talk.profile")
        for component in found.components[:6]:
            click.echo(f"  {component.name:28} {component.wall:7.2f} s {component.share:6.1%}")


if __name__ == "__main__":
    main()
