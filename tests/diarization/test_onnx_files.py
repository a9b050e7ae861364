"""Where the two models are found, and how they are fetched: from a hub that is a real server here, and from none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.engines.onnx_kinds import COMMIT, put_in_cache
from voicekit.diarization import adapter, installed
from voicekit.diarization.onnx_engine import Onnx
from voicekit.diarization.onnx_files import PAIRS, files
from voicekit.errors import ModelError
from voicekit.protocols import DiarizerSpec

PAIR = PAIRS[0]
OTHER_COMMIT = COMMIT[::-1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    from tests.models.diarization_onnx import build_tones

    return build_tones(tmp_path_factory.mktemp("tones"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "hub"


def fill(cache: Path, made: Path, folder: Path) -> None:
    """Put both models into the cache as the hub's client would."""
    (folder / "segmentation" / "onnx").mkdir(parents=True)
    (folder / "embedding").mkdir()
    shutil.copy(made / "embedding.onnx", folder / "embedding" / PAIR.embedding.file)
    put_in_cache(cache, PAIR.embedding.repo, folder / "embedding", OTHER_COMMIT)
    root = cache / ("models--" + PAIR.segmentation.repo.replace("/", "--"))
    (root / "snapshots" / COMMIT / "onnx").mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    shutil.copy(made / "segmentation.onnx", root / "snapshots" / COMMIT / "onnx" / "model.onnx")


def test_the_registry_knows_it() -> None:
    onnx = adapter("onnx")
    assert onnx.profile.name == "onnx" and onnx.profile.overlaps
    assert onnx.models() == ("wespeaker-resnet34",)
    assert installed("onnx")


def test_a_folder(made: Path, tmp_path: Path) -> None:
    found = Onnx().find(str(made))
    assert found is not None
    assert (found.name, found.path) == (str(made), str(made.resolve()))
    assert found.bytes == sum(file.stat().st_size for file in made.iterdir())
    assert found.revision == Onnx().find(str(made)).revision
    assert Onnx().fetch(str(made)) == found

    for ours, theirs in (("segmentation.onnx", "model.onnx"), ("embedding.onnx", "voxceleb_resnet34_LM.onnx")):
        shutil.copy(made / ours, tmp_path / theirs)  # as they are called on the hub
    same = Onnx().find(str(tmp_path))
    assert same is not None and same.revision == found.revision
    with (tmp_path / "voxceleb_resnet34_LM.onnx").open("ab") as file:
        file.write(b"\0")
    assert Onnx().find(str(tmp_path)).revision != found.revision


@pytest.mark.parametrize("gone", ["segmentation.onnx", "embedding.onnx"])
def test_a_folder_without_a_file(gone: str, made: Path, tmp_path: Path) -> None:
    shutil.copytree(made, tmp_path / "half")
    (tmp_path / "half" / gone).unlink()
    with pytest.raises(ModelError, match=f"half lacks {gone}") as caught:
        Onnx().find(str(tmp_path / "half"))
    assert "--diarize embedded" in caught.value.hint


def test_names_and_paths_that_are_none(made: Path) -> None:
    with pytest.raises(ModelError, match="no model 'resnet9000', and there is no such folder") as caught:
        Onnx().find("resnet9000")
    assert "wespeaker-resnet34" in caught.value.hint
    with pytest.raises(ModelError, match="is a file") as caught:
        Onnx().find(str(made / "embedding.onnx"))
    assert f"onnx:{made}" in caught.value.hint


def test_in_the_cache(cache: Path, made: Path, tmp_path: Path) -> None:
    assert Onnx().find(None) is None
    fill(cache, made, tmp_path / "parts")
    found = Onnx().find(None)
    assert found is not None and found == Onnx().find("wespeaker-resnet34")
    assert (found.name, found.path, found.revision) == ("wespeaker-resnet34", str(cache), f"{COMMIT}+{OTHER_COMMIT}")
    assert found.bytes == sum(file.stat().st_size for file in made.iterdir())
    assert Onnx().load(DiarizerSpec("onnx", found)).device == "cpu"

    # What was found is loaded, also where the cache's main version is another meanwhile.
    (cache / f"models--{PAIR.embedding.repo.replace('/', '--')}" / "refs" / "main").write_text("f" * 40)
    assert Onnx().find(None) is None
    assert [path.stat().st_size for path in files(found)] == [
        (made / name).stat().st_size for name in ("segmentation.onnx", "embedding.onnx")]
    shutil.rmtree(cache / f"models--{PAIR.embedding.repo.replace('/', '--')}" / "snapshots")
    with pytest.raises(ModelError, match="Wespeaker/wespeaker-voxceleb-resnet34-LM is no longer in"):
        Onnx().load(DiarizerSpec("onnx", found))


