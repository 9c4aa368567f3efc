"""The words of a command line, and the files beside it, made of a manifest's groups and the values of one agent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

PLACEHOLDERS = frozenset(
    {
        "agent", "argv", "cwd", "folder", "generation", "hook", "model", "program", "prompt", "python", "role",
        "runners", "session", "signals", "team", "worker",
    }
)  # fmt: skip
"""What may stand in braces in a manifest; `{argv}` only as a whole item of `launch`."""

PLACEHOLDER = re.compile(r"\{([a-z]+)\}")

Groups = Sequence[tuple[str, ...]]


def takes_prompt(groups: Groups) -> bool:
    """Tell whether the first prompt can stand on this command line."""
    return any(map(_holds_prompt, groups))


def fill_line(
    groups: Groups, values: Mapping[str, str], argv: tuple[str, ...], added: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the command line; *added* words stand before the group with the prompt, at the end where none is.

    A group with a placeholder that has no value is left out.
    """
    at = next((place for place, group in enumerate(groups) if _holds_prompt(group)), len(groups))
    whole = (*groups[:at], tuple(added), *groups[at:])
    return tuple(word for group in whole for word in _fill_group(group, values, argv))


def fill(word: str, values: Mapping[str, str]) -> str:
    """Fill *word* in one pass, so that braces in a value stay what they are."""
    return PLACEHOLDER.sub(lambda match: values[match[1]], word)


def fill_file(name: str, text: str, values: Mapping[str, str]) -> str:
    """Fill the file *name*; in JSON a value stays inside the quotes that it stands in."""
    if name.endswith(".json"):
        values = {key: json.dumps(value)[1:-1] for key, value in values.items()}
    return fill(text, values)


def _holds_prompt(group: tuple[str, ...]) -> bool:
    return any("{prompt}" in word for word in group)


def _fill_group(group: tuple[str, ...], values: Mapping[str, str], argv: tuple[str, ...]) -> tuple[str, ...]:
    if group == ("{argv}",):
        return argv
    if any(not values[name] for word in group for name in PLACEHOLDER.findall(word)):
        return ()
    return tuple(fill(word, values) for word in group)
