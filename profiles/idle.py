"""How much of a run its workers were idle, from the timeline in its json.

    python run_parallel.py talk.mp3 --chunks 5 --workers 8 --no-cache -o talk.json
    python -m profiles.idle talk.json

For every worker: when its first batch began (before that it was started, and loaded its model), how long it was on
batches, and how long it had none until the last batch of all ended. What is left when the last batches are being
finished, and there is no more to be given out, stands apart: it is the time since a worker's own last batch.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from voicekit import formats
from voicekit.errors import VoicekitError
from voicekit.provenance import TimelineEntry


@dataclass(frozen=True, slots=True)
class WorkerTime:
    """What a worker did with its time, in seconds.

    Attributes
    ----------
    begun : float
        When its first batch began, since the run did.
    busy : float
        On batches.
    between : float
        Without one, between two.
    after : float
        From its last to the last of all.
    """

    begun: float
    busy: float
    between: float
    after: float


def worker_times(entries: Sequence[TimelineEntry], stage: str) -> dict[int, WorkerTime]:
    """Of each worker in a stage."""
    batches: dict[int, list[tuple[float, float]]] = {}
    for entry in entries:
        if entry.stage == stage and entry.worker is not None:
            spans = batches.setdefault(entry.worker, [])
            if (entry.began, entry.ended) not in spans:
                spans.append((entry.began, entry.ended))
    last = max((end for spans in batches.values() for _, end in spans), default=0.0)
    found = {}
    for worker, spans in sorted(batches.items()):
        first, final = min(spans)[0], max(end for _, end in spans)
        busy, until = 0.0, first
        for begin, end in sorted(spans):  # batches that were done together overlap
            busy += max(0.0, end - max(begin, until))
            until = max(until, end)
        found[worker] = WorkerTime(first, busy, final - first - busy, last - final)
    return found


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("transcript", type=Path, help="json of voicekit")
    parser.add_argument("--stage", default="transcribe")
    given = parser.parse_args()
    try:
        run = formats.read(given.transcript).run
    except VoicekitError as error:
        parser.error(f"{error.message} {error.hint}")
    found = worker_times(run.timeline, given.stage)
    if not found:
        parser.error(f"No worker did anything in the stage {given.stage!r}: all was kept from an earlier run, or "
                     "nothing was asked for.")
    print("| worker | first batch after | on batches | idle between two | after its last |")
    print("|---|---|---|---|---|")
    for worker, one in found.items():
        print(f"| {worker + 1} | {one.begun:.1f} s | {one.busy:.1f} s | {one.between:.1f} s | {one.after:.1f} s |")
    available = sum(one.busy + one.between + one.after for one in found.values())
    between, after = (sum(each) / available for each in
                      ((one.between for one in found.values()), (one.after for one in found.values())))
    print(f"\nSince their first batches workers were idle {between:.1%} of the time between two batches, and "
          f"{after:.1%} after their last; the run took {run.wall_seconds:.1f} s.")


if __name__ == "__main__":
    main()
