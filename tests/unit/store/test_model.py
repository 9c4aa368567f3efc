"""The log on disk, whatever is done to it and however often its writer dies, against a model in plain lists."""

from __future__ import annotations

import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agentctl.domain.errors import Conflict
from agentctl.domain.events import Draft, Event, EventType
from agentctl.domain.ports import Snapshot
from agentctl.store.sqlite import SqliteLog

STREAMS = st.sampled_from(["agent:web/pm", "agent:web/dev", "team:web", "ü"])
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
BATCHES = st.lists(
    st.tuples(STREAMS, st.sampled_from(EventType), st.dictionaries(st.text(max_size=5), JSON, max_size=3)), max_size=6
)


class LogModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="agentctl-model-"))
        self.lives = 0
        self.events: list[Event] = []
        self.requests: dict[str, list[Event]] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.path = self.folder / "0" / "log.db"
        self.path.parent.mkdir()
        self.log = self.open()

    def open(self) -> SqliteLog:
        return SqliteLog(self.path, host="here", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))

    def version(self, stream: str) -> int:
        return sum(event.stream == stream for event in self.events)

    def appended(self, batch: list[tuple[str, EventType, dict[str, Any]]], events: list[Event]) -> None:
        assert [(event.stream, event.type, event.data) for event in events] == batch
        for event in events:
            assert (event.seq, event.version) == (len(self.events) + 1, self.version(event.stream) + 1)
            self.events.append(event)

    @rule(batch=BATCHES, checked=st.booleans())
    def append(self, batch: list[tuple[str, EventType, dict[str, Any]]], checked: bool) -> None:
        drafts = []
        for number, (stream, kind, data) in enumerate(batch):
            before = self.version(stream) + sum(stream == earlier for earlier, _, _ in batch[:number])
            drafts.append(Draft(stream, kind, data, expected=before if checked else None))
        self.appended(batch, self.log.append(drafts))

    @rule(batch=BATCHES, request=st.sampled_from(["r1", "r2", "ü"]))
    def ask(self, batch: list[tuple[str, EventType, dict[str, Any]]], request: str) -> None:
        answer = self.log.append([Draft(*parts) for parts in batch], request=request)
        if request in self.requests:
            assert answer == self.requests[request]
        else:
            self.appended(batch, answer)
            if answer:
                self.requests[request] = answer

    @rule(stream=STREAMS, off=st.sampled_from([-1, 1, 5]))
    def append_too_late(self, stream: str, off: int) -> None:
        drafts = [Draft("team:web", EventType.TEAM_RESET)] if stream != "team:web" else []
        drafts.append(Draft(stream, EventType.AGENT_READY, expected=self.version(stream) + off))
        with pytest.raises(Conflict):
            self.log.append(drafts)

    @rule(stream=STREAMS)
    def another_process_appends(self, stream: str) -> None:
        other = self.open()
        self.appended([(stream, EventType.AGENT_IDLE, {})], other.append([Draft(stream, EventType.AGENT_IDLE)]))
        other.close()

    @rule(view=st.sampled_from(["fleet", "queue"]), back=st.integers(0, 3))
    def save_snapshot(self, view: str, back: int) -> None:
        self.snapshots[view] = Snapshot(view, max(len(self.events) - back, 0), {"n": len(self.events)})
        self.log.save_snapshot(self.snapshots[view])

    @rule()
    def end_well_and_come_back(self) -> None:
        self.log.close()
        self.log = self.open()

    @rule()
    def crash_and_come_back(self) -> None:
        """Leave what the disk holds at this moment to the next life."""
        self.lives += 1
        after = self.folder / str(self.lives)
        shutil.copytree(self.path.parent, after, ignore=shutil.ignore_patterns("*-shm"))
        self.log.close()
        self.path = after / "log.db"
        self.log = self.open()

    @rule(after=st.integers(-1, 20), limit=st.none() | st.integers(0, 5), stream=st.none() | STREAMS)
    def read(self, after: int, limit: int | None, stream: str | None) -> None:
        wanted = [event for event in self.events if event.seq > after and stream in (None, event.stream)]
        assert list(self.log.read(after, stream=stream, limit=limit)) == wanted[:limit]

    @invariant()
    def everything_is_there_and_sound(self) -> None:
        assert list(self.log.read()) == self.events
        assert self.log.head() == len(self.events)
        assert self.log.verify() == []
        for view in ("fleet", "queue"):
            assert self.log.load_snapshot(view) == self.snapshots.get(view)

    def teardown(self) -> None:
        self.log.close()
        shutil.rmtree(self.folder)


TestLogModel = LogModel.TestCase
TestLogModel.settings = settings(
    max_examples=200 if os.environ.get("AGENTCTL_CAMPAIGN") == "full" else 16,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
