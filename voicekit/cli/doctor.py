"""``voicekit doctor``: is everything there, does it work, and if not, what to do."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

import click

from voicekit import engines
from voicekit.errors import EXIT_DONE, EXIT_FAILED, VoicekitError
from voicekit.options import PRESETS
from voicekit.version import __version__


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report.

    ``advice`` is empty where all is well; ``essential`` findings decide the exit code.
    """

    what: str
    state: str
    advice: str = ""
    essential: bool = False


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
def doctor() -> int:
    """Check Python, libraries, devices and models; say what to do about each."""
    broken = False
    for title, check in (("System", _system), ("Core", _core), ("Engines", _engines), ("Devices", _devices),
                         ("Models", _models), ("Speakers", _speakers), ("Voices", _voices)):
        click.echo(click.style(title, bold=True))
        for finding in check():
            mark = click.style("--", fg="yellow") if finding.advice else click.style("OK", fg="green")
            if finding.advice and finding.essential:
                mark, broken = click.style("NO", fg="red"), True
            click.echo(f"  {mark}  {finding.what:18} {finding.state}")
            if finding.advice:
                click.echo(f"      {'':18} {finding.advice}")
    return EXIT_FAILED if broken else EXIT_DONE


def _system() -> Iterator[Finding]:
    from voicekit.planning.machine import this_machine

    yield Finding("voicekit", __version__)
    yield Finding("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}",
                  "" if sys.version_info >= (3, 11) else "voicekit needs Python 3.11 or newer.", essential=True)
    machine = this_machine()
    memory = f"{machine.memory / 1e9:.1f} GB of memory free" if machine.memory is not None else "memory unknown"
    yield Finding("machine", f"{machine.cores} cores, {memory}")
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    yield Finding("temporary folder", f"{folder}, {free / 1e9:.1f} GB free",
                  "" if free > 2e9 else "An hour of audio needs 0.12 GB here: choose another with --temp-dir.")


def _core() -> Iterator[Finding]:
    for package in ("numpy", "av", "onnxruntime", "ctranslate2", "faster-whisper", "openvino", "huggingface_hub",
                    "pocketsphinx"):
        yield _package(package, essential=True)
    yield _try("speech detection", _detect_speech)


def _package(package: str, *, essential: bool = False) -> Finding:
    try:
        return Finding(package, metadata.version(package))
    except metadata.PackageNotFoundError:
        return Finding(package, "not installed", f"pip install {package}", essential)


