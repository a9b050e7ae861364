"""The page of a recording: one HTML file that needs nothing else, for people to read, hear and pass on.

Everything is in the HTML itself and can be read without a script: the transcript, what was left out, who speaks, who
worked when, how it was made. The script beside it (``*.js``, put together in :data:`SCRIPTS`' order) adds the player,
the drawings of the sound and the search. A policy inside the page forbids it to load anything from a network, and to
run any script but this one: what a transcript says can never become a part of the page.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib import resources
from string import Template

from voicekit.formats.base import Format
from voicekit.formats.report import ledger, making, markup, passages, revoiced, speaking, timeline
from voicekit.formats.report.colours import DARK, LIGHT
from voicekit.formats.report.content import page_data
from voicekit.formats.report.material import Material, Track
from voicekit.formats.report.writing import write
from voicekit.languages import LANGUAGES
from voicekit.options import SubtitleOptions
from voicekit.spoken import Voicing
from voicekit.types import Transcript
from voicekit.version import __version__

__all__ = ["Html", "Material", "Track", "page", "write"]

STYLES = ("report.css", "parts.css")
"""Files of the style, in order."""

SCRIPTS = ("recording.js", "player.js", "waveform.js", "detail.js", "charts.js", "following.js", "search.js",
           "saving.js", "keys.js")
"""Files of the script, in order: they are one scope, and a later one may use what is in an earlier one."""


class Html(Format):
    """``.html``: the page without sound; :func:`voicekit.formats.report.writing.write` adds that.

    Examples
    --------
    >>> Html().render(transcript, SubtitleOptions())[:15]  # doctest: +SKIP
    '<!DOCTYPE html>'
    """

    extension = "html"

    def render(self, transcript: Transcript, subtitles: SubtitleOptions) -> str:
        """See :meth:`Format.render`."""
        return page(transcript)


def page(transcript: Transcript, material: Material = Material(), voicing: Voicing | None = None) -> str:
    """The text of the page.

    Parameters
    ----------
    transcript : Transcript
        Who said what; words without times, speakers or a timeline may be missing.
    material : Material
        What is known of the sound. Without any, the reader can still choose the recording to hear it.
    voicing : Voicing, optional
        The recording in its new voice: voices, measures and the ledger of its sentences.

    Returns
    -------
    str
        A whole HTML document, always encodable as UTF-8. Times that are no numbers count as 0.

    Examples
    --------
    >>> page(transcript, Material((Track("talk.mp3", url="talk.mp3"),)))[:15]  # doctest: +SKIP
    '<!DOCTYPE html>'
    """
    order = {label: number for number, label in enumerate(speaking.speakers(transcript))}
    tracks = material.tracks or (Track(transcript.source.name),)
    style, script = _style(), _script()
    title = markup.text(transcript.source.name)
    sections = {
        "speakers": speaking.section(transcript), "voice": revoiced.section(voicing, material),
        "ledger": ledger.section(transcript), "timeline": timeline.section(transcript.run.timeline),
        "making": making.section(transcript, voicing, material.notes),
    }
    return Template(_file("page.html")).substitute(
        policy=_policy(style, script), style=style, script=script, title=title, version=markup.text(__version__),
        facts=_facts(transcript, len(order)), notices=ledger.notice(transcript), legend=_legend(order),
        links=_links(sections), choices=_choices(order),
        transcript=passages.render(transcript, order) or "<p>Nobody says anything in this recording.</p>",
        hints=_hints(transcript), sections="\n".join(sections.values()), sounds=_sounds(tracks),
        tracks=_switch(tracks), data=markup.script_data(page_data(transcript, tracks, order)))


@lru_cache
def _file(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


@lru_cache
def _style() -> str:
    """The style sheet, with the palette for a light, a dark and a chosen theme."""
    light, dark = ("".join(f"--s{number}:{colour};" for number, colour in enumerate(colours))
                   for colours in (LIGHT, DARK))
    classes = "".join(f".s{number}{{--speaker:var(--s{number})}}" for number in range(len(LIGHT)))
    palette = (f":root{{{light}}}@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}"
               f":root[data-theme=dark]{{{dark}}}@media print{{:root:root:root{{{light}}}}}{classes}")
    return "\n".join([palette, *map(_file, STYLES)])


@lru_cache
def _script() -> str:
    return "\n".join(['"use strict";(() => {', *map(_file, SCRIPTS), "})();"])


def _policy(style: str, script: str) -> str:
    """What the page may load: its own style and script, sound from beside it or inside it, and nothing else."""
    def digest(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"

    return (f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; "
            "media-src data: blob: file: 'self'; img-src data:; base-uri 'none'; form-action 'none'")


def _facts(transcript: Transcript, speakers: int) -> str:
    """A line that says what this is."""
    language = transcript.language
    sure = f" (detected, {markup.finite(language.probability):.0%})" if language.probability is not None else ""
    words = sum(len(speaking.tokens(segment)) for segment in transcript.segments)
    facts = [markup.length(transcript.source.duration),
             LANGUAGES.get(language.code, language.code).capitalize() + sure if language.code != "und" else "",
             "translated into English" if transcript.run.options.get("task") == "translate" else "",
             markup.count(speakers, "speaker") if speakers else "", markup.count(words, "word"),
             f"{transcript.run.engine} {transcript.run.model_name}".strip()]
    return "".join(f"<li>{markup.text(fact)}</li>" for fact in facts if fact)


def _legend(order: dict[str, int]) -> str:
    items = "".join(f'<li class="{speaking.colour(order, label)}"><span class="dot"></span>{markup.name(label)}</li>'
                    for label in order)
    return f'<ul class="speakers">{items}</ul>' if items else ""


def _links(sections: dict[str, str]) -> str:
    titles = {"speakers": "Speakers", "voice": "Voice", "ledger": "Left out", "timeline": "Work", "making": "Details"}
    return "".join(f'<a href="#{key}">{titles[key]}</a>' for key, text in sections.items() if text)


def _choices(order: dict[str, int]) -> str:
    """The speakers, to read one of them only; nothing to choose where there is one."""
    if len(order) < 2:
        return ""
    options = "".join(f'<option value="{number}">{markup.text(label)}</option>' for label, number in order.items())
    return ('<label class="filter"><span class="unseen">Show</span><select id="speaker">'
            f'<option value="">All speakers</option>{options}</select></label>')


def _hints(transcript: Transcript) -> str:
    """What the marks in the transcript mean."""
    words = transcript.words
    parts = []
    if speaking.said(words):
        parts.append('<label class="scripted"><input type="checkbox" id="shading" checked> Shade unsure words</label>'
                     '<span class="key"><span class="p1">less</span> <span class="p2">and less</span> '
                     '<span class="p3">probable</span></span>')
    if any(word.overlap for word in words):
        parts.append('<span class="key"><span class="o">while others speak</span></span>')
    if transcript.segments and not words:
        parts.append("<span>Words have no times of their own here: a click plays their sentence.</span>")
    return f'<div class="hints">{"".join(parts)}</div>' if parts else ""


def _sounds(tracks: tuple[Track, ...]) -> str:
    """The sounds as the browser plays them by itself, for readers without scripts."""
    figures = []
    for number, track in enumerate(tracks):
        source = f' src="{markup.text(track.url)}"' if track.url else ""
        figures.append(f"<figure><figcaption>{markup.name(track.name)}</figcaption>"
                       f'<audio id="sound{number}" controls preload="metadata"{source}></audio></figure>')
    return "".join(figures)


def _switch(tracks: tuple[Track, ...]) -> str:
    if len(tracks) < 2:
        return ""
    buttons = "".join(
        f'<button type="button" data-track="{number}" aria-pressed="{"true" if not number else "false"}" '
        f'title="{markup.text(track.name)}">{("Original", "New voice")[number]}</button>'
        for number, track in enumerate(tracks[:2]))
    return f'<div class="tracks" role="group" aria-label="Which sound">{buttons}</div>'
