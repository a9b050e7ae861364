"""How much faster than pyannote.audio alone, and how much memory a long recording takes.

    python -m profiles.diarization --seconds 60 --rounds 3 --batch 32
    python -m profiles.diarization --processes 2 --threads 2      # the same cores, divided among processes
    python -m profiles.diarization --hours 4

Speed: pyannote.audio's own ``apply`` in one process and ours take turns on one recording, with the same weights
(random ones of the published size; their values do not change the time) and as many threads in all.
Loading is not counted. ``--batch`` is the pipeline's embedding_batch_size: 32 as community-1 has it, 1 as pyannote
has it by default. The median of the rounds and the ratio of the medians are printed, and whether both found the same.

Memory: the highest resident size of a fresh process that loads the pipeline and concludes from made-up segmentations
and embeddings: six speakers, 1.3 of them active in a window in the mean, clustered with VBx.
"""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from tests.diarization import pyannote_serial
from tests.models import pyannote_models
from voicekit.diarization.grid import Grid
from voicekit.diarization.pyannote_engine import Pyannote, PyannoteDiarizer
from voicekit.protocols import DiarizerSpec, ModelOnDisk
from voicekit.speakers import Diarization, Heard, SpeakerBounds, Stretch
from voicekit.types import SAMPLE_RATE

_ENGINES: list[PyannoteDiarizer] = []


def _load(model: ModelOnDisk, threads: int) -> None:
    _ENGINES[:] = [Pyannote().load(DiarizerSpec("pyannote", model, threads=threads))]


def _listen(stretch: Stretch, sound: NDArray[np.float32]) -> Heard:
    return _ENGINES[0].listen(stretch, lambda start, stop: sound)


def _is_loaded(_: int) -> bool:
    time.sleep(1.0)  # so that each process gets one
    return bool(_ENGINES)


def _ours(samples: NDArray[np.float32], stretches: tuple[Stretch, ...],
          pool: ProcessPoolExecutor | None) -> Diarization:
    sounds = [samples[round(stretch.start * SAMPLE_RATE):round(stretch.end * SAMPLE_RATE)] for stretch in stretches]
    heard = list((pool.map if pool else map)(_listen, stretches, sounds))
    return _ENGINES[0].conclude(len(samples), stretches, heard, SpeakerBounds())


def compare(seconds: float, rounds: int, batch: int, threads: int, processes: int) -> None:
    """Print the times of both, and their ratio."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = pyannote_models.community(Path(folder, "model"), fitted=False, bins=80, embedding_batch=batch)
        samples = pyannote_models.conversation(seconds, seed=5).samples
        model = Pyannote().find(str(path))
        assert model is not None
        stretches = Pyannote().plan(model, len(samples), ())
        alone = pyannote_serial.pipeline(path)
        _load(model, threads)
        pool = None
        if processes > 1:
            pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _load,
                                       (model, max(1, threads // processes)))
            assert all(pool.map(_is_loaded, range(processes)))
        theirs, ours = [], []
        for _ in range(rounds):
            torch.set_num_threads(threads)
            began = time.perf_counter()
            expected = pyannote_serial.run(alone, samples, threads=threads)
            theirs.append(time.perf_counter() - began)
            torch.set_num_threads(threads)
            began = time.perf_counter()
            found = _ours(samples, stretches, pool)
            ours.append(time.perf_counter() - began)
        pyannote_serial.assert_same(found.turns, expected.turns)
        if pool:
            pool.shutdown()
    there, here = statistics.median(theirs), statistics.median(ours)
    print(f"embedding batch {batch}, {seconds:g} s of sound, {threads} threads: pyannote {there:.1f} s, "
          f"ours in {processes} process{'es' * (processes > 1)} {here:.1f} s, ratio {there / here:.2f}; same turns")


def conclude(hours: float) -> None:
    """Conclude from a recording so long, and print the highest resident size of this process."""
    with tempfile.TemporaryDirectory() as folder:
        path = pyannote_models.community(Path(folder, "model"), fitted=False)
        model = Pyannote().find(str(path))
        assert model is not None
        command = [sys.executable, "-c", "from profiles import diarization\n"
                   f"diarization.conclude_here({str(path)!r}, {hours})"]
        subprocess.run(command, check=True)


def conclude_here(path: str, hours: float) -> None:
    """In this process: print seconds and memory."""
    model = Pyannote().find(path)
    assert model is not None
    samples = round(hours * 3600 * SAMPLE_RATE)
    stretches = Pyannote().plan(model, samples, ())
    _load(model, 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    heard = _made_up(stretches)
    began = time.perf_counter()
    found = _ENGINES[0].conclude(samples, stretches, heard, SpeakerBounds())
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    voices = sum(int((each.activity.sum(axis=1) > 0).sum()) for each in heard)
    print(f"{hours:g} h, {sum(map(len, (each.activity for each in heard)))} windows with {voices} voices: "
          f"{len(found.voices)} speakers, {len(found.turns)} turns, {time.perf_counter() - began:.0f} s, "
          f"{after / 2 ** 20:.2f} GB at most, {before / 2 ** 20:.2f} GB once loaded")


def _made_up(stretches: tuple[Stretch, ...]) -> list[Heard]:
    """Turns of 2 to 8 s of six speakers, each of which sounds the same but for some noise."""
    rng = np.random.default_rng(4)
    grid = Grid(10 * SAMPLE_RATE, SAMPLE_RATE, 589, 270 / SAMPLE_RATE, 991 / SAMPLE_RATE)
    total = stretches[-1].first + stretches[-1].count
    frames = grid.total_frames(total)
    voices = rng.standard_normal((6, 256))
    who = np.full((frames, 2), -1)
    place = 0
    while place < frames:
        span = round(rng.uniform(5.0, 30.0) / grid.frame_step)
        who[place:place + span, 0] = rng.integers(-1, 6)
        if rng.random() < 0.1:
            who[place:place + span // 4, 1] = rng.integers(0, 6)
        place += span
    heard = []
    for stretch in stretches:
        activity = np.zeros((stretch.count, 589, 3), np.uint8)
        embeddings = np.full((stretch.count, 3, 256), 0.01, np.float32)
        for index in range(stretch.count):
            first = grid.first_frame(stretch.first + index)
            inside = who[first:first + 589]
            for local, speaker in enumerate([one for one in np.unique(inside) if one >= 0][:3]):
                activity[index, :len(inside), local] = (inside == speaker).any(axis=1)
                embeddings[index, local] = voices[speaker] + 0.4 * rng.standard_normal(256)
        heard.append(Heard(activity, embeddings))
    return heard


@click.command()
@click.option("--seconds", default=60.0, help="Length of the recording.")
@click.option("--rounds", default=3, help="Runs of each, in turn.")
@click.option("--batch", default=32, help="embedding_batch_size of the pipeline.")
@click.option("--threads", default=2, help="Threads of each, in all.")
@click.option("--processes", default=1, help="Among how many processes ours is divided.")
@click.option("--hours", default=0.0, help="Measure memory for a recording so long instead.")
def main(seconds: float, rounds: int, batch: int, threads: int, processes: int, hours: float) -> None:
    """Compare with pyannote alone, or measure memory."""
    if hours:
        conclude(hours)
    else:
        compare(seconds, rounds, batch, threads, processes)


if __name__ == "__main__":
    main()
