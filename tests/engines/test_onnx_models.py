from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from tests.engines.onnx_kinds import COMMIT, build, put_in_cache, spec, speech
from voicekit.engines.onnx_asr import GigaAM, Parakeet
from voicekit.engines.onnx_models import in_folder
from voicekit.errors import ModelError
from voicekit.options import DecodingOptions


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache that both voicekit and the hub's client use."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "hub"


def test_names_and_files_are_those_of_the_library() -> None:
    loader = pytest.importorskip("onnx_asr.loader")
    from onnx_asr.resolver import model_repos

    for adapter in (GigaAM(), Parakeet()):
        for model in adapter._models:
            theirs = loader.create_asr_resolver(model.name).model_type
            assert model_repos[model.name] == model.repo
            for quantization in ("", "int8"):
                patterns = theirs._get_model_files(quantization or None).values()
                # Theirs may leave the generation open (v?_ctc.onnx); ours is one of what they match.
                assert {pattern.replace("v?_", f"{model.config[1]}_") for pattern in patterns} == set(
                    model.needed(quantization))


@pytest.mark.model
@pytest.mark.parametrize(("kind", "name"), [
    ("ctc", "gigaam-v3-ctc"), ("rnnt", "gigaam-v3-rnnt"), ("e2e-ctc", "gigaam-v3-e2e-ctc"),
    ("e2e-rnnt", "gigaam-v3-e2e-rnnt"), ("v2-ctc", "gigaam-v2-ctc"), ("v2-rnnt", "gigaam-v2-rnnt"),
    ("tdt", "nemo-parakeet-tdt-0.6b-v3")])
def test_a_folder_tells_its_kind(kind: str, name: str, tmp_path: Path) -> None:
    adapter = build(kind, tmp_path)
    found = adapter.find(str(tmp_path))
    assert found is not None
    assert (found.name, found.path) == (str(tmp_path), str(tmp_path))
    assert found.bytes == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert in_folder("x", adapter._models, tmp_path).name == name


@pytest.mark.model
def test_of_several_models_in_a_folder_the_first_complete_one(tmp_path: Path) -> None:
    build("ctc", tmp_path)
    build("rnnt", tmp_path)
    (tmp_path / "v3_e2e_rnnt_encoder.onnx").touch()
    assert in_folder("x", GigaAM._models, tmp_path).name == "gigaam-v3-rnnt"


@pytest.mark.model
def test_revision_of_a_folder_is_its_content(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        build("ctc", tmp_path / name, seed=seed)
    first, same, other = (spec(GigaAM(), tmp_path / name).model.revision for name in "abc")
    assert first == same != other and len(first) == 64
    file = tmp_path / "b" / "config.json"
    file.write_text(file.read_text() + " ")
    assert spec(GigaAM(), tmp_path / "b").model.revision != first


def test_unknown_name() -> None:
    with pytest.raises(ModelError, match="no model 'gigaam-v9'") as caught:
        GigaAM().find("gigaam-v9")
    assert "gigaam-v3-ctc" in caught.value.hint
    with pytest.raises(ModelError, match="parakeet has no model"):
        Parakeet().fetch("gigaam-v3-ctc")


@pytest.mark.model
@pytest.mark.parametrize(("kind", "gone", "told"), [
    ("ctc", "v3_ctc.onnx", r"for gigaam-v3-\w+ it lacks .*\.onnx"),
    ("ctc", "v3_vocab.txt", r"for gigaam-v3-ctc it lacks v3_vocab\.txt"),
    ("e2e-rnnt", "v3_e2e_rnnt_joint.onnx", r"for gigaam-v3-e2e-rnnt it lacks v3_e2e_rnnt_joint\.onnx\."),
    ("rnnt", "config.json", r'v3-rnnt, but its config\.json does not say "version": "v3"\.'),
    ("tdt", "decoder_joint-model.onnx", r"it lacks decoder_joint-model\.onnx\."),
    ("tdt", "vocab.txt", r"it lacks vocab\.txt\."),
    ("tdt", "config.json", r'does not say "model_type": "nemo-conformer-tdt" or "nemo-conformer-rnnt"\.'),
])
def test_missing_files_are_named(kind: str, gone: str, told: str, tmp_path: Path) -> None:
    adapter = build(kind, tmp_path)
    (tmp_path / gone).unlink()
    with pytest.raises(ModelError, match=told) as caught:
        adapter.find(str(tmp_path))
    assert caught.value.hint


def test_folders_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="it lacks") as caught:
        Parakeet().find(str(tmp_path))
    assert "nemo-parakeet-tdt-0.6b-v3" in caught.value.hint
    file = tmp_path / "model.onnx"
    file.touch()
    with pytest.raises(ModelError, match="is a file") as caught:
        Parakeet().find(str(file))
    assert str(tmp_path) in caught.value.hint
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="is not JSON"):
        Parakeet().find(str(tmp_path))
    (tmp_path / "config.json").write_text("[]")
    (tmp_path / "vocab.txt").touch()
    with pytest.raises(ModelError, match="nemo-conformer-ctc"):
        Parakeet().find(str(tmp_path))


