"""Does cutting cost the pico Whisper words? Errors beside the cuts, elsewhere, and in the same words where they are not cut.

    python -m tests.models.measure_cuts --conversations 4

Conversations of ten minutes in each language, each planned several times with windows of another greatest length. So
most words that lie beside a cut in one plan lie in the middle of a window in others: what the cut costs them
is the difference, whatever the words. The small model's errors come in bursts (a sentence written twice, a
phrase left out), a dozen words at a time, so of few cuts nothing can be said.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
from numpy.typing import NDArray

from profiles.cuts import NEAR, Errors, cuts_of
from tests import sound
from tests.models import measure_pico, pico_cases
from tests.models.pico_cases import Talk
from tests.models.pico_grammar import LANGUAGES
from voicekit import audio
from voicekit.options import DecodingOptions
from voicekit.running.preparation import Prepared, prepare
from voicekit.types import InputFile, Window

LENGTHS = (30.0, 26.0, 22.0, 18.0)
"""Greatest lengths of a window, in seconds."""


@dataclass(frozen=True)
class Heard:
    """One conversation under one plan.

    Attributes
    ----------
    wrong : ndarray, shape (words,), float64
        Errors in each word of the reference; a word too many counts where it was inserted.
    beside : ndarray, shape (words,), bool
        Whether it is said within 2 s of a cut.
    """

    wrong: NDArray[np.float64]
    beside: NDArray[np.bool_]


@dataclass(frozen=True)
class Comparison:
    """Errors by place; ``cut`` and ``uncut`` are of the same words, in a plan that cuts beside them and in others."""

    beside: Errors
    elsewhere: Errors
    cut: Errors
    uncut: float

    def __str__(self) -> str:
        places = f"beside the cuts {self.beside}, elsewhere {self.elsewhere}"
        if not self.cut.words:
            return places
        return f"{places}; the same words cut {self.cut.rate:.4f}, not cut {self.uncut / self.cut.words:.4f}"


def prepared(talk: Talk, folder: Path) -> Prepared:
    """A conversation, decoded, and where speech is in it."""
    path = sound.write_plain_wav(folder / "talk.wav", talk.pcm())
    return prepare(InputFile(path, path.name), folder)


def heard(engine: Any, talk: Talk, language: str, ready: Prepared, plans: Sequence[Sequence[Window]]) -> list[Heard]:
    """Transcribe a conversation under every plan."""
    times = np.array([(start + end) / 2 for _, start, end in talk.words])
    found = []
    for plan in plans:
        cuts = np.array(cuts_of(plan))
        sounds = [audio.read(ready.recording, window.start, window.end) for window in plan]
        wrong = errors_of(talk.text, said(engine, sounds, language))
        found.append(Heard(wrong, np.abs(times[:, None] - cuts[None]).min(axis=1) <= NEAR))
    return found


def said(engine: Any, sounds: Sequence[Any], language: str) -> list[str]:
    """What the engine says to windows, some at a time."""
    size = measure_pico.BATCH
    return [word for first in range(0, len(sounds), size)
            for result in engine.transcribe(sounds[first:first + size], DecodingOptions(language=language))
            for word in measure_pico.spoken_by(result)]


def errors_of(reference: Sequence[str], hypothesis: Sequence[str]) -> NDArray[np.float64]:
    """Errors in each word of the reference."""
    wrong = np.zeros(len(reference))
    (parts,) = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments
    for part in parts:
        if part.type == "insert":
            wrong[min(part.ref_start_idx, len(wrong) - 1)] += part.hyp_end_idx - part.hyp_start_idx
        elif part.type != "equal":
            wrong[part.ref_start_idx:part.ref_end_idx] += 1
    return wrong


def compare(conversations: Sequence[Sequence[Heard]]) -> Comparison:
    """Put conversations and plans together."""
    beside = elsewhere = cut = Errors(0, 0)
    uncut = 0.0
    for plans in conversations:
        for one in plans:
            beside += Errors(int(one.wrong[one.beside].sum()), int(one.beside.sum()))
            elsewhere += Errors(int(one.wrong[~one.beside].sum()), int((~one.beside).sum()))
            for index in np.flatnonzero(one.beside):
                others = [other.wrong[index] for other in plans if not other.beside[index]]
                if others:
                    cut += Errors(int(one.wrong[index]), 1)
                    uncut += float(np.mean(others))
    return Comparison(beside, elsewhere, cut, uncut)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=4, help="of ten minutes, in each language")
    parser.add_argument("--kind", choices=measure_pico.KINDS, default="faster-whisper int8")
    given = parser.parse_args()
    if given.conversations < 1:
        parser.error("--conversations must be at least 1")
    found: list[list[Heard]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = measure_pico.load(given.kind, measure_pico.build(given.kind, folder))
        for language in LANGUAGES:
            for seed in range(1, given.conversations + 1):
                talk = pico_cases.conversation(seed, 600, language)
                ready = prepared(talk, folder)
                found.append(heard(engine, talk, language, ready, [ready.windows(length) for length in LENGTHS]))
                print(f"{language} {seed}: {compare(found[-1:])}", flush=True)
    for number, length in enumerate(LENGTHS):
        print(f"windows of at most {length:g} s: {compare([[plans[number]] for plans in found])}")
    print(f"together: {compare(found)}")


if __name__ == "__main__":
    main()
