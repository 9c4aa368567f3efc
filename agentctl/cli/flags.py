"""The flags of the few commands that agents and scripts call all day, read without typer.

A command's `Shape` is its only definition: `read` here and the typer command (`tree.py`) are both made from it, and
whatever `read` does not understand goes to typer, which says why. Standard library only.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any


class Flag:
    """One option; *value* is how its value is called in the help, empty for a switch."""

    __slots__ = ("default", "help", "key", "names", "value")

    def __init__(self, names: tuple[str, ...], help: str, value: str = "", default: str = "") -> None:  # noqa: A002  typer's name
        self.names = names
        self.help = help
        self.value = value
        self.default = default
        self.key = next(name for name in names if name.startswith("--"))[2:].replace("-", "_")


class Place:
    """One word that stands without a flag, or with *many* all that are left."""

    __slots__ = ("help", "key", "many", "required")

    def __init__(self, key: str, help: str, *, required: bool = True, many: bool = False) -> None:  # noqa: A002  typer's name
        self.key = key
        self.help = help
        self.required = required
        self.many = many


class Shape:
    """All that a command takes."""

    __slots__ = ("flags", "places")

    def __init__(self, places: tuple[Place, ...], flags: tuple[Flag, ...]) -> None:
        self.places = places
        self.flags = flags


def read(words: Sequence[str], shape: Shape) -> dict[str, Any] | None:
    """Return the values by key, or None where *words* are not a plain, right use of *shape*."""
    values: dict[str, Any] = {flag.key: flag.default if flag.value else False for flag in shape.flags}
    loose: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            loose += rest
        elif word == "-" or not word.startswith("-"):
            loose.append(word)
        elif not _take(word, rest, shape.flags, values):
            return None
    return values if _place(loose, shape.places, values) else None


def _take(word: str, rest: Iterator[str], flags: Sequence[Flag], values: dict[str, Any]) -> bool:
    name, equals, value = word.partition("=")
    flag = next((flag for flag in flags if name in flag.names), None)
    if flag is None or (equals and not (flag.value and name.startswith("--"))):
        return False
    if not flag.value:
        values[flag.key] = True
        return True
    found = value if equals else next(rest, None)
    if found is None:
        return False
    values[flag.key] = found
    return True


def _place(loose: list[str], places: Sequence[Place], values: dict[str, Any]) -> bool:
    for place in places:
        if place.many:
            values[place.key], loose = loose, []
        elif loose:
            values[place.key] = loose.pop(0)
        elif place.required:
            return False
        else:
            values[place.key] = None
    return not loose
