"""The page in a real browser: a click on a word plays it, search finds, keys work, nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.formats.report import recordings
from tests.formats.report.chromium import Reader, chromium
from tests.formats.transcripts import transcript, word
from voicekit.formats.report import Material, Track
from voicekit.types import Language, Segment, Source, Transcript, Turn

HOSTILE = ('</script><script>alert(1)</script>', '<img src=x onerror=alert(2)>', '"><svg onload=alert(3)>',
           "</title></style><script>alert(4)</script>", "<!--", "]]>", "$script", "${data}", "\u202eevil\u202c",
           "'-alert(5)-'", "javascript:alert(6)", "\x00\x08\ud800", '<iframe src="http://example.com/">',
           '<link rel=stylesheet href="http://example.com/x.css">', "&lt;b&gt;")


def dialogue(seconds: float = 30.0) -> Transcript:
    """Two people, a word every half a second: word number n begins at n / 2."""
    texts = ["Hello,", "world!", "The", "tele-", "phone", "rang.", "Ёлка", "стоит", "мой", "мои"]
    segments = []
    for number in range(int(seconds / 5)):
        words = tuple(word(f" {text}", number * 5 + place / 2, number * 5 + place / 2 + 0.4, 0.25 if place == 3 else 0.9)
                      for place, text in enumerate(texts))
        segments.append(Segment(number * 5.0, number * 5 + 4.9, " ".join(texts), words, ("Anna", "Борис")[number % 2]))
    return transcript(*segments, source=Source("talk.wav", seconds, "0" * 64), ledger=(),
                      turns=tuple(Turn(one.start, one.end, str(one.speaker)) for one in segments))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def sounding() -> Material:
    made = dialogue()
    return Material((Track("talk.wav", recordings.data_url(30), recordings._levels(made, 1)),
                     Track("new voice", recordings.data_url(30, 330), recordings._levels(made, 2))))


@pytest.fixture
def reader(browser: Any, tmp_path: Path, sounding: Material) -> Iterator[Reader]:
    with Reader(browser, tmp_path / "page", dialogue(), sounding) as opened:
        opened.until("document.getElementById('sound0').readyState >= 1")
        yield opened


def test_a_click_on_a_word_plays_from_it(reader: Reader) -> None:
    reader.word(14).click()  # begins at 7 s
    reader.until("!document.getElementById('sound0').paused")
    reader.until("document.getElementById('sound0').currentTime > 7.05")
    assert 7.0 < reader.moment() < 9.0


def test_the_word_that_is_said_is_marked_while_it_plays(reader: Reader) -> None:
    reader.word(4).click()
    for number in (5, 6, 7):
        reader.until(f"document.querySelectorAll('#transcript .seg > span')[{number}].classList.contains('current')")
    assert reader.page.locator(".seg > span.current").count() == 1
    assert reader.page.locator("#now").text_content() in ("0:03", "0:04")


def test_the_keyboard(reader: Reader) -> None:
    keys = reader.page.keyboard
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    assert reader.moment() == pytest.approx(10, abs=0.05)
    keys.press("l")
    assert reader.moment() == pytest.approx(10.5, abs=0.05)
    keys.press("h")
    keys.press("h")
    assert reader.moment() == pytest.approx(9.5, abs=0.05)
    keys.press("j")
    assert reader.moment() == pytest.approx(10, abs=0.05)
    keys.press("k")
    assert reader.moment() == pytest.approx(5, abs=0.05)
    keys.press("ArrowLeft")
    keys.press("ArrowLeft")
    assert reader.moment() == 0
    keys.press("]")
    assert reader.page.evaluate("document.getElementById('sound0').playbackRate") == 1.25
    keys.press(" ")
    reader.until("document.getElementById('sound0').currentTime > 0.2")
    keys.press(" ")
    reader.until("document.getElementById('sound0').paused")


def test_letters_work_in_a_russian_layout(reader: Reader) -> None:
    reader.page.evaluate("dispatchEvent(new KeyboardEvent('keydown', {key: 'о', code: 'KeyJ'}))")
    assert reader.moment() == pytest.approx(5, abs=0.05)


def test_keys_are_listed_and_can_be_switched_off(reader: Reader) -> None:
    keys = reader.page.keyboard
    keys.press("?")
    assert reader.page.locator("#help").is_visible()
    assert reader.page.locator("#help kbd").count() > 12
    reader.page.locator("#single").uncheck()
    keys.press("Escape")
    keys.press("ArrowRight")
    assert reader.moment() == 0


def test_everything_is_reached_with_the_tabulator(reader: Reader) -> None:
    """The first stop is the way past the header, and what has the focus can be seen."""
    seen = []
    while not seen or seen[-1][0] != "speed":
        reader.page.keyboard.press("Tab")
        seen.append(reader.page.evaluate(
            "(() => { const e = document.activeElement, s = getComputedStyle(e);"
            " return [e.id || e.className || e.textContent, s.outlineStyle, parseFloat(s.outlineWidth)]; })()"))
        assert len(seen) < 60
    names = [name for name, _, _ in seen]
    assert names[0] == "skip"
    assert {"query", "speaker", "play", "overview", "speed", "theme", "keys", "shading"} <= set(names)
    assert all(style != "none" and width > 0 for _, style, width in seen)


def test_search_finds_over_the_borders_of_words(reader: Reader) -> None:
    page = reader.page
    page.keyboard.press("/")
    page.keyboard.type("WORLD the tele")
    reader.until("document.querySelectorAll('.hit.chosen').length === 3")
    assert reader.hits() == "1 of 6"
    assert page.locator(".hit.chosen").all_text_contents() == ["world!", "The", "tele-"]
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert reader.hits() == "3 of 6"
    page.keyboard.press("Shift+Enter")
    assert reader.hits() == "2 of 6"
    page.keyboard.press("Escape")
    assert page.locator(".hit").count() == 0
    assert page.evaluate("document.activeElement.id") != "query"


def test_search_ignores_case_accents_and_punctuation(reader: Reader) -> None:
    for wanted, hits in (("елка", "1 of 6"), ("ЁЛКА", "1 of 6"), ("мой", "1 of 6"), ("мои", "1 of 6"),
                         ("hello world", "1 of 6"), ("hello, world!", "1 of 6"), ("стоит мо", "1 of 6"),
                         ("<b>", "no hits"), ("zebra", "no hits"), ("?!", "")):
        reader.look_for(wanted)
        assert reader.hits() == hits, wanted


def test_a_speaker_is_read_and_searched_alone(reader: Reader) -> None:
    reader.page.locator("#speaker").select_option(label="Борис")
    assert reader.page.locator(".passage:visible").count() == 3
    reader.look_for("world")
    assert reader.hits() == "1 of 3"


def test_two_sounds_are_switched_at_the_same_moment(reader: Reader) -> None:
    reader.word(20).click()
    reader.until("document.getElementById('sound0').currentTime > 10.1")
    reader.page.get_by_role("button", name="New voice").click()
    reader.until("!document.getElementById('sound1').paused")
    assert reader.page.evaluate("document.getElementById('sound0').paused")
    assert abs(reader.moment(1) - reader.moment(0)) < 1.0


def test_the_waveform_is_a_slider(reader: Reader) -> None:
    overview = reader.page.get_by_role("slider", name="Position")
    box = overview.bounding_box()
    reader.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert reader.moment() == pytest.approx(15, abs=0.1)
    overview.press("Home")
    assert reader.moment() == 0
    overview.press("PageUp")
    assert overview.get_attribute("aria-valuenow") == "30"
    assert overview.get_attribute("aria-valuetext") == "0:30 of 0:30, Борис"


def test_the_waveform_is_drawn_in_the_colours_of_the_speakers(browser: Any, tmp_path: Path, sounding: Material) -> None:
    with Reader(browser, tmp_path, dialogue(), sounding, device_scale_factor=2) as opened:
        count = """(() => { const c = document.querySelector('#overview canvas'); const found = {};
            const all = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            for (let i = 0; i < all.length; i += 4) if (all[i + 3] === 255) {
              const key = `${all[i]},${all[i + 1]},${all[i + 2]}`; found[key] = (found[key] || 0) + 1; }
            return [found, c.width / c.clientWidth]; })()"""
        colours, ratio = opened.page.evaluate(count)
        assert ratio == pytest.approx(2, abs=0.01)
        assert colours["9,42,148"] > 1000 and colours["191,68,19"] > 1000
        opened.page.emulate_media(color_scheme="dark")
        opened.until("getComputedStyle(document.documentElement).getPropertyValue('--s0') === '#92b9fb'")
        opened.page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert opened.page.evaluate(count)[0]["146,185,251"] > 1000
        # Reading a canvas twice is slow, the browser says; only this test does it.
        opened.foreseen = "willReadFrequently"


def test_a_link_leads_to_a_moment(browser: Any, tmp_path: Path, sounding: Material) -> None:
    with Reader(browser, tmp_path, dialogue(), sounding) as opened:
        opened.page.locator(".passage .at").nth(2).click()
        assert opened.page.url.endswith("#t=10")
        opened.page.reload()
        opened.until("document.getElementById('now').textContent === '0:10'")


def test_a_page_without_its_sound_asks_for_it(browser: Any, tmp_path: Path) -> None:
    sound = tmp_path / "talk.wav"
    sound.write_bytes(recordings.wav(30))
    with Reader(browser, tmp_path / "page", dialogue()) as opened:
        opened.page.keyboard.press("j")
        assert opened.page.locator("#now").text_content() == "0:05"  # the page can be walked through without sound
        opened.page.keyboard.press(" ")
        assert "talk.wav" in str(opened.page.locator("#trouble").text_content())
        opened.page.locator("#file").set_input_files(sound)
        opened.until("document.getElementById('sound0').readyState >= 1")
        assert opened.page.locator("#trouble").is_hidden() and opened.page.locator("#choose").is_hidden()
        assert opened.moment() == pytest.approx(5, abs=0.05)
        opened.page.keyboard.press(" ")
        opened.until("document.getElementById('sound0').currentTime > 5.1")


def test_a_sound_beside_the_page_is_played(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "a b%#.wav").write_bytes(recordings.wav(30))
    with Reader(browser, tmp_path, dialogue(), Material((Track("a b%#.wav", "a%20b%25%23.wav"),))) as opened:
        opened.word(12).click()
        opened.until("document.getElementById('sound0').currentTime > 6.1")


def test_the_text_and_the_command_can_be_taken_along(reader: Reader) -> None:
    with reader.page.expect_download() as saved:
        reader.page.get_by_role("button", name="Save as srt").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8")
    assert saved.value.suggested_filename == "talk.srt"
    assert text.startswith("1\n00:00:00,000 --> 00:00:04,900\nAnna: Hello, world! The tele- phone rang.")
    with reader.page.expect_download() as saved:
        reader.page.get_by_role("button", name="Save as txt").click()
    assert Path(saved.value.path()).read_text(encoding="utf-8").count("Борис: Hello, world!") == 3
    reader.page.locator("#copy").click()
    reader.until("document.getElementById('copy').textContent === 'Copied'")
    assert reader.page.evaluate("navigator.clipboard.readText()").startswith("voicekit run talk.wav")


def test_who_scrolls_away_is_left_in_peace(browser: Any, tmp_path: Path) -> None:
    made = recordings.talk(300)
    with Reader(browser, tmp_path, made, Material((Track("x", recordings.data_url(300)),))) as opened:
        opened.page.locator("#overview").press("PageUp")
        opened.page.locator("#overview").press("PageUp")
        opened.page.locator("#play").click()
        opened.until("document.querySelector('.seg > span.current')?.getBoundingClientRect().top < innerHeight")
        opened.page.mouse.move(600, 300)
        opened.page.mouse.wheel(0, 6000)
        follow = opened.page.locator("#follow")
        follow.wait_for(state="visible")
        follow.click()
        opened.until("document.querySelector('.seg > span.current').getBoundingClientRect().top > 0")
        assert follow.is_hidden()


def test_who_goes_to_another_part_of_the_page_stays_there(browser: Any, tmp_path: Path) -> None:
    made = recordings.talk(300)
    with Reader(browser, tmp_path, made, Material((Track("x", recordings.data_url(300)),))) as opened:
        opened.word(3).click()
        opened.until("document.getElementById('sound0').currentTime > 0.5")
        opened.page.get_by_role("link", name="Details").click()
        seconds = opened.page.evaluate("document.getElementById('sound0').currentTime")
        opened.until(f"document.getElementById('sound0').currentTime > {seconds + 2}")  # some words are said meanwhile
        opened.until("Math.abs(document.getElementById('making').getBoundingClientRect().top) < innerHeight / 2")
        assert opened.page.locator("#follow").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read(browser: Any, tmp_path: Path, scheme: str) -> None:
    """Contrast of every text with what is behind it, as WCAG 2 counts it: 4.5, or 3 where it is large."""
    made = replace(recordings.talk(900, speakers=12), partial=True)
    with Reader(browser, tmp_path, made, recordings.material(made, new_voice=True), recordings.voicing(made),
                color_scheme=scheme) as opened:
        opened.look_for("telephone")
        assert opened.page.evaluate((Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_no_need_to_scroll_sideways(browser: Any, tmp_path: Path, scheme: str) -> None:
    made = recordings.talk(900, speakers=12)
    with Reader(browser, tmp_path, made, recordings.material(made, new_voice=True), recordings.voicing(made),
                viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, color_scheme=scheme) as opened:
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
        opened.page.locator("#making").scroll_into_view_if_needed()
        assert opened.page.evaluate("document.documentElement.scrollWidth") == 360
        for name in ("#play", "#back", "#forward", "#speed", "#query", "#theme"):
            box = opened.page.locator(name).bounding_box()
            assert min(box["width"], box["height"]) >= 24, f"{name} is too small for a finger (WCAG 2.5.8)"


def test_a_chosen_theme_wins_and_stays(reader: Reader) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light = reader.page.evaluate(ground)
    reader.page.locator("#theme").click()
    reader.page.locator("#theme").click()
    assert reader.page.evaluate(ground) == "rgb(20, 23, 26)" != light
    reader.page.reload()
    assert reader.page.evaluate(ground) == "rgb(20, 23, 26)"
    reader.page.locator("#theme").click()
    assert reader.page.evaluate(ground) == light


def test_it_can_be_read_without_a_script(browser: Any, tmp_path: Path, sounding: Material) -> None:
    with Reader(browser, tmp_path, dialogue(), sounding, java_script_enabled=False) as opened:
        assert opened.page.get_by_text("rang.").first.is_visible()
        assert opened.page.locator("audio").first.is_visible()
        assert opened.page.get_by_role("heading", name="Who speaks").is_visible()
        assert opened.page.get_by_text("voicekit run talk.wav").is_visible()
        assert not opened.page.locator("#dock, #query, #theme").first.is_visible()


def test_right_to_left_text_begins_at_the_right(browser: Any, tmp_path: Path) -> None:
    made = transcript(
        Segment(0, 2, "GPU של החברה", (word(" GPU", 0, 1), word(" של", 1, 1.5), word(" החברה", 1.5, 2)), "Anna"),
        Segment(2, 4, "Привет, мир", (word(" Привет,", 2, 3), word(" мир", 3, 4)), "Anna"), language=Language("he", 0.9))
    with Reader(browser, tmp_path, made) as opened:
        first, _, last = (opened.word(number).bounding_box() for number in range(3))
        assert first["x"] > last["x"]
        assert opened.word(3).bounding_box()["x"] < opened.word(4).bounding_box()["x"]
        assert opened.page.locator(".passage p").first.get_attribute("lang") == "he"


def test_nothing_in_a_transcript_becomes_part_of_the_page(browser: Any, tmp_path: Path) -> None:
    """Whatever a transcript, a name or a reason holds is shown as it is; a script in it would open a dialog."""
    segments = [Segment(number * 2.0, number * 2 + 1, text, (word(f" {text}", number * 2, number * 2 + 1, 0.4),), text)
                for number, text in enumerate(HOSTILE)]
    segments += [Segment(100, 101, " ".join(HOSTILE))]
    base = recordings.talk(60)
    made = recordings.hostile(base, segments, HOSTILE)
    sound = Material(tuple(Track(text, text, (1, 2)) for text in HOSTILE[:2]), HOSTILE)
    with Reader(browser, tmp_path, made, sound, recordings.hostile_voicing(base, HOSTILE)) as opened:
        assert opened.page.locator("iframe, img, link, object, embed, base").count() == 0
        assert opened.page.locator("script").count() == 2
        assert opened.page.locator(".passage", has_text="<img src=x onerror=alert(2)>").first.is_visible()
        opened.look_for("alert")
        assert opened.hits().startswith("1 of ")
        handlers = """[...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]
            .filter((a) => a.name.startsWith('on') || a.name === 'style').map((a) => a.name))"""
        assert set(opened.page.evaluate(handlers)) <= {"style"}
        # Two sounds with such names are not there, and the browser says so of each: no more than that may be said.
        opened.foreseen = "ERR_FILE_NOT_FOUND"


def test_the_policy_stops_what_would_slip_through(browser: Any, tmp_path: Path) -> None:
    with Reader(browser, tmp_path, dialogue()) as opened:
        # The browser logs each refusal, and a busy machine brings that to us as late as when the page is left.
        opened.foreseen = "Content Security Policy"
        with opened.page.expect_event("requestfailed"):
            stopped = opened.page.evaluate("""() => new Promise((done) => {
                const seen = [];
                document.addEventListener('securitypolicyviolation', (refusal) => {
                    seen.push(refusal.effectiveDirective);
                    if (seen.length === 2) done(seen.sort()); });
                document.body.insertAdjacentHTML('beforeend',
                    '<img src="http://192.0.2.1/x.png" onerror="alert(1)">'); })""")
        assert stopped == ["img-src", "script-src-attr"], "neither the picture nor what was to run without it"
        assert opened.refused == ["csp"], "the browser refused it itself and asked nobody"
        # Playwright tells of a request before it is refused, so this has come by now.
        opened.troubles.remove("asked the network for http://192.0.2.1/x.png")


def test_an_hour_is_there_at_once(browser: Any, tmp_path: Path) -> None:
    """Opening it, going to its end and searching all of it; the bounds leave room for a busy machine."""
    made = recordings.talk(3600)
    with Reader(browser, tmp_path, made, recordings.material(made)) as opened:
        timing = opened.page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
        assert timing < 5000
        opened.page.locator("#overview").press("End")
        assert opened.look_for("e") < 2000
        assert int(opened.hits().removeprefix("1 of ").replace(",", "")) > 5000
        opened.look_for("")
        opened.page.evaluate("location.hash = '#t=3000'")
        opened.until("""(() => { const e = document.querySelector('.seg.current'); if (!e) return false;
            const box = e.getBoundingClientRect(); return box.top > 40 && box.bottom < innerHeight - 80; })()""")
