"""Functions of several profilers put together: as Python's own tools do it."""

from __future__ import annotations

import cProfile
import io
import json
import pstats
import random
from pathlib import Path

import pytest

from voicekit.profiling import functions


def _fibonacci(number: int) -> int:
    return number if number < 2 else _fibonacci(number - 1) + _fibonacci(number - 2)


def _profile(number: int) -> functions.Stats:
    profile = cProfile.Profile()
    profile.enable()
    _fibonacci(number)
    json.loads(json.dumps(list(range(number))))
    random.Random(number).shuffle(list(range(number)))
    profile.disable()
    return functions.counted(profile)


def test_the_sum_is_that_of_pstats(tmp_path: Path) -> None:
    parts = [_profile(number) for number in (3, 9, 12)]
    for index, part in enumerate(parts):
        (tmp_path / str(index)).write_bytes(functions.packed(part))
    theirs = pstats.Stats(*(str(tmp_path / str(index)) for index in range(3)), stream=io.StringIO())
    ours = functions.merged(parts)
    assert parts == [functions.unpacked((tmp_path / str(index)).read_bytes()) for index in range(3)], "none was changed"
    assert set(ours) == set(theirs.stats)
    for name, counts in theirs.stats.items():
        assert ours[name][:2] == counts[:2] and ours[name][:4] == pytest.approx(counts[:4])
        assert set(ours[name][4]) == set(counts[4])
        assert all(ours[name][4][caller] == pytest.approx(seconds) for caller, seconds in counts[4].items())
    fibonacci = next(counts for (_, _, name), counts in ours.items() if name == "_fibonacci")
    assert fibonacci[0] == 3 and fibonacci[1] > 500


def test_python_s_own_tool_opens_it(tmp_path: Path) -> None:
    (tmp_path / "p.pstats").write_bytes(functions.packed(_profile(9)))
    shown = io.StringIO()
    pstats.Stats(str(tmp_path / "p.pstats"), stream=shown).sort_stats("cumulative").print_callers("_fibonacci")
    assert "_fibonacci" in shown.getvalue()
    assert functions.unpacked((tmp_path / "p.pstats").read_bytes()) == functions.unpacked((tmp_path / "p.pstats").read_bytes())


def test_the_most_expensive_first() -> None:
    stats: functions.Stats = {("a.py", 1, "outer"): (1, 1, 0.5, 3.0, {}), ("~", 0, "<built-in>"): (9, 9, 2.5, 2.5, {})}
    assert [one.name for one in functions.top(stats, 5, "own")] == ["<built-in>", "outer"]
    (first,) = functions.top(stats, 1, "cumulative")
    assert (first.name, first.calls, first.own, first.cumulative) == ("outer", 1, 0.5, 3.0)


def test_places_are_the_same_on_every_machine() -> None:
    for file, place in [("/home/a/voicekit/voicekit/stages/ladder.py", "voicekit/stages/ladder.py:7"),
                        ("/x/lib/python3.11/site-packages/ctranslate2/models/whisper.py", "ctranslate2/models/whisper.py:7"),
                        ("/x/lib/python3.11/json/decoder.py", "json/decoder.py:7"), ("<string>", "<string>:7")]:
        assert functions.place((file, 7, "f")) == place
