"""Finding, fetching and loading pyannote's pipelines; importing it where its dependencies do not load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.models import pyannote_models as made
from voicekit import diarization
from voicekit.diarization import pyannote_loading, pyannote_models
from voicekit.diarization.pyannote_engine import Pyannote
from voicekit.errors import ModelError
from voicekit.protocols import DiarizerSpec

if not diarization.installed("pyannote"):
    pytest.skip("pyannote.audio is not installed", allow_module_level=True)
pytestmark = pytest.mark.model

COMMUNITY = "pyannote/speaker-diarization-community-1"
OLDER = "pyannote/speaker-diarization-3.1"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.community(tmp_path_factory.mktemp("pipeline"), fitted=False)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models" / "hub"


def put(hub: Path, repository: str, files: dict[str, Path], commit: str) -> None:
    """Lay files into the hub's cache as its client does."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / "main").write_text(commit)
    for name, source in files.items():
        target = folder / "snapshots" / commit / name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(source, target)


def files_of(pipeline: Path) -> dict[str, Path]:
    return {str(path.relative_to(pipeline)): path for path in pipeline.rglob("*") if path.is_file()}


def test_a_folder_or_its_configuration(pipeline: Path, tmp_path: Path) -> None:
    adapter = Pyannote()
    found, same = adapter.find(str(pipeline)), adapter.find(str(pipeline / "config.yaml"))
    assert found and same and found.revision == same.revision
    assert found.bytes == sum(path.stat().st_size for path in files_of(pipeline).values())
    stretches = adapter.plan(same, 16_000 * 100, ())
    assert [(stretch.first, stretch.count) for stretch in stretches] == [(0, 32), (32, 32), (64, 27)]
    changed = made.community(tmp_path / "changed", fitted=False, gap=0.5)
    other = adapter.find(str(changed))
    assert other and other.revision != found.revision


@pytest.mark.parametrize("lost", ["config.yaml", "segmentation/pytorch_model.bin", "embedding/pytorch_model.bin",
                                  "plda/plda.npz"])
def test_a_folder_that_lacks_a_file(pipeline: Path, tmp_path: Path, lost: str) -> None:
    for name, source in files_of(pipeline).items():
        if name != lost:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            os.symlink(source, tmp_path / name)
    with pytest.raises(ModelError, match=lost.partition("/")[0]):
        Pyannote().find(str(tmp_path))


@pytest.mark.parametrize("content", ["", "pipeline: 3", "[1, 2]", "pipeline: {params: {segmentation: 7}}", ": : :"])
def test_a_configuration_that_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ModelError, match="not the configuration of a pyannote pipeline"):
        Pyannote().find(str(tmp_path))


@pytest.mark.parametrize("model", ["nonsense", "./nowhere", "a/b/c", "/nowhere/config.yaml"])
def test_neither_a_name_nor_a_path(model: str) -> None:
    with pytest.raises(ModelError):
        Pyannote().find(model)


@pytest.mark.parametrize("name", [None, COMMUNITY, "speaker-diarization-community-1"])
def test_in_the_hubs_cache(pipeline: Path, hub: Path, name: str | None) -> None:
    assert Pyannote().find(name) is None
    put(hub, COMMUNITY, files_of(pipeline), "a" * 40)
    found = Pyannote().find(name)
    assert found and found.revision == "a" * 40
    assert Pyannote().load(DiarizerSpec("pyannote", found)).device == "cpu"
    (hub / "models--pyannote--speaker-diarization-community-1" / "snapshots" / ("a" * 40) / "plda" / "plda.npz").unlink()
    assert Pyannote().find(name) is None


def test_a_pipeline_whose_models_are_in_other_repositories(pipeline: Path, hub: Path, tmp_path: Path) -> None:
    config = made.older(tmp_path / "older", fitted=False, plda=False) / "config.yaml"
    config.write_text(config.read_text().replace("$model/segmentation", "pyannote/segmentation-3.0")
                      .replace("$model/embedding", "pyannote/wespeaker-voxceleb-resnet34-LM"))
    put(hub, OLDER, {"config.yaml": config}, "1" * 40)
    put(hub, "pyannote/segmentation-3.0",
        {"pytorch_model.bin": pipeline / "segmentation" / "pytorch_model.bin"}, "2" * 40)
    assert Pyannote().find(OLDER) is None, "one of its models is missing"
    put(hub, "pyannote/wespeaker-voxceleb-resnet34-LM",
        {"pytorch_model.bin": pipeline / "embedding" / "pytorch_model.bin"}, "3" * 40)
    found = Pyannote().find(OLDER)
    assert found and found.revision == "+".join(digit * 40 for digit in "123")
    # pyannote alone would ask the hub for a PLDA that this pipeline does not use.
    assert Pyannote().load(DiarizerSpec("pyannote", found)).device == "cpu"


