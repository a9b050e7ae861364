"""The weights that all contestants get: a real model's folder, or random ones of a true shape, made once and kept.

Written are the folder for faster-whisper in half precision, as the published ones are, and for openai-whisper a
``.pt`` of the same weights beside it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from voicekit import model_files
from voicekit.benchmark.shapes import FIRST_LANGUAGE, SHAPES, TIMESTAMPS, Shape
from voicekit.engines.faster_whisper import FasterWhisper
from voicekit.errors import ModelError, OutputError, UsageError

WARNING = "The weights are random: its words mean nothing. It is for measuring speed only."

MARK = "random.json"
"""The file that tells a model of random weights, and how it was made."""

GENERATION = 1
"""Counts up when the same seed begins to give other weights; older models that were kept are made again."""

_SPECIAL = FIRST_LANGUAGE + 6 + TIMESTAMPS  # tokens but for those of the languages


@dataclass(frozen=True, slots=True)
class BenchmarkModel:
    """What all contestants are given.

    Attributes
    ----------
    name : str
        For people.
    folder : Path
        For CTranslate2, and for voicekit.
    checkpoint : Path or None
        The same weights for openai-whisper, where there is such a file.
    shape : Shape
        The dimensions.
    random : bool
        Whether the words mean nothing.
    """

    name: str
    folder: Path
    checkpoint: Path | None
    shape: Shape
    random: bool


def find(name: str, tokens: int, *, checkpoint: bool, keep: Path | None = None,
         tell: Callable[[str], None] = lambda text: None) -> BenchmarkModel:
    """The model to measure with, made where it is missing.

    Parameters
    ----------
    name : str
        The folder of a model that CTranslate2 can read, or a name of :data:`voicekit.benchmark.shapes.SHAPES`: that
        is one of random weights.
    tokens : int
        How many the model of random weights writes for every window.
    checkpoint : bool
        Whether openai-whisper's file is wanted too. Of a real model it has to be there: FOLDER.pt, or the only
        ``.pt`` in FOLDER.
    keep : Path, optional
        Where models are kept that were made; the user's cache folder if not given.
    tell : callable
        Gets a sentence before something takes long.

    Raises
    ------
    UsageError, ModelError, EngineMissingError, OutputError
        If it cannot be had.
    """
    if name in SHAPES:
        folder = (keep or model_files.folder("benchmark")) / f"random-{name}-{tokens}-tokens"
        return _made(name, tokens, folder, checkpoint, tell)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UsageError(f"--model {name} is no folder, and no shape of a Whisper.",
                         f"Give the folder of a model for faster-whisper, or one of: {', '.join(SHAPES)}.")
    FasterWhisper().find(str(folder))  # which tells what is missing in it
    known = [path for path in (folder.with_name(f"{folder.name}.pt"), *folder.glob("*.pt")) if path.is_file()]
    return BenchmarkModel(folder.resolve().name, folder.resolve(), known[0].resolve() if known else None,
                          shape_of(folder), (folder / MARK).exists())


def _made(name: str, tokens: int, folder: Path, checkpoint: bool, tell: Callable[[str], None]) -> BenchmarkModel:
    """The model of random weights."""
    file = folder.with_name(f"{folder.name}.pt")
    recipe = {"shape": name, "tokens": tokens, "seed": 1, "generation": GENERATION}
    fresh = not _is(folder, recipe)
    wanted = checkpoint and all(importlib.util.find_spec(package) for package in ("whisper", "torch"))
    if fresh or (wanted and not file.is_file()):
        tell(f"Making a Whisper {name} of random weights: {folder}")
        try:
            _make(recipe, folder if fresh else None, file if wanted else None)
        except (OSError, MemoryError) as error:
            raise OutputError(f"The model cannot be made at {folder}: {error or 'memory is short'}.",
                              "Choose a smaller --model, or another folder with --keep.") from error
    return BenchmarkModel(folder.name, folder.resolve(), file.resolve() if file.is_file() else None, SHAPES[name],
                          True)


def _is(folder: Path, recipe: dict[str, object]) -> bool:
    """Whether a whole model of this recipe is there."""
    try:
        return bool(json.loads((folder / MARK).read_text(encoding="utf-8")) == recipe)
    except (OSError, ValueError):
        return False


def _make(recipe: dict[str, object], folder: Path | None, file: Path | None) -> None:
    """Write it beside its place, and put it there when it is whole."""
    place = folder or file
    assert place is not None
    place.parent.mkdir(parents=True, exist_ok=True)
    if folder is not None and folder.exists():
        if not (folder / MARK).exists():
            raise FileExistsError("a folder of that name is there, with something else in it")
        shutil.rmtree(folder)
        folder.with_name(f"{folder.name}.pt").unlink(missing_ok=True)  # of the weights that were there before
    with tempfile.TemporaryDirectory(prefix=f".{place.name}-", dir=place.parent) as name:
        part = Path(name, "model")
        runtime = "both" if folder and file else "ctranslate2" if folder else "openai"
        write(str(recipe["shape"]), part, int(str(recipe["tokens"])), runtime, "float16", int(str(recipe["seed"])))
        if file is not None:
            os.replace(part.with_name("model.pt"), file)
        if folder is not None:
            (part / MARK).write_text(json.dumps(recipe), encoding="utf-8")
            os.replace(part, folder)


def write(name: str, path: Path, tokens: int, runtime: str, quantization: str, seed: int) -> list[Path]:
    """Make random weights of a true shape and write them for one runtime or for both.

    Parameters
    ----------
    name : str
        Of :data:`voicekit.benchmark.shapes.SHAPES`.
    path : Path
        The folder for faster-whisper; openai-whisper's file is PATH.pt.
    tokens : int
        How many every window with sound gets.
    runtime : {"both", "ctranslate2", "openai"}
        What to write.
    quantization : {"int8", "float16", "float32"}
        Of CTranslate2's file; openai-whisper's has half precision, as the published ones.
    seed : int
        Another seed is another model.

    Returns
    -------
    list of Path
        The folder and the file, what was written of them.
    """
    from voicekit.benchmark import random_weights, whisper_files

    shape = SHAPES[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = random_weights.weights(shape, seed, tokens=tokens)
    written = []
    if runtime != "openai":
        written.append(whisper_files.write_ctranslate2(path, shape, weights, quantization))
        (path / "README.txt").write_text(f"{WARNING}\n", encoding="utf-8")
    if runtime != "ctranslate2":
        written.append(whisper_files.write_openai(path.with_name(f"{path.name}.pt"), shape, weights, half=True))
    return written


def shape_of(folder: Path) -> Shape:
    """The dimensions of a model, from the names and sizes in its ``model.bin``.

    The form is that of ctranslate2.specs.model_spec: version, name, revision, then every variable with its name,
    dimensions, kind and bytes. None of its weights is read.

    Raises
    ------
    ModelError
        If it is no Whisper, or damaged.
    """
    try:
        with open(folder / "model.bin", "rb") as file:
            found = _variables(file)
        width, mels, _ = found["encoder/conv1/weight"][0]
        vocabulary, _ = found["decoder/embeddings/weight"][0]
        heads = found["encoder/num_heads"][1]
        layers = [len({name.split("/")[1] for name in found if name.startswith(f"{side}/layer_")}
                      - {"layer_norm"}) for side in ("encoder", "decoder")]
        return Shape(width, heads, layers[0], layers[1], mels, vocabulary - _SPECIAL)
    except (OSError, struct.error, KeyError, ValueError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder / 'model.bin'} is no Whisper that CTranslate2 can read.",
                         "Take the folder of a model for faster-whisper.") from error


def _variables(file: BinaryIO) -> dict[str, tuple[tuple[int, ...], int]]:
    """Dimensions of every variable by its name, and its value where it is a small number."""
    def take(form: str) -> tuple[int, ...]:
        return struct.unpack(f"<{form}", file.read(struct.calcsize(f"<{form}")))

    def text() -> str:
        return file.read(take("H")[0])[:-1].decode()

    take("I")
    text()
    _, count = take("II")
    found = {}
    for _ in range(count):
        name = text()
        [rank] = take("B")
        dimensions = take(f"{rank}I")
        _, length = take("BI")
        value = int.from_bytes(file.read(length), "little") if length <= 8 else 0
        file.seek(length if length > 8 else 0, os.SEEK_CUR)
        found[name] = (dimensions, value)
    return found
