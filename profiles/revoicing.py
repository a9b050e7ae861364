"""How near another voice comes to the original, and how fast, through the main job itself.

    python -m profiles.revoicing                                 synthetic speech with known words
    python -m profiles.revoicing talk.flac --language en         a recording of yours
    python -m profiles.revoicing --dnsmos sig_bak_ovr.onnx       with predicted quality, too

Synthetic: for Russian and English, speakers of espeak-ng with 24 sentences each are spoken again in another voice;
words are recognised by the pico Whisper of the tests. Says what ``prosody.json`` measures, the word error rate
of the result transcribed again beside that of the voice speaking by itself, the DNSMOS of both (Reddy et al. 2022),
and how fast everything after transcription is on one core. Needs espeak-ng.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from tests import sound
from tests.commands import command, environment
from tests.models import measure_pico, pico_cases
from voicekit import voices
from voicekit.audio.native import native
from voicekit.audio.resampling import resampled
from voicekit.protocols import VoiceSpec
from voicekit.running.roundtrip import word_error_rate
from voicekit.text.spelling import spell
from voicekit.types import Word

CASES = (("ru", "ru+m6", "espeak:ru+f2"), ("ru", "ru+Andrea", "espeak:ru+m3"),
         ("en", "en-us+Michael", "espeak:en-us+f2"), ("en", "en-gb-x-rp+f4", "espeak:en-us+m3"))
"""Language, who speaks, and who speaks it again."""

SENTENCES = 24
RATE = 16000

Sound = NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Case:
    """One recording with what is known of it."""

    name: str
    path: Path
    language: str
    voice: str
    sentences: tuple[str, ...]


def synthetic(folder: Path) -> list[Case]:
    """Four speakers with known words."""
    made = []
    for language, speaker, voice in CASES:
        talk = pico_cases.talk(7, [language] * SENTENCES, voices=[speaker], noisy=False, pause=(0.3, 1.2))
        path = sound.write_plain_wav(folder / f"{speaker}.wav", talk.pcm())
        made.append(Case(f"{speaker} -> {voice}", path, language, voice, tuple(
            " ".join(one.words(language)) for one in talk.sentences)))
    return made


def run(folder: Path, case: Case, options: tuple[str, ...], *outputs: str, core: bool = False) -> float:
    """The main job with one worker, where asked for on one core; its seconds."""
    # With one beam the words are the same for any quality.
    given = ["--beam-size", "1", *(part for name in outputs for part in ("-o", name))]
    began = time.monotonic()
    done = subprocess.run(command(case.path, "--language", case.language, "--workers", "1", "--overwrite", *options,
                                  *given), cwd=folder, capture_output=True, text=True,
                          env=environment(folder, VOICEKIT_CACHE=str(folder / "kept")),
                          preexec_fn=(lambda: os.sched_setaffinity(0, {0})) if core else None)
    if done.returncode:
        raise click.ClickException(done.stderr)
    return time.monotonic() - began


def by_itself(case: Case, folder: Path) -> Sound:
    """The voice as it speaks without any original."""
    voice = voices.parse(case.voice, case.language)
    assert voice is not None
    adapter = voices.adapter(voice.engine)
    synthesizer = adapter.load(VoiceSpec(voice, adapter.find(voice) or adapter.fetch(voice)))
    parts: list[Sound] = []
    for text in case.sentences:
        words = spell([Word(0.0, 0.0, f" {word}", 1.0) for word in text.split()], case.language)
        said = synthesizer.speak(words, case.language)
        parts += [*resampled([said.samples], len(said.samples), said.rate, RATE), np.zeros(RATE // 2, np.float32)]
    return np.concatenate(parts)


def decoded(path: Path) -> Sound:
    """A file at 16 kHz."""
    parts: list[Sound] = []
    found = native(path, lambda block, rate: parts.append(block))
    return np.concatenate([*resampled(parts, found.samples, found.rate, RATE)])


def mos(model: Path, samples: Sound) -> float:
    """Mean predicted overall quality of 9.01 s windows, 1 to 5."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    length, hop = int(9.01 * RATE), 3 * RATE
    samples = samples * np.float32(0.3 / max(float(np.abs(samples).max()), 1e-6))
    samples = np.tile(samples, -(-length // max(len(samples), 1)))  # as its authors do with what is shorter
    scores = [session.run(None, {session.get_inputs()[0].name: samples[None, first:first + length]})[0][0][2]
              for first in range(0, len(samples) - length + 1, hop)]
    raw = float(np.mean(scores))
    return -0.06766283 * raw ** 2 + 1.11546468 * raw + 0.04602535  # the authors' own fit to raters


def measure(case: Case, folder: Path, model: tuple[str, ...], dnsmos: Path | None) -> dict[str, Any]:
    """All figures of one case."""
    voice = ("--voice", case.voice)
    run(folder, case, model, "words.json")
    if not case.sentences:  # what was recognised is taken for what was said
        words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
        case = dataclasses.replace(case, sentences=tuple(segment["text"] for segment in words["segments"]))
    report = folder / "new.prosody.json"
    run(folder, case, (*model, *voice, "--quality", "normal"), "new.wav", report.name)
    found: dict[str, Any] = dict(json.loads(report.read_text(encoding="utf-8"))["measures"])
    found["duration_error"] = native(folder / "new.wav").samples - native(case.path).samples
    plain = by_itself(case, folder)
    alone = Case(case.name, sound.write_plain_wav(folder / "alone.wav", np.rint(plain * 32767).astype(np.int16)),
                 case.language, case.voice, case.sentences)
    run(folder, alone, model, "alone.json")
    heard = json.loads((folder / "alone.json").read_text(encoding="utf-8"))
    found["own_wer"] = word_error_rate(" ".join(case.sentences),
                                       " ".join(segment["text"] for segment in heard["segments"]))
    if dnsmos is not None:
        found["mos"], found["own_mos"] = mos(dnsmos, decoded(folder / "new.wav")), mos(dnsmos, plain)
    return found


def speeds(case: Case, folder: Path, model: tuple[str, ...]) -> dict[str, float]:
    """Times real time of everything after transcription, with the work and the writing of a wav on one core."""
    run(folder, case, model, "words.json")
    seconds = native(case.path).samples / native(case.path).rate
    found = {}
    for quality, more in (("fast", ("--no-prosody", "--no-stress")), ("normal", ()), ("high", ())):
        given = (*model, "--quality", "high" if quality == "high" else "normal")
        took, without = [], []
        for _ in range(3):
            without.append(run(folder, case, (*given, "--from", "write"), "words.txt", core=True))
            voiced = (*given, *more, "--voice", case.voice, "--from", "speak")
            took.append(run(folder, case, voiced, "x.wav", core=True))
        found[quality] = seconds / (statistics.median(took) - statistics.median(without))
    return found


@click.command()
@click.argument("recording", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--language", default="en", show_default=True)
@click.option("--voice", default="espeak", show_default=True)
@click.option("--model", help="For a recording of yours. [default: what the main job takes]")
@click.option("--dnsmos", type=click.Path(exists=True, path_type=Path), help="The DNSMOS model sig_bak_ovr.onnx.")
def main(recording: Path | None, language: str, voice: str, model: str | None, dnsmos: Path | None) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if recording is None:
            cases = synthetic(folder)
            given: tuple[str, ...] = ("--model", str(measure_pico.build("faster-whisper float32", folder)))
        else:
            cases = [Case(f"{recording.name} -> {voice}", recording.resolve(), language, voice, ())]
            given = ("--model", model) if model else ()
        for case in cases:
            click.echo(case.name)
            for name, value in measure(case, folder, given, dnsmos).items():
                click.echo(f"  {name:24} {value:.3f}")
        if recording is None:
            talk = pico_cases.talk(8, ["ru"] * 240, voices=["ru+m6", "ru+Andrea"], noisy=False, pause=(0.3, 1.2))
            path = sound.write_plain_wav(folder / "long.wav", talk.pcm())
            cases = [Case("ten minutes", path, "ru", "espeak:ru+f2", ())]
        for quality, times in speeds(cases[0], folder, given).items():
            click.echo(f"after transcription, on one core, {quality}: {times:.1f}x real time")


if __name__ == "__main__":
    main()
