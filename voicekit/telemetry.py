"""Nobody is told about a run: libraries that report to their makers are asked not to, before they load."""

from __future__ import annotations

import importlib
import os
import sys
from types import ModuleType

# onnxruntime's wheels send events and keep a device id on disk from the moment they are imported.
_SWITCHES = {"ORT_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYANNOTE_METRICS_ENABLED": "0"}


def switch_off() -> None:
    """Set what the libraries look at; worker processes inherit it. What the user has set himself stays."""
    for name, value in _SWITCHES.items():
        os.environ.setdefault(name, value)


def openvino() -> ModuleType:
    """OpenVINO, loaded so that it tells nobody.

    It reports every import, and keeps an id in the user's folder, through a package that comes with it. Where that
    package is missing it does without, so it is kept from finding it.
    """
    reporter = "openvino_telemetry"
    if "openvino" not in sys.modules and reporter not in sys.modules:
        sys.modules[reporter] = None  # type: ignore[assignment]
        try:
            return importlib.import_module("openvino")
        finally:
            del sys.modules[reporter]
    return importlib.import_module("openvino")
