"""What a run was measured on: figures of two machines say nothing about a change."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from importlib import metadata
from pathlib import Path

from voicekit.profiling.summary import MachineLine

_PACKAGES = ("numpy", "scipy", "av", "onnxruntime", "onnxruntime-gpu", "openvino", "ctranslate2", "faster-whisper",
             "openai-whisper", "onnx-asr", "pocketsphinx", "torch", "pyannote.audio", "pyworld-prebuilt")


def machine() -> MachineLine:
    """This machine, and the versions of what does the work."""
    import joblib

    versions = {}
    for name in _PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return MachineLine(_cpu(), int(joblib.cpu_count()), _memory(), _gpus(), platform.platform(),
                       platform.python_version(), versions)


def _cpu() -> str:
    with contextlib.suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if found is not None:
            return found[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    """Bytes that there are, or that the container may use."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    with contextlib.suppress(OSError, ValueError):  # no cgroup, or "max"
        total = min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return total


def _gpus() -> tuple[str, ...]:
    """As NVIDIA's driver names them."""
    names = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        with contextlib.suppress(OSError):
            found = re.search(r"^Model:\s*(.+)$", path.read_text(), re.MULTILINE)
            if found is not None:
                names.append(found[1].strip())
    return tuple(names)
