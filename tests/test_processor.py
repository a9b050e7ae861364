"""What a processor is said to be able to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicekit import processor


def test_what_the_processor_can_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flags(text: str | None) -> tuple[bool, ...]:
        path = tmp_path / "cpuinfo"
        path.write_text(text) if text is not None else path.unlink(missing_ok=True)
        monkeypatch.setattr(processor, "CPUINFO", path)
        processor.flags.cache_clear()
        return (processor.multiplies_in_8_bits(), processor.multiplies_in_bfloat16(), processor.multiplies_in_steps(),
                processor.multiplies_in_tiles())

    try:
        assert flags("processor : 0\nflags\t\t: fpu avx512_vnni avx512_bf16\n") == (True, True, False, False)
        assert flags("flags : avx512_vnni avx512_bf16 amx_bf16 amx_tile amx_int8\n") == (True, True, False, True)
        assert flags("flags : avx2 avx512_vnni\n") == (True, False, False, False)
        assert flags("flags : avx2 avx_vnni\n") == (False, False, True, False)
        assert flags("Features : neon\n") == flags(None) == (False,) * 4
    finally:
        processor.flags.cache_clear()
