"""Windows of sound and a way to load the small model, for the tests of both Whisper engines."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models import random_whisper
from voicekit.engines import adapter
from voicekit.protocols import EngineSpec, Samples


def tone(seconds: float, hertz: float) -> Samples:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * 16_000)) / 16_000)).astype(np.float32)


def noise(seconds: float, seed: int = 0) -> Samples:
    return (0.2 * np.random.default_rng(seed).standard_normal(int(seconds * 16_000))).astype(np.float32)


def chirp(seconds: float) -> Samples:
    time = np.arange(int(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * (100 * time + 200 * time**2))).astype(np.float32)


SILENCE: Samples = np.zeros(32_000, np.float32)

WINDOWS: list[Samples] = [tone(3, 440), noise(5), chirp(8), tone(0.3, 300), noise(30, seed=1),
                          np.concatenate([tone(4, 200), noise(6)]), SILENCE]


def whispers_tokenizer(languages: int = 99) -> Any:
    """openai-whisper's own tokenizer; it is made here first because it leaves its file open."""
    tokenizer = pytest.importorskip("whisper.tokenizer", reason="openai-whisper is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        return tokenizer.get_tokenizer(True, num_languages=languages)


def build(engine: str, folder: Path, quantization: str = "float32", looping: bool = False) -> Path:
    whispers_tokenizer()  # without openai-whisper there is no vocabulary to build from
    if engine == "openai-whisper":
        return random_whisper.build_openai(folder, looping=looping)
    return random_whisper.build_ctranslate2(folder, quantization, looping=looping)


def load(engine: str, path: Path, compute_type: str = "float32", threads: int = 2) -> Any:
    one = adapter(engine)
    model = one.find(str(path))
    assert model is not None
    return one.load(EngineSpec(engine, model, "cpu", compute_type, threads))
