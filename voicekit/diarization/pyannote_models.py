"""The files of pyannote's pipelines: a folder, or repositories of the hub of which one names the others.

Everything here is done without torch: the process that plans a run must stay small.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicekit import model_files
from voicekit.errors import ModelError
from voicekit.protocols import ModelOnDisk

DEFAULT = "pyannote/speaker-diarization-community-1"
MODELS = (DEFAULT, "pyannote/speaker-diarization-3.1")

CONFIG = "config.yaml"
_NEEDED = {"segmentation": ("pytorch_model.bin",), "embedding": ("pytorch_model.bin",),
           "plda": ("xvec_transform.npz", "plda.npz")}
_OTHER_MAKERS = ("speechbrain", "nvidia", "wespeaker")  # embeddings that pyannote leaves to other libraries
_FREE = "or take --diarize onnx or --diarize embedded, which need neither."


@dataclass(frozen=True, slots=True)
class Part:
    """Where one model of a pipeline is: a repository of the hub, or a path; and the folder inside."""

    place: str
    subfolder: str = ""
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """What a pipeline's config.yaml says.

    Attributes
    ----------
    content : dict
        As it was read.
    parts : dict of str to Part
        The models it needs, by parameter; those of other makers' libraries are not among them.
    """

    content: dict[str, Any]
    parts: dict[str, Part]

    @property
    def parameters(self) -> dict[str, Any]:
        """How the pipeline is built."""
        parameters: dict[str, Any] = self.content["pipeline"].setdefault("params", {})
        return parameters


def read_config(path: Path, repository: str = "") -> Config:
    """Read a pipeline's config.yaml.

    Parameters
    ----------
    path : Path
        The file.
    repository : str, optional
        Of the hub, that it is from; else ``$model`` means its folder.

    Raises
    ------
    ModelError
        If it is not what pyannote.audio writes.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        parameters = content["pipeline"].get("params") or {}
        parts = {name: _part(parameters.get(name), name, path, repository) for name in _NEEDED
                 if name != "plda" or parameters.get("clustering", "VBxClustering") == "VBxClustering"}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise ModelError(f"{path} is not the configuration of a pyannote pipeline: {error}",
                         "Copy the pipeline's own config.yaml there.") from error
    content["pipeline"]["params"] = parameters
    return Config(content, {name: part for name, part in parts.items() if part})


def _part(value: Any, name: str, path: Path, repository: str) -> Part | None:
    if value is None:
        return Part(DEFAULT, name)
    if isinstance(value, Mapping):
        return Part(str(value["checkpoint"]), value.get("subfolder") or "", value.get("revision"))
    if value.startswith("$model/"):
        subfolder, _, revision = value.removeprefix("$model/").partition("@")
        return Part(repository or str(path.parent.resolve()), subfolder, revision or None)
    if name == "embedding" and "pyannote" not in value and any(maker in value for maker in _OTHER_MAKERS):
        return None
    return Part(value)


def locate(part: Part, name: str) -> tuple[Path, ...] | None:
    """The files of a part on disk; None where one is missing. No network."""
    place = Path(part.place).expanduser()
    if place.is_file():
        return (place,)
    if place.is_dir():
        found = tuple(place / part.subfolder / file for file in _NEEDED[name])
        return found if all(file.is_file() for file in found) else None
    paths = [in_cache(part.place, "/".join(filter(None, (part.subfolder, file))), part.revision)
             for file in _NEEDED[name]]
    return tuple(path for path in paths if path) if all(paths) else None


def in_cache(repository: str, file: str, revision: str | None = None) -> Path | None:
    """A file of a repository in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, file, cache_dir=cache_folder(), revision=revision)
    except HFValidationError:  # a path that is not there
        return None
    return Path(found) if isinstance(found, str) else None


def cache_folder() -> str | None:
    """``$VOICEKIT_MODELS/hub`` where that is set; else the hub's client knows its own."""
    models = os.environ.get("VOICEKIT_MODELS")
    return str(Path(models).expanduser() / "hub") if models else None


def repository_of(model: str | None) -> str | None:
    """The hub's name of a model that is no path; None for a path."""
    model = model or DEFAULT
    known = {name.rpartition("/")[2]: name for name in MODELS}
    if model in MODELS or model in known:
        return known.get(model, model)
    path = Path(model).expanduser()
    looks_like_a_path = model.startswith((".", "~")) or path.is_absolute() or model.endswith(".yaml")
    if path.exists() or looks_like_a_path:
        return None
    owner, _, name = model.partition("/")
    if not owner or not name or "/" in name:
        raise ModelError(f"Unknown pyannote pipeline {model!r}.",
                         f"Choose one of: {', '.join(MODELS)}; or the folder of a pipeline, or its config.yaml.")
    return model


def find(model: str | None) -> ModelOnDisk | None:
    """The pipeline with all models that it names, if all are on disk. No network."""
    repository = repository_of(model)
    if repository is None:
        return _in_folder(str(model))
    path = in_cache(repository, CONFIG)
    if path is None:
        return None
    files = _files(path, read_config(path, repository))
    if files is None:
        return None
    # The folder of a snapshot in the hub's cache is named by its commit.
    commits = dict.fromkeys(_snapshot(file).name for file in files)
    return ModelOnDisk(model or DEFAULT, str(path.parent), "+".join(commits), _size(files))


