"""The batched peer at its best: which batch size and how many threads make it fastest here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from voicekit.benchmark.commands import measure
from voicekit.benchmark.contest import Tell
from voicekit.benchmark.contestants import Peer

WINDOWS = 16
"""From the beginning of the recording, to be decoded in every trial: what the batches on a CPU divide."""

CPU_BATCHES = (4, 8, 16)
GPU_BATCHES = (8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Trial:
    """What one setting took.

    Attributes
    ----------
    batch_size, threads : int
        The setting.
    seconds : float
        For the windows, without start-up, loading, decoding the sound and finding speech, which are alike for all.
    """

    batch_size: int
    threads: int
    seconds: float


def best(peer: Peer, cores: int, batch_size: int | None, threads: int | None, folder: Path,
         tell: Tell) -> tuple[Peer, tuple[Trial, ...]]:
    """Set up the peer as it is fastest.

    Parameters
    ----------
    peer : Peer
        With all windows.
    cores : int
        What the machine has.
    batch_size, threads : int, optional
        What is given is not looked for.
    folder : Path
        For what it writes.
    tell : callable
        Gets a line for each trial.

    Returns
    -------
    peer : Peer
        The fastest.
    trials : tuple of Trial
        All that was tried; none where nothing was to be found.
    """
    cuda = peer.job.device == "cuda"
    windows = peer.windows[:4 * WINDOWS if cuda else WINDOWS]
    most = max(len(windows), 1)
    batches = (batch_size,) if batch_size else tuple(dict.fromkeys(
        min(one, most) for one in (GPU_BATCHES if cuda else CPU_BATCHES)))
    counts = (threads,) if threads else (cores,) if cuda else (cores, 2 * cores)
    settings = [(batch, count) for count in counts for batch in batches]
    if len(settings) == 1:
        return replace(peer, batch_size=settings[0][0], threads=settings[0][1]), ()
    trials = []
    for batch, count in settings:
        tried = replace(peer, windows=windows, batch_size=batch, threads=count)
        measure(f"{peer.name} with batches of {batch} and {count} threads", tried.command(folder), folder)
        trials.append(Trial(batch, count, tried.answer(folder).transcribing))
        tell(f"{peer.name}, batch {batch}, {count} threads: {len(windows)} windows in {trials[-1].seconds:.1f} s")
    fastest = min(trials, key=lambda trial: trial.seconds)
    return replace(peer, batch_size=fastest.batch_size, threads=fastest.threads), tuple(trials)
