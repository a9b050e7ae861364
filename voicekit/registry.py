"""Adapters by name: found without importing them, imported without the libraries that they adapt."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Generic, Protocol, TypeVar, cast

from voicekit import telemetry
from voicekit.errors import EngineMissingError, UsageError

Adapter = TypeVar("Adapter", covariant=True)


class Profile(Protocol):
    """What has to be known of an engine to tell whether it is installed."""

    @property
    def packages(self) -> Sequence[str]:
        """What it imports."""
        ...

    @property
    def extra(self) -> str:
        """voicekit's extra that installs it; empty for the core."""
        ...

    @property
    def libraries(self) -> Sequence[str]:
        """Distributions whose versions decide the result."""
        ...


class Profiled(Protocol):
    """An adapter that says what it needs."""

    @property
    def profile(self) -> Profile:
        """Facts."""
        ...


Engine = TypeVar("Engine", bound=Profiled, covariant=True)


class Registry(Generic[Adapter]):
    """Adapters by name.

    Parameters
    ----------
    adapters : mapping of str to str
        ``module:Class`` by name, the default or best first.
    what : str
        For people: what they are.
    advice : str
        What to do about an unknown name; ``{}`` stands for those there are.
    """

    def __init__(self, adapters: Mapping[str, str], what: str, advice: str) -> None:
        self._adapters, self._what, self._advice = dict(adapters), what, advice

    def names(self) -> tuple[str, ...]:
        """Every name, the default or best first."""
        return tuple(self._adapters)

    def adapter(self, name: str) -> Adapter:
        """The adapter of that name; its own library is not imported.

        Raises
        ------
        UsageError
            If there is none; the hint lists those there are.
        """
        if name not in self._adapters:
            raise UsageError(f"Unknown {self._what} {name!r}.", self._advice.format(", ".join(self._adapters)))
        telemetry.switch_off()
        module, _, attribute = self._adapters[name].partition(":")
        return cast(Adapter, getattr(importlib.import_module(module), attribute)())


class Engines(Registry[Engine]):
    """Engines by name, of which some may not be installed."""

    def installed(self, name: str) -> bool:
        """Whether its packages can be imported (they are not imported to find out)."""
        return not self._missing(name)

    def _missing(self, name: str) -> list[str]:
        return [package for package in self.adapter(name).profile.packages if not _is_there(package)]

    def version(self, name: str) -> str:
        """The versions of what computes the result, without importing it."""
        found = {library: number for library in self.adapter(name).profile.libraries
                 if (number := _installed_version(library)) is not None}
        return ", ".join(f"{library} {number}" for library, number in found.items())

    def how_to_install(self, name: str) -> str:
        """The command that installs its packages, for the Python that runs now."""
        extra = self.adapter(name).profile.extra
        return f'{sys.executable} -m pip install -e "{f".[{extra}]" if extra else "."}"'

    def require_installed(self, name: str) -> None:
        """Raise :class:`EngineMissingError` with the command that installs it, unless it is."""
        missing = self._missing(name)
        if missing:
            raise EngineMissingError(f"The {self._what} {name} is not installed: it needs {', '.join(missing)}.",
                                     f"In voicekit's folder run: {self.how_to_install(name)}")


@functools.cache  # a result's name holds it, and to look it up takes a millisecond
def _installed_version(library: str) -> str | None:
    """None for what is not installed: onnxruntime has other names for GPUs."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(library)
    return None


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # of a package inside one that is missing
        return False
