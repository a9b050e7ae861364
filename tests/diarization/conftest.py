from __future__ import annotations

import pytest

from voicekit.diarization.embedded import Embedded
from voicekit.errors import ModelError
from voicekit.protocols import ModelOnDisk


@pytest.fixture(scope="session")
def d_vector(tmp_path_factory: pytest.TempPathFactory) -> ModelOnDisk:
    """The real weights: those on disk, or fetched into a folder that is kept for the session."""
    with pytest.MonkeyPatch.context() as patch:
        found = Embedded().find(None)
        if found is None:
            patch.setenv("VOICEKIT_MODELS", str(tmp_path_factory.mktemp("models")))
            try:
                found = Embedded().fetch(None)
            except ModelError as error:
                pytest.skip(f"the weights of the d-vector cannot be had: {error.message}")
        return found
