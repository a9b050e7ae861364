"""From a job whose windows are all accounted for to its transcript, with how it was made."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass

from voicekit.options import RunOptions
from voicekit.running.crew import Crew
from voicekit.running.jobs import Job
from voicekit.stages import merging
from voicekit.types import CacheUse, InputFile, Language, RunInfo, Transcript
from voicekit.version import __version__


@dataclass(eq=False)
class Active:
    """What the transcript of a job will need beside its results."""

    file: InputFile
    language: Language
    crew: Crew
    began: float
    damaged: int


def transcript_of(job: Job, active: Active, options: RunOptions, workers: int,
                  warnings: Sequence[str]) -> Transcript:
    """Merge the windows of a job; `warnings` are those of the whole run."""
    results = job.all_results()
    return Transcript(
        source=job.recording.source,
        language=active.language,
        segments=merging.merge(job.windows, results),
        ledger=merging.ledger(job.windows, results),
        run=_run_info(job, active, options, workers, warnings),
        partial=job.recording.partial,
    )


def _run_info(job: Job, active: Active, options: RunOptions, workers: int, warnings: Sequence[str]) -> RunInfo:
    crew = active.crew
    model = crew.choice.model
    assert model is not None
    decoding = dataclasses.asdict(options.decoding(active.language.code))
    told = (*crew.plan.warnings, *job.recording.warnings, *warnings, *job.warnings)
    return RunInfo(
        engine=crew.choice.name,
        model=model.name,
        revision=model.revision,
        device=", ".join(sorted(job.devices)) or crew.plan.devices[0],
        compute_type=crew.plan.compute_type,
        version=__version__,
        options={"quality": options.quality, **decoding, "batch_size": crew.plan.batch_size,
                 "chunks": options.plan.chunks, "workers": workers, "threads": crew.plan.threads},
        downgrades=(*crew.choice.downgrades, *job.downgrades),
        warnings=tuple(dict.fromkeys(told)),
        wall_seconds=round(time.monotonic() - active.began, 3),
        cache=CacheUse(job.found, len(job.results) - job.found, active.damaged) if options.store.enabled else None,
    )
