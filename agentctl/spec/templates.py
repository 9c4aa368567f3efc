"""Jinja2 for briefs and settings, cut down until a hostile template can neither reach out nor run away.

A template may show data, choose and loop. It may not call, assign, import, multiply or build lists, so nothing grows
from step to step; loops and filters are counted and the output is bounded. Jinja2's own sandbox stands below.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from agentctl.domain.errors import SpecError

if TYPE_CHECKING:
    from agentctl.spec.sandbox import Sandbox

MOST_SOURCE = 64 * 2**10
MOST_OUTPUT = 2**20
MOST_OF_ALL = 2**24
"""All texts that one team file makes, for all of its agents."""

_MOST_STEPS = 100_000
_SECONDS = 1.0
"""Of this thread's processor time, so that a busy machine makes no difference."""

_sandbox: list[Sandbox] = []


class TemplateProblem(SpecError):
    """A template cannot be filled in; `line` counts from 1 within it, 0 where that is not known."""

    def __init__(self, message: str, *, hint: str = "", line: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class Budget:
    """What the templates of one file may take together: steps of loops and filters, time, and text."""

    def __init__(self) -> None:
        self._steps = _MOST_STEPS
        self._characters = MOST_OF_ALL
        self._until = time.thread_time() + _SECONDS

    def step(self) -> None:
        """Take one step; raise `TemplateProblem` where it is one too many."""
        self._steps -= 1
        if self._steps < 0 or time.thread_time() > self._until:
            raise TemplateProblem("the templates take too long", hint="loop over less")

    def write(self, characters: int) -> None:
        """Take room for so many characters; raise `TemplateProblem` where there is none."""
        self._characters -= characters
        if self._characters < 0:
            raise TemplateProblem("the templates of this file make more than 16 MiB of text")


def is_template(text: str) -> bool:
    """Tell whether *text* holds anything for a template to do."""
    return "{{" in text or "{%" in text


def render(source: str, facts: Mapping[str, object], budget: Budget | None = None) -> str:
    """Return *source* with *facts* filled in; raise `TemplateProblem`. Text without a marker comes back as it is."""
    return sandbox().render(source, facts, budget or Budget()) if is_template(source) else source


def check(source: str, known: tuple[str, ...]) -> None:
    """Raise `TemplateProblem` where *source* is no template or uses names besides *known*."""
    if is_template(source):
        sandbox().check(source, known)


def sandbox() -> Sandbox:
    """Return the one environment of this process; Jinja2 is imported with the first template."""
    if not _sandbox:
        from agentctl.spec.sandbox import Sandbox  # noqa: PLC0415  files without a template need no Jinja2

        _sandbox.append(Sandbox())
    return _sandbox[0]


class Later:
    """A value that is known only when a task is given: it shows as its own name, `<inputs.goal>`."""

    def __init__(self, name: str, used: set[str]) -> None:
        self.name = name
        self.used = used

    def at(self, key: object) -> Later:
        """Return what is below *key*, as unknown as this."""
        return Later(f"{self.name}.{key}", self.used)

    def __str__(self) -> str:
        self.used.add(self.name)
        return f"<{self.name}>"
