"""The stages in order: the page to read first.

    decode -> where speech is -> windows -> chunks -> [workers: windows to words] -> merge -> Transcript
      -> stretches -> chunks -> [workers: who sounds how] -> clustering -> words to speakers, where that is asked for
      -> sentences -> cast -> chunks -> [workers: sentences to sound] -> assembly -> Voicing, where that is asked for

Everything that needs the whole recording is decided once and cheaply; workers do independent pieces; the
pieces are put together by time. Decoding and planning go ahead part by part: a batch of windows that nothing later
can change is transcribed while the rest is still being decoded. They are in :mod:`voicekit.running.preparation`, the
loop that feeds the workers in :mod:`voicekit.running.loop`, what a worker does in :mod:`voicekit.worker`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import multiprocessing
import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from voicekit.errors import UsageError
from voicekit.options import (
    EngineOptions, PlanOptions, Quality, RunOptions, SpeakerOptions, StoreOptions, Task, VoicingOptions)
from voicekit.planning.machine import this_machine
from voicekit.profiling import step
from voicekit.running import telling_apart
from voicekit.running.crew import choose_crew
from voicekit.running.events import Observe
from voicekit.running.loop import Run
from voicekit.running.preparation import Outcome
from voicekit.running.temporary import TemporaryFolder
from voicekit.spoken import Voicing
from voicekit.types import InputFile, Transcript


def transcribe(path: str | os.PathLike[str], *, quality: Quality = RunOptions.quality,
               language: str | None = RunOptions.language, task: Task = RunOptions.task,
               engine: str = EngineOptions.engine, model: str | os.PathLike[str] | None = EngineOptions.model,
               device: str = EngineOptions.device, compute_type: str = EngineOptions.compute_type,
               batch_size: int | None = EngineOptions.batch_size,
               beam_size: int | None = RunOptions.beam_size,
               initial_prompt: str | None = RunOptions.initial_prompt,
               hotwords: str | None = RunOptions.hotwords,
               word_timestamps: bool | None = RunOptions.word_timestamps,
               chunks: float = PlanOptions.chunks, workers: int | None = PlanOptions.workers,
               offline: bool = EngineOptions.offline,
               temp_dir: str | None = RunOptions.temp_dir,
               cache: str | os.PathLike[str] | None = None, use_cache: bool = StoreOptions.enabled,
               max_duration: float = RunOptions.max_duration,
               hang_after: float | None = RunOptions.hang_after, diarize: str | None = SpeakerOptions.diarize,
               speakers: int | None = SpeakerOptions.speakers, min_speakers: int | None = SpeakerOptions.min_speakers,
               max_speakers: int | None = SpeakerOptions.max_speakers, speaker_names: Sequence[str] = (),
               known_speakers: Sequence[str] | None = None, channels_as_speakers: bool = SpeakerOptions.channels,
               hf_token: str | None = SpeakerOptions.token,
               profile: str | os.PathLike[str] | None = None) -> Transcript:
    """Transcribe one recording in parallel.

    Parameters
    ----------
    path : path
        Any audio or video file that FFmpeg decodes.
    quality : {"fast", "normal", "high"}
        Preset of model, beam and word times; see :data:`voicekit.options.PRESETS`.
    language : str, optional
        Language code; detected on the first speech if not given.
    task : {"transcribe", "translate"}
        ``translate`` means into English.
    engine, model : str
        A name from :func:`voicekit.engines.names`, and a model's name, folder or file.
    device : str
        ``auto``, ``cpu``, ``cuda`` or for example ``cuda:0,1``.
    compute_type : str
        Precision; ``auto`` is float16 on a GPU and int8 on a CPU.
    batch_size : int, optional
        Windows decoded together.
    beam_size : int, optional
        Hypotheses kept while decoding; the preset's if not given.
    initial_prompt, hotwords : str, optional
        Text that comes before, and words to expect.
    word_timestamps : bool, optional
        Whether every word gets its own times; the preset's if not given.
    chunks : float
        About how many minutes a worker takes at a time. Speed only: the words do not depend on it.
    workers : int, optional
        Worker processes. Speed only: the words do not depend on it.
    offline : bool
        Never ask a model hub.
    temp_dir : str, optional
        Where the decoded audio lies meanwhile: 115 MB for each hour.
    cache : path, optional
        Where results are kept from run to run; ``$VOICEKIT_CACHE`` or the user's cache folder if not given.
    use_cache : bool
        Whether results are kept, and what was kept is used.
    max_duration : float
        Seconds; a file that decodes to more is refused.
    hang_after : float, optional
        How many times its own length audio may take before its worker is replaced; told from the work so
        far if not given.
    diarize : str, optional
        Tell speakers apart: ``auto``, ``pyannote``, ``onnx``, ``embedded``, or one of them with ``:MODEL``.
    speakers, min_speakers, max_speakers : int, optional
        How many there are, or may be; found out if not given.
    speaker_names : sequence of str
        What to call them, in order of first speech; or ``LABEL=NAME`` for some of them.
    known_speakers : sequence of str, optional
        Names of enrolled people who may speak; empty for everybody who was enrolled.
    channels_as_speakers : bool
        Whether each channel is a speaker; then nothing else tells them apart.
    hf_token : str, optional
        For a hub that asks who wants a model.
    profile : path, optional
        A folder for a profile of the run: where its time went, as ``voicekit profile show`` prints it. One that is
        there is replaced.

    Returns
    -------
    Transcript
        Times in seconds. What could not be transcribed is in ``transcript.failed``, not an error; what could not be
        given to a speaker in ``transcript.run.speakers.failed``.

    Raises
    ------
    InputError
        If the file holds no decodable sound.
    ModelError, DeviceError, UsageError
        If the engine cannot be used as asked for; the message says what to do.

    Examples
    --------
    >>> transcript = transcribe("interview.mp3", quality="high", language="ru")  # doctest: +SKIP
    >>> transcript.segments[0].words[0].start  # doctest: +SKIP
    0.32
    """
    options = RunOptions(
        quality=quality, plan=PlanOptions(chunks, workers),
        engine=EngineOptions(engine, os.fspath(model) if model is not None else None, device, compute_type,
                             batch_size, offline),
        language=language, task=task, beam_size=beam_size, initial_prompt=initial_prompt, hotwords=hotwords,
        word_timestamps=word_timestamps, temp_dir=temp_dir, max_duration=max_duration, hang_after=hang_after,
        speakers=SpeakerOptions(diarize, speakers, min_speakers, max_speakers, tuple(speaker_names),
                                None if known_speakers is None else tuple(known_speakers),
                                channels=channels_as_speakers, token=hf_token),
        store=StoreOptions(os.fspath(cache) if cache is not None else None, use_cache))
    with _profiled(profile, options):
        (outcome,) = transcribe_files([InputFile(Path(path), Path(path).name or os.fspath(path))], options)
    if outcome.error is not None:
        raise outcome.error
    assert outcome.transcript is not None
    return outcome.transcript


def revoice(path: str | os.PathLike[str], output: str | os.PathLike[str], *, voice: str = "espeak",
            voices: Mapping[str, str] | None = None, stress: bool | None = VoicingOptions.stress,
            prosody: bool | None = VoicingOptions.prosody, keep_background: bool = VoicingOptions.keep_background,
            measure: bool = VoicingOptions.measure, quality: Quality = RunOptions.quality,
            language: str | None = RunOptions.language, engine: str = EngineOptions.engine,
            model: str | os.PathLike[str] | None = EngineOptions.model, device: str = EngineOptions.device,
            compute_type: str = EngineOptions.compute_type, chunks: float = PlanOptions.chunks,
            workers: int | None = PlanOptions.workers, offline: bool = EngineOptions.offline,
            temp_dir: str | None = RunOptions.temp_dir, cache: str | os.PathLike[str] | None = None,
            use_cache: bool = StoreOptions.enabled, diarize: str | None = SpeakerOptions.diarize,
            speakers: int | None = SpeakerOptions.speakers,
            profile: str | os.PathLike[str] | None = None) -> Voicing:
    """Speak a recording again in another voice: the same words at the same times, with the same melody.

    Parameters
    ----------
    path : path
        Any audio or video file that FFmpeg decodes.
    output : path
        Where the result goes; its extension says what it is: mp3, wav, flac, ogg, m4a, opus, or for a video mp4, m4v,
        mov, mkv, webm. One that exists is replaced; the input never is.
    voice : str
        ``ENGINE`` or ``ENGINE:NAME``, as ``voicekit voices list`` shows them.
    voices : mapping of str to str, optional
        The same by label of the speaker, for those who get another one.
    stress, prosody : bool, optional
        Whether stressed vowels are marked, and melody, loudness and pace carried over; the preset's if not given.
    keep_background : bool
        Whether the original is heard where nobody speaks.
    measure : bool
        Whether the result is compared with the original and transcribed again, for ``measures``.
    quality, language, engine, model, device, compute_type, chunks, workers, offline, temp_dir, cache, use_cache
        As for :func:`transcribe`.
    diarize, speakers, profile
        As for :func:`transcribe`.

    Returns
    -------
    Voicing
        The ledger of its sentences, and the measures. ``track`` is empty: the sound is in ``output``.

    Raises
    ------
    VoicekitError
        As for :func:`transcribe`; also if there is no such voice, or ``output`` cannot be written.

    Examples
    --------
    >>> voicing = revoice("interview.mp3", "interview.xenia.mp3", voice="silero:xenia")  # doctest: +SKIP
    >>> [sentence.text for sentence in voicing.failed]  # doctest: +SKIP
    []
    """
    from voicekit.formats import voicing as sounds
    from voicekit.running import casting

    target = Path(output)
    extension = target.suffix.removeprefix(".").lower()
    if extension not in sounds.extensions():
        raise UsageError(f"{target.name} is no kind of sound that can be written.",
                         f"Choose one of: {', '.join(sounds.extensions())}.")
    if target.exists() and target.samefile(path):
        raise UsageError(f"{target} is the input, and is never overwritten.", "Choose another output.")
    options = RunOptions(
        quality=quality, plan=PlanOptions(chunks, workers), language=language, temp_dir=temp_dir,
        engine=EngineOptions(engine, os.fspath(model) if model is not None else None, device, compute_type,
                             offline=offline),
        store=StoreOptions(os.fspath(cache) if cache is not None else None, use_cache),
        speakers=SpeakerOptions(diarize, speakers),
        voicing=VoicingOptions(voice, dict(voices or {}), stress, prosody, keep_background, measure))
    for notice in casting.check(options):
        logging.getLogger("voicekit").warning(notice)
    file = InputFile(Path(path), Path(path).name or os.fspath(path))
    with _profiled(profile, options), contextlib.closing(transcribe_files([file], options)) as outcomes:
        outcome = next(outcomes)
        if outcome.error is not None:
            raise outcome.error
        assert outcome.voicing is not None and outcome.transcript is not None
        with step("write", file=target.name):
            sounds.write(outcome.voicing, outcome.transcript.source, outcome.file.path, target, extension)
        return dataclasses.replace(outcome.voicing, track="")


def _profiled(folder: str | os.PathLike[str] | None, options: RunOptions) -> AbstractContextManager[object]:
    """Measure the run, if a folder is given for that."""
    if folder is None:
        return contextlib.nullcontext()
    from voicekit.profiling.session import Session

    plain = {name: value for step in (options, options.plan, options.engine, options.store, options.speakers,
                                      options.voicing)
             for name, value in vars(step).items() if isinstance(value, (str, int, float)) and name != "token"}
    return Session(folder, replace=True, options=plain)


def transcribe_files(files: Iterable[InputFile], options: RunOptions,
                     observe: Observe = lambda event: None) -> Generator[Outcome, None, None]:
    """Transcribe many files with one set of workers, whose models stay loaded; and speak them again, if asked to.

    Parameters
    ----------
    files : iterable of InputFile
        What to transcribe.
    options : RunOptions
        For all of them.
    observe : callable
        Gets a :data:`voicekit.running.events.RunEvent` for everything that happens.

    Yields
    ------
    Outcome
        One per file, in the order they are finished. A bad file does not stop the others. The new sound is a
        temporary file, which is gone when the generator is.

    Raises
    ------
    VoicekitError
        For what would stop every file: a missing model, a device that cannot be used.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        # A worker process imports the caller's script; one without a guard would start workers in it.
        raise UsageError("voicekit was called while a worker process was importing your script.",
                         'Put the call under: if __name__ == "__main__":')
    machine = this_machine()
    with step("choose the engine"):
        crew = choose_crew(options, machine)
    with step("choose the diarizer"):
        apart = telling_apart.choose(options, crew.plan.devices, machine)
    with TemporaryFolder(options.temp_dir) as folder:
        yield from Run(list(files), options, crew, apart, folder, observe).outcomes()
