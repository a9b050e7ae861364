from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.commands import SHORT
from tests.engines import whisper_cases
from tests.models import measure_pico
from voicekit import audio, model_files

# What a script starts with "&" ignores interrupts, and so would every command that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = ("test_pico_recordings.py", "test_same_words.py", "test_pico.py", "faults", "test_revoice.py", "test_edits.py",
           "test_fuzz.py")
"""Files and folders whose tests take minutes."""


def pytest_configure(config: pytest.Config) -> None:
    """pytest-xdist would begin with the groups of most tests, not with those that take longest."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first: begun at the end, it would leave all cores but one idle."""
    def place(item: pytest.Item) -> int:
        names = item.path.parts
        return next((index for index, name in enumerate(LONGEST) if name in names), len(LONGEST))

    items.sort(key=place)


def samples_of(path: Path, folder: Path) -> NDArray[np.int16]:
    recording = audio.decode(path, folder)
    return audio.read_pcm(recording, 0, recording.samples)


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.int16]:
    """21 s of synthetic speech at 16 kHz."""
    return samples_of(SHORT, tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="session")
def models_kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the place of ``~/.cache``. What is fetched for a diarizer stays where the user has it: once is
    enough."""
    folder = tmp_path_factory.mktemp("user-cache")
    fetched = model_files.folder("embedded")
    fetched.mkdir(parents=True, exist_ok=True)
    place = folder / "voicekit" / "models" / "embedded"
    place.parent.mkdir(parents=True)
    place.symlink_to(fetched, target_is_directory=True)
    return folder


@pytest.fixture(autouse=True)
def own_cache(models_kept: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test finds what another has kept, and none leaves anything in the user's cache folder."""
    monkeypatch.setenv("VOICEKIT_CACHE", str(tmp_path_factory.getbasetemp() / f"cache-{uuid.uuid4().hex}"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(models_kept))


@pytest.fixture(scope="session")
def evaluation() -> Path:
    """The folder of real recordings."""
    folder = os.environ.get("VOICEKIT_EVAL")
    if not folder:
        pytest.skip("VOICEKIT_EVAL does not name the folder of evaluation recordings")
    return Path(folder)


@pytest.fixture(scope="session")
def pico(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pico Whisper as every engine reads it: what ``--model`` takes, by engine and precision."""
    whisper_cases.whispers_tokenizer()  # without openai-whisper there is no vocabulary to build from
    folder = tmp_path_factory.mktemp("pico")

    class Built(dict[str, Path]):
        """Each is built when it is first asked for."""

        def __missing__(self, kind: str) -> Path:
            self[kind] = measure_pico.build(kind, folder)
            return self[kind]

    return Built()


@pytest.fixture(scope="session")
def models_with_d_vector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ``$VOICEKIT_MODELS`` that has the d-vector's weights, fetched as a user would fetch them."""
    from voicekit.diarization.embedded import Embedded
    from voicekit.errors import ModelError

    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEKIT_MODELS", str(folder))
        try:
            if Embedded().find(None) is None:
                Embedded().fetch(None)
        except ModelError as error:
            pytest.skip(f"the weights of the d-vector cannot be had: {error.message}")
    return folder
