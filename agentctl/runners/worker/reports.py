"""What the worker says of itself: one JSON object a line, each line one write to this generation's signal file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from agentctl.runners.mailbox import SIGNALS


class Reports:
    """The signal file; what cannot be written now (a full disk) is kept and written before anything newer."""

    def __init__(self, run: Path, generation: int) -> None:
        folder = run / SIGNALS
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(folder / f"{generation}.jsonl", flags, 0o600)
        self._unsaid: list[bytes] = []

    def send(self, kind: str, **facts: str | int | float | None) -> bool:
        """Report *kind*; return whether this report and all before it are in the file."""
        line = json.dumps({"kind": kind, **facts}, separators=(",", ":"))
        self._unsaid.append(line.encode() + b"\n")
        return self.flush()

    def flush(self) -> bool:
        """Write what is still unsaid; return whether nothing is."""
        while self._unsaid:
            line = self._unsaid[0]
            try:
                written = os.write(self._fd, line)
            except OSError:
                return False
            if written < len(line):
                self._unsaid[0] = b"\n" + line.lstrip(b"\n")  # ends the half line that now stands there
                return False
            del self._unsaid[0]
        return True
