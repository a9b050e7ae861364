"""Does cutting cost words? WER within 2 s of the cuts, and elsewhere, and with no cutting at all.

    python profiles/cuts.py RECORDING UTTERANCES.json --window 30 --window 20 --window 15 --uncut

RECORDING is any audio; UTTERANCES.json a list of {"start", "end", "text"} of what is said in it. A reference
word's time is taken from its place in its utterance. --uncut transcribes once more, in one window as long as
the recording (PocketSphinx only: Whisper cannot take more than 30 s), so that places can be compared with
themselves. With PocketSphinx about 2 minutes for each window length and 13 minutes of speech. Needs jiwer
(pip install -e ".[test]").
"""

from __future__ import annotations

import bisect
import itertools
import json
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import jiwer

from voicekit import audio, engines
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, Transcriber
from voicekit.running.preparation import Prepared, prepare
from voicekit.types import InputFile, Window

NEAR = 2.0
"""Seconds from a cut that count as beside it."""


@dataclass(frozen=True)
class Errors:
    """Words in error among words of the reference."""

    wrong: int
    words: int

    def __add__(self, other: Errors) -> Errors:
        return Errors(self.wrong + other.wrong, self.words + other.words)

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


def cuts_of(windows: Sequence[Window]) -> list[float]:
    """Where one window ends and the next begins."""
    return [(one.end + other.start) / 2 for one, other in itertools.pairwise(windows)]


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


@dataclass(frozen=True)
class Sound:
    """A decoded recording with its speech, and an engine that is loaded once."""

    prepared: Prepared
    engine: Transcriber

    def words(self, windows: Sequence[Window]) -> list[str]:
        """What the engine says to these windows, one after the other."""
        words = []
        for window in windows:
            sound = audio.read(self.prepared.recording, window.start, window.end)
            (result,) = self.engine.transcribe([sound], DecodingOptions(language="en"))
            words += normalised(" ".join(segment.text for segment in result.segments))
        return words


def load(engine: str, model: str | None) -> Transcriber:
    """An engine on the CPU in this process."""
    adapter = engines.adapter(engine)
    found = adapter.find(model or adapter.default_model("normal", "cpu"))
    if found is None:
        raise SystemExit(f"The model is not on disk: voicekit models fetch {model} --engine {engine}")
    return adapter.load(EngineSpec(engine, found, "cpu", adapter.profile.compute_types["cpu"][0], 2))


@click.command()
@click.argument("recording")
@click.argument("utterances", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--engine", default="pocketsphinx", show_default=True)
@click.option("--model")
@click.option("--window", "lengths", type=float, multiple=True, default=[30.0], show_default=True,
              help="Longest window in seconds; repeat it to look at more cuts.")
@click.option("--uncut", is_flag=True, help="Once more, in one window as long as the recording.")
def main(recording: str, utterances: Path, engine: str, model: str | None, lengths: tuple[float, ...],
         uncut: bool) -> None:
    """Print the error rates."""
    reference, times = reference_words(json.loads(utterances.read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        file = InputFile(Path(recording), Path(recording).name)
        sound = Sound(prepare(file, Path(folder)), load(engine, model))
        whole = None
        if uncut:
            everything = Window(0, 0.0, sound.prepared.recording.source.duration, ())
            whole = sound.words([everything])
        pooled = [Errors(0, 0)] * 4
        for length in lengths:
            windows = sound.prepared.windows(length)
            cuts = cuts_of(windows)
            print(f"{engine}, windows of at most {length:g} s: {len(cuts)} cuts")
            found = [*report("  cut     ", reference, times, sound.words(windows), cuts)]
            found += report("  in one piece", reference, times, whole, cuts) if whole else [Errors(0, 0)] * 2
            pooled = [one + other for one, other in zip(pooled, found, strict=True)]
        if len(lengths) > 1:
            print(f"together: cut: beside the cuts {pooled[0]}, elsewhere {pooled[1]}")
            if whole:
                print(f"  in one piece: at the same places {pooled[2]}, elsewhere {pooled[3]}")


def report(title: str, reference: Sequence[str], times: Sequence[float], hypothesis: Sequence[str],
           cuts: Sequence[float]) -> tuple[Errors, Errors]:
    """Print and return the errors beside the cuts and elsewhere."""
    beside, elsewhere = errors_by_place(reference, times, hypothesis, cuts)
    print(f"{title} {beside + elsewhere}; within {NEAR:g} s of the cuts {beside}; elsewhere {elsewhere}", flush=True)
    return beside, elsewhere


if __name__ == "__main__":
    main()
