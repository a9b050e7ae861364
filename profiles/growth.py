"""How time and memory grow with the length of a recording, and with the number of files.

    python -m profiles.growth
    python -m profiles.growth --model small --minutes 10 --minutes 30 --files 1 --files 10 --results /tmp/results

``voicekit run`` transcribes synthetic recordings of 10, 30, 60 and 180 minutes, and the one of --together minutes as
1, 10 and 100 files, each in a process of its own and with nothing kept. The model has a true shape of Whisper and
random weights: THE WORDS MEAN NOTHING. Written are growth.md and growth.png. Let nothing else run meanwhile. Needs
espeak-ng (or --recording), openai-whisper for its vocabulary, and matplotlib.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from voicekit import audio
from voicekit.audio import encoding
from voicekit.benchmark import models, recording
from voicekit.benchmark.commands import Measured, measure
from voicekit.benchmark.comparison import device_of
from voicekit.benchmark.contestants import Job, Voicekit
from voicekit.benchmark.recording import BenchmarkRecording
from voicekit.benchmark.shapes import SHAPES
from voicekit.cli.profile_tables import size
from voicekit.cli.progress import count
from voicekit.errors import VoicekitError
from voicekit.plotting import canvas
from voicekit.plotting.panels import Panel, stack
from voicekit.profiling.surroundings import machine
from voicekit.types import SAMPLE_RATE

HERE = Path(__file__).parent
LENGTHS, FILES = (10.0, 30.0, 60.0, 180.0), (1, 10, 100)
_COLOUR = "#2f6db5"


class Point(NamedTuple):
    """What a run took: minutes of audio, files, seconds, and the bytes of the peak, where they are told."""

    minutes: float
    files: int
    seconds: float
    memory: int | None


class Line(NamedTuple):
    """A straight line through points, by least squares: per hour of audio, and what comes at once."""

    slope: float
    start: float


def line(points: Sequence[Point], of: Callable[[Point], float]) -> Line | None:
    """The line through a figure of the points over their hours; None where there are not two.

    Examples
    --------
    >>> line([Point(60, 1, 40.0, None), Point(120, 1, 70.0, None)], lambda point: point.seconds)
    Line(slope=30.0, start=10.0)
    """
    if len({point.minutes for point in points}) < 2:
        return None
    slope, start = np.polyfit([point.minutes / 60 for point in points], [of(point) for point in points], 1)
    return Line(round(float(slope), 6), round(float(start), 6))


def pieces(whole: BenchmarkRecording, files: int, folder: Path) -> list[Path]:
    """A recording as so many files of equal length."""
    folder.mkdir()
    decoded = audio.decode(whole.path, folder)
    paths = []
    for number in range(files):
        first, last = (decoded.samples * edge // files for edge in (number, number + 1))
        paths.append(folder / f"part{number:03}.mp3")
        block = audio.read_pcm(decoded, first, last).astype(np.float32) / np.float32(32768)
        encoding.write([block], SAMPLE_RATE, len(block), paths[-1], "mp3")
    Path(decoded.pcm).unlink()
    return paths


def points(job: Job, engine: str, inputs: Sequence[tuple[float, Sequence[Path]]], rounds: int,
           folder: Path) -> Iterator[Point]:
    """Transcribe each of the inputs, given with their minutes, in so many rounds; the median of each."""
    runs: list[list[Measured]] = [[] for _ in inputs]
    ours = Voicekit(job, engine)
    for number in range(rounds):
        for place, (minutes, paths) in enumerate(inputs):
            command = ours.arguments(paths, "-o", "out/", "--formats", "json")
            runs[place].append(measure("voicekit", command, folder))
            click.echo(f"round {number + 1} of {rounds}: {minutes:g} minutes, {count(len(paths), 'file')}, "
                       f"{runs[place][-1].seconds:.1f} s, {size(runs[place][-1].memory)}", err=True)
    for (minutes, paths), found in zip(inputs, runs, strict=True):
        known = [one.memory for one in found if one.memory is not None]
        yield Point(minutes, len(paths), statistics.median(one.seconds for one in found),
                    round(statistics.median(known)) if known else None)


def page(lengths: Sequence[Point], files: Sequence[Point], model: str, engine: str) -> Iterator[str]:
    """``growth.md``."""
    here = machine()
    yield from ("# How time and memory grow", "", f"voicekit ({engine}) with {model}, greedy, with word times. "
                f"{models.WARNING}", "", "![Seconds and memory over the length of the recording](growth.png)", "",
                f"Measured {time.strftime('%Y-%m-%d')} on {here.cpu}, {here.cores} cores, {size(here.memory)}, "
                f"{', '.join(here.gpus) or 'no GPU'}, Python {here.python}. Again with `python -m profiles.growth`.",
                "", "| minutes | files | seconds | x real time | memory |", "|--:|--:|--:|--:|--:|")
    for point in (*lengths, *files):
        yield (f"| {point.minutes:g} | {point.files} | {point.seconds:.1f} "
               f"| {point.minutes * 60 / point.seconds:.1f} | {size(point.memory)} |")
    yield ""
    seconds = line(lengths, lambda point: point.seconds)
    if seconds is not None:
        yield (f"An hour of audio takes {seconds.slope:.1f} s more ({3600 / seconds.slope:.1f}x real time), beside "
               f"{seconds.start:.1f} s that every run takes.")
    memory = line([point for point in lengths if point.memory is not None], _memory)
    if memory is not None:
        yield f"It needs {memory.slope / 1e6:.1f} MB of memory more, beside {memory.start / 1e6:.0f} MB."
    if len(files) > 1:
        each = (files[-1].seconds - files[0].seconds) / (files[-1].files - files[0].files)
        yield f"A file more for the same sound takes {each:.3f} s more."


def _memory(point: Point) -> float:
    return float(point.memory or 0)


def draw(lengths: Sequence[Point], files: Sequence[Point], target: Path, facts: str) -> None:
    """``growth.png``."""
    panels = [Panel(2.4, lambda axes: _over(axes, "Seconds over minutes of audio", lengths,
                                            [(point.minutes, point.seconds) for point in lengths],
                                            lambda point: point.seconds))]
    if all(point.memory is not None for point in lengths):
        panels.append(Panel(2.4, lambda axes: _over(
            axes, "MB of memory over minutes of audio", lengths,
            [(point.minutes, _memory(point) / 1e6) for point in lengths], lambda point: _memory(point) / 1e6)))
    if len(files) > 1:
        title = f"Seconds over files of {files[0].minutes:g} minutes together"
        panels.append(Panel(2.4, lambda axes: _over(
            axes, title, (), [(point.files, point.seconds) for point in files])))
    stack("How time and memory grow", facts, panels, target, 1600)


def _over(axes: Any, title: str, fitted: Sequence[Point], places: Sequence[tuple[float, float]],
          of: Callable[[Point], float] | None = None) -> None:
    """Points, and the line through them."""
    axes.set_title(title)
    across, up = ([place[side] for place in places] for side in (0, 1))
    through = line(fitted, of) if of is not None else None
    if through is not None:
        ends = [0.0, max(across)]
        axes.plot(ends, [through.start + through.slope * end / 60 for end in ends], color=canvas.FAINT, linewidth=1)
    axes.scatter(across, up, color=_COLOUR, s=24, zorder=3)
    for x, y in places:
        axes.annotate(f"{y:.0f}", (x, y), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xlim(0, 1.05 * max(across))
    axes.set_ylim(0, 1.25 * max(up))
    axes.set_xticks(across)
    axes.grid(axis="y")


@click.command()
@click.option("--model", default="base", show_default=True, type=click.Choice(list(SHAPES)))
@click.option("--engine", default="auto", show_default=True)
@click.option("--minutes", "lengths", multiple=True, type=click.FloatRange(0.2), default=LENGTHS, show_default=True)
@click.option("--files", "numbers", multiple=True, type=click.IntRange(1), default=FILES, show_default=True)
@click.option("--together", default=10.0, show_default=True, type=click.FloatRange(0.2), help="Minutes of all files.")
@click.option("--recording", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Repeated or cut. [default: one that espeak-ng speaks]")
@click.option("--tokens", default=80, show_default=True, type=click.IntRange(2, 220))
@click.option("--rounds", default=1, show_default=True, type=click.IntRange(1))
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Where models are kept.")
@click.option("--results", type=click.Path(file_okay=False, path_type=Path), default=HERE / "results",
              help="[default: profiles/results]")
def main(model: str, engine: str, lengths: tuple[float, ...], numbers: tuple[int, ...], together: float,
         source: Path | None, tokens: int, rounds: int, keep: Path | None, results: Path) -> None:
    """Measure, and write the table and the picture."""
    results.mkdir(parents=True, exist_ok=True)
    try:
        canvas.library()  # else told only after hours
        given = models.find(model, tokens, checkpoint=False, keep=keep, tell=click.echo)
        with tempfile.TemporaryDirectory(prefix="voicekit-growth-") as name:
            folder = Path(name)
            inputs: list[tuple[float, Sequence[Path]]] = []
            for number, minutes in enumerate((*sorted(set(lengths)), together)):
                (place := folder / f"recording-{number}").mkdir()
                made = recording.make(place, minutes, source)
                inputs.append((minutes, [made.path]))
            whole = inputs.pop()[1][0]
            job = Job(BenchmarkRecording(whole, "synthetic", together * 60), given, device_of("auto"), True)
            inputs += [(together, pieces(job.recording, number, folder / f"files-{number}"))
                       for number in sorted(set(numbers))]
            found = list(points(job, engine, inputs, rounds, folder))
        one_file, many = found[:len(set(lengths))], found[len(set(lengths)):]
        text = "\n".join(page(one_file, many, given.name, engine)) + "\n"
        (results / "growth.md").write_text(text, encoding="utf-8")
        draw(one_file, many, results / "growth.png", f"voicekit ({engine}), {given.name} · {machine().cpu}, "
             f"{machine().cores} cores · {models.WARNING}")
    except VoicekitError as error:
        raise click.ClickException(f"{error.message}\n  {error.hint}") from error
    click.echo(text)


if __name__ == "__main__":
    main()
