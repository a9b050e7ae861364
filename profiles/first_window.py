"""How soon after its start a run transcribes the first window of a long recording.

    python -m profiles.first_window
    python -m profiles.first_window --model small --minutes 180

A synthetic mp3 is transcribed by ``voicekit run``, as a process of its own, with a model of true shape and random
weights: THE WORDS MEAN NOTHING. The json says when the first batch began, with its model loaded, after decoding
began; what lies before that is at most what the whole process took beside the run, its end included. So the figure is
an upper bound. Needs espeak-ng, and openai-whisper for its vocabulary.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click

from voicekit.benchmark import models, recording
from voicekit.benchmark.shapes import SHAPES


class Start(NamedTuple):
    """Seconds: until the first batch began, until all was decoded and planned, and until the process ended."""

    first: float
    prepared: float
    whole: float


@click.command()
@click.option("--model", default="base", show_default=True, type=click.Choice(list(SHAPES)))
@click.option("--minutes", default=60.0, show_default=True, help="Length of the recording.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 99))
def main(model: str, minutes: float, rounds: int) -> None:
    """Print when the first window of a long recording is transcribed."""
    folder = models.find(model, 80, checkpoint=False).folder
    with tempfile.TemporaryDirectory(prefix="voicekit-first-") as place:
        path = recording.make(Path(place), minutes, None).path
        starts = []
        for number in range(rounds):
            starts.append(run(path, folder, Path(place)))
            start = starts[-1]
            click.echo(f"round {number + 1} of {rounds}: first batch after {start.first:.2f} s, all decoded and "
                       f"planned after {start.prepared:.2f} s, done after {start.whole:.1f} s", err=True)
    firsts = [start.first for start in starts]
    click.echo(f"{minutes:g} minutes, {model}: from the start to the first batch at most "
               f"{statistics.median(firsts):.2f} s (median of {rounds}; {min(firsts):.2f} to {max(firsts):.2f})")


def run(path: Path, model: Path, place: Path) -> Start:
    """One run."""
    out = place / "out.json"
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "voicekit", "run", str(path), "--model", str(model), "--language", "en",
                    "--beam-size", "1", "--no-cache", "--overwrite", "-q", "-o", str(out)], check=True)
    whole = time.monotonic() - began
    timeline = json.loads(out.read_text(encoding="utf-8"))["run"]["timeline"]
    before = whole - max(entry["ended"] for entry in timeline)
    return Start(before + min(entry["began"] for entry in timeline if entry["stage"] == "transcribe"),
                 before + max(entry["ended"] for entry in timeline if entry["stage"] == "prepare"), whole)


if __name__ == "__main__":
    main()
