"""Reads a runner's manifest; says everything that is wrong with it at once, by file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from agentctl.domain.errors import SpecError
from agentctl.domain.names import NAME_RULE, is_name
from agentctl.domain.units import parse_bytes, parse_duration
from agentctl.runners.runner import PLACEHOLDER, PLACEHOLDERS, Leave, Ready, Runner, Submit

T = TypeVar("T")

_MOST_BYTES = 64 * 1024
_EXTENDS = "extends"


def load(path: Path, base: Mapping[str, Runner] | None = None) -> Runner:
    """Return the runner that *path* describes; its name is the file's.

    With *base* (the shipped runners) the file may change one of them, its namesake or the one that `extends` names: it
    gives only what differs. Raises `SpecError`.
    """
    data, source = _read(path), str(path)
    problems: list[str] = []
    if not is_name(path.stem) or path.stem == "auto":
        problems.append(f"a runner is named by its file: {NAME_RULE}, and not auto")
    parent = _parent(path.stem, data, base or {}, problems)
    if parent is not None:
        data = _merge(_read(Path(parent.source)), data)
    runner = _runner(path.stem, source, _Table(data, "", problems))
    if problems:
        raise SpecError("\n".join(f"{source}: {problem}" for problem in problems), hint="see docs/howto/runners.md")
    return runner


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_bytes()
        if len(raw) > _MOST_BYTES:
            raise SpecError(f"{path}: a manifest is at most 64 KiB")
        return tomllib.loads(raw.decode())
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path}: is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{path}: {error}") from None
    except RecursionError:
        raise SpecError(f"{path}: is nested too deeply") from None


def _parent(name: str, data: dict[str, Any], base: Mapping[str, Runner], problems: list[str]) -> Runner | None:
    wanted = data.pop(_EXTENDS, None)
    if wanted is None:
        return base.get(name)
    if not isinstance(wanted, str) or wanted not in base:
        problems.append(f"{_EXTENDS}: name one of: {', '.join(sorted(base)) or 'no runner can be extended here'}")
        return None
    return base[wanted]


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return *below* with the keys of *above*; tables are merged, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _runner(name: str, source: str, table: _Table) -> Runner:
    ready, submit, leave = table.table("ready"), table.table("submit"), table.table("leave")
    runner = Runner(
        name=name,
        title=table.text("title"),
        launch_words=table.words("launch"),
        coding=table.flag("coding", default=False),
        order=table.number("order", 1000),
        programs=table.texts("programs"),
        version=table.texts("version"),
        env=table.variables("env"),
        unset=table.texts("unset"),
        ready=Ready(
            ready.choice("how", ("alive", "screen", "signal"), Ready().how), ready.duration("after", Ready().after)
        ),
        submit=Submit(
            submit.choice("channel", ("typing", "inbox", "none"), Submit().channel),
            submit.texts("keys", Submit().keys),
            submit.duration("delay", Submit().delay),
            submit.size("safe_bytes", Submit().safe_bytes),
            submit.flag("lines", default=True),
        ),
        leave=Leave(leave.text("text", ""), leave.texts("keys")),
        least_memory_bytes=table.size("least_memory", 0),
        notes=table.text("notes", ""),
        source=source,
    )
    for part in (table, ready, submit, leave):
        part.close()
    return runner


class _Table:
    """One table of a manifest: takes keys out by type and writes down what is wrong."""

    def __init__(self, data: dict[str, Any], prefix: str, problems: list[str]) -> None:
        self._data = dict(data)
        self._prefix = prefix
        self._problems = problems
        self._known: list[str] = []

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default, str, "a text")
        return value if value is not None else ""

    def flag(self, key: str, *, default: bool) -> bool:
        return self._take(key, default, bool, "true or false") or False

    def number(self, key: str, default: int) -> int:
        value = self._take(key, default, int, "a whole number")
        return default if value is None else value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._take(key, None, list, "a list of texts") if key in self._data else self._absent(key, default)
        return tuple(self._each_text(key, value)) if isinstance(value, list) else default

    def choice(self, key: str, allowed: tuple[T, ...], default: T) -> T:
        value = self._take(key, default, str, "a text")
        if value in allowed:
            return next(item for item in allowed if item == value)
        self._wrong(key, f"write one of: {', '.join(map(str, allowed))}")
        return default

    def duration(self, key: str, default: timedelta) -> timedelta:
        return self._measure(key, default, parse_duration)

    def size(self, key: str, default: int) -> int:
        return self._measure(key, default, parse_bytes)

    def variables(self, key: str) -> dict[str, str]:
        found = self._take(key, {}, dict, "a table of texts") or {}
        for name, value in found.items():
            if not isinstance(value, str):
                self._wrong(f"{key}.{name}", "write a text")
            else:
                self._check_placeholders(f"{key}.{name}", value)
                self._refuse_whole(f"{key}.{name}", value)
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def words(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Return a command line: texts, and lists of texts that stand or fall together."""
        groups = []
        for item in self._take(key, None, list, "a list of texts, or of lists of texts") or []:
            group = tuple(self._each_text(key, item if isinstance(item, list) else [item]))
            for word in group:
                self._check_placeholders(key, word)
                if group != ("{argv}",):
                    self._refuse_whole(key, word)
            groups.append(group)
        return tuple(groups)

    def table(self, key: str) -> _Table:
        return _Table(self._take(key, {}, dict, "a table") or {}, f"{self._prefix}{key}.", self._problems)

    def close(self) -> None:
        """Write down the keys that nobody knows."""
        for key in self._data:
            self._wrong(key, f"is not known{_did_you_mean(key, self._known)}")

    def _absent(self, key: str, default: T) -> T:
        self._known.append(key)
        return default

    def _take(self, key: str, default: T | None, kind: type[T], words: str) -> T | None:
        self._known.append(key)
        if key not in self._data:
            if default is None:
                self._wrong(key, f"is missing: write {words}")
            return default
        value = self._data.pop(key)
        if type(value) is not kind:  # a bool is an int to isinstance
            self._wrong(key, f"write {words}")
            return default
        return value

    def _measure(self, key: str, default: T, parse: Callable[[str], T]) -> T:
        if key not in self._data:
            return self._absent(key, default)
        text = self._take(key, "", str, "a text")
        try:
            return parse(text) if text else default
        except ValueError as error:
            self._wrong(key, str(error))
            return default

    def _each_text(self, key: str, items: list[Any]) -> list[str]:
        if not all(isinstance(item, str) and item and "\0" not in item for item in items):
            self._wrong(key, "write texts that are not empty")
            return []
        return items

    def _check_placeholders(self, key: str, word: str) -> None:
        for name in PLACEHOLDER.findall(word):
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{known}}}" for known in sorted(PLACEHOLDERS))
                self._wrong(key, f"{{{name}}} is not known; there are {known}")

    def _refuse_whole(self, key: str, word: str) -> None:
        if "{argv}" in word:
            self._wrong(key, "{argv} is several words: it stands alone, in launch only")

    def _wrong(self, key: str, what: str) -> None:
        self._problems.append(f"{self._prefix}{key}: {what}")


def _did_you_mean(key: str, known: list[str]) -> str:
    import difflib  # noqa: PLC0415  only where there is a mistake to explain

    close = difflib.get_close_matches(key, known, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known)}"
