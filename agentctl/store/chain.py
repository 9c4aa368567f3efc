"""The chain: how drafts become rows, each of whose hashes covers the whole row and the hash before it.

Every store shares it, so that a log moved from one to another keeps its hashes. The hash is over the stored text, not
over Python values: what is written is what is checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NoReturn, TypeAlias

from agentctl.domain.errors import Conflict, Damaged, StoreError
from agentctl.domain.events import Draft, Event
from agentctl.domain.ports import Snapshot

Row: TypeAlias = tuple[int, str, int, str, str, str, str, str, str | None, int, str]
"""One event as it is stored: seq, stream, version, type, at, actor, host, data, request, part, hash."""
Body: TypeAlias = tuple[int, str, int, str, str, str, str, str, str | None, int]
"""What the hash of an event covers: all of the row before it."""

GENESIS = "0" * 64
"""Stands for the hash before the first event."""

_UNCHANGED = frozenset({str, int, bool, type(None)})
"""Types whose values JSON gives back as they were; subclasses, such as enums, are not among them."""

_NEWLINES = 10  # between the eleven lines that are hashed

_MOST_STREAMS = 10_000
"""Versions kept in memory; beyond it they are asked for again."""


class Tail:
    """The end of the log as its writer knows it: the last event, and versions of streams as far as they are known."""

    __slots__ = ("hash", "seq", "versions")

    def __init__(self, seq: int = 0, last: str = GENESIS) -> None:
        self.seq = seq
        self.hash = last
        self.versions: dict[str, int] = {}

    def extend(
        self, drafts: Sequence[Draft], *, at: str, host: str, request: str | None, version_of: Callable[[str], int]
    ) -> list[Row]:
        """Return *drafts* as the rows that come next and stand behind them.

        Raises `Conflict` where an expected version is not the stream's and `StoreError` where a draft cannot be
        stored; the tail is then of no more use.
        """
        if len(self.versions) > _MOST_STREAMS:
            self.versions.clear()
        if request == "":
            raise StoreError("a request needs an id that is not empty")
        versions, seq, last = self.versions, self.seq, self.hash
        rows: list[Row] = []
        try:
            for part, draft in enumerate(drafts):
                stream = draft.stream
                version = versions.get(stream)
                if version is None:
                    version = version_of(stream)
                if draft.expected is not None and draft.expected != version:
                    raise _conflict(draft, version)
                versions[stream] = version = version + 1
                seq += 1
                data = "".join(_encode(draft.data, 0))
                # str() because sqlite3 binds a subclass of str, such as an enum's member, much slower.
                body = (seq, stream, version, str(draft.type), at, draft.actor, host, data, request, part)
                last = link(last, body)
                rows.append((*body, last))
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"an event cannot be stored: {error}") from None
        self.seq, self.hash = seq, last
        return rows


def link(previous: str, body: Body) -> str:
    """Return the hash of the event *body* after the one whose hash is *previous*: SHA-256 of eleven lines of UTF-8.

    Raises ValueError where a field holds a newline, because then another event could have the same lines; JSON has
    none, and a request that is not there is an empty line.
    """
    seq, stream, version, kind, at, actor, host, data, request, part = body
    text = f"{previous}\n{seq}\n{stream}\n{version}\n{kind}\n{at}\n{actor}\n{host}\n{data}\n{request or ''}\n{part}"
    if text.count("\n") != _NEWLINES:
        raise ValueError("a name holds a newline")
    return sha256(text.encode()).hexdigest()


def seal(snapshot: Snapshot, state: str, event_hash: str) -> str:
    """Return the hash that ties *snapshot*, whose state is stored as the text *state*, to its event."""
    text = f"{len(snapshot.view)} {snapshot.seq} {event_hash}\n{snapshot.view}{state}"
    return sha256(text.encode()).hexdigest()


def stamp(now: datetime) -> tuple[datetime, str]:
    """Return *now* in UTC, and as it is stored: always of the same length."""
    at = now.astimezone(UTC)
    return at, at.isoformat(timespec="microseconds")


def event(row: Row) -> Event:
    """Return *row* as an event; raise `Damaged` where it cannot be one."""
    try:
        at = datetime.fromisoformat(row[4])
        return Event(row[0], row[1], row[2], row[3], at, row[5], row[6], load(row[7]), row[10])
    except (ValueError, TypeError):
        raise Damaged(f"event {row[0]} cannot be read", hint="run: agentctl audit verify") from None


def events(rows: Iterable[Row], drafts: Iterable[Draft], at: datetime) -> list[Event]:
    """Return *rows*, made of *drafts* and all of the moment *at*, as events.

    Their data are what reading them back would give, so that a fold of what was appended equals a fold of what is read.
    """
    return [
        Event(seq, stream, version, kind, at, actor, host, _as_read(draft.data, data), last)
        for (seq, stream, version, kind, _, actor, host, data, _, _, last), draft in zip(rows, drafts, strict=True)
    ]


def _as_read(data: dict[str, Any], text: str) -> dict[str, Any]:
    """Return *data* as *text* reads: a copy where they are flat and come through JSON as they are, which is quicker."""
    for key, value in data.items():
        if type(key) is not str or type(value) not in _UNCHANGED:
            return load(text)
    return data.copy()


def dump(data: dict[str, Any]) -> str:
    """Return *data* as JSON in ASCII; raise `StoreError` where they have no such form."""
    try:
        return "".join(_encode(data, 0))
    except (TypeError, ValueError, RecursionError) as error:
        raise StoreError(f"this cannot be stored: {error}") from None


def load(text: str) -> dict[str, Any]:
    """Return what `dump` made *text* from; raise ValueError or TypeError where it made no such thing."""
    try:
        data, end = _scan(text, 0)
    except (StopIteration, RecursionError):
        raise ValueError("no JSON, or nested too deeply") from None
    if not isinstance(data, dict) or end != len(text):
        raise ValueError("data are one object")
    return data


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _encoder() -> Callable[[object, int], Iterable[str]]:
    """Return the C encoder behind `json`, made once: `json` makes it anew for each call, at the price of encoding."""
    plain = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False, default=_refuse)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return lambda data, _: plain.iterencode(data)
    quote = json.encoder.encode_basestring_ascii
    encode: Callable[[object, int], Iterable[str]] = make(None, _refuse, quote, None, ":", ",", False, False, False)
    return encode


_encode = _encoder()
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]  # typeshed lacks it


def _conflict(draft: Draft, version: int) -> Conflict:
    return Conflict(
        f"{draft.stream} is at version {version}, not {draft.expected}: somebody else wrote first",
        hint="read the stream again and decide anew",
    )
