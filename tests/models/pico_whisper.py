"""The pico Whisper: a real Whisper, trained by train_pico.py, that knows a small language of two tongues.

What it hears it writes down, in English or Russian, with its times; see pico_grammar.py for its words.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from voicekit.benchmark import whisper_files
from voicekit.benchmark.shapes import Shape
from voicekit.benchmark.whisper_files import Weights

SHAPE = Shape(width=128, heads=4, encoder_layers=3, decoder_layers=3)
FILE = Path(__file__).with_name("pico_whisper.npz")


def weights(file: Path = FILE) -> Weights:
    """All parameters. The file has them in half precision, and of the vocabulary what is used; the rest is zero."""
    with np.load(file) as stored:
        arrays = {name: stored[name].astype(np.float32) for name in stored.files if name not in ("used", "rows")}
        embedding = np.zeros((SHAPE.vocabulary, SHAPE.width), np.float32)
        embedding[stored["used"]] = stored["rows"].astype(np.float32)
    return {**arrays, "decoder.token_embedding.weight": embedding,
            "encoder.positional_embedding": whisper_files.sinusoids(SHAPE.width)}


def build_openai(folder: Path, file: Path = FILE) -> Path:
    """Write the checkpoint for openai-whisper; return its path."""
    return whisper_files.write_openai(folder / "pico.pt", SHAPE, weights(file))


def build_ctranslate2(folder: Path, quantization: str = "int8", file: Path = FILE) -> Path:
    """Write the folder for faster-whisper; return it."""
    return whisper_files.write_ctranslate2(folder, SHAPE, weights(file), quantization)
