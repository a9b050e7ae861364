"""Where the models of :mod:`voicekit.engines.onnx_asr` lie: their files, the hub's cache, a folder.

A model is a few ONNX files, a vocabulary and a config.json. onnx-asr tells the kinds apart by the
names of the files and by two entries of config.json, so a :class:`Model` is a list of these.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from voicekit.errors import ModelError
from voicekit.protocols import ModelOnDisk

QUANTIZATION = {"float32": "", "int8": "int8"}
"""Compute type to what stands in the names of its files."""

RUSSIAN = frozenset({"ru"})
ENGLISH = frozenset({"en"})
EUROPEAN = frozenset("bg cs da de el en es et fi fr hr hu it lt lv mt nl pl pt ro ru sk sl sv uk".split())


@dataclass(frozen=True, slots=True)
class Model:
    """A model's files.

    Attributes
    ----------
    name : str
        As onnx-asr knows it.
    repo : str
        Where it is on the hub.
    graphs : tuple of str
        Names of the ONNX files, without ``.onnx`` or ``.int8.onnx``.
    vocab : str
        Name of the vocabulary.
    config : tuple of str
        A key of config.json and the value it must have. With another one onnx-asr would compute
        other features, or decode otherwise, and write nonsense without an error.
    languages : frozenset of str
        That it was trained on.
    """

    name: str
    repo: str
    graphs: tuple[str, ...]
    vocab: str
    config: tuple[str, str]
    languages: frozenset[str]

    def needed(self, quantization: str) -> list[str]:
        """Patterns of the files without which it cannot be loaded."""
        suffix = f"?{quantization}" if quantization else ""
        return [*(f"{graph}{suffix}.onnx" for graph in self.graphs), self.vocab]

    def wanted(self, quantization: str) -> list[str]:
        """The same, and what only some models have: settings, and weights above 2 GB."""
        needed = self.needed(quantization)
        return [*needed, "config.json", *(f"{name}?data" for name in needed[:-1])]

    def missing(self, folder: Path, quantization: str) -> list[str]:
        """Names of the needed files that a folder lacks."""
        return [pattern.replace("?", ".") for pattern in self.needed(quantization)
                if not any(file.is_file() for file in folder.glob(pattern))]

    def files(self, folder: Path, quantization: str) -> set[Path]:
        """The wanted files that a folder has."""
        patterns = self.wanted(quantization)
        return {file for pattern in patterns for file in folder.glob(pattern) if file.is_file()}


def gigaam(name: str, generation: str, stem: str, vocab: str) -> Model:
    """A model of GigaAM: ``stem.onnx`` for CTC, three files for a transducer."""
    parts = ("_encoder", "_decoder", "_joint") if stem.endswith("rnnt") else ("",)
    return Model(name, f"istupakov/gigaam-{generation}-onnx", tuple(stem + part for part in parts), vocab,
                 ("version", generation), RUSSIAN)


def parakeet(name: str, kind: str, languages: frozenset[str]) -> Model:
    """A model of Parakeet; ``kind`` is ctc, rnnt or tdt."""
    graphs = ("model",) if kind == "ctc" else ("encoder-model", "decoder_joint-model")
    return Model(f"nemo-{name}", f"istupakov/{name}-onnx", graphs, "vocab.txt",
                 ("model_type", f"nemo-conformer-{kind}"), languages)


def find_in_cache(model: Model) -> ModelOnDisk | None:
    """The model in the hub's cache, if all of it is there. No network."""
    from huggingface_hub import snapshot_download

    for quantization in QUANTIZATION.values():
        try:
            folder = Path(snapshot_download(model.repo, cache_dir=_cache(), local_files_only=True,
                                            allow_patterns=model.wanted(quantization)))
        except FileNotFoundError:  # nothing of it, or a download that was cut short
            continue
        if not model.missing(folder, quantization):
            return on_disk(model.name, model, folder, folder.name)
    return None


