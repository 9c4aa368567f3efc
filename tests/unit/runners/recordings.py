"""The recorded screens of real programs, and what must be read from them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentctl.domain.ports import Shown

FOLDER = Path(__file__).parents[2] / "screens"


@dataclass(frozen=True)
class Recording:
    program: str
    version: str
    name: str
    expected: dict[str, Any]

    @property
    def id(self) -> str:
        return f"{self.program}-{self.version}-{self.name}"

    @property
    def raw(self) -> str:
        return (FOLDER / self.program / self.version / f"{self.name}.ansi").read_text(errors="surrogateescape")

    def shown(self) -> Shown:
        return Shown(self.raw, self.expected.get("title", ""), alternate=False, cursor=self.cursor)

    @property
    def cursor(self) -> tuple[int, int]:
        column, row = self.expected.get("cursor", (0, 0))
        return column, row


def recordings() -> list[Recording]:
    return [
        Recording(file.parent.parent.name, file.parent.name, name, expected)
        for file in sorted(FOLDER.glob("*/*/expect.toml"))
        for name, expected in _screens(file)
    ]


def strays() -> list[Path]:
    """Screens of which nothing is expected."""
    known = {FOLDER / r.program / r.version / f"{r.name}.ansi" for r in recordings()}
    return sorted(set(FOLDER.glob("*/*/*.ansi")) - known)


def _screens(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, expected in tomllib.loads(file.read_text()).items():
        if (file.parent / f"{name}.ansi").exists():
            yield name, expected
