from __future__ import annotations

import pytest

from profiles.idle import WorkerTime, worker_times
from voicekit.provenance import TimelineEntry


def test_what_workers_did_with_their_time() -> None:
    def entry(worker: int | None, began: float, ended: float, index: int, stage: str = "transcribe") -> TimelineEntry:
        return TimelineEntry(stage, 0.0, 1.0, began, ended, worker, index, index)

    found = worker_times([
        entry(0, 2, 5, 0), entry(0, 2, 5, 1),  # one batch
        entry(0, 6, 10, 2), entry(1, 3, 8, 3), entry(None, 0, 0, 4), entry(1, 8, 20, 5, "diarize")], "transcribe")
    assert found == {0: WorkerTime(2, 7, 1, 0), 1: WorkerTime(3, 5, 0, 2)}


def test_batches_that_were_done_together_are_counted_once() -> None:
    together = [TimelineEntry("transcribe", 0.0, 1.0, began, ended, 0, index, index)
                for index, (began, ended) in enumerate([(0, 4), (1, 4), (1, 5), (6, 7)])]
    assert worker_times(together, "transcribe") == {0: WorkerTime(0, 6, 1, 0)}


def test_what_is_no_transcript_is_told(tmp_path: object, monkeypatch: pytest.MonkeyPatch,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    from profiles import idle

    monkeypatch.setattr("sys.argv", ["idle", f"{tmp_path}/missing.json"])
    with pytest.raises(SystemExit) as ended:
        idle.main()
    assert ended.value.code == 2 and "missing.json" in capsys.readouterr().err
