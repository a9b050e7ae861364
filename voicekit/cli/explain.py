"""``--explain``: the plan, and why it is so. Decodes and finds speech; loads no model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from voicekit.cli.progress import clock, count
from voicekit.errors import VoicekitError
from voicekit.options import RunOptions
from voicekit.planning import chunks as chunking
from voicekit.planning.machine import Machine, this_machine
from voicekit.running import telling_apart
from voicekit.running.crew import Crew, choose_crew
from voicekit.running.preparation import prepare
from voicekit.store import Cache
from voicekit.types import InputFile, Recording, Window

log = logging.getLogger("voicekit")


def explanation(files: Sequence[InputFile], options: RunOptions, folder: Path,
                fail: Callable[[VoicekitError, str], None]) -> Iterator[str]:
    """Paragraphs of text: one for the machine, one for each file.

    Parameters
    ----------
    files : sequence of InputFile
        What would be transcribed.
    options : RunOptions
        As asked for.
    folder : Path
        For the decoded audio.
    fail : callable
        Gets the error of a file that cannot be decoded, and its name.
    """
    machine = this_machine()
    crew = choose_crew(options, machine, fetch=False)
    yield "\n".join((*_machine_lines(crew, options), *_speaker_lines(crew, options, machine)))
    cache = Cache.of(options.store, log.warning)
    for file in files:
        try:
            prepared = prepare(file, folder, options, cache)
        except VoicekitError as error:
            fail(error, file.name)
            continue
        yield "\n" + "\n".join(_file_lines(prepared.recording, prepared.windows(crew.window), crew, options))
        Path(prepared.recording.pcm).unlink()


def _machine_lines(crew: Crew, options: RunOptions) -> Iterator[str]:
    choice, plan = crew.choice, crew.plan
    where = "on disk" if choice.model else "not on disk: it would be fetched"
    yield f"Engine    {choice.name}, model {choice.model_name} ({where})"
    yield f"Language  {_language(crew, options)}"
    devices = ", ".join(dict.fromkeys(plan.devices))
    yield (f"Division  {count(plan.workers, 'worker')} x {count(plan.threads, 'thread')} x batch {plan.batch_size}, "
           f"{plan.compute_type} on {devices}")
    for reason in plan.reasons:
        yield f"          - {reason}"
    if options.voicing.voice is not None:
        yield (f"Voice     {options.voicing.voice}, stress {'marked' if options.stress else 'not marked'}, "
               f"prosody {'left to the voice' if options.prosody == 'fast' else 'of the original'}")
    for warning in (*choice.downgrades, *plan.warnings):
        yield f"Warning   {warning}"


def _speaker_lines(crew: Crew, options: RunOptions, machine: Machine) -> Iterator[str]:
    chosen = telling_apart.choose(options, crew.plan.devices, machine, fetch=False)
    if chosen is None:
        return
    if chosen.adapter is None:
        yield "Speakers  each channel is one"
        return
    where = "its model is not on disk: it would be fetched"
    if chosen.spec is not None:
        where = f"model {chosen.spec.model.name} (on disk)"
    bounds = options.speakers.bounds
    wanted = f"{bounds.exactly} of them"
    if bounds.exactly is None:
        least = f", at least {bounds.least}" if bounds.least else ""
        wanted = f"their number is found out{least}{f', at most {bounds.most}' if bounds.most else ''}"
    yield f"Speakers  {chosen.adapter.profile.name}, {where}, on {chosen.device}; {wanted}"
    for warning in (*chosen.downgrades, *chosen.notices):
        yield f"Warning   {warning}"


def _language(crew: Crew, options: RunOptions) -> str:
    if options.language:
        return f"{options.language}, as asked for"
    if "detection" in crew.choice.adapter.profile.supports:
        return "detected on the first speech of each recording"
    return f"{crew.choice.name} cannot detect it: {', '.join(sorted(crew.choice.adapter.profile.languages or ()))}"


def _file_lines(recording: Recording, windows: Sequence[Window], crew: Crew, options: RunOptions) -> Iterator[str]:
    source = recording.source
    seconds = chunking.chunk_seconds(windows, options.plan.chunks, crew.plan.workers)
    chunks = chunking.gather(recording, crew.divided(windows), seconds)
    to_do = sum(window.duration for window in windows)
    speech = sum(span.duration for window in windows for span in window.speech)
    yield (f"{source.name}: {clock(source.duration)}, speech {clock(speech)}, in {count(len(windows), 'window')} "
           f"of {clock(to_do)} together, {count(len(chunks), 'chunk')}")
    for warning in recording.warnings:
        yield f"  Warning: {warning}"
    yield (f"  Windows are at most {crew.window:g} s, which is what {crew.choice.name} takes, and cut in silence. "
           f"Chunks are about {clock(seconds)}: {options.plan.chunks:g} min as asked for, or less so that each "
           f"worker gets {chunking.CHUNKS_PER_WORKER}.")
    for chunk in chunks:
        yield f"  chunk {chunk.index + 1}: {clock(chunk.duration)} in {count(len(chunk.batches), 'batch')}"
        for batch in chunk.batches:
            yield "    " + "  ".join(f"[{window.index}] {window.start:.2f}-{window.end:.2f}" for window in batch)
