"""A fresh interpreter shows what importing pulls in: asking for help must not load a model library."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "ctranslate2", "faster_whisper", "onnxruntime", "onnx_asr", "whisper", "pocketsphinx", "av", "numpy",
         "huggingface_hub", "tokenizers", "joblib", "rich", "pyannote", "librosa"}


def modules_after(code: str) -> set[str]:
    script = f"{code}\nimport json, sys; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("code", [
    "import voicekit",
    "import voicekit.types, voicekit.errors, voicekit.options",
    "import voicekit.cli",
    "from voicekit.cli import voicekit\ntry: voicekit(['--help'])\nexcept SystemExit: pass",
    "from voicekit.cli import voicekit\ntry: voicekit(['run', '--help'])\nexcept SystemExit: pass",
    "import voicekit.execution.slots",
])
def test_nothing_heavy_is_loaded(code: str) -> None:
    assert modules_after(code) & HEAVY == set()


def test_engines_are_found_without_their_libraries() -> None:
    code = "from voicekit import engines\nfor name in engines.names(): engines.adapter(name).profile, engines.installed(name)"
    found = modules_after(code)
    assert found & (HEAVY - {"numpy"}) == set(), "numpy is in the sockets' types"


def test_help_comes_at_once() -> None:
    # A bound for the user's patience, with room for a busy machine: the best of several is what counts.
    def seconds() -> float:
        began = time.monotonic()
        subprocess.run([sys.executable, "-m", "voicekit", "--help"], check=True, capture_output=True, cwd=ROOT)
        return time.monotonic() - began

    assert min(seconds() for _ in range(5)) < 0.4


def test_the_readme_prints_the_table_of_presets() -> None:
    from voicekit.options import PRESETS

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, preset in PRESETS.items():
        row = f"| {name} | {preset.model_cpu} | {preset.model_gpu} | {preset.beam_size} | " + " | ".join(
            "yes" if value else "no" for value in (preset.word_timestamps, preset.stress, preset.prosody)) + " |"
        assert row in readme


def test_the_readme_names_every_option() -> None:
    from voicekit.cli.run import run

    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for parameter in run.params:
        name = max(parameter.opts, key=len)
        assert name == "inputs" or f"`{name}" in readme, name
