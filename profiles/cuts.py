"""Does cutting cost words? WER within 2 s of the cuts, and elsewhere, and with no cutting at all.

    python profiles/cuts.py RECORDING UTTERANCES.json [--engine pocketsphinx] [--uncut]

RECORDING is any audio; UTTERANCES.json a list of {"start", "end", "text"} of what is said in it. A reference
word's time is taken from its place in its utterance. --uncut transcribes once more, in one window as long as
the recording (PocketSphinx only: Whisper cannot take more than 30 s). About 6 minutes for 13 minutes of
speech with PocketSphinx on 2 cores. Needs jiwer (pip install "voicekit[test]").
"""

from __future__ import annotations

import bisect
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import jiwer

import voicekit
from voicekit import audio, engines
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec
from voicekit.types import LedgerEntry

NEAR = 2.0
"""Seconds from a cut that count as beside it."""


@dataclass(frozen=True)
class Errors:
    """Words in error among words of the reference."""

    wrong: int
    words: int

    @property
    def rate(self) -> float:
        """Word error rate."""
        return self.wrong / self.words if self.words else 0.0

    def __str__(self) -> str:
        return f"WER {self.rate:.3f} ({self.wrong} of {self.words} words)"


def normalised(text: str) -> list[str]:
    """Words in lower case, without punctuation but for apostrophes; FBI is said letter by letter."""
    text = re.sub(r"\b[A-Z]{2,}\b", lambda found: " ".join(found.group()), text)
    return re.sub(r"[^\w' ]+", " ", text.lower().replace("’", "'")).split()


def reference_words(utterances: Sequence[dict[str, object]]) -> tuple[list[str], list[float]]:
    """Words and about when each is said, from its place in the letters of its utterance."""
    words: list[str] = []
    times: list[float] = []
    for utterance in utterances:
        found = normalised(str(utterance["text"]))
        start, end = float(str(utterance["start"])), float(str(utterance["end"]))
        letters, total = 0, sum(len(word) + 1 for word in found)
        for word in found:
            times.append(start + (end - start) * (letters + len(word) / 2) / total)
            letters += len(word) + 1
        words += found
    return words, times


def cuts_of(ledger: Sequence[LedgerEntry]) -> list[float]:
    """The middle of the pause between the speech of two windows."""
    return [(one.end + other.start) / 2 for one, other in zip(ledger, ledger[1:]) if one.window != other.window]


def errors_by_place(reference: Sequence[str], times: Sequence[float], hypothesis: Sequence[str],
                    cuts: Sequence[float]) -> tuple[Errors, Errors]:
    """Errors beside the cuts, and elsewhere; an inserted word counts where it was inserted."""
    def near(index: int) -> bool:
        time = times[min(index, len(times) - 1)]
        place = bisect.bisect(cuts, time)
        return any(abs(time - cut) <= NEAR for cut in cuts[max(0, place - 1):place + 1])

    wrong = {True: 0, False: 0}
    (alignment,) = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments
    for part in alignment:
        if part.type == "insert":
            wrong[near(part.ref_start_idx)] += part.hyp_end_idx - part.hyp_start_idx
        elif part.type != "equal":
            for index in range(part.ref_start_idx, part.ref_end_idx):
                wrong[near(index)] += 1
    count = sum(near(index) for index in range(len(reference)))
    return Errors(wrong[True], count), Errors(wrong[False], len(reference) - count)


def uncut(recording: str, engine: str) -> list[str]:
    """The words of an engine that gets the whole recording as one window."""
    adapter = engines.adapter(engine)
    model = adapter.find(adapter.default_model("normal", "cpu"))
    assert model is not None
    loaded = adapter.load(EngineSpec(engine, model, "cpu", adapter.profile.compute_types["cpu"][0], 1))
    with tempfile.TemporaryDirectory() as folder:
        decoded = audio.decode(recording, Path(folder))
        sound = audio.read(decoded, 0.0, decoded.source.duration)
    (result,) = loaded.transcribe([sound], DecodingOptions(language="en"))
    return normalised(" ".join(segment.text for segment in result.segments))


@click.command()
@click.argument("recording")
@click.argument("utterances", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--engine", default="pocketsphinx", show_default=True)
@click.option("--model")
@click.option("--uncut", "also_uncut", is_flag=True)
def main(recording: str, utterances: Path, engine: str, model: str | None, also_uncut: bool) -> None:
    """Print the error rates."""
    reference, times = reference_words(json.loads(utterances.read_text(encoding="utf-8")))
    transcript = voicekit.transcribe(recording, engine=engine, model=model, language="en")
    cuts = cuts_of(transcript.ledger)
    print(f"{transcript.run.engine} {transcript.run.model}: {len(cuts)} cuts in {transcript.source.duration:.0f} s")
    report("cut into windows", reference, times, normalised(transcript.text), cuts)
    if also_uncut:
        report("in one piece", reference, times, uncut(recording, engine), cuts)
    sys.stdout.flush()


def report(title: str, reference: Sequence[str], times: Sequence[float], hypothesis: Sequence[str],
           cuts: Sequence[float]) -> None:
    """One line for each place."""
    beside, elsewhere = errors_by_place(reference, times, hypothesis, cuts)
    total = Errors(beside.wrong + elsewhere.wrong, beside.words + elsewhere.words)
    print(f"{title}: {total}\n  within {NEAR:g} s of the cuts: {beside}\n  elsewhere: {elsewhere}")


if __name__ == "__main__":
    main()
