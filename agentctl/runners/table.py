"""One table of a manifest: takes keys out by type and writes down what is wrong, by key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from agentctl.domain.units import parse_bytes, parse_duration
from agentctl.runners.patterns import fault
from agentctl.runners.words import PLACEHOLDER, PLACEHOLDERS

T = TypeVar("T")

_MOST_SHOWN = 60


class Table:
    """A table whose keys are taken one by one; `close` writes down those that nobody took.

    With *checks_patterns* off regular expressions are taken at their word: those of shipped manifests are tested, and a
    command that only looks a runner up should not pay for compiling all of them.
    """

    def __init__(self, data: dict[str, Any], prefix: str, problems: list[str], *, checks_patterns: bool = True) -> None:
        self._data = dict(data)
        self._prefix = prefix
        self._problems = problems
        self._known: list[str] = []
        self._checks_patterns = checks_patterns

    def text(self, key: str, default: str | None = None) -> str:
        """Take a text; without *default* it has to be there."""
        value = self._take(key, default, str, "a text")
        return value if value is not None else ""

    def flag(self, key: str, *, default: bool) -> bool:
        """Take true or false."""
        return self._take(key, default, bool, "true or false") or False

    def number(self, key: str, default: int) -> int:
        """Take a whole number."""
        value = self._take(key, default, int, "a whole number")
        return default if value is None else value

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Take a list of texts that are not empty."""
        value = self._take(key, None, list, "a list of texts") if key in self._data else self._absent(key, default)
        return tuple(self._each_text(key, value)) if isinstance(value, list) else default

    def text_or_texts(self, key: str) -> tuple[str, ...]:
        """Take a list of texts, which may be written as one text."""
        if isinstance(self._data.get(key), str):
            self._data[key] = [self._data[key]]
        return self.texts(key)

    def choice(self, key: str, allowed: tuple[T, ...], default: T) -> T:
        """Take one of *allowed*."""
        value = self._take(key, default, str, "a text")
        if value in allowed:
            return next(item for item in allowed if item == value)
        self.wrong(key, f"write one of: {', '.join(map(str, allowed))}")
        return default

    def duration(self, key: str, default: timedelta) -> timedelta:
        """Take a duration."""
        return self._measure(key, default, parse_duration)

    def size(self, key: str, default: int) -> int:
        """Take a size in bytes."""
        return self._measure(key, default, parse_bytes)

    def pattern(self, key: str, default: str | None = "") -> str:
        """Take a regular expression; without *default* it has to be there."""
        pattern = self.text(key, default)
        return pattern if self._is_sound(key, pattern) else ""

    def patterns(self, key: str) -> tuple[str, ...]:
        """Take a list of regular expressions."""
        return tuple(pattern for pattern in self.texts(key) if self._is_sound(key, pattern))

    def variables(self, key: str) -> dict[str, str]:
        """Take a table of texts that may hold placeholders."""
        found = self._take(key, {}, dict, "a table of texts") or {}
        for name, value in found.items():
            if not isinstance(value, str):
                self.wrong(f"{key}.{name}", "write a text")
            else:
                self._check_word(f"{key}.{name}", value)
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def placed_texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Take a list of texts that may hold placeholders."""
        texts = self.texts(key, default)
        for text in texts:
            self._check_word(key, text)
        return texts

    def words(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Take a command line: texts, and lists of texts that stand or fall together."""
        groups = []
        for item in self._take(key, None, list, "a list of texts, or of lists of texts") or []:
            group = tuple(self._each_text(key, item if isinstance(item, list) else [item]))
            for word in group:
                self._check_placeholders(key, word)
                if group != ("{argv}",):
                    self._refuse_whole(key, word)
            groups.append(group)
        return tuple(groups)

    def table(self, key: str) -> Table:
        """Take the table *key*, an empty one where it is not there."""
        return self._below(self._take(key, {}, dict, "a table") or {}, key)

    def tables(self, key: str) -> Iterator[Table]:
        """Take each table of a list of tables; in messages one is called by its `name`, else by its number."""
        for place, item in enumerate(self._take(key, [], list, "a list of tables") or []):
            if isinstance(item, dict):
                name = item.get("name")
                yield self._below(item, f"{key}.{name if isinstance(name, str) and name else place + 1}")
            else:
                self.wrong(f"{key}.{place + 1}", "write a table")

    def named(self, allowed: tuple[str, ...] = ()) -> Iterator[str]:
        """Yield the keys that are left and are names of the file's own choice, or some of *allowed*."""
        self._known += allowed
        yield from [key for key in self._data if not allowed or key in allowed]

    def __bool__(self) -> bool:
        """Tell whether anything is left in it."""
        return bool(self._data)

    def close(self) -> None:
        """Write down the keys that nobody knows."""
        for key in self._data:
            self.wrong(key, f"is not known{_did_you_mean(key, self._known)}")

    def wrong(self, key: str, what: str) -> None:
        """Write down that *what* is wrong with *key*."""
        self._problems.append(f"{self._prefix}{key}: {what}")

    def _below(self, data: dict[str, Any], key: str) -> Table:
        return Table(data, f"{self._prefix}{key}.", self._problems, checks_patterns=self._checks_patterns)

    def _absent(self, key: str, default: T) -> T:
        self._known.append(key)
        return default

    def _take(self, key: str, default: T | None, kind: type[T], words: str) -> T | None:
        self._known.append(key)
        if key not in self._data:
            if default is None:
                self.wrong(key, f"is missing: write {words}")
            return default
        value = self._data.pop(key)
        if type(value) is not kind:  # a bool is an int to isinstance
            self.wrong(key, f"write {words}")
            return default
        return value

    def _measure(self, key: str, default: T, parse: Callable[[str], T]) -> T:
        if key not in self._data:
            return self._absent(key, default)
        text = self._take(key, "", str, "a text")
        try:
            return parse(text) if text else default
        except ValueError as error:
            self.wrong(key, str(error))
            return default

    def _each_text(self, key: str, items: list[Any]) -> list[str]:
        if not all(isinstance(item, str) and item and "\0" not in item for item in items):
            self.wrong(key, "write texts that are not empty")
            return []
        return items

    def _is_sound(self, key: str, pattern: str) -> bool:
        why = fault(pattern) if pattern and self._checks_patterns else ""
        if why:
            self.wrong(key, f"{why}: {pattern[:_MOST_SHOWN]}")
        return not why

    def _check_word(self, key: str, word: str) -> None:
        self._check_placeholders(key, word)
        self._refuse_whole(key, word)

    def _check_placeholders(self, key: str, word: str) -> None:
        for name in PLACEHOLDER.findall(word):
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{known}}}" for known in sorted(PLACEHOLDERS))
                self.wrong(key, f"{{{name}}} is not known; there are {known}")

    def _refuse_whole(self, key: str, word: str) -> None:
        if "{argv}" in word:
            self.wrong(key, "{argv} is several words: it stands alone, in launch only")


def _did_you_mean(key: str, known: list[str]) -> str:
    import difflib  # noqa: PLC0415  only where there is a mistake to explain

    close = difflib.get_close_matches(key, known, 1)
    return f"; did you mean {close[0]}?" if close else f"; there are: {', '.join(known)}"
