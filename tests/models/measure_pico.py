"""How well the pico Whisper hears what it was not trained on, through each engine.

    python -m tests.models.measure_pico --count 200

The sentences, voices, rooms and noises are those of pico_cases.py. Printed are the word error rate, how often
the language is right, how many words begin within 150 ms of espeak-ng's time, how often silence and noise
give no words, and on how many words the engines agree.
"""

from __future__ import annotations

import argparse
import itertools
import random
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jiwer

from tests.engines import whisper_cases
from tests.models import pico_cases, pico_whisper
from tests.models.pico_cases import Talk
from tests.models.pico_grammar import LANGUAGES
from tests.models.pico_sound import RATE
from voicekit.options import DecodingOptions
from voicekit.types import Segment, WindowResult, Word

KINDS = {
    "faster-whisper int8": ("faster-whisper", "int8"),
    "faster-whisper float32": ("faster-whisper", "float32"),
    "openvino int8": ("openvino", "int8"),
    "openai-whisper": ("openai-whisper", "float32"),
}
"""Engine and precision."""

CLOSE = 0.15
"""Seconds that a word's start may be off."""

BATCH = 8


def build(kind: str, folder: Path, file: Path = pico_whisper.FILE) -> Path:
    """Write the model for one of :data:`KINDS`; return what ``--model`` takes."""
    engine, precision = KINDS[kind]
    if engine == "openai-whisper":
        return pico_whisper.build_openai(folder, file)
    return pico_whisper.build_ctranslate2(folder / precision, precision, file)


def load(kind: str, path: Path, threads: int = 2) -> Any:
    """The engine's transcriber."""
    engine, precision = KINDS[kind]
    return whisper_cases.load(engine, path, precision, threads)


def utterances(language: str, count: int, voices: Sequence[str] = ()) -> list[Talk]:
    """One to three sentences each, as a window of a recording begins and ends; in random voices or each in one."""
    rng = random.Random(f"utterances {language}")
    return [pico_cases.talk(hash_of(language, index), [language] * rng.randint(1, 3), lead=rng.uniform(0.1, 0.5),
                            tail=rng.uniform(0.1, 0.5), voices=[voices[index % len(voices)]] if voices else None)
            for index in range(count)]


def hash_of(language: str, index: int) -> int:
    """A seed."""
    return 100_000 * (language == "ru") + index


def hear(engine: Any, talks: Sequence[Talk], options: DecodingOptions) -> list[WindowResult]:
    """Transcribe, some at a time."""
    return [result for first in range(0, len(talks), BATCH)
            for result in engine.transcribe([talk.samples for talk in talks[first:first + BATCH]], options)]


def languages(engine: Any, talks: Sequence[Talk]) -> list[str]:
    """The likeliest language of each."""
    found = [one for first in range(0, len(talks), BATCH)
             for one in engine.detect_language([talk.samples for talk in talks[first:first + BATCH]])]
    return [max(one, key=one.__getitem__) for one in found]


def words_of(segments: Sequence[Segment]) -> list[Word]:
    """The words in order."""
    return [word for segment in segments for word in segment.words]


def plain(text: str) -> list[str]:
    """Words in lower case without marks."""
    return re.sub(r"[^\w' ]+", " ", text.lower()).split()


def spoken_by(result: WindowResult) -> list[str]:
    """The words of a result."""
    return plain(" ".join(segment.text for segment in result.segments))


def word_errors(reference: Sequence[Sequence[str]], hypothesis: Sequence[Sequence[str]]) -> float:
    """Word error rate."""
    return float(jiwer.wer([" ".join(words) for words in reference], [" ".join(words) for words in hypothesis]))


def late(truth: Sequence[tuple[str, float, float]], words: Sequence[Word]) -> list[tuple[float, float]]:
    """For each word that was heard right, when it was said and by how many seconds its start is late."""
    reference = [word for word, _, _ in truth]
    hypothesis = ["".join(plain(word.word)) or "-" for word in words]
    if not hypothesis:
        return []
    (parts,) = jiwer.process_words(" ".join(reference), " ".join(hypothesis)).alignments
    pairs = [(part.ref_start_idx + i, part.hyp_start_idx + i) for part in parts if part.type == "equal"
             for i in range(part.ref_end_idx - part.ref_start_idx)]
    return [(truth[i][1], words[j].start - truth[i][1]) for i, j in pairs]


def close(delays: Sequence[tuple[float, float]]) -> float:
    """The share of words that begin where they should."""
    return sum(abs(delay) <= CLOSE for _, delay in delays) / max(len(delays), 1)


def quiet(engine: Any, count: int, word_timestamps: bool) -> float:
    """The share of windows without speech that give no words."""
    sounds = [pico_cases.not_speech(seed) for seed in range(count)]
    options = DecodingOptions(language="en", word_timestamps=word_timestamps)
    found = [result for first in range(0, count, BATCH)
             for result in engine.transcribe(sounds[first:first + BATCH], options)]
    return sum(not spoken_by(result) for result in found) / count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="utterances of each language, and windows without speech")
    parser.add_argument("--weights", type=Path, default=pico_whisper.FILE)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--voices", nargs="+", default=[], metavar="VOICE",
                        help="espeak-ng's names, such as en-us+f4 and ru+f4, instead of the held-out voices")
    given = parser.parse_args()
    if given.count < 1:
        parser.error("--count must be at least 1")
    voices = {language: [name for name in given.voices if name.startswith(language)] for language in LANGUAGES}
    if given.voices and not all(voices.values()):
        parser.error("--voices must name one at least for each language: " + ", ".join(LANGUAGES))
    heard: dict[str, list[list[str]]] = {kind: [] for kind in given.kinds}
    talks = {language: utterances(language, given.count, voices[language]) for language in LANGUAGES}
    minutes = sum(len(talk.samples) for found in talks.values() for talk in found) / RATE / 60
    print(f"{given.count} utterances of each language, {minutes:.0f} min")
    with tempfile.TemporaryDirectory() as folder:
        for kind in given.kinds:
            engine = load(kind, build(kind, Path(folder), given.weights))
            for language, found in talks.items():
                results = hear(engine, found, DecodingOptions(language=language))
                heard[kind] += [spoken_by(result) for result in results]
                delays = [delay for talk, result in zip(found, results, strict=True)
                          for delay in late(talk.words, words_of(result.segments))]
                right = sum(one == language for one in languages(engine, found)) / len(found)
                errors = word_errors([talk.text for talk in found], [spoken_by(result) for result in results])
                print(f"{kind:22}  {language}: WER {errors:.4f}, language {right:.3f}, starts {close(delays):.3f}", flush=True)
            print(f"{kind:22}  no words without speech: {quiet(engine, given.count, True):.3f}, "
                  f"without word times {quiet(engine, given.count, False):.3f}", flush=True)
    for one, other in itertools.combinations(given.kinds, 2):
        print(f"{one} and {other} agree on {1 - word_errors(heard[one], heard[other]):.4f} of words")


if __name__ == "__main__":
    main()
