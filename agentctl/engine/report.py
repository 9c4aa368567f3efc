"""Reads the answer to a check-in: four headings, however an agent writes them, and what stands below each.

What fits no heading goes to what the agent is doing, so that nothing is lost. A quoted line is text and never a
heading: reports of others that an agent repeats are not its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentctl.domain.report import Report
from agentctl.domain.text import safe_line, safe_text

LONGEST_LINE = 300
MOST_LINES = 20
"""Of one part; what is cut off is counted in its last line."""
MOST_READ = 16_384
"""Characters of an answer."""

_NAMES = {
    "done": r"done(?: so far)?|completed|finished|accomplished",
    "doing": r"doing(?: now)?|in progress|working on|currently|now|next(?: steps?)?",
    "blocked": r"blocked(?: (?:by|on))?|blockers?|waiting (?:for|on)|stuck(?: on)?",
    "needs": r"needs?(?: (?:from )?(?:a |an |the |your )?(?:person|human|user|you|help|input|decision|attention))?"
    r"|help needed|questions?(?: for (?:a person|you))?",
}
_ANY = "|".join(f"(?P<{part}>{words})" for part, words in _NAMES.items())
_STATUS = r"(?:status(?: (?:report|update))?[*_`]*\s*[:\uff1a][*_`]*\s*)"
_HEADING = re.compile(
    rf"[\s#*_`+•✅🚧❌⛔-]*(?:\d{{1,2}}[.)]\s*[*_`]*)?{_STATUS}?(?:{_ANY})"
    r"[*_`]{0,4}\s{0,4}(?:[:\uff1a][*_`]{0,4}\s*|[-\u2013\u2014]\s+|[*_`#]{0,8}$)(?P<rest>.*)",
    re.IGNORECASE,
)
_STATUS_ALONE = re.compile(rf"[\s#*_`-]*{_STATUS}", re.IGNORECASE)
_UNNAMED = "|".join(_NAMES.values())
_NEXT_ON_LINE = re.compile(rf"(?<=[;.,|])\s+(?=[*_`]*(?:{_UNNAMED})[*_`]*\s*[:\uff1a])", re.IGNORECASE)
"""Where a line that begins with a heading goes on with another."""

_BULLET = re.compile(r"\s*(?:[-*+•‣◦]|\d{1,2}[.)])\s+")
_RULE = re.compile(r"\s*(?:[-*_=]{3,}|`{3,}\w*|~{3,}\w*)\s*")
_NONE = re.compile(
    r"(?:none|nothing|no|nope|nobody|no one|n/?a|nil|not needed|[-\u2013\u2014]+)"
    r"(?: (?:yet|so far|now|right now|for now|needed|blocked|blockers?|at (?:the|this) (?:moment|time)))*[.!]*",
    re.IGNORECASE,
)


def read_report(text: str) -> Report:
    """Return what *text*, the answer to a check-in, says. Any text makes one."""
    parts: dict[str, list[str]] = {part: [] for part in _NAMES}
    clean = safe_text(text[:MOST_READ])
    lines = [line for whole in clean.splitlines() for line in _apart(whole)]
    if not _sort(lines, parts):
        parts["doing"] = [line for line in map(safe_line, lines) if line]
    done, doing, blocked, needs = (_cut(parts[part]) for part in ("done", "doing", "blocked", "needs"))
    return Report(done, doing, blocked, needs, worded=bool(clean.strip()))


def _sort(lines: list[str], parts: dict[str, list[str]]) -> bool:
    """Put each of *lines* under its part; return whether there was anything to put, or a part that said `none`."""
    part, begun, closed, found = "doing", False, False, False
    for line in lines:
        heading = _heading(line)
        if heading is not None:
            part, content = heading
            begun = closed = False
        else:
            content = line
        if not content.strip() or _RULE.fullmatch(content):
            closed = closed or (begun and not content.strip())
            continue
        item = safe_line(_BULLET.sub("", content, count=1)) or safe_line(content)
        if closed and heading is None and not _BULLET.match(content):
            part, closed = "doing", False  # prose behind a part is none of it
        said_none = bool(_NONE.fullmatch(item)) and (heading is not None or not begun)
        begun, closed, found = True, closed or said_none, True
        if not said_none:
            parts[part].append(item)
    return found


def _apart(line: str) -> Iterator[str]:
    """Yield *line*, in pieces where it begins with a heading and goes on with another."""
    heading = _heading(line)
    rest = heading[1] if heading is not None else ""
    first, *others = _NEXT_ON_LINE.split(rest)
    yield line[: len(line) - len(rest)] + first if heading is not None else line
    yield from others


def _heading(line: str) -> tuple[str, str] | None:
    """Return the part that *line* begins and what else stands on it, None where it begins none."""
    if line.lstrip().startswith(">"):
        return None
    if found := _HEADING.fullmatch(line):
        return next(part for part in _NAMES if found[part] is not None), found["rest"]
    if found := _STATUS_ALONE.match(line):
        return "doing", line[found.end() :]
    return None


def _cut(lines: list[str]) -> tuple[str, ...]:
    shown = [line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…" for line in lines]
    if len(shown) <= MOST_LINES:
        return tuple(shown)
    return (*shown[: MOST_LINES - 1], f"… and {len(shown) - MOST_LINES + 1} more lines")
