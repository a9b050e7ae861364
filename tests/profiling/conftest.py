from __future__ import annotations

from pathlib import Path

import pytest

from tests import sound
from tests.models import pico_cases
from tests.profiling.runs import Job


@pytest.fixture(scope="session")
def talks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings: of two people for a minute and a half, and of one for a few seconds."""
    folder = tmp_path_factory.mktemp("talks")
    two = pico_cases.talk(21, ["en"] * 26, voices=["en-us+m3", "en-us+f2"], noisy=False, pause=(0.5, 1.0))
    one = pico_cases.talk(22, ["en"] * 3, voices=["en-us+m3"], noisy=False, pause=(0.5, 1.0))
    sound.write_plain_wav(folder / "long.wav", two.pcm())
    sound.write_plain_wav(folder / "short.wav", one.pcm())
    return folder


@pytest.fixture(scope="session")
def profiled(talks: Path, pico: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A run of both with two workers, and the same again, when all is in the cache."""
    job = Job(talks, pico["faster-whisper int8"], tmp_path_factory.mktemp("profiled"))
    job.run("long.wav", "short.wav", "-o", "out/", "--profile", "first", "--hf-token", "hf_Xq9")
    job.run("long.wav", "short.wav", "-o", "out/", "--overwrite", "--profile", "second")
    return job


@pytest.fixture
def job(talks: Path, pico: dict[str, Path], tmp_path: Path) -> Job:
    """Runs in a folder of their own."""
    return Job(talks, pico["faster-whisper int8"], tmp_path)
