"""Nobody is told about a run: libraries that report to their makers are asked not to, before they load."""

from __future__ import annotations

import os

# onnxruntime's wheels send events and keep a device id on disk from the moment they are imported.
_SWITCHES = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYANNOTE_METRICS_ENABLED": "0"}


def switch_off() -> None:
    """Set what the libraries look at; worker processes inherit it. What the user has set himself stays."""
    for name, value in _SWITCHES.items():
        os.environ.setdefault(name, value)
