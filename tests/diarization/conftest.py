from __future__ import annotations

from pathlib import Path

import pytest

from voicekit.diarization.embedded import Embedded
from voicekit.protocols import ModelOnDisk


@pytest.fixture(scope="session")
def d_vector(models_with_d_vector: Path) -> ModelOnDisk:
    """The real weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEKIT_MODELS", str(models_with_d_vector))
        found = Embedded().find(None)
    assert found is not None
    return found
