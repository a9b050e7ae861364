"""Finding, fetching and loading the models of faster-whisper."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engines.whisper_cases import WINDOWS, build, load
from voicekit import engines
from voicekit.engines import faster_whisper
from voicekit.engines.faster_whisper import FasterWhisper
from voicekit.errors import DeviceError, ModelError, UsageError
from voicekit.options import PRESETS, DecodingOptions
from voicekit.protocols import EngineSpec, ModelOnDisk

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("faster-whisper", tmp_path_factory.mktemp("model") / "tiny", "int8")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for models."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "hub"


def put(cache: Path, repository: str, files: dict[str, str]) -> Path:
    """Lay out a snapshot as the hub's client does."""
    root = cache / f"models--{repository.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text(COMMIT)
    (root / "snapshots" / COMMIT).mkdir(parents=True)
    for name, content in files.items():
        (root / "snapshots" / COMMIT / name).write_text(content)
    return root / "snapshots" / COMMIT


COMPLETE = {"model.bin": "weights", "config.json": "{}", "tokenizer.json": "{}", "vocabulary.txt": "a"}


def spec(path: Path, device: str = "cpu", compute_type: str = "int8") -> EngineSpec:
    return EngineSpec("faster-whisper", ModelOnDisk("tiny", str(path), "r", 1), device, compute_type, 1)


def test_names_are_the_librarys() -> None:
    from faster_whisper.utils import _MODELS

    assert faster_whisper.REPOSITORIES == _MODELS
    assert list(FasterWhisper().models())[:3] == ["tiny", "base", "small"]


