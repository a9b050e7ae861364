"""The kinds of model that the tests of onnx-asr's adapters go through, and how to lay them on disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from voicekit.engines.onnx_asr import GigaAM, Parakeet
from voicekit.protocols import EngineSpec, Samples

Adapter = GigaAM | Parakeet
COMMIT = "0123456789abcdef0123456789abcdef01234567"

KINDS = {
    "ctc": (GigaAM, "gigaam_ctc", {}),
    "rnnt": (GigaAM, "gigaam_rnnt", {}),
    "e2e-ctc": (GigaAM, "gigaam_ctc", {"e2e": True}),
    "e2e-rnnt": (GigaAM, "gigaam_rnnt", {"e2e": True}),
    "v2-ctc": (GigaAM, "gigaam_ctc", {"generation": "v2"}),
    "v2-rnnt": (GigaAM, "gigaam_rnnt", {"generation": "v2"}),
    "tdt": (Parakeet, "parakeet_tdt", {}),
    "tdt-data": (Parakeet, "parakeet_tdt", {"external": True}),
}


def build(kind: str, folder: Path, **more: Any) -> Adapter:
    pytest.importorskip("onnx")
    pytest.importorskip("onnx_asr")
    from tests.models import tiny_onnx_asr

    adapter, builder, settings = KINDS[kind]
    getattr(tiny_onnx_asr, builder)(folder, **settings, **more)
    return adapter()


def spec(adapter: Adapter, model: Path | str, device: str = "cpu", compute_type: str = "float32",
         threads: int = 1) -> EngineSpec:
    found = adapter.find(str(model))
    assert found is not None
    return EngineSpec(adapter.profile.name, found, device, compute_type, threads)


def put_in_cache(cache: Path, repo: str, folder: Path, commit: str = COMMIT) -> Path:
    """Lay files out in ``cache`` as the hub's client does: blobs, and links to them."""
    root = cache / ("models--" + repo.replace("/", "--"))
    snapshot = root / "snapshots" / commit
    for part in (root / "refs", root / "blobs", snapshot):
        part.mkdir(parents=True, exist_ok=True)
    (root / "refs" / "main").write_text(commit)
    for file in folder.iterdir():
        shutil.copy(file, root / "blobs" / file.name)
        if not (snapshot / file.name).exists():
            (snapshot / file.name).symlink_to(Path("../../blobs") / file.name)
    return snapshot


def speech(*seconds: float) -> list[Samples]:
    from tests.models.tiny_onnx_asr import speechlike

    return [speechlike(length, seed=seed) for seed, length in enumerate(seconds)]
