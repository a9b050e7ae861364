"""How the page's recording was made, and the command that makes it again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping

from voicekit.formats.report import markup
from voicekit.options import COMPUTE_TYPES
from voicekit.provenance import RunInfo, SpeakersInfo
from voicekit.spoken import Voicing
from voicekit.types import Transcript


def command(transcript: Transcript, voicing: Voicing | None = None) -> str:
    """A command line that gives the same words again, for a POSIX shell.

    What decides about speed only (chunks, workers, threads) is left to the machine. Names that voices got from
    ``--speaker-names`` are in it, a token for a hub never is.

    Examples
    --------
    >>> print(command(transcript))  # doctest: +SKIP
    voicekit run interview.mp3 --engine faster-whisper --model small --language ru -o interview.html
    """
    run = transcript.run
    words = ["voicekit", "run", _path(transcript.source.name), *_decoding(transcript)]
    if run.speakers is not None:
        words += _speakers(run.speakers)
    if voicing is not None:
        words += _voice(voicing)
    stem = transcript.source.name.rpartition(".")[0] or transcript.source.name
    return shlex.join(markup.clean(word) for word in [*words, "-o", _path(f"{stem}.html")])


def _path(name: str) -> str:
    # A file whose name looks like an option, a list or standard input is still a file.
    return f"./{name}" if name[:1] in ("-", "@") else name


def _decoding(transcript: Transcript) -> Iterator[str]:
    run, options = transcript.run, transcript.run.options
    yield from _flag("--quality", options.get("quality"))
    yield from _flag("--engine", run.engine)
    yield from _flag("--model", run.model_name)
    language = transcript.language.code
    yield from _flag("--language", language if language != "und" else None)
    if options.get("task") == "translate":
        yield from _flag("--task", "translate")
    device = "cuda" if run.device.startswith("cuda") else "cpu" if run.device.startswith("cpu") else None
    yield from _flag("--device", device)
    yield from _flag("--compute-type", run.compute_type if run.compute_type in COMPUTE_TYPES else None)
    for key in ("beam_size", "batch_size", "initial_prompt", "hotwords"):
        yield from _flag(f"--{key.replace('_', '-')}", options.get(key))
    if isinstance(options.get("word_timestamps"), bool):
        yield "--word-timestamps" if options["word_timestamps"] else "--no-word-timestamps"


def _speakers(info: SpeakersInfo) -> Iterator[str]:
    if info.engine == "channels":
        yield "--channels-as-speakers"
    else:
        yield from _flag("--diarize", f"{info.engine}:{info.model_name}" if info.model else info.engine)
    for key in ("speakers", "min_speakers", "max_speakers", "known_threshold"):
        yield from _flag(f"--{key.replace('_', '-')}", info.options.get(key))
    for key in ("speaker_names", "known_speakers"):
        given = info.options.get(key)
        if isinstance(given, list | tuple) and given:
            yield from _flag(f"--{key.replace('_', '-')}", ",".join(map(str, given)))


def _voice(voicing: Voicing) -> Iterator[str]:
    voices = {label: f"{voice.engine}:{voice.name}" for label, voice in voicing.voices.items()}
    first = next(iter(voices.values()), None)
    yield from _flag("--voice", first)
    others = [f"{label}={voice}" for label, voice in voices.items() if label and voice != first]
    yield from _flag("--voices", ",".join(others) or None)
    stress, prosody = voicing.options.get("stress"), voicing.options.get("prosody")
    if isinstance(stress, bool):
        yield "--stress" if stress else "--no-stress"
    if prosody is not None:
        yield "--no-prosody" if prosody == "fast" else "--prosody"
    if voicing.options.get("keep_background"):
        yield "--keep-background"


def _flag(flag: str, value: object) -> Iterable[str]:
    if value is None or value == "":
        return ()
    written = f"{value:g}" if isinstance(value, float) else str(value)
    # A value that begins with a hyphen would be read as an option of its own.
    return (f"{flag}={written}",) if written.startswith("-") else (flag, written)


def section(transcript: Transcript, voicing: Voicing | None, notes: Iterable[str] = ()) -> str:
    """The section of the page: everything that is needed to run it again."""
    run, source = transcript.run, transcript.source
    told = [*run.warnings, *(run.speakers.warnings if run.speakers else ()), *(voicing.warnings if voicing else ())]
    warnings = _list("Warnings", [*dict.fromkeys(told)]) + _list("Done another way", run.downgrades) \
        + _list("Where nobody was told apart", run.speakers.failed if run.speakers else ()) + _list("Notes", notes)
    speakers = _facts(_speaker_facts(run.speakers), "Speakers") if run.speakers is not None else ""
    voice = _facts(_options(voicing.options), "New voice") if voicing is not None else ""
    return (
        '<section id="making" aria-labelledby="making-title"><h2 id="making-title">How it was made</h2>'
        f"{warnings}"
        '<div class="command"><h3 id="command-title">Make it again</h3>'
        '<pre tabindex="0" aria-labelledby="command-title">'
        f'<code id="command">{_command(transcript, voicing)}</code></pre>'
        '<button type="button" id="copy" class="scripted">Copy the command</button></div>'
        f'<p>The file has the SHA-256 <code class="hash">{markup.text(source.sha256)}</code>. Chunks and workers '
        f"are about speed only: the words do not depend on them.{_where_the_model_was(run)}</p>"
        f'<div class="facts">{_facts(_run_facts(run), "Transcription")}{_facts(_options(run.options), "Options")}'
        f"{speakers}{voice}</div></section>")


def _where_the_model_was(run: RunInfo) -> str:
    # A page is passed on: whose folders there are on the machine that made it is nobody's business.
    speakers = run.speakers
    named = run.model == run.model_name and (speakers is None or speakers.model == speakers.model_name)
    return "" if named else " A model was read from a folder: give the path of yours."


def _command(transcript: Transcript, voicing: Voicing | None) -> str:
    """A line may end between options, not inside one."""
    parts = re.split(r" (?=--?[a-z])", command(transcript, voicing))
    return " ".join(f"<span>{markup.text(part)}</span>" for part in parts)


def _run_facts(run: RunInfo) -> Iterator[tuple[str, object]]:
    yield "Engine", run.engine
    yield "Model", run.model_name
    yield "Revision", run.revision
    yield "Device", run.device
    yield "Precision", run.compute_type
    yield "Time taken", markup.length(run.wall_seconds)
    if run.decoded_again:
        yield "Decoded again", markup.count(run.decoded_again, "window")
    if run.cache is not None:
        yield "Cache", f"{run.cache.found} windows found, {run.cache.computed} transcribed"
        if run.cache.damaged:
            yield "Damaged in the cache", run.cache.damaged
    yield "voicekit", run.version


def _speaker_facts(info: SpeakersInfo) -> Iterator[tuple[str, object]]:
    yield "Engine", info.engine
    yield "Model", info.model_name
    yield "Revision", info.revision
    yield "Device", info.device
    yield "Found", markup.count(info.found, "speaker")
    if info.unattributed:
        yield "Without a speaker", markup.count(info.unattributed, "word")
    for label, how in info.known.items():
        yield label, how
    yield from _options(info.options)


def _options(options: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in options.items():
        if isinstance(value, bool):
            yield key.replace("_", " "), "yes" if value else "no"
        elif isinstance(value, list | tuple):
            yield key.replace("_", " "), ", ".join(map(str, value))
        else:
            yield key.replace("_", " "), value


def _facts(facts: Iterable[tuple[str, object]], title: str) -> str:
    rows = "".join(f"<div><dt>{markup.name(key)}</dt><dd>{markup.name(value)}</dd></div>" for key, value in facts
                   if value is not None and value != "")
    return f"<div><h3>{title}</h3><dl>{rows}</dl></div>" if rows else ""


def _list(title: str, items: Iterable[str]) -> str:
    rows = "".join(f"<li>{markup.name(item)}</li>" for item in items)
    return f"<h3>{title}</h3><ul>{rows}</ul>" if rows else ""