# --- the hub --------------------------------------------------------------------------------------

@pytest.mark.model
@pytest.mark.parametrize(("kind", "name", "repo"), [
    ("e2e-rnnt", "gigaam-v3-e2e-rnnt", "istupakov/gigaam-v3-onnx"),
    ("tdt-data", "nemo-parakeet-tdt-0.6b-v3", "istupakov/parakeet-tdt-0.6b-v3-onnx")])
def test_a_model_in_the_cache_loads_through_links(kind: str, name: str, repo: str, tmp_path: Path,
                                                  cache: Path) -> None:
    adapter = build(kind, tmp_path / "made")
    assert adapter.find(name) is None
    snapshot = put_in_cache(cache, repo, tmp_path / "made")
    found = adapter.find(name)
    assert found is not None
    assert (found.name, found.path, found.revision) == (name, str(snapshot), COMMIT)
    assert found.bytes == sum(file.stat().st_size for file in (tmp_path / "made").iterdir())
    assert adapter.load(spec(adapter, name)).transcribe(speech(2), DecodingOptions())[0].segments


@pytest.mark.model
def test_models_share_a_repository_but_not_their_files(tmp_path: Path, cache: Path) -> None:
    build("ctc", tmp_path / "made")
    put_in_cache(cache, "istupakov/gigaam-v3-onnx", tmp_path / "made")
    assert GigaAM().find("gigaam-v3-ctc") is not None
    assert GigaAM().find("gigaam-v3-rnnt") is None


@pytest.mark.model
def test_a_download_cut_short_is_not_a_model(tmp_path: Path, cache: Path) -> None:
    build("rnnt", tmp_path / "made")
    snapshot = put_in_cache(cache, "istupakov/gigaam-v3-onnx", tmp_path / "made")
    (snapshot / "v3_rnnt_joint.onnx").resolve().unlink()
    assert GigaAM().find("gigaam-v3-rnnt") is None


def test_find_asks_no_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for adapter in (GigaAM(), Parakeet()):
        assert [adapter.find(name) for name in adapter.models()] == [None] * len(adapter.models())


@pytest.mark.parametrize("more", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_fetch_without_a_hub(more: dict[str, str], tmp_path: Path) -> None:
    code = ("import json; from voicekit.engines.onnx_asr import GigaAM; from voicekit.errors import ModelError\n"
            "try: GigaAM().fetch('gigaam-v3-ctc')\n"
            "except ModelError as error: print(json.dumps([error.message, error.hint]))")
    # The hub's client reads its address once, when it is imported.
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "VOICEKIT_MODELS": str(tmp_path), **more}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True,
                          timeout=60, check=True)
    message, hint = json.loads(done.stdout)
    assert "gigaam-v3-ctc: the hub cannot be reached" in message and "istupakov/gigaam-v3-onnx" in message
    assert "voicekit models fetch gigaam-v3-ctc --engine gigaam" in hint and "--model FOLDER" in hint


@pytest.mark.model
def test_fetch_brings_only_this_model(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build("ctc", tmp_path / "made")
    really = huggingface_hub.snapshot_download
    asked: list[str] = []

    def download(repo: str, *, allow_patterns: list[str], **more: Any) -> Any:
        if more.get("local_files_only"):
            return really(repo, allow_patterns=allow_patterns, **more)
        assert more["cache_dir"] == str(cache)
        asked.extend(allow_patterns)
        return str(put_in_cache(cache, repo, tmp_path / "made"))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert GigaAM().fetch("gigaam-v3-ctc").revision == COMMIT

    def wanted(name: str) -> bool:
        return any(fnmatch(name, pattern) for pattern in asked)

    assert all(map(wanted, ["v3_ctc.onnx", "v3_ctc.int8.onnx", "v3_vocab.txt", "config.json",
                            "v3_ctc.onnx.data", "v3_ctc.onnx_data"]))
    assert not any(map(wanted, ["v3_rnnt_encoder.onnx", "v3_e2e_ctc.onnx", "v3_e2e_ctc_vocab.txt", "README.md"]))
    with pytest.raises(ModelError, match="does not have all files of the model gigaam-v3-rnnt"):
        GigaAM().fetch("gigaam-v3-rnnt")


def test_fetch_onto_a_full_disk(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*args: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    with pytest.raises(ModelError, match="cannot be stored: .*No space left"):
        Parakeet().fetch("nemo-parakeet-tdt-0.6b-v3")


def test_fetch_of_a_folder_downloads_nothing(tmp_path: Path) -> None:
    adapter = build("tdt", tmp_path)
    assert adapter.fetch(str(tmp_path)) == adapter.find(str(tmp_path))