def _in_folder(model: str) -> ModelOnDisk:
    given = Path(model).expanduser()
    path = given / CONFIG if given.is_dir() else given
    if not given.exists():
        raise ModelError(f"There is no pyannote pipeline at {model!r}.", "Check the path after --diarize pyannote:.")
    if not path.is_file():
        raise ModelError(f"The folder {model!r} has no {CONFIG}.",
                         "A pipeline's folder holds it, and the models that it names.")
    config = read_config(path)
    for name, part in config.parts.items():
        if locate(part, name) is None:
            where = "/".join(filter(None, (part.place, part.subfolder)))
            raise ModelError(f"The pipeline {model!r} lacks its {name}: {' and '.join(_NEEDED[name])} of {where}.",
                             f"Copy what is missing there, or change {CONFIG}.")
    files = _files(path, config) or ()
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {model_files.revision(file)}\n".encode())
    return ModelOnDisk(model, str(given.resolve()), digest.hexdigest(), _size(files))


def _files(path: Path, config: Config) -> tuple[Path, ...] | None:
    files = [path]
    for name, part in config.parts.items():
        found = locate(part, name)
        if found is None:
            return None
        files += found
    return tuple(files)


def _size(files: tuple[Path, ...]) -> int:
    return sum(file.stat().st_size for file in files)


def _snapshot(file: Path) -> Path:
    return next((folder for folder in file.parents if folder.parent.name == "snapshots"), file.parent)


def fetch(model: str | None, token: str | None) -> ModelOnDisk:
    """Download a pipeline and all that it names; what is in a folder need not be."""
    repository = repository_of(model)
    if repository is not None:
        path = _download(repository, CONFIG, None, token)
        for name, part in read_config(path, repository).parts.items():
            if not Path(part.place).expanduser().exists():
                for file in _NEEDED[name]:
                    _download(part.place, "/".join(filter(None, (part.subfolder, file))), part.revision, token)
    found = find(model)
    if found is None:
        raise ModelError(f"The pipeline {model or DEFAULT} is not complete after its download.",
                         f"Delete it from the hub's cache and fetch it again; {_FREE}")
    return found


def _download(repository: str, file: str, revision: str | None, token: str | None) -> Path:
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_download, hf_hub_url

    try:
        # Without a hub this fails at once; the download itself would try for half a minute.
        get_hf_file_metadata(hf_hub_url(repository, file, revision=revision), token=token or None, timeout=10)
        return Path(hf_hub_download(repository, file, revision=revision, token=token or None,
                                    cache_dir=cache_folder()))
    except (errors.GatedRepoError, errors.RepositoryNotFoundError) as error:
        raise ModelError(
            f"The hub gives {repository} only to accounts that accepted its terms.",
            f"Accept them at https://hf.co/{repository} and put your token into HF_TOKEN, or give --hf-token; "
            f"{_FREE}") from error
    except errors.RemoteEntryNotFoundError as error:
        raise ModelError(f"{repository} is no pyannote pipeline: it has no {file}.",
                         f"Choose one of: {', '.join(MODELS)}.") from error
    # The hub's client raises OSError, its own errors, and those of its HTTP library, which changes with its version.
    except Exception as error:
        if isinstance(error, OSError) and error.errno and not isinstance(error, ConnectionError):
            raise ModelError(f"The model {repository} cannot be stored: {error}",
                             "Make room, or set VOICEKIT_MODELS to another folder.") from error
        raise ModelError(
            f"The pipeline {repository} is not on disk and its hub could not be reached ({type(error).__name__}).",
            f"On a connected machine run: voicekit models fetch {repository} --engine pyannote; {_FREE}") from error


@functools.lru_cache(maxsize=8)
def window_seconds(checkpoint: Path) -> float:
    """How many seconds a segmentation model hears at once, read from its checkpoint without torch.

    Nothing in the file is run: every class it names is replaced by an empty one.

    Parameters
    ----------
    checkpoint : Path
        As Lightning writes it: a zip with a pickle.

    Returns
    -------
    float
        10, as all published ones have, where the file does not say.
    """
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            content = _Inert(io.BytesIO(archive.read(name))).load()
        return float(content["pyannote.audio"]["specifications"].__dict__["duration"])
    except Exception:  # whatever a pickle of another make may do; the loaded model is compared with the plan
        return 10.0


class _Inert(pickle.Unpickler):
    """Reads the plain values of a pickle, and makes nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        return type(name, (_Anything,), {})

    def persistent_load(self, pid: Any) -> Any:
        return None


class _Anything:
    """Stands for an object of any class: takes what it is made of, and its attributes."""

    def __new__(cls, *args: Any, **kwargs: Any) -> _Anything:
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if isinstance(state, dict):
            self.__dict__.update(state)

    def __setitem__(self, key: Any, value: Any) -> None:
        pass
