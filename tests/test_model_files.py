from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.voices.serving import serving
from voicekit import model_files as files
from voicekit.errors import ModelError


def test_a_file_comes_whole(tmp_path: Path) -> None:
    (tmp_path / "voice.pt").write_bytes(b"x" * 100_000)
    target = tmp_path / "models" / "voice.pt"
    with serving(tmp_path) as address:
        digest = hashlib.sha256(b"x" * 100_000).hexdigest()
        assert files.download(f"{address}/voice.pt", target, digest) == target
    assert target.read_bytes() == b"x" * 100_000
    assert files.download("http://127.0.0.1:1/voice.pt", target) == target  # it is there: nobody is asked
    assert files.revision(target) == digest


def test_what_breaks_off_or_is_another_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "short-voice.pt").write_bytes(b"x" * 100_000)
    (tmp_path / "voice.pt").write_bytes(b"y")
    target = tmp_path / "models" / "voice.pt"
    with serving(tmp_path) as address:
        with pytest.raises(ModelError, match="broke off"):
            files.download(f"{address}/short-voice.pt", target)
        with pytest.raises(ModelError, match="not the file"):
            files.download(f"{address}/voice.pt", target, "0" * 64)
        with pytest.raises(ModelError, match="404|Not Found"):
            files.download(f"{address}/missing.pt", target)
    assert list(target.parent.iterdir()) == []


def test_without_a_network_the_hint_says_which_file_goes_where(tmp_path: Path) -> None:
    target = tmp_path / "voice.pt"
    with pytest.raises(ModelError) as error:
        files.download("http://127.0.0.1:1/voice.pt", target)
    assert "http://127.0.0.1:1/voice.pt" in error.value.hint
    assert str(target) in error.value.hint


def test_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VOICEKIT_MODELS", str(tmp_path))
    assert files.folder("silero") == tmp_path / "silero"
    monkeypatch.delenv("VOICEKIT_MODELS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert files.folder("silero") == tmp_path / "cache" / "voicekit" / "models" / "silero"
