"""How much of a speaker's prosody another voice takes over, on speech whose words and times are known.

    python -m profiles.prosody --sentences 24 --quality normal
    python -m profiles.prosody --dnsmos sig_bak_ovr.onnx      # predicted quality as well, before and after

espeak-ng says each sentence twice: as the original speaker, with a pitch, a pace and a liveliness of his own, and as
the voice that is to take over. Word times are espeak-ng's. Both registers are measured over all sentences of their
speaker, as a run does. Every figure is the mean over sentences, as voicekit.prosody.measures defines it; the targets
stand below it. Then the seconds of speech that each step does in a second, on one thread. Needs espeak-ng's library,
scipy and pyworld, and for --dnsmos onnxruntime and DNSMOS's file (raw SIG, BAK and OVR are reported).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import numpy as np
from numpy.typing import NDArray

from tests.models import espeak, pico_grammar
from voicekit.options import Quality
from voicekit.prosody import measures, psola, world
from voicekit.prosody.loudness import loudness, trimmed
from voicekit.prosody.measures import Measures
from voicekit.prosody.pitch import register, track
from voicekit.prosody.transfer import transfer
from voicekit.spoken import Register, Spoken
from voicekit.types import SAMPLE_RATE, Span

RATE = 22_050
"""Of the voice, as espeak-ng and Piper have it."""

MARGIN = 0.3
"""Seconds of silence before and after the original sentence."""

CASES = {
    "ru": [("ru+m3", 35, 140, 70, "ru+f2"), ("ru+f3", 60, 175, 60, "ru"), ("ru+m6", 45, 150, 40, "ru+m1"),
           ("ru+Andrea", 55, 165, 65, "ru+m3")],
    "en": [("en-us+m3", 40, 150, 60, "en-us+f2"), ("en-us+f4", 55, 185, 70, "en-us+m1"),
           ("en-gb-x-rp+m2", 50, 135, 45, "en-us"), ("en-us+Michael", 45, 160, 60, "en-us+f3")],
}
"""The original speaker, his pitch, pace and liveliness, and the voice that takes over."""

Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence by its speaker and by the voice."""

    original: NDArray[np.float32]
    anchors: tuple[Span, ...]
    spoken: Spoken

    @property
    def seconds(self) -> float:
        """Length of the original's speech."""
        return self.anchors[-1].end


def texts(language: str, count: int) -> list[str]:
    """Sentences of two parts, with a pause between."""
    rng = random.Random(f"prosody {language}")
    parts = [pico_grammar.sentence(rng, held_out=True).text(language)[:-1] for _ in range(2 * count)]
    joint = {"en": ", and ", "ru": ", а "}[language]
    return [one + joint + other + rng.choice(".?.") for one, other in zip(parts[::2], parts[1::2], strict=True)]


def pair(text: str, case: tuple[str, int, int, int, str]) -> Pair | None:
    """Both say the text; None where espeak-ng does not time the same words in both."""
    from scipy.signal import resample_poly

    who, pitch, pace, liveliness, voice = case
    original = espeak.speak(text, who, pace, pitch, liveliness)
    other = espeak.speak(text, voice)
    if [word[0] for word in original.words] != [word[0] for word in other.words]:
        return None
    silence = np.zeros(round(MARGIN * SAMPLE_RATE), np.float32)
    samples = resample_poly(other.samples, RATE, espeak.RATE).astype(np.float32)
    return Pair(np.concatenate([silence, original.samples, silence]),
                tuple(Span(start, end) for _, start, end in original.words),
                Spoken(samples, RATE, tuple(Span(start, end) for _, start, end in other.words)))


def revoiced(one: Pair, speaker: Register | None, voice: Register | None, quality: Quality) -> NDArray[np.float32]:
    """The recording in the new voice, as long as the original."""
    room = len(one.original) / SAMPLE_RATE - MARGIN
    fitted = transfer(one.original, MARGIN, one.anchors, one.spoken, speaker, voice, room, quality)
    made = np.zeros(round(len(one.original) / SAMPLE_RATE * RATE), np.float32)
    first = round((MARGIN - fitted.lead) * RATE)
    part = fitted.samples[:len(made) - first]
    made[first:first + len(part)] = part
    return made


