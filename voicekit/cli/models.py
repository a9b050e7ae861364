"""``voicekit models``: what is on disk, and how more gets there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import click

from voicekit import diarization, engines
from voicekit.errors import ModelError, UsageError
from voicekit.protocols import ModelOnDisk

ENGINE = click.option("--engine", metavar="NAME", help="[default: the first engine that has a model of this name]")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def models() -> None:
    """Models on disk: list them, fetch more, say where they are."""


@models.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are not on disk.")
@click.option("--engine", metavar="NAME", help="Only this engine's, for words or for speakers.")
def list_models(everything: bool, engine: str | None) -> None:
    """List the models that are on disk."""
    for name in [engine] if engine else (*engines.names(), *diarization.names()):
        if not _installed(name):
            click.echo(f"{name}: not installed ({_how_to_install(name)})")
            continue
        found = [(model, find(name, model)) for model in _models(name)]
        here = [(model, one) for model, one in found if one is not None]
        click.echo(f"{name}: {len(here)} of {len(found)} models on disk")
        for model, one in found if everything else here:
            click.echo(f"  {model:24} {describe(one) if one else 'not on disk'}")


@models.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@ENGINE
@click.option("--hf-token", metavar="TOKEN", help="For a hub that asks who wants a model. [default: $HF_TOKEN]")
def fetch(names: tuple[str, ...], engine: str | None, hf_token: str | None) -> None:
    """Download models where every run finds them."""
    for model in names:
        name = engine_of(model, engine)
        _require_installed(name)
        found = find(name, model)
        if found is None:
            click.echo(f"Fetching the {name} model {model} ...", err=True)
            if name in diarization.names():
                found = diarization.adapter(name).fetch(model, hf_token)
            else:
                found = engines.adapter(name).fetch(model)
        click.echo(f"{model}: {describe(found)}")


@models.command("path")
@click.argument("model", metavar="NAME")
@ENGINE
def path(model: str, engine: str | None) -> None:
    """Print where a model lies, for other programs."""
    name = engine_of(model, engine)
    _require_installed(name)
    found = find(name, model)
    if found is None:
        raise ModelError(f"The {name} model {model} is not on disk.",
                         f"Fetch it: voicekit models fetch {model} --engine {name}")
    click.echo(found.path)


def describe(model: ModelOnDisk) -> str:
    """Size and place for people."""
    home = os.path.expanduser("~")
    place = "~" + model.path[len(home):] if model.path.startswith(home + os.sep) else model.path
    return f"{model.bytes / 1e6:8.1f} MB  {place}"


def find(engine: str, model: str) -> ModelOnDisk | None:
    """The model, if it is on disk: of an engine for words, or for speakers."""
    if engine in diarization.names():
        return diarization.adapter(engine).find(model)
    return engines.adapter(engine).find(model)


def engine_of(model: str, engine: str | None) -> str:
    """The engine that was named, or the first with such a model."""
    if engine:
        _models(engine)  # or it is an unknown one
        return engine
    for name in _with_model(model):
        return name
    if "/" in model:  # a hub's owner/name
        return engines.names()[0]
    known = dict.fromkeys(one for name in (*engines.names(), *diarization.names()) for one in _models(name))
    raise UsageError(f"No engine has a model {model!r}.", f"There are: {', '.join(known)}.")


def _with_model(model: str) -> Iterator[str]:
    return (name for name in (*engines.names(), *diarization.names()) if model in _models(name))


def _models(engine: str) -> Sequence[str]:
    if engine in diarization.names():
        return diarization.adapter(engine).models()
    return engines.adapter(engine).models()


def _installed(engine: str) -> bool:
    return diarization.installed(engine) if engine in diarization.names() else engines.installed(engine)


def _how_to_install(engine: str) -> str:
    if engine in diarization.names():
        return diarization.how_to_install(engine)
    return engines.how_to_install(engine)


def _require_installed(engine: str) -> None:
    (diarization if engine in diarization.names() else engines).require_installed(engine)