# --- the hub --------------------------------------------------------------------------------------

FETCH = """
import json, sys
from voicekit.diarization import adapter
from voicekit.errors import ModelError
try:
    found = adapter("onnx").fetch(None)
    print(json.dumps([found.revision, found.bytes]))
except ModelError as error:
    print(json.dumps([error.message, error.hint]))
"""


def fetch(models: Path, **environment: str) -> Any:
    """Fetch in a process of its own, for the hub's client reads its address once, when it is imported."""
    done = subprocess.run([sys.executable, "-c", FETCH], env={**os.environ, "VOICEKIT_MODELS": str(models), **environment},
                          capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


@pytest.fixture
def hub(made: Path) -> Iterator[tuple[str, list[str]]]:
    """A server that gives both models as the hub does, to whoever comes without a token; what it was asked for."""
    served = {}
    for part, name, commit in ((PAIR.segmentation, "segmentation.onnx", COMMIT),
                               (PAIR.embedding, "embedding.onnx", OTHER_COMMIT)):
        listing = {"id": part.repo, "sha": commit, "siblings": [{"rfilename": each} for each in (part.file, "README.md")]}
        served[f"/api/models/{part.repo}/revision/main"] = json.dumps(listing).encode(), commit
        tree = [{"type": "file", "path": part.file, "size": (made / name).stat().st_size, "oid": commit}]
        served[f"/api/models/{part.repo}/tree/{commit}"] = json.dumps(tree).encode(), commit
        served[f"/{part.repo}/resolve/{commit}/{part.file}"] = (made / name).read_bytes(), commit
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, with_body: bool) -> None:
            asked.append(f"{self.command} {self.path} {self.headers.get('Authorization', 'no token')}")
            body, commit = served.get(self.path.partition("?")[0], (b"", ""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", "application/json" if self.path.startswith("/api") else "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{commit}"')
            self.send_header("X-Repo-Commit", commit)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_fetch_from_a_hub(hub: tuple[str, list[str]], made: Path, tmp_path: Path,
                          monkeypatch: pytest.MonkeyPatch) -> None:
    address, asked = hub
    plain = {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "", "HF_HOME": str(tmp_path / "home")}
    revision, size = fetch(tmp_path / "models", **plain)
    assert revision == f"{COMMIT}+{OTHER_COMMIT}"
    assert size == sum(file.stat().st_size for file in made.iterdir())
    assert any("/onnx-community/pyannote-segmentation-3.0/resolve/" in each for each in asked)
    assert not any("README" in each for each in asked)
    assert all(each.endswith("no token") for each in asked)
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    found = Onnx().find(None)
    assert found is not None and Onnx().load(DiarizerSpec("onnx", found)).device == "cpu"


@pytest.mark.parametrize("more", [{"HF_HUB_OFFLINE": "0"}, {"HF_HUB_OFFLINE": "1"}])
def test_fetch_without_a_hub(more: dict[str, str], tmp_path: Path) -> None:
    begun = time.monotonic()
    message, hint = fetch(tmp_path, HF_ENDPOINT="http://127.0.0.1:9", **more)
    assert time.monotonic() - begun < 10
    assert "onnx/model.onnx of onnx-community/pyannote-segmentation-3.0: the hub cannot be reached" in message
    assert "--diarize embedded" in hint and "--diarize onnx:FOLDER" in hint


def test_fetch_to_where_nothing_can_be_written(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file, where a folder should be")
    message, hint = fetch(tmp_path / "models", HF_ENDPOINT=hub[0], HF_HUB_OFFLINE="0", HF_HOME=str(tmp_path / "home"))
    assert "cannot be stored" in message and "VOICEKIT_MODELS" in hint
