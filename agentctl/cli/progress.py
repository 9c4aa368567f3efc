"""One line an agent as it comes up or ends, and a spinner in between; what a long command shows while it waits."""

from __future__ import annotations

import itertools
import shutil
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from agentctl.cli.columns import Column
from agentctl.cli.output import Output
from agentctl.cli.states import look, word_of
from agentctl.domain.errors import PartlyDone, PersonNeeded, Refused, TimedOut
from agentctl.domain.text import safe_line, safe_text

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURN_SECONDS = 0.12
_ERASE = "\r\x1b[K"
RESULT_COLUMNS = (
    Column("TEAM", lambda row: str(row.get("team", ""))),
    Column("READY", lambda row: " ".join(row.get("ready") or ())),
    Column("FAILED", lambda row: " ".join(failure["agent"] for failure in row.get("failed") or ())),
    Column("WAITING", lambda row: " ".join(row.get("waiting") or ())),
)
"""What became of a deploy or a restart, for CSV."""

_EVIDENCE_LINES = 12
_SAID = {
    "backoff": "ends again and again",
    "closed": "was closed by a person",
    "exited": "has ended",
    "fatal": "has failed too often",
    "pending": "waits for others",
    "running": "runs, but is not well",
    "starting": "is not ready",
}
"""What a state means for somebody who waited for the agent to be ready."""
_STATE_WIDTH = 8
_ON_THE_WAY = frozenset({"pending", "starting", "stopping", "gone"})


class Progress:
    """The lines of one run, up or *ending*; a context manager: the spinner is gone before anything else is printed."""

    def __init__(self, output: Output, words: str, *, ending: bool = False) -> None:
        self._output = output
        self._words = words
        self._silent = _ON_THE_WAY if ending else _ON_THE_WAY | {"stopped", "backoff"}
        self._under_way: dict[str, str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._spins = sys.stderr.isatty() and output.for_people
        self._thread = threading.Thread(target=self._spin, daemon=True)

    def __enter__(self) -> Progress:
        if self._spins:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def item(self, item: Mapping[str, Any]) -> None:
        """Show where one agent has come to, once it got there.

        On stdout, or as words where stdout is for a structured format; what is on its way only stands at the spinner.
        """
        agent, word = str(item["agent"]), word_of(item)
        if word in self._silent:
            self._under_way[agent] = word
            return
        self._under_way.pop(agent, None)
        with self._lock:
            self._erase()
            if self._output.for_people:
                self._output.raw(_line(item, word, self._output))
                sys.stdout.flush()
            else:
                self._output.say("  ".join(part for part in (agent, word, str(item.get("evidence") or "")) if part))

    def _spin(self) -> None:
        for glyph in itertools.cycle(_SPINNER):
            with self._lock:
                sys.stderr.write(f"{_ERASE}{glyph} {self._waiting()}")
                sys.stderr.flush()
            if self._over.wait(_TURN_SECONDS):
                break
        self._erase()

    def _waiting(self) -> str:
        names = [f"{safe_line(agent)} {word}" for agent, word in list(self._under_way.items())]
        room = shutil.get_terminal_size().columns - 4
        text = f"{self._words}: {', '.join(names)}" if names else self._words
        return text if len(text) <= room else text[: max(0, room - 1)] + "…"

    def _erase(self) -> None:
        if self._spins:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()


def _line(item: Mapping[str, Any], word: str, output: Output) -> str:
    glyph, color = look(word)
    parts = [
        f"{output.painted(glyph, color)} {safe_line(str(item['agent'])):<24}",
        f"{output.painted(word, color)}{' ' * max(0, _STATE_WIDTH - len(word))}",
        safe_line(str(item.get("evidence") or "")),
        f"{item['seconds']:.1f}s" if item.get("seconds") is not None else "",
    ]
    return "  ".join(part for part in parts if part).rstrip()


def tell_failures(failures: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Say what became of each agent that did not come up: the evidence, its last lines, and where to look."""
    for failure in failures:
        agent = safe_line(str(failure["agent"]))
        output.say("")
        state = safe_line(str(failure.get("state", "")))
        output.say(f"error: {agent} {_SAID.get(state, f'is {state}')}", "red")
        if failure.get("evidence"):
            output.say(f"  {safe_line(str(failure['evidence']))}")
        lines = [line for line in failure.get("lines") or [] if str(line).strip()]
        if lines:
            output.say("  last lines:")
        for line in lines[-_EVIDENCE_LINES:]:
            output.say(f"  | {safe_text(str(line)).rstrip()}")
        output.say(f"hint: agentctl logs {agent}", "cyan")


def tell_questions(questions: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Say what agents wait for before they can begin, and how to answer."""
    for question in questions:
        ask, agent = question["ask"], safe_line(str(question["agent"]))
        output.say("")
        output.say(f"{agent} waits for you: {ask['kind']}: {safe_line(str(ask['title']))}", "yellow")
        for number, option in enumerate(ask.get("options") or (), 1):
            output.say(f"  {number} {safe_line(str(option))}")
        output.say(f"hint: agentctl answer {agent}", "cyan")


def tell_kept_back(kept: Sequence[Mapping[str, Any]], output: Output) -> None:
    """Say which agents the machine has no room for; they are started as soon as it has."""
    for one in kept:
        output.say(f"{safe_line(str(one['agent']))} waits: {safe_line(str(one['reason']))}", "yellow")


def exit_code(results: Sequence[Mapping[str, Any]]) -> int:
    """Return 0 where every agent is ready, 8 where one waits for a person first.

    Else 7 where some are ready, 1 where one failed, 9 where the machine has no room and 6 where all are just late.
    """
    ready, failed, late = (
        sum(len(result.get(key) or ()) for result in results) for key in ("ready", "failed", "waiting")
    )
    timed_out = any(result.get("timed_out") for result in results)
    kept = any(result.get("kept_back") for result in results) and not timed_out
    if not failed and any(result.get("asking") for result in results):
        return PersonNeeded.exit_code
    if not failed and not kept and not (late and timed_out):
        return 0
    if ready:
        return PartlyDone.exit_code
    if failed:
        return 1
    return Refused.exit_code if kept else TimedOut.exit_code
