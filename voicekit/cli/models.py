"""``voicekit models``: what is on disk, and how more gets there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import click

from voicekit import engines
from voicekit.errors import ModelError, UsageError
from voicekit.protocols import ModelOnDisk

ENGINE = click.option("--engine", metavar="NAME", help="[default: the first engine that has a model of this name]")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def models() -> None:
    """Models on disk: list them, fetch more, say where they are."""


@models.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that are not on disk.")
@click.option("--engine", metavar="NAME", help="Only this engine's.")
def list_models(everything: bool, engine: str | None) -> None:
    """List the models that are on disk."""
    for name in [engine] if engine else engines.names():
        adapter = engines.adapter(name)
        if not engines.installed(name):
            click.echo(f"{name}: not installed ({engines.how_to_install(name)})")
            continue
        found = [(model, adapter.find(model)) for model in adapter.models()]
        here = [(model, one) for model, one in found if one is not None]
        click.echo(f"{name}: {len(here)} of {len(found)} models on disk")
        for model, one in found if everything else here:
            click.echo(f"  {model:24} {describe(one) if one else 'not on disk'}")


@models.command("fetch")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@ENGINE
def fetch(names: tuple[str, ...], engine: str | None) -> None:
    """Download models where every run finds them."""
    for model in names:
        name = engine_of(model, engine)
        adapter = engines.adapter(name)
        engines.require_installed(name)
        found = adapter.find(model)
        if found is None:
            click.echo(f"Fetching the {name} model {model} ...", err=True)
            found = adapter.fetch(model)
        click.echo(f"{model}: {describe(found)}")


@models.command("path")
@click.argument("model", metavar="NAME")
@ENGINE
def path(model: str, engine: str | None) -> None:
    """Print where a model lies, for other programs."""
    name = engine_of(model, engine)
    engines.require_installed(name)
    found = engines.adapter(name).find(model)
    if found is None:
        raise ModelError(f"The {name} model {model} is not on disk.",
                         f"Fetch it: voicekit models fetch {model} --engine {name}")
    click.echo(found.path)


def describe(model: ModelOnDisk) -> str:
    """Size and place for people."""
    home = os.path.expanduser("~")
    place = "~" + model.path[len(home):] if model.path.startswith(home + os.sep) else model.path
    return f"{model.bytes / 1e6:8.1f} MB  {place}"


def engine_of(model: str, engine: str | None) -> str:
    """The engine that was named, or the first with such a model."""
    if engine:
        engines.adapter(engine)
        return engine
    for name in _with_model(model):
        return name
    if "/" in model:  # a hub's owner/name
        return engines.names()[0]
    known = ", ".join(dict.fromkeys(one for name in engines.names() for one in engines.adapter(name).models()))
    raise UsageError(f"No engine has a model {model!r}.", f"There are: {known}.")


def _with_model(model: str) -> Iterator[str]:
    return (name for name in engines.names() if model in engines.adapter(name).models())
