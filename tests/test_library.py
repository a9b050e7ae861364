"""voicekit as a library."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import voicekit
from tests import sound
from tests.commands import ROOT, SHORT, environment


def test_transcribe_returns_a_transcript(tmp_path: Path) -> None:
    found = voicekit.transcribe(SHORT, engine="pocketsphinx", workers=1, temp_dir=str(tmp_path))
    assert isinstance(found, voicekit.Transcript)
    assert "newspaper" in found.text and found.language.code == "en" and not found.partial and not found.failed
    assert found.source.name == "short.mp3" and len(found.source.sha256) == 64
    assert all(one.start <= one.end <= other.start for one, other in zip(found.words, found.words[1:]))
    assert "".join(word.word for word in found.words).split() == found.text.split()
    assert list(tmp_path.iterdir()) == []


def test_the_formats_are_at_hand(tmp_path: Path) -> None:
    code = ("import voicekit, sys; from pathlib import Path\n"
            "if __name__ == '__main__':\n"
            "    t = voicekit.transcribe(Path(sys.argv[1]), engine='pocketsphinx')\n"
            "    voicekit.formats.write(t, 'out.json')\n"
            "    assert voicekit.formats.read('out.json').text == t.text and voicekit.formats.schema()")
    (tmp_path / "script.py").write_text(code)
    subprocess.run([sys.executable, "script.py", str(SHORT)], cwd=tmp_path, check=True, timeout=120,
                   env={**environment(tmp_path), "PYTHONPATH": str(ROOT)})


def test_silence_needs_no_model(tmp_path: Path) -> None:
    path = sound.write_plain_wav(tmp_path / "silence.wav", np.zeros(16000, np.int16))
    found = voicekit.transcribe(path, engine="pocketsphinx")
    assert found.segments == () and found.ledger == ()


@pytest.mark.parametrize(("changes", "error", "message"), [
    ({"engine": "nobody"}, voicekit.VoicekitError, "Unknown engine"),
    ({"chunks": 0}, voicekit.VoicekitError, "--chunks"),
    ({"quality": "best"}, voicekit.VoicekitError, "Unknown quality"),
    ({"spelling": 1}, TypeError, "spelling"),
])
def test_wrong_arguments(changes: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        voicekit.transcribe(SHORT, **changes)  # type: ignore[arg-type]


def test_a_missing_file() -> None:
    with pytest.raises(voicekit.VoicekitError, match="nothing.mp3"):
        voicekit.transcribe("nothing.mp3", engine="pocketsphinx")


def test_a_script_without_a_guard_is_told_so(tmp_path: Path, speech: NDArray[np.int16]) -> None:
    path = sound.write_plain_wav(tmp_path / "a.wav", speech[:40000])
    script = tmp_path / "script.py"
    script.write_text(f"import voicekit\nprint(voicekit.transcribe({str(path)!r}, engine='pocketsphinx').text)\n")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120,
                          env={**environment(tmp_path), "PYTHONPATH": str(ROOT)})
    assert done.returncode != 0
    assert 'if __name__ == "__main__":' in done.stderr


def test_an_error_while_preparing_ends_the_run_and_not_the_users_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("no detector today")

    monkeypatch.setattr("voicekit.running.hearing._detector", broken)
    with pytest.raises(voicekit.VoicekitError, match="no detector today"):
        voicekit.transcribe(SHORT, engine="pocketsphinx")


def test_a_disk_that_fills_up_in_a_worker_says_what_to_do() -> None:
    """An error of writing, unlike one of opening, does not name the file."""
    import errno

    from voicekit.errors import EXIT_BAD_INPUT, EXIT_FAILED
    from voicekit.running.loop import _as_ours

    full = _as_ours(OSError(errno.ENOSPC, "No space left on device"))
    assert full.exit_code == EXIT_BAD_INPUT and "--temp-dir" in full.hint and "No space left" in full.message
    assert _as_ours(OSError(errno.EIO, "broken")).exit_code == EXIT_FAILED


def test_an_error_in_planning_one_file_stops_no_other(tmp_path: Path, speech: NDArray[np.int16],
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoded sound of one file is gone before it is planned, as when /tmp is cleaned."""
    from voicekit.options import EngineOptions, RunOptions
    from voicekit.pipeline import transcribe_files
    from voicekit.running import ahead
    from voicekit.running.preparation import Part
    from voicekit.types import InputFile

    files = [InputFile(sound.write_plain_wav(tmp_path / f"{name}.wav", speech[:40000]), name) for name in "abc"]
    preparing = ahead.preparing

    def losing(file: InputFile, *rest: object) -> Iterator[Part]:
        for part in preparing(file, *rest):  # type: ignore[arg-type]
            if file.name == "b" and part.whole:
                os.unlink(part.recording.pcm)
            yield part

    monkeypatch.setattr(ahead, "preparing", losing)
    found = {outcome.file.name: outcome for outcome in
             transcribe_files(files, RunOptions(engine=EngineOptions(engine="pocketsphinx")))}
    assert found["a"].transcript and found["c"].transcript
    assert found["b"].error and "cannot be read" in str(found["b"].error)
