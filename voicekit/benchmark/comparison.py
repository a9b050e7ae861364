"""voicekit beside its peers and beside the floors: the page to read first.

    model, recording -> voicekit once (its windows are what everyone decodes) -> the best settings of the batched peer
      -> all in turn, round by round -> do the numbers of tokens agree? -> ratios, floors

Nothing else may run on the machine meanwhile.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path

from voicekit.benchmark import contest, floors, models, peaks, recording, search
from voicekit.benchmark.contest import Score, Tell
from voicekit.benchmark.contestants import OURS, Contestant, Job, Peer, Result, Voicekit
from voicekit.benchmark.floors import Floor, Work
from voicekit.benchmark.options import PEERS, TARGET, BenchmarkOptions
from voicekit.engines.faster_whisper import FasterWhisper
from voicekit.errors import EngineMissingError, ModelError
from voicekit.options import EngineOptions
from voicekit.planning.machine import plan_devices, this_machine

TOLERANCE = 0.01
"""By what share the number of tokens of two contestants may differ for their times to be compared."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of it.

    Attributes
    ----------
    job : Job
        What everyone was given.
    scores : tuple of Score
        voicekit's first.
    ratios : dict
        voicekit's speed over that of each peer that may be compared.
    refused : dict
        Why others may not.
    trials : tuple of Trial
        What the batched peer was tried with.
    floors : dict of str to Floor
        ``arithmetic`` and ``memory``, where they could be measured.
    notes : tuple of str
        What the reader should know.
    """

    job: Job
    scores: tuple[Score, ...]
    ratios: dict[str, float]
    refused: dict[str, str]
    trials: tuple[search.Trial, ...]
    floors: dict[str, Floor]
    notes: tuple[str, ...]

    @property
    def ours(self) -> Score:
        """voicekit's score."""
        return self.scores[0]


def compare(options: BenchmarkOptions, tell: Tell) -> Comparison:
    """Measure.

    Parameters
    ----------
    options : BenchmarkOptions
        As asked for.
    tell : callable
        Gets a line for everything that goes on.

    Raises
    ------
    VoicekitError
        If a contestant cannot run, or fails.
    """
    cores = this_machine().cores
    device = device_of(options.device)
    with tempfile.TemporaryDirectory(prefix="voicekit-bench-") as name:
        folder = Path(name)
        job, peers, notes = _prepared(options, device, folder, tell)
        ours = Voicekit(job, options.engine)
        first = contest.run(ours, folder)
        tell(f"{OURS} for the first time, which does not count: {first.measured.seconds:.1f} s, "
             f"{len(first.result.windows)} windows")
        measured = _floors(job, first.result)
        contestants, trials = _contestants(ours, peers, first.result, options, cores, folder, tell)
        scores = contest.hold(contestants, options.rounds, folder, tell)
    refused = {one.name: why for one in scores[1:] if (why := _unlike(scores[0], one)) is not None}
    ratios = {one.name: contest.ratio(scores[0], one) for one in scores[1:] if one.name not in refused}
    return Comparison(job, scores, ratios, refused, trials, measured, notes)


def device_of(asked: str) -> str:
    """``cpu`` or ``cuda``: what all contestants run on.

    Raises
    ------
    DeviceError
        If a GPU was asked for and there is none.
    """
    engine = FasterWhisper()
    devices, _ = plan_devices(EngineOptions(device=asked), engine.profile, this_machine(), engine.cuda_devices)
    return devices[0].partition(":")[0]


def prepared(options: BenchmarkOptions, device: str, folder: Path, checkpoint: bool, tell: Tell) -> Job:
    """The model and the recording."""
    model = models.find(options.model, options.tokens, checkpoint=checkpoint, keep=options.keep, tell=tell)
    if model.random:
        tell(models.WARNING)
    made = recording.make(folder, options.minutes, options.recording)
    return Job(made, model, device, options.word_timestamps)


def _prepared(options: BenchmarkOptions, device: str, folder: Path,
              tell: Tell) -> tuple[Job, tuple[str, ...], tuple[str, ...]]:
    """The job, the names of the peers that take part, and why others do not."""
    wanted = tuple(PEERS) if options.peers is None else options.peers
    missing = {"openai-whisper": "openai-whisper is not installed"} if (
        "openai-whisper" in wanted and not _installed("whisper", "torch")) else {}
    job = prepared(options, device, folder, "openai-whisper" in wanted and not missing, tell)
    if "openai-whisper" in wanted and not missing and job.model.checkpoint is None:
        missing["openai-whisper"] = f"there is no {job.model.folder.name}.pt beside the model's folder"
    if missing and options.peers is not None:
        name, why = next(iter(missing.items()))
        kind = EngineMissingError if "installed" in why else ModelError
        raise kind(f"{name} cannot take part: {why}.",
                   'Install it: pip install -e ".[openai]"; give its file too; or leave it out with --peers.')
    return (job, tuple(name for name in wanted if name not in missing),
            tuple(f"{name} did not take part: {why}." for name, why in missing.items()))


def _installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) is not None for package in packages)


def _contestants(ours: Voicekit, names: tuple[str, ...], first: Result, options: BenchmarkOptions, cores: int,
                 folder: Path, tell: Tell) -> tuple[list[Contestant], tuple[search.Trial, ...]]:
    """Everyone, warmed up: what is on disk was read once."""
    contestants: list[Contestant] = [ours]
    trials: tuple[search.Trial, ...] = ()
    for name in names:
        peer = Peer(name, ours.job, first.windows, options.peer_threads or cores)
        if name == TARGET:
            peer, trials = search.best(peer, cores, options.peer_batch_size, options.peer_threads, folder, tell)
        if name != TARGET or not trials:
            contest.run(Peer(name, ours.job, first.windows[:1], peer.threads), folder)
        contestants.append(peer)
    return contestants, trials


def _floors(job: Job, result: Result) -> dict[str, Floor]:
    """What the machine would need at least for what was decoded, while nothing else runs on it."""
    work = Work(len(result.windows), result.tokens / len(result.windows), result.batches)
    each = f"{work.windows} windows of 1500 positions, {work.tokens:.0f} tokens each"
    weight = 2 if job.device == "cuda" else 1
    found = {}
    rates = peaks.arithmetic(job.device)
    if rates:
        found["arithmetic"] = Floor(floors.operations(job.model.shape, work), rates[0].per_second,
                                    rates[0].measured_with, f"{each}; all of it in the fastest type of this machine")
    read = peaks.bandwidth(job.device)
    if read is not None:
        found["memory"] = Floor(floors.traffic(job.model.shape, work, weight), read.per_second, read.measured_with,
                                f"{each}; in {work.batches} batches, weights of {weight} byte{'s' * (weight > 1)} "
                                f"once for each batch, those of the decoder once for each of its tokens; keys and "
                                f"values of {floors.KEPT} bytes for each window and token")
    return found


def _unlike(ours: Score, theirs: Score) -> str | None:
    """Why two may not be compared; None if they may."""
    if any(turn.result.windows != theirs.turns[0].result.windows for turn in ours.turns):
        return "voicekit decoded other windows in another run"
    if abs(ours.tokens - theirs.tokens) > TOLERANCE * max(ours.tokens, theirs.tokens):
        return f"{theirs.tokens:.1f} tokens a window, and voicekit {ours.tokens:.1f}"
    return None
