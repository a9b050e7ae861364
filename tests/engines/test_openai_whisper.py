"""Finding, fetching and loading the models of openai-whisper."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engines.whisper_cases import WINDOWS, build, load
from voicekit import device_audit, engines
from voicekit.engines import openai_whisper
from voicekit.engines.openai_whisper import OpenAIWhisper
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, ModelOnDisk

whisper = pytest.importorskip("whisper", reason="openai-whisper is not installed")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("openai-whisper", tmp_path_factory.mktemp("model"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for models."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "whisper"


def spec(path: Path, device: str = "cpu", compute_type: str = "float32") -> EngineSpec:
    return EngineSpec("openai-whisper", ModelOnDisk("tiny", str(path), "0" * 64, 1), device, compute_type, 2)


def test_names_and_files_are_whispers() -> None:
    assert set(OpenAIWhisper().models()) == set(whisper.available_models())
    assert openai_whisper.FILES == {name: url.rpartition("/")[2] for name, url in whisper._MODELS.items()}


def test_torch_is_not_imported_for_names() -> None:
    code = ("import sys\nfrom voicekit.engines.openai_whisper import OpenAIWhisper as W\nW().models()\n"
            "W().find('tiny')\nW().default_model('fast', 'cuda')\nprint([m for m in ('torch', 'whisper') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_a_model_in_the_cache(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert OpenAIWhisper().find("turbo") is None
    cache.mkdir(parents=True)
    (cache / "large-v3-turbo.pt").write_bytes(b"weights")
    assert OpenAIWhisper().find("turbo") == ModelOnDisk(
        "turbo", str(cache / "large-v3-turbo.pt"), hashlib.sha256(b"weights").hexdigest(), 7)
    monkeypatch.delenv("VOICEKIT_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert OpenAIWhisper().find("base") is None
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper" / "base.pt").write_bytes(b"x")
    assert OpenAIWhisper().find("base") is not None


def test_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(b"x")
    by_folder, by_file = OpenAIWhisper().find(str(tmp_path)), OpenAIWhisper().find(str(tmp_path / "mine.pt"))
    assert by_folder is not None and by_file is not None
    assert (by_folder.path, by_folder.revision) == (by_file.path, by_file.revision)
    (tmp_path / "other.pt").write_bytes(b"y")
    with pytest.raises(ModelError, match="2 .pt files"):
        OpenAIWhisper().find(str(tmp_path))


def test_unknown_name(cache: Path) -> None:
    for method in (OpenAIWhisper().find, OpenAIWhisper().fetch):
        with pytest.raises(ModelError, match="'smal'") as error:
            method("smal")
        assert "large-v3-turbo" in error.value.hint


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # whisper leaves the file it checks open
def test_fetch(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revision = hashlib.sha256(b"weights").hexdigest()
    (tmp_path / revision).mkdir()
    (tmp_path / revision / "tiny.pt").write_bytes(b"weights")
    monkeypatch.setitem(whisper._MODELS, "tiny", f"{tmp_path.as_uri()}/{revision}/tiny.pt")
    found = OpenAIWhisper().fetch("tiny")
    assert found == OpenAIWhisper().find("tiny") == ModelOnDisk("tiny", str(cache / "tiny.pt"), revision, 7)
    assert list(cache.iterdir()) == [cache / "tiny.pt"], "nothing else is left"


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_damaged_download_is_not_kept(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ("0" * 64)).mkdir()
    (tmp_path / ("0" * 64) / "tiny.pt").write_bytes(b"other weights")
    monkeypatch.setitem(whisper._MODELS, "tiny", f"{tmp_path.as_uri()}/{'0' * 64}/tiny.pt")
    with pytest.raises(ModelError, match="SHA256"):
        OpenAIWhisper().fetch("tiny")
    assert OpenAIWhisper().find("tiny") is None


def test_fetch_without_a_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(whisper._MODELS, "tiny", f"http://127.0.0.1:9/{'0' * 64}/tiny.pt")
    with pytest.raises(ModelError, match="could not be reached") as error:
        OpenAIWhisper().fetch("tiny")
    assert "voicekit models fetch tiny --engine openai-whisper" in error.value.hint


@pytest.mark.model
def test_loading(checkpoint: Path) -> None:
    import torch

    transcriber = load("openai-whisper", checkpoint, threads=1)
    assert transcriber.device == "cpu" and "torch " in engines.version("openai-whisper")
    assert torch.get_num_threads() == 1


@pytest.mark.model
def test_a_damaged_file(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.pt").write_bytes(checkpoint.read_bytes()[:100_000])
    with pytest.raises(ModelError, match="cannot be read"):
        OpenAIWhisper().load(spec(tmp_path / "cut.pt"))


@pytest.mark.parametrize("compute_type", ["int8", "float16"])
def test_a_precision_that_it_has_not(tmp_path: Path, compute_type: str) -> None:
    with pytest.raises(UsageError, match=compute_type) as error:
        OpenAIWhisper().load(spec(tmp_path / "x.pt", compute_type=compute_type))
    assert "float32" in error.value.hint


@pytest.mark.parametrize("device", ["cuda:7", "tpu"])
def test_a_device_that_is_not_there(tmp_path: Path, device: str) -> None:
    with pytest.raises(DeviceError):
        OpenAIWhisper().load(spec(tmp_path / "x.pt", device))


@pytest.mark.model
def test_every_tensor_is_looked_at(checkpoint: Path) -> None:
    import torch

    model = whisper.load_model(str(checkpoint), device="cpu")
    assert device_audit.audit(model, "cpu") == "cpu"
    model.decoder.blocks[1].cross_attn.to("meta")
    with pytest.raises(DeviceError, match=r"decoder\.blocks\.1\.cross_attn\.\w+ .* on meta, not on cpu"):
        device_audit.audit(model, "cpu")
    model = whisper.load_model(str(checkpoint), device="cpu")
    model.encoder.positional_embedding = model.encoder.positional_embedding.to("meta")  # a buffer
    with pytest.raises(DeviceError, match="module encoder .* on meta"):
        device_audit.audit(model, "cpu")
    with pytest.raises(DeviceError, match="on cpu, not on cuda:0"):
        device_audit.audit(torch.nn.Linear(2, 2), "cuda")


@pytest.mark.model
def test_alignment_heads_are_known_by_content(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def heads() -> Any:
        return load("openai-whisper", tmp_path / "any name.pt")._model.alignment_heads.to_dense().tolist()

    shutil.copy(checkpoint, tmp_path / "any name.pt")
    assert heads() == [[False, False], [True, True]], "whisper's default"
    import base64
    import gzip

    dump = base64.b85encode(gzip.compress(bytes([0, 1, 0, 0])))
    revision = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    monkeypatch.setitem(whisper._MODELS, "tiny", f"https://host/models/{revision}/tiny.pt")
    monkeypatch.setitem(whisper._ALIGNMENT_HEADS, "tiny", dump)
    assert heads() == [[False, True], [False, False]]


@pytest.mark.model
def test_words_are_found_without_a_second_pass_of_the_encoder(checkpoint: Path) -> None:
    transcriber = load("openai-whisper", checkpoint)
    passes = []
    hook = transcriber._model.encoder.register_forward_hook(lambda *_: passes.append(1))
    [result] = transcriber.transcribe(WINDOWS[:1], DecodingOptions(language="en"))
    hook.remove()
    assert result.segments[0].words and len(passes) == 1


@pytest.mark.model
def test_word_times_are_whispers(checkpoint: Path) -> None:
    """The shortcut around the encoder gives what the library gives."""
    import torch
    from whisper.timing import find_alignment
    from whisper.tokenizer import get_tokenizer

    from voicekit.engines.whisper_windows import Effort, padded

    transcriber, options = load("openai-whisper", checkpoint), DecodingOptions(language="en")
    encoded = transcriber.encode(WINDOWS[:1])
    [decoded] = transcriber.decode(encoded, options, [], Effort(1))
    [ours] = transcriber.align(encoded, options, [decoded], [300])
    with torch.no_grad():
        theirs = find_alignment(transcriber._model, get_tokenizer(True, language="en", task="transcribe"),
                                list(decoded.tokens), whisper.log_mel_spectrogram(padded(WINDOWS[0])), 300)
    assert [(word.word, word.start, word.end) for word in ours] == [(word.word, word.start, word.end) for word in theirs]


@pytest.mark.model
@pytest.mark.gpu
@pytest.mark.parametrize("compute_type", ["float16", "float32"])
def test_on_a_gpu(checkpoint: Path, compute_type: str) -> None:
    model = OpenAIWhisper().find(str(checkpoint))
    assert model is not None
    transcriber = OpenAIWhisper().load(EngineSpec("openai-whisper", model, "cuda:0", compute_type, 1))
    assert transcriber.device == "cuda:0"
    assert len(transcriber.transcribe(WINDOWS, DecodingOptions(language="en"))) == len(WINDOWS)
