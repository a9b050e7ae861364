"""What it brings to decode again only the windows whose first text is doubtful.

    python -m profiles.decoding_again --count 200

The very small Whisper of the tests hears sentences, voices and rooms that it was not trained on, through one engine,
as they are and under white noise. Printed are, for each loudness of the noise, the word error rate of the first text,
of what is kept after doubtful windows were decoded again (beam 5, then without repetitions), and of beam 5 for every
window; the share that was decoded again; and how much longer both take than the first text alone.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.models import measure_pico
from tests.models.pico_cases import Talk
from voicekit.engines.whisper_windows import Effort
from voicekit.options import DecodingOptions

OPTIONS = DecodingOptions(language="en", beam_size=1, word_timestamps=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Heard:
    """What one way of decoding gave.

    Attributes
    ----------
    errors : float
        Word error rate.
    seconds : float
        All of it, the encoder too.
    again : float
        Share of the windows that were decoded again.
    """

    errors: float
    seconds: float
    again: float = 0.0


def noisy(talks: Sequence[Talk], decibels: float | None) -> list[Talk]:
    """The same, with white noise so far below the speech; None for none."""
    if decibels is None:
        return list(talks)
    found = []
    for number, talk in enumerate(talks):
        noise = np.random.default_rng(number).standard_normal(len(talk.samples)).astype(np.float32)
        level = np.sqrt(np.mean(np.square(talk.samples))) * 10 ** (-decibels / 20)
        found.append(dataclasses.replace(talk, samples=talk.samples + noise * np.float32(level)))
    return found


def first_texts(engine: Any, talks: Sequence[Talk], options: DecodingOptions) -> list[list[str]]:
    """What is written before anything is doubted."""
    found = []
    for first in range(0, len(talks), measure_pico.BATCH):
        encoded = engine.encode([talk.samples for talk in talks[first:first + measure_pico.BATCH]])
        found += [[] if one.silent else measure_pico.plain(one.text)
                  for one in engine.decode(encoded, options, [], Effort(options.beam_size))]
    return found


def timed(hear: Callable[[], list[list[str]]], talks: Sequence[Talk]) -> Heard:
    """Measure a way of decoding."""
    began = time.monotonic()
    heard = hear()
    seconds = time.monotonic() - began
    reference = [measure_pico.plain(" ".join(talk.text)) for talk in talks]
    return Heard(measure_pico.word_errors(reference, heard), seconds)


def compared(engine: Any, talks: Sequence[Talk], language: str) -> list[Heard]:
    """The first text; that with doubtful windows decoded again; beam 5 for all."""
    options = dataclasses.replace(OPTIONS, language=language)
    results: list[Any] = []

    def selective() -> list[list[str]]:
        results[:] = measure_pico.hear(engine, talks, options)
        return [measure_pico.spoken_by(result) for result in results]

    first_texts(engine, talks[:measure_pico.BATCH], options)  # the first batch of all is slower
    plain = timed(lambda: first_texts(engine, talks, options), talks)
    chosen = timed(selective, talks)
    beams = timed(lambda: first_texts(engine, talks, dataclasses.replace(options, beam_size=5)), talks)
    share = sum(result.again for result in results) / len(results)
    return [plain, dataclasses.replace(chosen, again=share), beams]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="utterances of each language")
    parser.add_argument("--kind", choices=measure_pico.KINDS, default="openvino int8")
    parser.add_argument("--noise", type=float, nargs="*", default=[20, 10, 5], metavar="DB", help="speech to noise")
    given = parser.parse_args()
    print("| language | noise | WER, first text | decoded again | WER then | time | WER, beam 5 | time |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        engine = measure_pico.load(given.kind, measure_pico.build(given.kind, Path(folder)))
        for language in ("en", "ru"):
            talks = measure_pico.utterances(language, given.count)
            for decibels in (None, *given.noise):
                plain, chosen, beams = compared(engine, noisy(talks, decibels), language)
                level = "as it is" if decibels is None else f"{decibels:g} dB"
                print(f"| {language} | {level} | {plain.errors:.4f} | {chosen.again:.1%} | {chosen.errors:.4f} | "
                      f"{chosen.seconds / plain.seconds:.2f}x | {beams.errors:.4f} | "
                      f"{beams.seconds / plain.seconds:.2f}x |", flush=True)


if __name__ == "__main__":
    main()
