"""Running the commands as a user would: in a process of their own, with no model hub to be reached."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SHORT = ROOT / "tests" / "data" / "short.mp3"


_fresh = itertools.count()


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Environment variables: an empty model folder, a hub that refuses connections at once, and nothing in the
    cache, unless a test says ``VOICEKIT_CACHE`` itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "VOICEKIT_"))}
    return {**clean, "HF_HOME": str(folder / "hub"), "HF_ENDPOINT": "http://127.0.0.1:9",
            "XDG_CACHE_HOME": str(folder / "cache"), "VOICEKIT_CACHE": str(folder / "kept" / str(next(_fresh))), **changes}


def command(*arguments: str | Path) -> list[str]:
    """``run_parallel.py`` with these arguments."""
    return [sys.executable, str(ROOT / "run_parallel.py"), *map(str, arguments)]


def run(*arguments: str | Path, cwd: Path, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the main job in `cwd` and return what it printed."""
    changes = options.pop("env", {})
    return subprocess.run(command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=timeout,
                          env=environment(cwd, **changes), errors="surrogateescape", **options)


def voicekit(*arguments: str | Path, cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the console program."""
    return subprocess.run([sys.executable, "-m", "voicekit", *map(str, arguments)], cwd=cwd, capture_output=True,
                          text=True, timeout=300, env={**environment(cwd, **changes), "PYTHONPATH": str(ROOT)})
