"""The main job again and again while its workers, and now and then the whole run, are killed at random.

    scripts/soak --kills 100 --minutes 30

Every round transcribes the same short synthetic recordings with an empty cache and starts the same command again
after each death until it ends well. At the end of a round every transcript must equal that of an undisturbed run:
one that does not, or is not there, is counted. The parent's memory is measured all the while: what it holds when it
has been through many recordings and many deaths, against what it held at first. Which process is killed when
comes from a seed; where it is at that moment does not. The model is the pico Whisper of the tests; needs espeak-ng.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import psutil

from tests import sound
from tests.commands import command, environment
from tests.models import espeak, measure_pico, pico_cases

MOST_STARTS = 200
"""Of one round: a command that is killed all the time would never end."""


@dataclass
class Record:
    """What has happened."""

    worker_kills: int = 0
    run_kills: int = 0
    rounds: int = 0
    transcripts: int = 0
    lost: int = 0
    differing: int = 0
    gaps: int = 0
    memory: list[list[float]] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Of workers and of whole runs."""
        return self.worker_kills + self.run_kills

    def longest_life(self) -> list[float]:
        """MB that the parent that lived longest held after each tenth of its time."""
        longest = max(self.memory, key=len)
        return [longest[round(tenth * (len(longest) - 1) / 10)] for tenth in range(11)]


def recordings(folder: Path, count: int, seconds: float) -> list[Path]:
    """Short conversations, each another."""
    made = []
    for number in range(count):
        talk = pico_cases.conversation(1000 + number, seconds, "en")
        pcm = np.round(talk.samples * 32767).astype(np.int16)
        made.append(sound.write_plain_wav(folder / f"talk{number:02}.wav", pcm))
    return made


def transcripts(folder: Path, recordings: Sequence[Path]) -> dict[str, Any]:
    """What was written for each, without what tells of the run."""
    found = {}
    for recording in recordings:
        path = folder / f"{recording.stem}.json"
        if path.exists():
            whole = json.loads(path.read_text(encoding="utf-8"))
            found[recording.stem] = {key: value for key, value in whole.items() if key != "run"}
    return found


class Soak:
    """Rounds of disturbed runs."""

    def __init__(self, folder: Path, model: Path, recordings: Sequence[Path], rng: random.Random) -> None:
        self._folder, self._recordings, self._rng = folder, recordings, rng
        self._common = ["--engine", "faster-whisper", "--model", str(model), "--language", "en", "--workers", "2",
                        "--chunks", "0.5", "--formats", "json", "--overwrite", "--temp-dir", str(folder)]
        self.record = Record()
        self._calm = self._run_undisturbed()

    def _start(self, name: str) -> subprocess.Popen[str]:
        log = open(self._folder / "log.txt", "a", encoding="utf-8")
        with log:
            cache = str(self._folder / f"cache-{name}")
            return subprocess.Popen(command(*self._recordings, *self._common, "-o", f"{name}/"), cwd=self._folder,
                                    env=environment(self._folder, VOICEKIT_CACHE=cache), text=True, stderr=log,
                                    start_new_session=True)

    def _run_undisturbed(self) -> dict[str, Any]:
        if self._start("calm").wait() != 0:
            sys.exit(f"The undisturbed run failed: see {self._folder / 'log.txt'}")
        return transcripts(self._folder / "calm", self._recordings)

    def round(self, kills: int, deadline: float) -> None:
        """Until every recording is done; kills while some are wanted and there is time."""
        name = f"round{self.record.rounds}"
        for _ in range(MOST_STARTS):
            process = self._start(name)
            self._disturb(process, kills, deadline)
            if process.wait() == 0:
                break
            self.record.gaps += process.returncode == 3
        found = transcripts(self._folder / name, self._recordings)
        self.record.rounds += 1
        self.record.transcripts += len(self._calm)
        self.record.lost += len(self._calm) - len(found)
        self.record.differing += sum(found[stem] != self._calm[stem] for stem in found)

    def _disturb(self, process: subprocess.Popen[str], kills: int, deadline: float) -> None:
        memory: list[float] = []
        self.record.memory.append(memory)
        parent, began, sampled = psutil.Process(process.pid), time.monotonic(), 0
        next_kill = began + self._rng.uniform(1.0, 4.0)
        while process.poll() is None:
            time.sleep(0.05)
            now = time.monotonic()
            try:
                if now - began >= sampled:
                    memory.append(parent.memory_info().rss / 1e6)
                    sampled += 1
                if now >= next_kill and self.record.kills < kills and now < deadline:
                    self._kill(parent)
                    next_kill = now + self._rng.uniform(0.2, 4.0)
            except psutil.NoSuchProcess:
                continue

    def _kill(self, parent: psutil.Process) -> None:
        if self._rng.random() < 0.12:
            parent.kill()
            self.record.run_kills += 1
            return
        workers = [child for child in parent.children() if any("spawn_main" in part for part in child.cmdline())]
        if workers:
            self._rng.choice(workers).kill()
            self.record.worker_kills += 1


@click.command()
@click.option("--kills", default=100, show_default=True, type=click.IntRange(1))
@click.option("--minutes", default=30.0, show_default=True, type=click.FloatRange(0.1), help="No kills after that.")
@click.option("--seed", default=1, show_default=True)
@click.option("--recordings", "count", default=12, show_default=True, type=click.IntRange(1))
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(5), help="Length of each.")
def main(kills: int, minutes: float, seed: int, count: int, seconds: float) -> None:
    """Kill, and see whether anything is lost."""
    if espeak.library() is None:
        raise click.ClickException("espeak-ng's library is not installed: on Debian, apt install espeak-ng")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = measure_pico.build("faster-whisper int8", folder)
        soak = Soak(folder, model, recordings(folder, count, seconds), random.Random(seed))
        deadline = time.monotonic() + minutes * 60
        while soak.record.kills < kills and time.monotonic() < deadline:
            soak.round(kills, deadline)
            click.echo(f"{soak.record.rounds} rounds, {soak.record.kills} kills, {soak.record.lost} lost, "
                       f"{soak.record.differing} differing")
        left = [path.name for path in folder.glob("voicekit-*")]
    record = soak.record
    click.echo(f"{record.kills} kills: {record.worker_kills} of workers, {record.run_kills} of whole runs; "
               f"{record.transcripts} transcripts in {record.rounds} rounds")
    click.echo(f"{record.lost} lost, {record.differing} differing; in {record.gaps} runs a window was given up after "
               "two deaths, and done by the next start of the same command")
    seconds = max(map(len, record.memory))
    click.echo(f"memory of the parent that lived longest, {seconds} s, after each tenth of its time: "
               + " ".join(f"{megabytes:.0f}" for megabytes in record.longest_life())
               + f" MB; temporary folders left: {len(left)}")
    sys.exit(1 if record.lost or record.differing else 0)


if __name__ == "__main__":
    main()