def test_the_library_is_not_imported_for_names() -> None:
    code = ("import sys\nfrom voicekit.engines.faster_whisper import FasterWhisper as F\nF().models()\n"
            "F().default_model('high', 'cpu')\n"
            "print([m for m in ('faster_whisper', 'ctranslate2', 'huggingface_hub', 'torch') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize("quality", PRESETS)
def test_presets(quality: Any) -> None:
    assert FasterWhisper().default_model(quality, "cpu") == PRESETS[quality].model_cpu
    assert FasterWhisper().default_model(quality, "cuda") == PRESETS[quality].model_gpu


def test_a_model_in_the_cache(cache: Path) -> None:
    assert FasterWhisper().find("tiny") is None
    snapshot = put(cache, "Systran/faster-whisper-tiny", COMPLETE)
    assert FasterWhisper().find("tiny") == ModelOnDisk("tiny", str(snapshot), COMMIT, 12)
    assert FasterWhisper().find("Systran/faster-whisper-tiny") == \
        ModelOnDisk("Systran/faster-whisper-tiny", str(snapshot), COMMIT, 12)
    assert FasterWhisper().find("someone/else") is None


def test_a_half_fetched_model_is_not_there(cache: Path) -> None:
    put(cache, "Systran/faster-whisper-tiny", {name: "x" for name in COMPLETE if name != "tokenizer.json"})
    assert FasterWhisper().find("tiny") is None


def test_find_is_quiet_and_offline(tmp_path: Path) -> None:
    code = ("from voicekit.engines.faster_whisper import FasterWhisper as F\n"
            "print(F().find('small'), F().find('some/model'))")
    environment = os.environ | {"VOICEKIT_MODELS": str(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, env=environment)
    assert (done.stdout.strip(), done.stderr) == ("None None", "")


def test_without_a_folder_of_our_own_the_usual_cache_is_read(tmp_path: Path) -> None:
    snapshot = put(tmp_path / "hub", "Systran/faster-whisper-base", COMPLETE)
    code = "from voicekit.engines.faster_whisper import FasterWhisper as F; print(F().find('base').path)"
    environment = {key: value for key, value in os.environ.items()
                   if key not in ("VOICEKIT_MODELS", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          env=environment | {"HF_HOME": str(tmp_path)})
    assert done.stdout.strip() == str(snapshot), done.stderr


def test_unknown_name(cache: Path) -> None:
    for method in (FasterWhisper().find, FasterWhisper().fetch):
        with pytest.raises(ModelError, match="'smal'") as error:
            method("smal")
        assert "large-v3-turbo" in error.value.hint


@pytest.mark.model
def test_a_local_folder(folder: Path, tmp_path: Path) -> None:
    found = FasterWhisper().find(str(folder))
    assert found is not None and found.path == str(folder) and found.bytes > 5_000_000
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    moved = FasterWhisper().find(str(copy))
    assert moved is not None and moved.revision == found.revision, "content, not place"
    (copy / "config.json").write_text((copy / "config.json").read_text() + "\n")
    changed = FasterWhisper().find(str(copy))
    assert changed is not None and changed.revision != found.revision


@pytest.mark.parametrize("name", ["tokenizer.json", "model.bin", "config.json", "vocabulary.txt"])
def test_a_folder_that_lacks_a_file(tmp_path: Path, name: str) -> None:
    for other in COMPLETE:
        if other != name:
            (tmp_path / other).write_text("x")
    with pytest.raises(ModelError) as error:
        FasterWhisper().find(str(tmp_path))
    assert name.partition(".")[0] in error.value.message and "--copy_files" in error.value.hint
    with pytest.raises(ModelError, match=name.partition(".")[0]):
        FasterWhisper().load(spec(tmp_path))


def fetch(endpoint: str, models: Path, model: str = "tiny") -> subprocess.CompletedProcess[str]:
    # In a process of its own: the hub's client reads the address when it is imported.
    code = ("import sys\nfrom voicekit.engines.faster_whisper import FasterWhisper as F\n"
            "from voicekit.errors import ModelError\n"
            "try:\n    found = F().fetch(sys.argv[1])\n    assert found == F().find(sys.argv[1])\n    print(found)\n"
            "except ModelError as error:\n    print(error.message, '|', error.hint)")
    environment = os.environ | {"VOICEKIT_MODELS": str(models), "HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run([sys.executable, "-c", code, model], capture_output=True, text=True, env=environment)


def test_fetch_without_a_network(tmp_path: Path) -> None:
    done = fetch("http://127.0.0.1:9", tmp_path)
    message, _, hint = done.stdout.partition("|")
    assert "'tiny'" in message and "could not be reached" in message, done.stderr
    assert "voicekit models fetch tiny --engine faster-whisper" in hint and "--model FOLDER" in hint
    assert done.stderr == ""


class Hub(BaseHTTPRequestHandler):
    """As much of the Hugging Face hub as a download needs, with one model."""

    repository = "Systran/faster-whisper-tiny"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if not path.removeprefix("/api/models").startswith(f"/{self.repository}/"):
            self.answer(b'{"error": "Repository not found"}', 404, {"X-Error-Code": "RepoNotFound"})
        elif f"{self.repository}/revision/" in path:
            self.answer(json.dumps({"id": self.repository, "sha": COMMIT, "siblings": [
                {"rfilename": name} for name in COMPLETE]}).encode())
        elif f"{self.repository}/tree/" in path:
            self.answer(json.dumps([{"type": "file", "path": name, "size": len(content), "oid": self.etag(content)}
                                    for name, content in COMPLETE.items()]).encode())
        else:
            content = COMPLETE[path.rpartition("/")[2]]
            self.answer(content.encode(), 200, {"ETag": f'"{self.etag(content)}"', "X-Repo-Commit": COMMIT})

    def etag(self, content: str) -> str:
        return hashlib.sha1(content.encode()).hexdigest()

    def answer(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_fetch_from_a_hub(tmp_path: Path, hub: str) -> None:
    done = fetch(hub, tmp_path)
    assert COMMIT in done.stdout and "bytes=12" in done.stdout, done.stdout + done.stderr
    assert fetch("http://127.0.0.1:9", tmp_path).stdout == done.stdout, "what is there needs no hub"
    assert "The hub has no model some/model" in fetch(hub, tmp_path, "some/model").stdout


@pytest.mark.model
def test_loading(folder: Path) -> None:
    transcriber = load("faster-whisper", folder, "int8", threads=1)
    assert transcriber.device == "cpu"
    assert transcriber.compute_type == "int8_float32"
    assert "ctranslate2 " in engines.version("faster-whisper")
    assert transcriber.transcribe(WINDOWS[:1], DecodingOptions(language="en"))[0].status == "transcribed"


@pytest.mark.model
def test_damaged_files(folder: Path, tmp_path: Path) -> None:
    for name in ("model.bin", "tokenizer.json"):
        copy = tmp_path / name
        shutil.copytree(folder, copy)
        (copy / name).write_bytes((folder / name).read_bytes()[:5000])
        with pytest.raises(ModelError, match="cannot be read") as error:
            FasterWhisper().load(spec(copy))
        assert "fetch it again" in error.value.hint


@pytest.mark.model
def test_a_precision_that_a_cpu_has_not(folder: Path) -> None:
    with pytest.raises(UsageError, match="float16") as error:
        FasterWhisper().load(spec(folder, compute_type="float16"))
    assert "int8" in error.value.hint


@pytest.mark.model
@pytest.mark.parametrize("device", ["cuda:7", "tpu", "cuda:x"])
def test_a_device_that_is_not_there(folder: Path, device: str) -> None:
    with pytest.raises(DeviceError):
        FasterWhisper().load(spec(folder, device))


@pytest.mark.parametrize("device, index, compute_type, problem", [
    ("cpu", [0], "float16", "is on cpu"), ("cuda", [1], "float16", "is on cuda:1"),
    ("cuda", [0], "float32", "computes in float32")])
def test_where_the_model_is_gets_proven(device: str, index: list[int], compute_type: str, problem: str) -> None:
    loaded = SimpleNamespace(device=device, device_index=index, compute_type=compute_type)
    with pytest.raises(DeviceError, match=problem):
        faster_whisper.prove(loaded, spec(Path("x"), "cuda:0", "float16"))
    faster_whisper.prove(SimpleNamespace(device="cuda", device_index=[0], compute_type="int8_float16"),
                         spec(Path("x"), "cuda:0", "int8"))


@pytest.mark.model
@pytest.mark.gpu
def test_on_a_gpu(folder: Path) -> None:
    model = FasterWhisper().find(str(folder))
    assert model is not None
    transcriber = FasterWhisper().load(EngineSpec("faster-whisper", model, "cuda:0", "float16", 1))
    assert transcriber.device == "cuda:0"
    assert len(transcriber.transcribe(WINDOWS, DecodingOptions(language="en"))) == len(WINDOWS)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="shared libraries as Linux names them")
def test_cublas_is_found_where_pip_puts_it(tmp_path: Path) -> None:
    """Any shared library under its name will do: what is tested is where it is looked for."""
    import _ctypes

    script = "from voicekit.engines.faster_whisper import load_cublas; print(load_cublas())"

    def found() -> str:
        return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}).stdout.strip()

    if found() == "True":
        pytest.skip("this machine has cuBLAS")
    (tmp_path / "nvidia" / "cublas" / "lib").mkdir(parents=True)
    shutil.copy(_ctypes.__file__, tmp_path / "nvidia" / "cublas" / "lib" / "libcublas.so.12")
    assert found() == "True"