def _try(what: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(what, work())
    except Exception as error:  # whatever is broken, the doctor has to say it and go on
        hint = "Install into a fresh environment: remove .venv, then scripts/run"
        hint = error.hint if isinstance(error, VoicekitError) else hint
        return Finding(what, f"{type(error).__name__}: {error}", hint, essential=True)


def _detect_speech() -> str:
    import numpy as np

    from voicekit.engines.silero import SileroDetector
    from voicekit.planning.frames import detect

    silence = detect(SileroDetector(), [np.zeros(16000, np.float32)]).probabilities
    if not len(silence) or silence.max() > 0.5:
        raise RuntimeError("silence is taken for speech")
    return "Silero VAD runs"


def _engines() -> Iterator[Finding]:
    for name in engines.names():
        profile = engines.adapter(name).profile
        known = "about 100 languages" if profile.languages is None else ", ".join(sorted(profile.languages))
        if engines.installed(name):
            yield Finding(name, f"installed; {known}")
        else:
            yield Finding(name, f"not installed; {known}",
                          f"Optional, in voicekit's folder: {engines.how_to_install(name)}")


def _devices() -> Iterator[Finding]:
    from voicekit.planning.machine import this_machine

    gpus = this_machine().gpus
    if not gpus:
        yield Finding("GPU", "none (the CUDA driver finds no device); everything runs on the CPU")
        return
    yield Finding("GPU", f"{gpus} found by the CUDA driver")
    for name in engines.names():
        adapter = engines.adapter(name)
        if not engines.installed(name) or "cuda" not in adapter.profile.compute_types:
            continue
        usable = adapter.cuda_devices()
        advice = "" if usable else f"The installed {adapter.profile.package} has no CUDA: install its GPU build."
        if not usable and name == "faster-whisper":
            advice = "CTranslate2 needs the cuBLAS of CUDA 12: pip install nvidia-cublas-cu12"
        yield Finding(name, f"can use {usable}", advice)


def _models() -> Iterator[Finding]:
    from voicekit.cli.models import describe

    for name in engines.names():
        if not engines.installed(name):
            continue
        adapter = engines.adapter(name)
        wanted = dict.fromkeys(adapter.default_model(quality, kind)  # type: ignore[arg-type]
                               for quality in PRESETS for kind in adapter.profile.compute_types)
        for model in wanted:
            try:
                found = adapter.find(model)
            except VoicekitError as error:
                yield Finding(name, f"{model}: {error.message}", error.hint)
                continue
            yield Finding(name, f"{model}: {describe(found).strip() if found else 'not on disk'}",
                          "" if found else f"voicekit models fetch {model} --engine {name}")


def _speakers() -> Iterator[Finding]:
    from voicekit import diarization
    from voicekit.cli.models import describe

    for name in diarization.names():
        adapter = diarization.adapter(name)
        model = adapter.models()[0]
        if not diarization.installed(name):
            yield Finding(name, "not installed",
                          f"Optional, in voicekit's folder: {diarization.how_to_install(name)}")
            continue
        try:
            found = adapter.find(None)
        except VoicekitError as error:
            yield Finding(name, error.message, error.hint)
            continue
        where = describe(found).strip() if found else "not on disk"
        yield Finding(name, f"installed; {model}: {where}",
                      "" if found else f"voicekit models fetch {model} --engine {name}")
    if diarization.installed("pyannote"):
        yield _torchaudio()
        state = os.environ["PYANNOTE_METRICS_ENABLED"]
        yield Finding("telemetry", "pyannote reports nothing to its makers" if state == "0" else
                      "pyannote reports to its makers", "" if state == "0" else "unset PYANNOTE_METRICS_ENABLED")
    token = os.environ.get("HF_TOKEN")
    yield Finding("HF_TOKEN", "set" if token else "not set; only pyannote's own models ask for it")


def _torchaudio() -> Finding:
    """Whether torchaudio's compiled part loads beside the torch that is installed: tried in another process, for
    what fails to load cannot be taken back."""
    tried = subprocess.run([sys.executable, "-W", "ignore", "-c", "import torchaudio"], capture_output=True,
                           text=True)
    if tried.returncode == 0:
        return Finding("torchaudio", f"{metadata.version('torchaudio')} loads")
    why = (tried.stderr.strip().splitlines() or ["no message"])[-1]
    return Finding("torchaudio", "its compiled part does not load beside this torch, and a stand-in takes its place: "
                                 f"pyannote needs none of it ({why[:120]})")


def _voices() -> Iterator[Finding]:
    from voicekit import voices

    for name in voices.names():
        adapter = voices.adapter(name)
        if not adapter.installed():
            yield Finding(name, "not installed", f"Optional. {adapter.how_to_install()}")
            continue
        known = adapter.voices()
        here = sum(adapter.find(voice) is not None for voice in known)
        yield Finding(name, f"installed; {here} of {len(known)} voices on disk")
    for package, use in (("pyworld-prebuilt", "melody"), ("pyloudnorm", "loudness"), ("num2words", "numbers"),
                         ("jiwer", "--gate and reports"), ("silero-stress", "stress of Russian")):
        found, extra = _package(package), "silero" if package == "silero-stress" else "revoice"
        yield Finding(found.what, f"{found.state} ({use})",
                      f'Optional, in voicekit\'s folder: pip install -e ".[{extra}]"' if found.advice else "")
