"""The sound that a page holds, played by a real browser."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests import sound
from tests.formats.report.chromium import Reader, chromium
from tests.formats.transcripts import transcript
from voicekit.formats.report.sound import material
from voicekit.types import Segment, Source


def test_chromium_plays_and_seeks_in_the_copy(tmp_path: Path) -> None:
    # A tone that is there in the second minute only: what is heard tells where the player is.
    samples = np.concatenate([sound.silence(60.0), sound.tone(60.0)])
    path = sound.write(tmp_path / "talk.flac", samples)
    made = transcript(Segment(0.0, 1.0, "Good morning."), source=Source("talk.flac", 120.0, ""))
    with chromium() as browser, Reader(browser, tmp_path / "page", made, material(path, made, embed=True)) as reader:
        path.unlink()
        reader.until("document.getElementById('sound0').readyState >= 1")
        assert reader.page.evaluate("document.getElementById('sound0').duration") == pytest.approx(120.0, abs=0.05)
        peaks = [reader.page.evaluate("""async (at) => {
            const player = document.getElementById('sound0'), context = new AudioContext({sampleRate: 48000});
            const heard = window.heard ||= context.createMediaElementSource(player);
            const analyser = heard.context.createAnalyser();
            heard.connect(analyser);
            player.currentTime = at;
            await new Promise(done => player.addEventListener("seeked", done, {once: true}));
            await player.play();
            let peak = 0;
            const values = new Float32Array(analyser.fftSize), began = player.currentTime;
            while (player.currentTime < began + 0.5) {
                await new Promise(requestAnimationFrame);
                analyser.getFloatTimeDomainData(values);
                peak = Math.max(peak, ...values);
            }
            player.pause();
            heard.disconnect();
            return [peak, began];
        }""", at) for at in (90.0, 30.0, 100.0)]
    assert [round(began) for _, began in peaks] == [90, 30, 100]
    assert [peak > 0.3 for peak, _ in peaks] == [True, False, True]
