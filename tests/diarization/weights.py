"""The d-vector's weights, for tests that need them: fetched as a user would fetch them, once for all tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from voicekit.diarization.embedded import Embedded
from voicekit.errors import ModelError


def models_folder() -> Path:
    """A folder for ``$VOICEKIT_MODELS`` that holds the weights: the user's own if that has them."""
    kept = Path(os.environ.get("VOICEKIT_TEST_MODELS") or Path(tempfile.gettempdir(), f"voicekit-test-models-{os.getuid()}"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEKIT_MODELS", str(kept))
        try:
            Embedded().find(None) or Embedded().fetch(None)
        except ModelError as error:
            pytest.skip(f"The d-vector's weights cannot be had: {error.message}")
    return kept
