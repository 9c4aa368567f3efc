"""Folding what an agent spends: its books by conversation, the time in which it works, and its budget."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from agentctl.domain.agent import Activity, Agent, AgentState, Spent
from agentctl.domain.codec import decode
from agentctl.domain.events import Event
from agentctl.domain.team import Budget

_BOOKS_KEPT = 200
"""Conversations told apart; of one that is older and gone on with, what it had taken would count again."""

_CLOSED = ""
"""The book of all conversations that are not told apart any more."""


def clocked(before: Agent, after: Agent, at: datetime) -> Agent:
    """Return *after*, what an event at *at* made of *before*, with the working time counted up to there."""
    works = _is_at_work(after)
    if at.tzinfo is None or (works == (before.work_since is not None) and after.spent == before.spent):
        return after  # a trial has no time
    spent = before.spent_by(at).work
    return replace(after, spent=replace(after.spent, work=spent), work_since=at if works else None)


def spent(agent: Agent, event: Event) -> Agent:
    """Take in what one conversation took: its figure replaces the one that was known, so none counts twice."""
    own = decode(Spent, event.data["own"])
    books = _kept({**agent.books, str(event.data.get("conversation", "")): replace(own, work=timedelta(0))})
    return replace(agent, books=books, spent=replace(total(books.values()), work=agent.spent.work))


def warned(agent: Agent, event: Event) -> Agent:
    """Remember of which figure of its budget it was told that most of it is used up."""
    limit = float(event.data.get("limit") or 0)
    return replace(agent, budget_warned={**agent.budget_warned, str(event.data.get("part", "")): limit})


def budgeted(agent: Agent, event: Event) -> Agent:
    """Take in the budget that a person set, or that it is the team file's again."""
    given = event.data.get("budget")
    return replace(agent, budget=decode(Budget, given) if given is not None else None)


def begun_anew(agent: Agent, event: Event) -> Agent:
    """Count its budget from here on where a person lets it go on."""
    return replace(agent, budget_from=agent.spent_by(event.at)) if event.data.get("anew") else agent


def total(books: Iterable[Spent]) -> Spent:
    """Return what *books* add up to, without the working time, which is nobody's book."""
    kept = list(books)
    return Spent(
        tokens=sum(book.tokens for book in kept),
        usd=sum(book.usd for book in kept),
        estimated=any(book.estimated for book in kept),
        cached=sum(book.cached for book in kept),
        unpriced=next((book.unpriced for book in kept if book.unpriced), ""),
    )


def _is_at_work(agent: Agent) -> bool:
    if agent.stands_still or agent.state not in (AgentState.STARTING, AgentState.RUNNING):
        return False
    return agent.activity is Activity.WORKING or (agent.mute and agent.state is AgentState.RUNNING)


def _kept(books: dict[str, Spent]) -> dict[str, Spent]:
    """Return *books* with the oldest of too many put together."""
    surplus = [name for name in books if name != _CLOSED][: max(0, len(books) - _BOOKS_KEPT)]
    if not surplus:
        return books
    closed = total(books[name] for name in (_CLOSED, *surplus) if name in books)
    return {_CLOSED: closed} | {name: book for name, book in books.items() if name not in (_CLOSED, *surplus)}
