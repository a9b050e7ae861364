"""What this machine's processor can do."""

from __future__ import annotations

import functools
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


@functools.lru_cache(maxsize=1)
def flags() -> frozenset[str]:
    """Names of its features as Linux gives them; none where the system does not tell."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    found = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return frozenset(found.split())


def multiplies_in_8_bits() -> bool:
    """Whether it has AVX-512 and the instructions that multiply and add 8-bit numbers (VNNI)."""
    return "avx512_vnni" in flags()


def multiplies_in_steps() -> bool:
    """Whether it has AVX2 and no VNNI: it multiplies 8-bit numbers, but sums each two products in 16 bits."""
    return "avx2" in flags() and not multiplies_in_8_bits()


def multiplies_in_bfloat16() -> bool:
    """Whether it has instructions that multiply and add bfloat16 numbers."""
    return bool(flags() & {"avx512_bf16", "amx_bf16"})


def multiplies_in_tiles() -> bool:
    """Whether it has units that multiply whole tiles of matrices, in 8 bits and in bfloat16 (AMX)."""
    return {"amx_int8", "amx_bf16"} <= flags()
