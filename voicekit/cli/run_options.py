"""From the arguments of the main job to its options."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from voicekit.cli.profile import is_folder
from voicekit.errors import UsageError
from voicekit.options import EngineOptions, PlanOptions, RunOptions, SpeakerOptions, StoreOptions, VoicingOptions


class BareOptions(click.Command):
    """A command some of whose options may stand without a value: what follows is asked whether it is one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write ``--diarize=auto`` where no engine follows, and the like."""
        complete: list[str] = []
        for index, argument in enumerate(args):
            if argument == "--":
                complete += args[index:]
                break
            following = args[index + 1] if index + 1 < len(args) else "-"
            bare = _BARE.get(argument)
            complete.append(argument if bare is None or bare.follows(following) else f"{argument}={bare.default}")
        return super().parse_args(ctx, complete)


@dataclass(frozen=True, slots=True)
class _Bare:
    """What an option means without a value, and whether what follows is one."""

    default: str
    follows: Callable[[str], bool]


def _engine(argument: str) -> bool:
    name = argument.partition(":")[0]
    # A misspelt engine shall be told as such, and not be looked for among the files.
    return name.isidentifier() and not os.path.exists(argument)


_BARE = {"--diarize": _Bare("auto", _engine), "--profile": _Bare("", is_folder)}


def run_options(arguments: dict[str, Any]) -> RunOptions:
    """What one run is asked for.

    Raises
    ------
    UsageError
        If it makes no sense.
    """
    engine = {name: arguments[name] for name in
              ("engine", "model", "device", "compute_type", "batch_size", "offline")}
    same = {name: arguments[name] for name in
            ("quality", "language", "task", "beam_size", "initial_prompt", "hotwords", "word_timestamps",
             "temp_dir", "hang_after")}
    if arguments["cache"] and arguments["no_cache"]:
        raise UsageError("--cache and --no-cache contradict each other.", "Give one of them.")
    store = StoreOptions(arguments["cache"], not arguments["no_cache"], arguments["since"], arguments["until"])
    plan = PlanOptions(arguments["chunks"], arguments["workers"])
    return RunOptions(plan=plan, engine=EngineOptions(**engine), store=store,
                      max_duration=arguments["max_duration"] * 3600, speakers=_speakers(arguments),
                      voicing=_voicing(arguments), **same)


def _speakers(arguments: dict[str, Any]) -> SpeakerOptions:
    known: tuple[str, ...] | None = None
    if arguments["known_speakers"] is not None:
        known = _list(arguments["known_speakers"])
        if not known:
            raise UsageError("--known-speakers names nobody.", "Say all, or names as in voicekit speakers list.")
        known = () if known == ("all",) else known
    return SpeakerOptions(arguments["diarize"], arguments["speakers"], arguments["min_speakers"],
                          arguments["max_speakers"], _list(arguments["speaker_names"]), known,
                          arguments["known_threshold"], arguments["channels_as_speakers"], arguments["hf_token"])


def _list(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",")) if text and text.strip() else ()


def _voicing(arguments: dict[str, Any]) -> VoicingOptions:
    voices: dict[str, str] = {}
    for part in filter(None, (arguments["voices"] or "").split(",")):
        label, equals, voice = (text.strip() for text in part.partition("="))
        if not (label and equals and voice):
            raise UsageError(f"--voices {part!r} is not SPEAKER=VOICE.",
                             "For example --voices SPEAKER_00=espeak:ru,SPEAKER_01=espeak:ru+f3")
        voices[label] = voice
    # A report is what the measures are for.
    reported = any(output.lower().endswith("prosody.json") for output in arguments["outputs"])
    reported = reported or "prosody.json" in (arguments["formats"] or "")
    return VoicingOptions(arguments["voice"], voices, arguments["stress"], arguments["prosody"],
                          arguments["keep_background"], arguments["gate"] or reported, arguments["gate"])