def test_no_hub(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    code = ("from voicekit.diarization.pyannote_engine import Pyannote\nimport time\nimport huggingface_hub\n"
            "began = time.monotonic()\ntry:\n    Pyannote().fetch(None)\nexcept Exception as error:\n"
            "    print(type(error).__name__, time.monotonic() - began, error)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kind, seconds, words = done.stdout.split(" ", 2)
    assert kind == "ModelError" and float(seconds) < 15, "the hub's client alone tries for 24 s"
    assert "could not be reached" in words and "--diarize onnx" in words and "--diarize embedded" in words


def test_a_gated_pipeline(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError

    def refuse(url: str, token: str | None, **_: object) -> None:
        assert token == "hf_given" and COMMUNITY in url
        answer = SimpleNamespace(headers={}, request=None, status_code=401)  # which HTTP library it is of changes
        raise GatedRepoError("401", response=answer)  # type: ignore[arg-type]

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", refuse)
    with pytest.raises(ModelError) as error:
        Pyannote().fetch(None, token="hf_given")
    for word in (f"https://hf.co/{COMMUNITY}", "HF_TOKEN", "--hf-token", "--diarize onnx", "--diarize embedded"):
        assert word in error.value.hint


def test_the_length_of_windows_without_torch(pipeline: Path) -> None:
    code = ("import sys\nfrom pathlib import Path\nfrom voicekit.diarization.pyannote_engine import Pyannote\n"
            f"found = Pyannote().find({str(pipeline)!r})\nstretches = Pyannote().plan(found, 16000 * 60, ())\n"
            "print(len(stretches), [name for name in ('torch', 'pyannote.audio', 'numpy') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("2 ") and "torch" not in done.stdout and "pyannote" not in done.stdout
    assert pyannote_models.window_seconds(pipeline / "segmentation" / "pytorch_model.bin") == 10.0


def test_a_checkpoint_that_hears_five_seconds(pipeline: Path, tmp_path: Path) -> None:
    import torch

    checkpoint = torch.load(pipeline / "segmentation" / "pytorch_model.bin", weights_only=False)
    checkpoint["pyannote.audio"]["specifications"].duration = 5.0
    torch.save(checkpoint, tmp_path / "model.bin")
    assert pyannote_models.window_seconds(tmp_path / "model.bin") == 5.0


def test_reading_a_checkpoint_runs_nothing(tmp_path: Path) -> None:
    import zipfile

    bomb = b"cposix\nsystem\n(S'touch " + str(tmp_path / "run").encode() + b"'\ntR."
    with zipfile.ZipFile(tmp_path / "model.bin", "w") as archive:
        archive.writestr("archive/data.pkl", bomb)
    assert pyannote_models.window_seconds(tmp_path / "model.bin") == 10.0
    assert not (tmp_path / "run").exists()


def test_a_damaged_checkpoint(tmp_path: Path) -> None:
    folder = made.community(tmp_path / "damaged", fitted=False)
    (folder / "embedding" / "pytorch_model.bin").write_bytes(b"damaged")
    found = Pyannote().find(str(folder))
    assert found
    with pytest.raises(ModelError, match="cannot be loaded"):
        Pyannote().load(DiarizerSpec("pyannote", found))


@pytest.mark.parametrize("broken", [False, True])
def test_import_where_torchaudio_does_not_load(pipeline: Path, broken: bool) -> None:
    """In a process of its own: nothing is printed or warned about, one line says what was replaced, if anything was."""
    code = ("import json, logging, sys, warnings\nlines = []\n"
            "class Kept(logging.Handler):\n    def emit(self, record):\n        lines.append(record.getMessage())\n"
            "log = logging.getLogger('voicekit')\nlog.addHandler(Kept())\nlog.setLevel(logging.INFO)\n"
            + ("import ctypes, torch\ndef fails(*a, **k): raise OSError('no library')\n"
               "torch.ops.load_library = torch.classes.load_library = fails\n" if broken else "")
            + "warnings.simplefilter('error')\n"
            "from voicekit.diarization.pyannote_loading import import_pyannote\nimport_pyannote()\n"
            "import torchaudio._extension as real\n"
            "print(json.dumps([lines, hasattr(real, '__file__'), __import__('os').environ['PYANNOTE_METRICS_ENABLED']]))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines, real, metrics = json.loads(done.stdout)
    assert done.stderr == "" and metrics == "0"
    assert len(lines) == (not real) and all("torchaudio" in line for line in lines)
    if broken:
        assert not real


def test_what_is_printed_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    import warnings

    with caplog.at_level("DEBUG", "voicekit"), pyannote_loading.quietly():
        print("printed")
        warnings.warn("warned", stacklevel=1)
    assert [record.getMessage() for record in caplog.records] == ["pyannote: warned", "pyannote: printed"]
    assert capfd.readouterr() == ("", "")
