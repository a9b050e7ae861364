"""Who spoke, through the main job: how right, and how fast.

    python -m profiles.speakers talks/                             every recording with an .rttm beside it
    python -m profiles.speakers talks/ --diarize pyannote --workers 2
    python -m profiles.speakers talks/ --speakers                  with the number of speakers given

For each recording: speakers in the reference and found; DER without a collar and with overlap, and its parts; and
how fast everything was that ``--diarize`` adds. For that, words come from the cache: the recording is transcribed
first, by PocketSphinx, and only what comes after is timed, with start and loading of the program. A ``.uem`` says
what is scored.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from voicekit.audio.native import native
from voicekit.scoring.diarization import Score, score
from voicekit.scoring.rttm_files import read_rttm, read_uem

_ROOT = Path(__file__).parents[1]


def _run(recording: Path, folder: Path, *options: str) -> float:
    """Seconds that the main job takes; what it says is shown where it fails."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, str(_ROOT / "run_parallel.py"), str(recording), "--engine", "pocketsphinx",
                           "--cache", str(folder / "cache"), *options], capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(done.stderr)
    return time.monotonic() - began


def _row(name: str, speakers: str, found: str, one: Score, speed: str) -> str:
    parts = " | ".join(f"{part / one.speech:.3f}" if one.speech else "-"
                       for part in (one.missed, one.false_alarm, one.confusion))
    der = "-" if one.der is None else f"{one.der:.3f}"
    return f"| {name} | {speakers} | {found} | {der} | {parts} | {speed} |"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--diarize", default="embedded", show_default=True, help="As in the main job.")
@click.option("--workers", default=1, show_default=True)
@click.option("--speakers", "known", is_flag=True, help="Give the number of speakers.")
def main(folder: Path, diarize: str, workers: int, known: bool) -> None:
    """Diarize every recording of a folder that has a reference."""
    references = [path for path in sorted(folder.glob("*.rttm"))]
    if not references:
        raise click.ClickException(f"{folder} has no .rttm file.")
    click.echo("| recording | speakers | found | DER | missed | false alarm | confusion | x real time |\n"
               "|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="voicekit-") as temporary:
        for reference in references:
            (recording,) = (path for path in folder.glob(f"{reference.stem}.*")
                            if path.suffix not in (".rttm", ".uem", ".json", ".txt"))
            turns = read_rttm(reference)
            (name,) = turns
            count = len({turn.speaker for turn in turns[name]})
            place = Path(temporary, reference.name)
            wanted = ("--speakers", str(count)) if known else ()
            common = ("--diarize", diarize, "--workers", str(workers), *wanted)
            _run(recording, place.parent, *common, "--until", "transcribe")
            seconds = _run(recording, place.parent, *common, "--from", "diarize", "-o", str(place))
            heard = read_rttm(place)
            uem = reference.with_suffix(".uem")
            scores = score({name: turns[name]}, {name: next(iter(heard.values()), ())},
                           {name: next(iter(read_uem(uem).values()))} if uem.exists() else None)
            duration = native(recording).samples / native(recording).rate
            click.echo(_row(reference.stem, str(count), str(scores.recordings[0].found),
                            scores.recordings[0].scores[0], f"{duration / seconds:.1f}"))


if __name__ == "__main__":
    main()
