"""What models cost, for programs that tell tokens and no money: a table with a date, and a user's own over it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentctl.domain.errors import SpecError

FILE = "prices.toml"
SHIPPED = Path(__file__).with_name(FILE)

_MILLION = 1_000_000
_MOST_BYTES = 256 * 1024
_KEYS = ("input", "output", "cache_read", "cache_write")
_DATED = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$|\[1m\]$")
"""What programs put behind a model's name: the day of its release, or how much it may hold."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float

    def of(self, fresh: float, output: float, cache_read: float, cache_write: float) -> float:
        """Return what so many tokens cost."""
        costs = (fresh * self.input, output * self.output, cache_read * self.cache_read, cache_write * self.cache_write)
        return sum(costs) / _MILLION


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices by model; a model that is not there has none, and none is made up."""

    models: Mapping[str, Price]
    date: str = ""
    """When the shipped ones were looked up."""

    @classmethod
    def load(cls, user_folder: Path | None = None) -> Prices:
        """Read the shipped prices, and over them those of `prices.toml` in *user_folder*; raises `SpecError`."""
        date, models = _read(SHIPPED)
        own = user_folder / FILE if user_folder is not None else None
        if own is not None and own.exists():
            models |= _read(own)[1]
        return cls(models, date)

    def find(self, model: str) -> Price | None:
        """Return the price of *model*, as programs call it: with its provider before it, or a day behind it."""
        name = model.lower()
        while name not in self.models and _DATED.search(name):
            name = _DATED.sub("", name)
        return self.models.get(name) or self.models.get(name.rpartition("/")[2])


def _read(path: Path) -> tuple[str, dict[str, Price]]:
    try:
        raw = path.read_bytes()
        data = tomllib.loads(raw[:_MOST_BYTES].decode())
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: {error}") from None
    models = data.get("models", {})
    if not isinstance(models, dict):
        raise SpecError(f"{path}: models: write a table", hint="see docs/howto/budgets.md")
    return str(data.get("date", "")), {name.lower(): _price(path, name, given) for name, given in models.items()}


def _price(path: Path, name: str, given: Any) -> Price:  # noqa: ANN401  whatever a file holds
    known: dict[str, Any] = given if isinstance(given, dict) else {}
    wrong = [key for key, value in known.items() if key not in _KEYS or not _is_price(value)]
    if wrong or "input" not in known or "output" not in known:
        hint = f'write, for example: "{name}" = {{ input = 3.0, output = 15.0 }}'
        raise SpecError(f"{path}: models.{name}: dollars for a million tokens are wanted", hint=hint)
    read = known.get("cache_read", known["input"])
    return Price(known["input"], known["output"], read, known.get("cache_write", known["input"]))


def _is_price(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MILLION
