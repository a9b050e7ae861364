"""Models of the true sizes for measuring speed: the right shape, and exactly the tokens that were asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.commands import ROOT
from tests.engines.whisper_cases import load, whispers_tokenizer
from voicekit.benchmark import random_weights, whisper_files
from voicekit.benchmark.models import WARNING
from voicekit.benchmark.shapes import SHAPES, Shape
from voicekit.engines.whisper_windows import Effort
from voicekit.options import DecodingOptions

TOKENS = 130

# Millions of parameters, from the model card.
PUBLISHED = {"tiny": 39, "base": 74, "small": 244, "medium": 769, "large-v3": 1550, "large-v3-turbo": 809}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    whispers_tokenizer()
    folder = tmp_path_factory.mktemp("shapes")
    done = subprocess.run([sys.executable, "-m", "profiles.whisper_shapes", "tiny", "--tokens", str(TOKENS), "--into",
                           str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert WARNING in done.stdout and "mean nothing" in WARNING
    return folder


@pytest.mark.parametrize("name", SHAPES)
def test_the_sizes_are_the_published_ones(name: str) -> None:
    shape = SHAPES[name]
    width = shape.width
    encoder = shape.encoder_layers * 12 * width ** 2 + 3 * width * (shape.mels + width)
    decoder = shape.decoder_layers * 16 * width ** 2 + (shape.vocabulary + 448) * width
    assert (encoder + decoder) / 1e6 == pytest.approx(PUBLISHED[name], rel=0.05)
    assert shape.vocabulary == (51_866 if name.startswith("large") else 51_865)


@pytest.mark.model
@pytest.mark.parametrize("engine, precision", [("faster-whisper", "int8"), ("openai-whisper", "float32")])
def test_every_window_has_as_many_tokens_as_asked_for(built: Path, engine: str, precision: str,
                                                      speech: NDArray[np.int16]) -> None:
    title = f"random-tiny-{TOKENS}-tokens"
    model = load(engine, built / (title if engine == "faster-whisper" else f"{title}.pt"), precision)
    sound = speech.astype(np.float32) / 32768
    windows = [sound, sound[:80_000], sound[::-1].copy()]
    encoded = model.encode(windows)
    for word_timestamps in (True, False):
        options = DecodingOptions(language="ru", word_timestamps=word_timestamps)
        decoded = model.decode(encoded, options, [], Effort(1))
        assert not any(one.doubtful or one.silent for one in decoded), "nothing is decoded twice"
        # <|notimestamps|> is one of them; a last timestamp may have to be closed by a second one.
        wanted = {TOKENS - 1} if word_timestamps else {TOKENS, TOKENS + 1}
        assert {len(one.tokens) for one in decoded} <= wanted
    assert len({one.text for one in decoded}) == len(windows)


@pytest.mark.model
def test_whoever_finds_the_model_is_warned(built: Path) -> None:
    assert (built / f"random-tiny-{TOKENS}-tokens" / "README.txt").read_text().strip() == WARNING


@pytest.mark.model
@pytest.mark.parametrize("engine, precision", [("faster-whisper", "float32"), ("openai-whisper", "float32")])
def test_what_is_new_in_large_v3(tmp_path: Path, engine: str, precision: str, speech: NDArray[np.int16]) -> None:
    """128 bands and Cantonese, in a model that is small otherwise."""
    whispers_tokenizer(SHAPES["large-v3"].languages)
    shape = Shape(128, 2, 2, 2, SHAPES["large-v3"].mels, SHAPES["large-v3"].languages)
    weights = random_weights.weights(shape, tokens=40)
    path = (whisper_files.write_ctranslate2(tmp_path / "model", shape, weights, precision) if engine == "faster-whisper"
            else whisper_files.write_openai(tmp_path / "model.pt", shape, weights))
    model = load(engine, path)
    assert "yue" in model.languages and len(model.languages) == 100
    [decoded] = model.decode(model.encode([speech.astype(np.float32) / 32768]), DecodingOptions(language="yue"), [], Effort(1))
    assert len(decoded.tokens) == 39 and not decoded.doubtful
