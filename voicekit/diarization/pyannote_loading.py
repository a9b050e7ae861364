"""Importing pyannote.audio where its own dependencies do not load, and building a pipeline from files alone.

Checkpoints are pickles that pyannote loads with ``weights_only=False``: a pipeline's folder is code that is run, and
has to be trusted as such.
"""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from voicekit import telemetry
from voicekit.diarization import pyannote_models
from voicekit.errors import EngineMissingError, ModelError

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what pyannote and its libraries print and warn about away from the user; it is logged for debugging."""
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(printed):
        warnings.simplefilter("always")
        yield
    for message in [str(each.message) for each in caught] + printed.getvalue().splitlines():
        _log.debug("pyannote: %s", message.strip())


def import_pyannote() -> None:
    """Import pyannote.audio, which takes seconds.

    It needs torchaudio, and of that only functions written in Python. Its compiled part does not load beside a torch
    of another build (a CPU-only one, mostly); only there a stand-in without functions takes that part's place.

    Raises
    ------
    EngineMissingError
        If it is not installed, or does not load.
    """
    telemetry.switch_off()
    with quietly():
        try:
            try:
                import torchaudio  # noqa: F401
            except ModuleNotFoundError:
                raise
            except Exception as error:  # OSError from the loader, RuntimeError from its check of versions
                _log.info("torchaudio's compiled part does not load and is not used: %s", error)
                _replace_extension()
            import pyannote.audio  # noqa: F401
        except ImportError as error:
            raise EngineMissingError(f"pyannote.audio cannot be imported: {error}",
                                     "In voicekit's folder run: "
                                     f'{sys.executable} -m pip install -e ".[diarize]"') from error
    for name in ("lightning", "lightning.pytorch", "pytorch_lightning"):  # they have handlers of their own
        logging.getLogger(name).setLevel(logging.ERROR)


def _replace_extension() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchaudio"]:
        del sys.modules[name]  # what the failed import left
    stand_in = ModuleType("torchaudio._extension")

    def fail_if_no_align(function: Any) -> Any:
        return function

    vars(stand_in).update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False,
                          fail_if_no_align=fail_if_no_align)
    sys.modules["torchaudio._extension"] = stand_in


def build(name: str, path: Path) -> Any:
    """Build a pipeline on the CPU, from files on disk only.

    Parameters
    ----------
    name : str
        As the user gave it.
    path : Path
        Its folder, or its config.yaml.

    Returns
    -------
    pyannote.audio.pipelines.SpeakerDiarization
        With its parameters set.

    Raises
    ------
    ModelError
        If it cannot be read, or is no pipeline for diarization.
    """
    import_pyannote()
    from pyannote.audio import Pipeline
    from pyannote.audio.pipelines import SpeakerDiarization

    file = path / pyannote_models.CONFIG if path.is_dir() else path
    config = pyannote_models.read_config(file)
    parameters = config.parameters
    try:
        with quietly():
            for part, where in config.parts.items():
                files = _files(name, part, where)
                parameters[part] = {"checkpoint": str(files[0] if Path(where.place).is_file() else files[0].parent)}
            if "plda" not in config.parts:
                parameters["plda"] = _no_plda()
            pipeline = Pipeline.from_pretrained(config.content)
            if not isinstance(pipeline, SpeakerDiarization):
                raise ModelError(f"{name} is a {type(pipeline).__name__}, not a pipeline for diarization.",
                                 f"Choose one of: {', '.join(pyannote_models.MODELS)}.")
            if not pipeline.instantiated:
                pipeline.instantiate(pipeline.default_parameters())
    except ModelError:
        raise
    except Exception as error:  # torch.load's, Lightning's and pyannote's errors share no narrower type
        raise ModelError(f"The pipeline {name} at {path} cannot be loaded: {error}",
                         "If its files are damaged, delete them and fetch or copy them again.") from error
    return pipeline


def _files(name: str, part: str, where: pyannote_models.Part) -> tuple[Path, ...]:
    found = pyannote_models.locate(where, part)
    if found is None:
        raise ModelError(f"The pipeline {name} lacks its {part}: {where.place}.",
                         f"Run: voicekit models fetch {name} --engine pyannote")
    return found


def _no_plda() -> Any:
    """What pyannote 4 takes for a PLDA where the clustering needs none.

    It would ask the hub for the gated one of community-1 all the same.
    """
    from pyannote.audio.core.plda import PLDA

    return PLDA.__new__(PLDA)
