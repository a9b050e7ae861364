"""The smallest Whisper of random weights: its words mean nothing, and it is built and run in every test."""

from __future__ import annotations

from pathlib import Path

from voicekit.benchmark import whisper_files
from voicekit.benchmark.random_weights import weights
from voicekit.benchmark.shapes import Shape

TINY = Shape(width=64, heads=2, encoder_layers=2, decoder_layers=2)


def build_openai(folder: Path, seed: int = 1, looping: bool = False, tokens: int | None = None) -> Path:
    """Write the tiny model as a checkpoint of openai-whisper; return its path."""
    return whisper_files.write_openai(folder / "tiny_whisper.pt", TINY, weights(TINY, seed, looping, tokens))


def build_ctranslate2(folder: Path, quantization: str = "int8", seed: int = 1, looping: bool = False,
                      tokens: int | None = None) -> Path:
    """Write the same model for faster-whisper; return the folder."""
    return whisper_files.write_ctranslate2(folder, TINY, weights(TINY, seed, looping, tokens), quantization)
