"""The message of a checkpoint: a subject that says what changed, the files, what was left out, and trailers.

Names of files and functions, and what an agent was told or told us, are hostile: each becomes part of one line that
begins with a word of ours, so that none of them can end the subject, begin a trailer or close the message. Any of them
that holds a credential is left out, for a message is as public as a file.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from agentctl.domain.checkpoint import FileChange, LeftOut
from agentctl.domain.names import AgentId, team_of
from agentctl.domain.text import safe_line
from agentctl.engine.leaks import find_leaks

SUBJECT_LENGTH = 72
"""Characters of a subject at most, as git's own conventions have it."""
_LINE_LENGTH = 200
_TASK_LENGTH, _TRAILER_LENGTH = 400, 120
_MOST_FILES, _MOST_FOLDERS, _MOST_LEFT_OUT = 40, 10, 20
"""Lines of the body; what goes beyond is summed up."""
_MOST_NAMED = 4
"""Names in one part of a subject; more are a number of files."""
_OF_TESTS = re.compile(r"(?:^|[/_.-])tests?[/_.-]", re.IGNORECASE)
_VERBS = {"A": "add", "D": "remove"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the message of one checkpoint is made of."""

    agent: AgentId
    changes: tuple[FileChange, ...]
    left_out: tuple[LeftOut, ...] = ()
    task: str = ""
    """The text of its task, or its last report, or what it was last told; empty where none is known."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A file that went and one that came under the same name in another folder."""

    source: FileChange
    target: FileChange


def commit_message(facts: Facts) -> str:
    """Return the message of a checkpoint, ready for `git commit-tree`: a subject, paragraphs, trailers."""
    changes = sorted(map(_cleaned, facts.changes), key=_most_telling)
    moves, others = _moves(changes)
    task = _told(facts.task)
    paragraphs = (
        [_subject(moves, others)],
        _files(moves, others),
        [_cut(f"Task: {task}", _TASK_LENGTH)] if task else [],
        _left_out(facts.left_out),
        _trailers(facts, task),
    )
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"


def _cleaned(change: FileChange) -> FileChange:
    functions = tuple(filter(None, map(_told, change.functions)))
    return replace(change, path=_visible(change.path), functions=functions)


def _told(text: str) -> str:
    """Return *text* on one line and cleaned, nothing where it holds a credential."""
    line = safe_line(text)
    return "" if find_leaks(line.encode()) else line


def _visible(path: str) -> str:
    """Return *path* with an escape in the place of each character that does not show."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in path)


def _most_telling(change: FileChange) -> tuple[bool, int, str]:
    return _OF_TESTS.search(change.path) is not None, -_lines(change), change.path


def _lines(change: FileChange) -> int:
    return change.added + change.removed


def _moves(changes: Sequence[FileChange]) -> tuple[list[_Move], list[FileChange]]:
    """Return the pairs that look moved, and all other changes; what the files hold is not known here."""
    gone: defaultdict[str, list[FileChange]] = defaultdict(list)
    for change in changes:
        if change.how == "D":
            gone[posixpath.basename(change.path)].append(change)
    moves: list[_Move] = []
    for target in changes:
        sources = gone[posixpath.basename(target.path)] if target.how == "A" else []
        source = next((source for source in sources if _alike(source, target)), None)
        if source is not None:
            sources.remove(source)
            moves.append(_Move(source, target))
    moved = {change.path for move in moves for change in (move.source, move.target)}
    return moves, [change for change in changes if change.path not in moved]


def _alike(source: FileChange, target: FileChange) -> bool:
    """Tell whether two files may be the same one, by their size: an empty `__init__.py` is not every other."""
    if source.binary or target.binary:
        return source.binary and target.binary
    return 2 * abs(source.removed - target.added) < max(source.removed, target.added)


# The subject.


def _subject(moves: Sequence[_Move], others: Sequence[FileChange]) -> str:
    """Return what changed, heaviest first, each part as detailed as there is room for."""
    groups: defaultdict[str, list[FileChange]] = defaultdict(list)
    for change in others:
        groups[_VERBS.get(change.how, "change")].append(change)
    heaviest_first = sorted(groups.items(), key=lambda group: -sum(map(_lines, group[1])))
    parts = [[f"{verb} {words}" for words in _wordings(changes)] for verb, changes in heaviest_first]
    if moves:
        parts.append([f"move {words}" for words in _wordings_of_moves(moves)])
    return _fitted(parts) or _totals(moves, others)


def _fitted(parts: Sequence[Sequence[str]]) -> str:
    """Return one wording of each part, the most detailed that leaves room for the shortest of those that follow."""
    chosen: list[str] = []
    for number, wordings in enumerate(parts):
        shortest = [following[-1] for following in parts[number + 1 :]]
        fits = (words for words in wordings if len(", ".join([*chosen, words, *shortest])) <= SUBJECT_LENGTH)
        words = next(fits, None)
        if words is None:
            return ""
        chosen.append(words)
    return ", ".join(chosen)


def _totals(moves: Sequence[_Move], others: Sequence[FileChange]) -> str:
    added, removed = (sum(change.how == how for change in others) for how in _VERBS)
    counts = {"moved": len(moves), "added": added, "removed": removed, "changed": len(others) - added - removed}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return _cut(f"{_count(len(moves) + len(others), 'file')}: {said or 'no change'}", SUBJECT_LENGTH)


def _wordings(changes: Sequence[FileChange]) -> Iterator[str]:
    """Yield how changes of one kind can be named, the most detailed first."""
    paths = [change.path for change in changes]
    functions = [name for change in changes if change.how == "M" for name in change.functions]
    for names in chain(_names(paths), _counts(paths)):
        if 0 < len(functions) <= _MOST_NAMED:
            yield f"{names}: {', '.join(functions)}"
        if functions:
            yield f"{names}: {_count(len(functions), 'function')}"
        yield names


def _wordings_of_moves(moves: Sequence[_Move]) -> Iterator[str]:
    sources = {_folder(move.source.path) for move in moves}
    targets = {_folder(move.target.path) for move in moves}
    where = f" to {next(iter(targets))}" if len(targets) == 1 else ""
    for names in _names([move.source.path for move in moves]):
        yield names + where
    if len(sources) == 1:
        yield f"{_count(len(moves), 'file')} from {next(iter(sources))}{where}"
    yield _count(len(moves), "file")


def _names(paths: Sequence[str]) -> Iterator[str]:
    if len(paths) <= _MOST_NAMED:
        yield ", ".join(paths)
        yield ", ".join(map(posixpath.basename, paths))


def _counts(paths: Sequence[str]) -> Iterator[str]:
    common = posixpath.commonprefix([path.split("/")[:-1] for path in paths])
    if common:
        yield f"{_count(len(paths), 'file')} in {'/'.join(common)}/"
    yield _count(len(paths), "file")


def _folder(path: str) -> str:
    return (posixpath.dirname(path) or ".") + "/"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# The body.


def _files(moves: Sequence[_Move], others: Sequence[FileChange]) -> list[str]:
    lines = [
        *(f"{change.how}  {change.path}{_figures([change])}{_functions(change)}" for change in others),
        *(f"R  {move.source.path} -> {move.target.path}{_figures([move.source, move.target])}" for move in moves),
    ]
    unlisted = [*others, *(move.target for move in moves)][_MOST_FILES:]
    return [_cut(line, _LINE_LENGTH) for line in chain(lines[:_MOST_FILES], _summed(unlisted))]


def _figures(changes: Sequence[FileChange]) -> str:
    if all(change.binary for change in changes):
        return "  binary"
    return f"  +{sum(change.added for change in changes)} -{sum(change.removed for change in changes)}"


def _functions(change: FileChange) -> str:
    return f"  {', '.join(change.functions)}" if change.functions else ""


def _summed(changes: Iterable[FileChange]) -> Iterator[str]:
    """Yield one line for each folder that holds more than was listed, those with most files first."""
    folders: defaultdict[str, list[FileChange]] = defaultdict(list)
    for change in changes:
        folders[_folder(change.path)].append(change)
    ordered = sorted(folders.items(), key=lambda folder: (-len(folder[1]), folder[0]))
    for folder, inside in ordered[:_MOST_FOLDERS]:
        yield f"and {_count(len(inside), 'file')} in {folder}{_figures(inside)}"
    rest = [change for _, inside in ordered[_MOST_FOLDERS:] for change in inside]
    if rest:
        folders_left = _count(len(ordered) - _MOST_FOLDERS, "other folder")
        yield f"and {_count(len(rest), 'file')} in {folders_left}{_figures(rest)}"


def _left_out(left_out: Sequence[LeftOut]) -> list[str]:
    if not left_out:
        return []
    lines = [_cut(f"  {_visible(one.path)}  {_reason(one)}", _LINE_LENGTH) for one in left_out[:_MOST_LEFT_OUT]]
    more = len(left_out) - _MOST_LEFT_OUT
    return ["Left out:", *lines, *([f"  and {more} more"] if more > 0 else [])]


def _reason(left_out: LeftOut) -> str:
    detail = safe_line(left_out.detail)
    return f"{left_out.why}: {detail}" if detail else left_out.why


def _trailers(facts: Facts, task: str) -> list[str]:
    trailers = {
        "Agent": facts.agent,
        "Team": team_of(facts.agent),
        "Task": _cut(task, _TRAILER_LENGTH),
    }
    return [f"Agentctl-{name}: {value}" for name, value in trailers.items() if value]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
