"""Counting: from lines of records to what each conversation took; every call once, however often it is written down.

Nothing is kept of a line but its figures, the name of the model and a number for the call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from agentctl.domain.agent import Spent
from agentctl.runners.usage.lines import Figures, Found, read_figures
from agentctl.runners.usage.prices import Prices
from agentctl.runners.usage.rules import LineRule

_OPEN_CALLS = 256
"""A call is written down again, with more in it, while it streams; so many calls later it is over."""


@dataclass(slots=True)
class _Book:
    """What one conversation has taken so far."""

    figures: Figures = field(default_factory=Figures)
    usd: float = 0.0
    estimated: bool = False
    unpriced: str = ""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call that may be written down once more."""

    conversation: str
    figures: Figures
    usd: float


@dataclass(slots=True)
class _Source:
    """One file, as far as its lines depend on those before."""

    model: str = ""
    reached: dict[int, Figures] = field(default_factory=dict)
    """By rule: the figures of all calls up to here."""


class Tally:
    """The calls of one agent, and what they add up to by conversation.

    A call that a later conversation has copied from an earlier one counts for the earlier one only.
    """

    def __init__(self, rules: Iterable[LineRule], prices: Prices) -> None:
        self._rules = tuple((rule, rule.marks()) for rule in rules)
        self._prices = prices
        self._books: dict[str, _Book] = {}
        self._sources: dict[str, _Source] = {}
        self._calls: dict[int, _Call | None] = {}
        """None: it is over. By a hash, because there are many of them."""
        self._open: deque[int] = deque()

    def take(self, conversation: str, source: str, place: int, line: bytes) -> None:
        """Take in *line*, which stands at *place* of the file *source*, a part of *conversation*. Never raises."""
        for number, (rule, marks) in enumerate(self._rules):
            found = read_figures(rule, line) if all(mark in line for mark in marks) else None
            if found is not None:
                self._count(conversation, source, (number, place), found)
                return

    def own(self, conversation: str) -> Spent:
        """Return what *conversation* has taken in all."""
        book = self._books.get(conversation, _Book())
        return Spent(
            tokens=round(book.figures.tokens),
            usd=round(book.usd, 6),
            estimated=book.estimated,
            cached=round(book.figures.cache_read),
            unpriced=book.unpriced,
        )

    def _count(self, conversation: str, name: str, at: tuple[int, int], found: Found) -> None:
        source, rule = self._sources.setdefault(name, _Source()), self._rules[at[0]][0]
        model, figures = found.model or source.model, found.figures
        if not any(figures):
            source.model = model
        elif rule.counts == "call":
            key = hash((at[0], found.call) if found.call else (*at, name))
            self._add_call(conversation, key, figures, model)
        elif figures.tokens >= (before := source.reached.get(at[0], Figures())).tokens:
            source.reached[at[0]] = figures
            added = figures.plus(before, -1)
            self._write(conversation, added, self._worth(conversation, added, model))

    def _add_call(self, conversation: str, key: int, figures: Figures, model: str) -> None:
        if key not in self._calls:
            usd = self._worth(conversation, figures, model)
            self._write(conversation, figures, usd)
            self._calls[key] = _Call(conversation, figures, usd)
            self._open.append(key)
            if len(self._open) > _OPEN_CALLS:
                self._calls[self._open.popleft()] = None
            return
        call = self._calls[key]
        if call is not None and figures.tokens >= call.figures.tokens:
            usd = self._worth(call.conversation, figures, model)
            self._write(call.conversation, figures.plus(call.figures, -1), usd - call.usd)
            self._calls[key] = _Call(call.conversation, figures, usd)

    def _write(self, conversation: str, figures: Figures, usd: float) -> None:
        book = self._books.setdefault(conversation, _Book())
        book.figures, book.usd = book.figures.plus(figures), book.usd + usd

    def _worth(self, conversation: str, figures: Figures, model: str) -> float:
        """Return the money for *figures*: as told, else by the table of prices; its book says which."""
        if figures.cost or not any(figures):
            return figures.cost
        book, price = self._books.setdefault(conversation, _Book()), self._prices.find(model)
        if price is None:
            book.unpriced = book.unpriced or model or "its model"
            return 0.0
        book.estimated = True
        return price.of(*figures[:4])
