"""A page in the system's Chromium, which may not load anything, log an error or break the page's own policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from voicekit.formats.report import Material, page
from voicekit.spoken import Voicing
from voicekit.types import Transcript


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; the test is skipped where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (extra test)")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"])
        yield browser
        browser.close()


class Reader:
    """Somebody who opens the page of a transcript."""

    def __init__(self, browser: Any, folder: Path, made: Transcript, sound: Material = Material(),
                 voicing: Voicing | None = None, **context: Any) -> None:
        folder.mkdir(exist_ok=True)
        file = folder / "page.html"
        file.write_bytes(page(made, sound, voicing).encode("utf-8"))
        self.context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **context})
        self.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page = self.context.new_page()
        self.page.set_default_timeout(8000)
        self.troubles: list[str] = []
        self.foreseen: str | None = None
        self.page.on("console", lambda message: self.troubles.append(message.text)
                     if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.troubles.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: None if request.url.startswith(("file:", "data:", "blob:"))
                     else self.troubles.append(f"asked the network for {request.url}"))
        self.refused: list[str] = []
        self.page.on("requestfailed", lambda request: self.refused.append(request.failure))
        self.page.goto(file.as_uri())

    def close(self) -> None:
        """Leave; whatever went wrong in the page, but for what the test foresaw, is a failure."""
        self.context.close()
        assert [one for one in self.troubles if self.foreseen is None or self.foreseen not in one] == []

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.close()
        else:
            self.context.close()

    def moment(self, number: int = 0) -> float:
        """Where the sound is."""
        found: float = self.page.evaluate(f"document.getElementById('sound{number}').currentTime")
        return found

    def until(self, condition: str) -> None:
        """Wait for something to become true in the page."""
        # Playwright's own waiting evaluates text as code in the page, which the page's policy forbids.
        self.page.evaluate(f"""() => new Promise((done, fail) => {{
            const began = performance.now(), look = () => {{
                if ({condition}) done();
                else if (performance.now() - began > 8000) fail(new Error("in vain"));
                else setTimeout(look, 15);
            }};
            look();
        }})""")

    def word(self, number: int) -> Any:
        return self.page.locator("#transcript .seg > span").nth(number)

    def hits(self) -> str:
        return str(self.page.locator("#hits").text_content())

    def look_for(self, text: str) -> float:
        """Search, as somebody does who types fast; the milliseconds it took."""
        took: float = self.page.evaluate("""(text) => {
            const box = document.getElementById('query'), began = performance.now();
            box.value = text;
            box.dispatchEvent(new Event('input'));
            box.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', cancelable: true}));
            return performance.now() - began; }""", text)
        return took