class Predictor:
    """DNSMOS: speech quality as listeners would judge it (Reddy et al. 2022)."""

    WINDOW = 144_160

    def __init__(self, path: Path) -> None:
        import onnxruntime

        self._session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def __call__(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """SIG, BAK, OVR, raw; a short sound is repeated until it fills the window."""
        from scipy.signal import resample_poly

        heard = np.resize(resample_poly(samples, 320, 441), self.WINDOW).astype(np.float32)
        name = self._session.get_inputs()[0].name
        return np.asarray(self._session.run(None, {name: heard[None]})[0][0], np.float64)


def measured(pairs: Sequence[Pair], quality: Quality, predictor: Predictor | None) -> tuple[list[Measures], Any]:
    """Figures of each sentence, and predicted quality before and after."""
    speaker = register(track(one.original, SAMPLE_RATE) for one in pairs)
    voice = register(track(one.spoken.samples, RATE) for one in pairs)
    found, scores = [], []
    for one in pairs:
        made = revoiced(one, speaker, voice, quality)
        found.append(measures.compare(measures.hear(one.original, SAMPLE_RATE), measures.hear(made, RATE),
                                      speaker, voice))
        if predictor is not None:
            inner = made[round(MARGIN * RATE):-round(MARGIN * RATE)]
            scores.append((predictor(one.spoken.samples), predictor(inner)))
    return found, np.mean(scores, axis=0) if scores else None


def row(name: str, one: Measures, scores: Any) -> str:
    """A line of the table."""
    def shown(value: float | None, form: str) -> str:
        return "-" if value is None else format(value, form)

    line = (f"{name:28} {shown(one.f0_rmse, '8.1f')} {shown(one.f0_rmse_fine, '8.1f')} "
            f"{shown(one.f0_correlation, '7.3f')} {shown(one.gross_pitch_error, '6.3f')} "
            f"{shown(one.voicing_error, '6.3f')} {shown(one.energy_correlation, '7.3f')} "
            f"{shown(one.overlap, '8.3f')} {shown(one.overlap_back, '6.3f')} {one.duration_error:6}")
    if scores is not None:
        line += "   " + "  ".join(f"{name} {before:.2f} > {after:.2f}" for name, before, after
                                  in zip(("SIG", "BAK", "OVR"), *scores, strict=True))
    return line


def paces(pairs: Sequence[Pair], quality: Quality) -> dict[str, float]:
    """Seconds of speech per second of computing, by step."""
    took: dict[str, float] = {}
    said = sum(one.seconds for one in pairs)

    def timed(name: str, step: Callable[[], Got]) -> Got:
        began = time.perf_counter()
        made = step()
        took[name] = took.get(name, 0.0) + time.perf_counter() - began
        return made

    for one in pairs:
        own = timed("F0 of the voice", lambda: track(one.spoken.samples, RATE))
        timed("F0 of the original", lambda: track(one.original, SAMPLE_RATE))
        timed("edges of words", lambda: trimmed(one.spoken.words, one.spoken.samples, RATE))
        timed("loudness", lambda: loudness(one.spoken.samples, RATE))
        length = len(one.spoken.samples)
        ends = np.array([0.0, length / RATE])
        for name, remake in (("PSOLA", psola.resynthesise), ("WORLD", world.resynthesise)):
            timed(name, lambda: remake(one.spoken.samples, RATE, own, ends, ends, np.full(1, 1.2), length))
        timed(f"transfer, {quality}", lambda: revoiced(one, None, None, quality))
        timed("transfer, fast", lambda: revoiced(one, None, None, "fast"))
    return {name: said / seconds for name, seconds in took.items()}


@click.command()
@click.option("--sentences", default=24, show_default=True, type=click.IntRange(1), help="Per language and case.")
@click.option("--language", "languages", multiple=True, type=click.Choice(list(CASES)), help="One or both.")
@click.option("--quality", default="normal", show_default=True, type=click.Choice(["fast", "normal", "high"]))
@click.option("--dnsmos", type=click.Path(exists=True, dir_okay=False, path_type=Path), envvar="VOICEKIT_DNSMOS",
              help="DNSMOS's sig_bak_ovr.onnx.")
def main(sentences: int, languages: tuple[str, ...], quality: str, dnsmos: Path | None) -> None:
    """Print figures per case, their means, the targets and the paces."""
    if espeak.library() is None:
        raise click.ClickException("espeak-ng's library is not installed: no speech can be made.")
    predictor = Predictor(dnsmos) if dnsmos is not None else None
    click.echo(f"{'':28}  F0 RMSE     fine    corr  gross voicing energy  overlap   back  samples")
    every: list[Pair] = []
    for language in languages or tuple(CASES):
        whole: list[Measures] = []
        scores = []
        for case in CASES[language]:
            pairs = [made for text in texts(language, sentences) if (made := pair(text, case)) is not None]
            found, quality_found = measured(pairs, cast(Quality, quality), predictor)
            click.echo(row(f"{case[0]} > {case[4]} ({len(pairs)})", measures.mean(found), quality_found))
            whole += found
            scores.append(quality_found)
            every += pairs[:6]
        click.echo(row(f"{language}: mean ({len(whole)})", measures.mean(whole),
                       np.mean(scores, axis=0) if predictor is not None else None))
    click.echo(f"{'target':28}    <= 80            >= .95               >= .6    >= .95            0")
    for name, pace in paces(every, cast(Quality, quality)).items():
        click.echo(f"{name:28} {pace:8.0f} x real time")


if __name__ == "__main__":
    main()
