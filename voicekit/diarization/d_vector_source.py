"""Where the weights of the d-vector come from: an installed package, voicekit's folder of models, or the registry.

Resemblyzer 0.1.4 (Apache-2.0) carries them in its wheel. The package is not installed for them: what it depends on
does not build everywhere. ``pip`` only downloads it, so that the user's own index, mirror and proxy are asked.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from voicekit import model_files
from voicekit.errors import ModelError
from voicekit.protocols import ModelOnDisk

NAME = "d-vector"
REQUIREMENT = "resemblyzer==0.1.4"
SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"

_FILE = "pretrained.pt"
_MEMBER = f"resemblyzer/{_FILE}"
_LONGEST = 900.0  # seconds for pip, which itself gives up on a server that says nothing


def find(model: str | None) -> ModelOnDisk | None:
    """The weights if they are on disk: the default ones, or those in a file."""
    if model is None or model == NAME:
        return next((_on_disk(NAME, path) for path in (_installed(), target()) if path and path.is_file()), None)
    path = Path(model).expanduser()
    if path.is_dir():
        path /= _FILE
    if path.is_file():
        return _on_disk(model, path.resolve())
    if Path(model).expanduser().is_dir():
        raise ModelError(f"The folder {model!r} lacks {_FILE}.", f"Name a folder that has it, or {NAME}.")
    raise ModelError(f"Unknown model {model!r}: neither a model of this engine nor a file.",
                     f"Take {NAME}, or the path of {_FILE}.")


def fetch(model: str | None) -> ModelOnDisk:
    """Download the weights, unless they are there."""
    found = find(model)
    if found is None:
        path = target()
        _download(path)
        found = _on_disk(NAME, path)
    return found


def target() -> Path:
    """Where the downloaded weights lie."""
    return model_files.folder("embedded") / _FILE


def _on_disk(name: str, path: Path) -> ModelOnDisk:
    return ModelOnDisk(name, str(path), model_files.revision(path), path.stat().st_size)


def _installed() -> Path | None:
    package = importlib.util.find_spec("resemblyzer")  # of no package above it: nothing is imported
    places = package.submodule_search_locations if package is not None else None
    return Path(next(iter(places))) / _FILE if places else None


def _hint(path: Path) -> str:
    return (f"On a connected machine run pip download --no-deps {REQUIREMENT}, unpack the wheel (it is a zip file) "
            f"and put its {_MEMBER} at {path}; then no network is needed.")


def _download(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f"{_FILE}.", suffix=".partial", dir=path.parent) as folder:
            with zipfile.ZipFile(_wheel(Path(folder), path)) as wheel:
                content = wheel.read(_MEMBER)
            if (digest := hashlib.sha256(content).hexdigest()) != SHA256:
                raise ModelError(f"The {_FILE} of {REQUIREMENT} is not the file it should be (sha256 {digest}).",
                                 _hint(path))
            partial = Path(folder) / _FILE
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
    except (OSError, KeyError, zipfile.BadZipFile) as error:  # KeyError: no such file in the wheel
        raise ModelError(f"Cannot take the weights out of {REQUIREMENT}: {error}.", _hint(path)) from error


def _wheel(folder: Path, path: Path) -> Path:
    """Ask pip for the wheel. Only a wheel: from sources pip would run code."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input",
               "--disable-pip-version-check", "--progress-bar=off", "--dest", str(folder), REQUIREMENT]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=_LONGEST, check=False)
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"pip did not get {REQUIREMENT} in {_LONGEST:.0f} s.", _hint(path)) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no wheel came")
        raise ModelError(f"pip cannot get {REQUIREMENT}: {reason.removeprefix('ERROR: ').strip()}", _hint(path))
    return wheels[0]
