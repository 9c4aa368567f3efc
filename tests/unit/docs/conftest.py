"""The documents as they lie in the repository, and the few ways in which tests read them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_FENCE = re.compile(r"^(?P<fence>```+)(?P<kind>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)\s*$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: what kind it says it is, and what stands in it."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Document:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def prose(self) -> str:
        """The text with its fenced blocks blanked out, line by line."""
        return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), self.text)

    def blocks(self, *kinds: str) -> Iterator[Block]:
        for found in _FENCE.finditer(self.text):
            if not kinds or found["kind"] in kinds:
                yield Block(found["kind"], found["text"], self.text.count("\n", 0, found.start()) + 2)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    """Every Markdown file of the repository, those not yet committed included; templates are not documents."""
    paths = {path for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md") for path in ROOT.glob(pattern)}
    assert ROOT / "README.md" in paths
    return [Document(path, path.read_text(encoding="utf-8")) for path in sorted(paths)]


@pytest.fixture(scope="session")
def texts(documents: list[Document]) -> dict[str, Document]:
    """Documents by their path from the root."""
    return {document.name: document for document in documents}


@pytest.fixture(scope="session")
def shipped() -> list[Path]:
    """Every text file that a clone or a wheel would hold."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=False, timeout=30,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a clone: git does not list its files")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [ROOT / name for name in names if (ROOT / name).is_file() and Path(name).suffix not in (".gz", ".png")]
