from __future__ import annotations

import pytest

from voicekit.running.roundtrip import missed


@pytest.mark.parametrize("measures, told", [
    ({"wer_above_own": -0.109}, ()),  # understood better than the voice by itself
    ({"wer_above_own": 0.06}, ("round-trip WER above the voice's own is 0.06, not at most 0.05.",)),
    ({"duration_error": -3.0}, ("duration error in samples is 3, not at most 0.",)),
    ({"duration_error": 0.0, "overlap": 0.95, "f0_rmse": 80.0}, ()),
    ({"f0_correlation": -0.99}, ("log-F0 correlation is -0.99, not at least 0.95.",)),
])
def test_a_target_is_missed_on_one_side_only(measures: dict[str, float], told: tuple[str, ...]) -> None:
    assert missed(measures, prosody=True) == told


def test_without_prosody_only_times_and_words_count() -> None:
    found = missed({"f0_rmse": 500.0, "overlap": 0.1, "wer_above_own": 0.2}, prosody=False)
    assert found == ("round-trip WER above the voice's own is 0.2, not at most 0.05.",)
