"""The weights that all contestants get: made once, found again, and told from a real model."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.engines.whisper_cases import whispers_tokenizer
from tests.models import random_whisper
from voicekit.benchmark import models, whisper_files
from voicekit.benchmark.random_weights import speakable
from voicekit.benchmark.shapes import SHAPES
from voicekit.errors import EngineMissingError, ModelError, OutputError, UsageError


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a model was made."""
    whispers_tokenizer()
    folder = tmp_path_factory.mktemp("kept")
    models.find("tiny", 30, checkpoint=False, keep=folder)
    return folder


@pytest.mark.model
def test_what_was_made_is_found_again(kept: Path) -> None:
    told: list[str] = []
    found = models.find("tiny", 30, checkpoint=False, keep=kept, tell=told.append)
    assert not told, "nothing was made"
    assert found.random and found.checkpoint is None and found.shape == SHAPES["tiny"]
    assert sorted(path.name for path in kept.iterdir()) == ["random-tiny-30-tokens"], "nothing half made is left"
    again = models.find(str(found.folder), 80, checkpoint=False)
    assert again.random and again.shape == SHAPES["tiny"] and again.folder == found.folder
    assert "mean nothing" in (found.folder / "README.txt").read_text()


@pytest.mark.model
def test_the_checkpoint_is_made_when_it_is_wanted(kept: Path) -> None:
    pytest.importorskip("torch")
    before = (kept / "random-tiny-30-tokens" / "model.bin").stat().st_mtime_ns
    found = models.find("tiny", 30, checkpoint=True, keep=kept)
    assert found.checkpoint == (kept / "random-tiny-30-tokens.pt").resolve() and found.checkpoint.is_file()
    assert (found.folder / "model.bin").stat().st_mtime_ns == before
    (kept / "random-tiny-30-tokens.pt").unlink()


@pytest.mark.model
def test_a_model_of_another_generation_is_made_again(kept: Path) -> None:
    folder = kept / "random-tiny-30-tokens"
    mark = json.loads((folder / models.MARK).read_text())
    (folder / models.MARK).write_text(json.dumps({**mark, "generation": 0}))
    models.find("tiny", 30, checkpoint=False, keep=kept)
    assert json.loads((folder / models.MARK).read_text()) == mark


@pytest.mark.model
def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    whispers_tokenizer()
    folder = tmp_path / "random-tiny-30-tokens"
    folder.mkdir()
    (folder / "precious").write_text("")
    with pytest.raises(OutputError, match="something else in it") as error:
        models.find("tiny", 30, checkpoint=False, keep=tmp_path)
    assert "--keep" in error.value.hint and (folder / "precious").exists()


@pytest.mark.model
@pytest.mark.parametrize("quantization", ["int8", "float16", "float32"])
def test_the_shape_is_read_from_the_file(tmp_path: Path, quantization: str) -> None:
    whispers_tokenizer()
    folder = random_whisper.build_ctranslate2(tmp_path / "model", quantization)
    assert models.shape_of(folder) == random_whisper.TINY
    found = models.find(str(folder), 80, checkpoint=True)
    assert not found.random and found.checkpoint is None


@pytest.mark.parametrize("content", [b"", b"\x06\0\0\0", b"\x06\0\0\0\x04\0abc\0\x01\0\0\0\x01\0\0\0\xff\xff"])
def test_no_whisper_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.bin").write_bytes(content)
    with pytest.raises(ModelError, match="is no Whisper"):
        models.shape_of(tmp_path)


def test_a_name_that_is_nothing_is_told_with_the_shapes() -> None:
    with pytest.raises(UsageError, match="huge") as error:
        models.find("huge", 80, checkpoint=False)
    assert "medium" in error.value.hint


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lacks model.bin"):
        models.find(str(tmp_path), 80, checkpoint=False)


def test_the_vocabulary_is_told_where_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "whisper", None)  # as if it were not installed
    whisper_files.ranks.cache_clear()
    with pytest.raises(EngineMissingError, match="vocabulary of openai-whisper") as error:
        models.find("tiny", 80, checkpoint=False, keep=tmp_path)
    assert ".[openai]" in error.value.hint
    assert not list(tmp_path.iterdir())


def test_a_text_of_counted_words_has_as_many_tokens() -> None:
    whispers_tokenizer()
    tokenizer = whisper_files.build_tokenizer()
    words = speakable(counted=True)
    assert len(words) > 1000
    text = tokenizer.decode(words)
    assert tokenizer.encode(text, add_special_tokens=False).ids == words
    assert len(text.split()) == len(words)


def test_the_heads_that_follow_the_sound_are_the_published_ones() -> None:
    whisper = pytest.importorskip("whisper", reason="openai-whisper is not installed")
    for name, shape in SHAPES.items():
        if shape.following:
            dump = gzip.decompress(base64.b85decode(whisper._ALIGNMENT_HEADS[name]))
            published = np.frombuffer(dump, bool).reshape(shape.decoder_layers, shape.heads)
            assert shape.alignment_heads == np.argwhere(published).tolist(), name
    assert len(SHAPES["large-v3"].alignment_heads) == 16 * 20
