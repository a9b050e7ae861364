"""Where the two models of :mod:`voicekit.diarization.onnx_engine` lie: a folder, or two repositories of the hub.

Both are public and ask for no token: pyannote's segmentation-3.0 as the ONNX community has exported it (MIT), and
WeSpeaker's own export of its ResNet34, trained on VoxCeleb (CC BY 4.0, as WeSpeaker's list of models says).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from voicekit.errors import ModelError
from voicekit.protocols import ModelOnDisk

SEGMENTATION_FILES = ("segmentation.onnx", "model.onnx")
EMBEDDING_FILES = ("embedding.onnx", "voxceleb_resnet34_LM.onnx")
"""What the files may be called in a folder: our name for it, and the hub's."""

_OTHERWISE = "or use --diarize embedded, which needs no download."


@dataclass(frozen=True, slots=True)
class Part:
    """One model on the hub: its repository, and the file there."""

    repo: str
    file: str


@dataclass(frozen=True, slots=True)
class Pair:
    """What tells speakers apart inside a window, and what tells how each of them sounds."""

    name: str
    segmentation: Part
    embedding: Part


PAIRS = (Pair("wespeaker-resnet34",
              Part("onnx-community/pyannote-segmentation-3.0", "onnx/model.onnx"),
              Part("Wespeaker/wespeaker-voxceleb-resnet34-LM", "voxceleb_resnet34_LM.onnx")),)
"""By name; the first is the default."""


def find(model: str | None) -> ModelOnDisk | None:
    """The pair of models if both are in the hub's cache, or in the folder named. No network.

    A pair in the cache has the cache as its ``path`` and both commits as its ``revision``; one in a folder has the
    hash of its files.

    Raises
    ------
    ModelError
        If ``model`` is neither a known name nor a folder with both files.
    """
    pair = _known(model)
    if pair is None:
        return _in_folder(str(model))
    commits = [_commit(part) for part in (pair.segmentation, pair.embedding)]
    if None in commits:
        return None
    return _described(ModelOnDisk(pair.name, str(_cache()), "+".join(map(str, commits)), 0))


def fetch(model: str | None, token: str | None) -> ModelOnDisk:
    """Download what is missing; models in a folder need not be.

    Raises
    ------
    ModelError
        If they cannot be had.
    """
    if pair := _known(model):
        for part in (pair.segmentation, pair.embedding):
            _download(pair.name, part, token)
    found = find(model)
    if found is None:
        raise ModelError(f"The hub does not have both files of the model {model or PAIRS[0].name}.",
                         f"Give a folder with {SEGMENTATION_FILES[0]} and {EMBEDDING_FILES[0]}: "
                         f"--diarize onnx:FOLDER; {_OTHERWISE}")
    return found


def files(model: ModelOnDisk) -> tuple[Path, Path]:
    """The segmentation and the embedding model of a pair that :func:`find` gave.

    Raises
    ------
    ModelError
        If one is gone.
    """
    from huggingface_hub import try_to_load_from_cache

    pair = _known(model.name)
    if pair is None or "+" not in model.revision:
        return _pick(Path(model.path), SEGMENTATION_FILES), _pick(Path(model.path), EMBEDDING_FILES)
    found = []
    for part, commit in zip((pair.segmentation, pair.embedding), model.revision.split("+"), strict=True):
        path = try_to_load_from_cache(part.repo, part.file, cache_dir=model.path, revision=commit)
        if not isinstance(path, str):
            raise ModelError(f"The model {part.repo} is no longer in {model.path}.",
                             f"Run: voicekit models fetch {model.name} --engine onnx; {_OTHERWISE}")
        found.append(Path(path))
    return found[0], found[1]


def _known(model: str | None) -> Pair | None:
    return next((pair for pair in PAIRS if model in (None, pair.name)), None)


def _commit(part: Part) -> str | None:
    """Which version of a model the cache has, if any."""
    from huggingface_hub import try_to_load_from_cache

    path = try_to_load_from_cache(part.repo, part.file, cache_dir=_cache())
    if not isinstance(path, str):
        return None
    places = Path(path).parts
    return places[-places[::-1].index("snapshots")]  # the folder after the last of that name


def _download(name: str, part: Part, token: str | None) -> None:
    from huggingface_hub import snapshot_download

    # For a single file the hub's client would try for 24 seconds to reach a hub that is not there; for a snapshot it
    # tries once. It raises OSError, its own errors, and those of its HTTP library, which changes with its version.
    try:
        snapshot_download(part.repo, allow_patterns=[part.file], cache_dir=_cache(), token=token)
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
            raise ModelError(f"The model {part.repo} cannot be stored: {error}",
                             f"Make room, or set VOICEKIT_MODELS to another folder; {_OTHERWISE}") from error
        raise ModelError(f"Cannot download {part.file} of {part.repo}: the hub cannot be reached, or does not give "
                         f"it ({type(error).__name__}).",
                         f"On a connected machine run: voicekit models fetch {name} --engine onnx; "
                         f"or give a folder with {SEGMENTATION_FILES[0]} and {EMBEDDING_FILES[0]}: "
                         f"--diarize onnx:FOLDER; {_OTHERWISE}") from error


def _in_folder(model: str) -> ModelOnDisk:
    folder = Path(model).expanduser()
    if not folder.exists():
        raise ModelError(f"The diarization engine onnx has no model {model!r}, and there is no such folder.",
                         f"Choose one of: {', '.join(pair.name for pair in PAIRS)}; or give a folder with "
                         f"{SEGMENTATION_FILES[0]} and {EMBEDDING_FILES[0]}.")
    if not folder.is_dir():
        raise ModelError(f"{folder} is a file; the models of onnx are two files in a folder.",
                         f"Use --diarize onnx:{folder.parent}")
    both = [_pick(folder, names) for names in (SEGMENTATION_FILES, EMBEDDING_FILES)]
    hashes = " ".join(_hash(path, path.stat().st_size, path.stat().st_mtime_ns) for path in both)
    revision = hashlib.sha256(hashes.encode()).hexdigest()
    return _described(ModelOnDisk(model, str(folder.resolve()), revision, 0))


def _pick(folder: Path, names: tuple[str, ...]) -> Path:
    found = next((folder / name for name in names if (folder / name).is_file()), None)
    if found is None:
        raise ModelError(f"{folder} lacks {' (or '.join(names)}).",
                         f"Copy both models there, as {SEGMENTATION_FILES[0]} and {EMBEDDING_FILES[0]}; {_OTHERWISE}")
    return found


def _described(model: ModelOnDisk) -> ModelOnDisk:
    return ModelOnDisk(model.name, model.path, model.revision, sum(path.stat().st_size for path in files(model)))


def _cache() -> Path:
    """The hub's cache: ``$VOICEKIT_MODELS/hub`` where that is set, else Hugging Face's own."""
    from huggingface_hub import constants

    models = os.environ.get("VOICEKIT_MODELS")
    return Path(models).expanduser() / "hub" if models else Path(constants.HF_HUB_CACHE)


@lru_cache(maxsize=64)  # a model is looked for more than once in a run
def _hash(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
