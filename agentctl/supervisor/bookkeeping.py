"""Bookkeeping: the records that one agent's program keeps of its conversations, found and read as they grow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentctl.domain.agent import Spent
from agentctl.drivers.records import Record, find_records
from agentctl.runners.usage.prices import Prices
from agentctl.runners.usage.rules import Records, filled
from agentctl.runners.usage.tally import Tally

_LONGEST_PATH = 4096


class Bookkeeping:
    """What has been read of one agent's records. It goes with the supervisor: reading again adds up to the same."""

    def __init__(self, records: Records, prices: Prices, *, folder: Path, home: Path) -> None:
        self._records = records
        self._folder = folder
        self._home = home
        self._tally = Tally(records.lines, prices)
        self._told: dict[str, Path] = {}
        """By conversation: where its record is, as its program says."""
        self._files: dict[Path, Record] = {}

    def told(self, conversation: str, path: str) -> None:
        """Take in where a signal says that the record is; what is not called like one is nobody's business."""
        fits = len(path) <= _LONGEST_PATH and path.startswith("/") and self._records.fits(path, conversation)
        if conversation and fits:
            self._told[conversation] = Path(path)

    def read(self, conversation: str) -> bool:
        """Read what is new of *conversation*; return whether there is more than one look takes in."""
        behind = False
        for path in self._paths(conversation):
            record = self._files.setdefault(path, Record(path))
            for line in record.read():
                self._tally.take(conversation, str(path), line.end, line.text)
            behind = behind or record.behind
        return behind

    def own(self, conversation: str) -> Spent:
        """Return what *conversation* has taken in all, as far as it has been read."""
        return self._tally.own(conversation)

    def _paths(self, conversation: str) -> Iterator[Path]:
        """Yield the record and those of its sub-agents."""
        main = self._told.get(conversation) or self._found(conversation)
        if main is None:
            return
        yield main
        for pattern in self._records.beside:
            yield from find_records(f"{main.parent}/{self._filled(pattern, conversation)}", self._home)

    def _found(self, conversation: str) -> Path | None:
        for pattern in self._records.files:
            found = find_records(self._filled(pattern, conversation), self._home)
            if found:
                return self._told.setdefault(conversation, found[-1])
        return None

    def _filled(self, pattern: str, conversation: str) -> str:
        return filled(pattern, session=conversation, folder=str(self._folder))
