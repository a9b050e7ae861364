"""What a kept result is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicekit import processor
from voicekit.options import DecodingOptions
from voicekit.protocols import EngineSpec, ModelOnDisk
from voicekit.worker.transcribing import result_name

STEPS, LARGE, LARGE_AND_HALF = "avx2", "avx2 avx512_vnni", "avx2 avx512_vnni avx512_bf16"
TILES = f"{LARGE_AND_HALF} amx_bf16 amx_tile amx_int8"


def _names(engine: str, compute_type: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """On four processors."""
    spec = EngineSpec(engine, ModelOnDisk("small", "/models/small", "1", 480), "cpu", compute_type, 1)
    names = []
    monkeypatch.setattr(processor, "CPUINFO", tmp_path / "cpuinfo")
    try:
        for flags in (STEPS, LARGE, LARGE_AND_HALF, TILES):
            (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
            processor.flags.cache_clear()
            names.append(result_name(spec, DecodingOptions("en"), b"sound"))
    finally:
        processor.flags.cache_clear()
    return names


def test_a_result_is_not_taken_for_that_of_a_processor_that_computes_otherwise(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(set(_names("openvino", "int8", tmp_path, monkeypatch))) == 4


@pytest.mark.parametrize("engine, compute_type", [("openvino", "float32"), ("faster-whisper", "int8")])
def test_what_every_processor_computes_alike_has_one_name(engine: str, compute_type: str, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(set(_names(engine, compute_type, tmp_path, monkeypatch))) == 1