def download(engine: str, model: Model) -> None:
    """Bring the plain files into the hub's cache, and the int8 ones where the hub has them."""
    from huggingface_hub import snapshot_download

    wanted = [pattern for quantization in QUANTIZATION.values() for pattern in model.wanted(quantization)]
    # The hub's client raises OSError, its own errors, and those of its HTTP library, which changes
    # with the client's version.
    try:
        snapshot_download(model.repo, cache_dir=_cache(), allow_patterns=wanted)
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
            raise ModelError(f"The model {model.name} cannot be stored: {error}",
                             "Make room, or set VOICEKIT_MODELS to another folder.") from error
        raise ModelError(f"Cannot download the model {model.name}: the hub cannot be reached, or does not "
                         f"give {model.repo} ({type(error).__name__}).",
                         f"On a connected machine run: voicekit models fetch {model.name} --engine {engine}; "
                         "or give --model FOLDER.") from error


def in_folder(engine: str, models: Sequence[Model], folder: Path) -> Model:
    """Which of the models a folder holds: the first whose files are all there.

    Raises
    ------
    ModelError
        If there is no such folder, a file is missing, or config.json does not fit the files; the
        message speaks of the model that most files are there of.
    """
    names = ", ".join(model.name for model in models)
    if not folder.exists():
        raise ModelError(f"The engine {engine} has no model {str(folder)!r}, and there is no such folder.",
                         f"Choose one of: {names}; or give a folder.")
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file; a model of {engine} is a folder.",
                         f"Use --model {folder.parent}")
    config = _config(folder)

    def lacks(model: Model) -> list[str]:
        return min((model.missing(folder, each) for each in QUANTIZATION.values()), key=len)

    def distance(model: Model) -> tuple[bool, int, bool]:
        missing, (key, value) = lacks(model), model.config
        there = len(model.graphs) + 1 - len(missing)
        return bool(missing), -there if missing else 0, config.get(key) != value

    nearest = min(models, key=distance)
    if missing := lacks(nearest):
        raise ModelError(f"{folder} holds no complete model of {engine}; for {nearest.name} it lacks "
                         f"{', '.join(missing)}.",
                         f"Copy what is missing there, or choose one of: {names}.")
    key, value = nearest.config
    if config.get(key) != value:
        also = [model.config[1] for model in models if model.graphs == nearest.graphs]
        values = " or ".join(f'"{each}"' for each in dict.fromkeys(also))
        raise ModelError(f'The files in {folder} are those of {nearest.name}, but its config.json does not '
                         f'say "{key}": {values}.', "Copy the model's own config.json there.")
    return nearest


def on_disk(name: str, model: Model, folder: Path, revision: str = "") -> ModelOnDisk:
    """Describe a complete model; ``bytes`` counts what is read to load it.

    Without a revision it is the hash of the model's files.
    """
    sets = [model.files(folder, each) for each in QUANTIZATION.values() if not model.missing(folder, each)]
    size = sum(file.stat().st_size for file in sets[0])
    return ModelOnDisk(name, str(folder), revision or _hash(set[Path]().union(*sets)), size)


def _cache() -> str | None:
    models = os.environ.get("VOICEKIT_MODELS")
    return str(Path(models).expanduser() / "hub") if models else None


def _config(folder: Path) -> Mapping[str, object]:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as error:
        raise ModelError(f"{path} is not JSON: {error}", "Copy the model's own config.json there.") from error
    # onnx-asr takes GigaAM for v2 where the file does not say.
    return {"version": "v2", **config} if isinstance(config, dict) else {}


def _hash(files: set[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(files):
        facts = file.stat()
        digest.update(f"{file.name} {_file_hash(file, facts.st_size, facts.st_mtime_ns)}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=64)  # a model is looked for more than once in a run, and may be gigabytes
def _file_hash(file: Path, size: int, modified: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
