"""What every `EventLog` does, on disk and in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from agentctl.domain.errors import Conflict, StoreError
from agentctl.domain.events import Draft, EventType
from agentctl.domain.ports import EventLog, Snapshot
from agentctl.store.memory import MemoryLog
from agentctl.store.sqlite import SqliteLog

START = datetime(2026, 3, 29, 0, 59, 59, 123456, tzinfo=UTC)


class Ticking:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture(params=["memory", "sqlite"])
def make_log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., EventLog]]:
    made: list[EventLog] = []

    def make(clock: Callable[[], datetime] | None = None) -> EventLog:
        clock = clock or Ticking()
        log: EventLog
        if request.param == "memory":
            log = MemoryLog(host="here", clock=clock)
        else:
            log = SqliteLog(tmp_path / f"log-{len(made)}.db", host="here", clock=clock)
        made.append(log)
        return log

    yield make
    for log in made:
        log.close()


@pytest.fixture
def log(make_log: Callable[[], EventLog]) -> EventLog:
    return make_log()


def ready(stream: str = "agent:web/pm", expected: int | None = None, **data: object) -> Draft:
    return Draft(stream, EventType.AGENT_READY, dict(data), expected=expected)


def test_an_empty_log_has_no_head_no_events_and_no_damage(log: EventLog) -> None:
    assert (log.head(), list(log.read()), log.verify(), log.load_snapshot("fleet")) == (0, [], [], None)


def test_numbers_and_versions_have_no_gaps(log: EventLog) -> None:
    for streams in (["a", "b"], ["a"], ["b", "a", "b"]):
        log.append([ready(stream) for stream in streams])
    events = list(log.read())
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert [(event.stream, event.version) for event in events] == [
        ("a", 1), ("b", 1), ("a", 2), ("b", 2), ("a", 3), ("b", 3),
    ]  # fmt: skip
    assert log.head() == 6


def test_what_is_appended_reads_back_the_same(log: EventLog) -> None:
    appended = log.append([Draft("team:web", EventType.TEAM_RESET, {"reason": "asked"}, actor="human:ada")])
    assert list(log.read()) == appended
    event = appended[0]
    assert (event.type, event.actor, event.host, event.data) == (
        "TeamReset", "human:ada", "here", {"reason": "asked"},
    )  # fmt: skip
    assert type(event.type) is str
    assert event.at == START + timedelta(seconds=1)
    assert event.at.utcoffset() == timedelta(0)


def test_moments_are_kept_in_utc_whatever_the_clock_says(make_log: Callable[..., EventLog]) -> None:
    east = datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=2)))
    log = make_log(lambda: east)
    assert log.append([ready()])[0].at == east
    assert [event.at.isoformat() for event in log.read()] == ["2026-10-25T00:30:00+00:00"]


def test_appended_data_are_what_a_reader_gets_and_nobody_elses(log: EventLog) -> None:
    data = {"pair": (1, 2), "by_number": {7: "seven"}, "type": EventType.AGENT_BUSY}
    appended = log.append([Draft("a", EventType.AGENT_READY, data)])[0]
    data["pair"] = (3, 4)
    assert appended.data == {"pair": [1, 2], "by_number": {"7": "seven"}, "type": "AgentBusy"}
    appended.data["pair"] = "mine"
    assert next(log.read()).data["pair"] == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        {"text": "Grüße 你好 🚀 \x00 \x1b[31m \u202e \ud800"},
        {"": {"nested": [None, True, -1, 2**70, 0.1, 1e-300, {"a": []}]}},
        {"lines": ["x" * 100] * 20_000},
    ],
    ids=["odd characters", "shapes", "two megabytes"],
)
def test_any_json_survives(log: EventLog, data: dict[str, object]) -> None:
    log.append([Draft("a", EventType.AGENT_EXITED, data)])
    assert next(log.read()).data == data
    assert log.verify() == []


@pytest.mark.parametrize("name", ["über/ärger", "a\rb", "a' OR 1=1 --", "", "x" * 10_000, "nul\x00nul"])
def test_any_name_of_a_stream_survives(log: EventLog, name: str) -> None:
    log.append([ready("other"), ready(name), ready(name, expected=1)])
    assert [event.version for event in log.read(stream=name)] == [1, 2]
    assert log.verify() == []


@pytest.mark.parametrize(
    "draft",
    [
        ready(value=object()),
        ready(value=float("nan")),
        ready(value={1, 2}),
        Draft("a", EventType.AGENT_READY, {("a", "b"): 1}),  # type: ignore[dict-item]
        ready("lone \ud800"),
        ready("two\nlines"),
        Draft("a", EventType.AGENT_READY, actor="lone \ud800"),
    ],
    ids=["object", "nan", "set", "tuple as key", "surrogate in stream", "newline in stream", "surrogate in actor"],
)
def test_what_cannot_be_kept_is_refused_and_leaves_nothing(log: EventLog, draft: Draft) -> None:
    with pytest.raises(StoreError):
        log.append([ready(), draft])
    assert log.head() == 0
    assert log.append([ready()])[0].seq == 1


def test_data_nested_without_end_are_refused(log: EventLog) -> None:
    data: dict[str, object] = {}
    data["self"] = data
    with pytest.raises(StoreError):
        log.append([Draft("a", EventType.AGENT_READY, data)])
    assert log.head() == 0


def test_a_type_of_a_newer_release_reads_back(log: EventLog) -> None:
    log.append([Draft("a", "AgentDreamt")])  # type: ignore[arg-type]
    assert [event.type for event in log.read()] == ["AgentDreamt"]
    assert log.verify() == []


def test_appending_nothing_appends_nothing(log: EventLog) -> None:
    assert log.append([]) == []
    assert log.head() == 0


# --- reading ---------------------------------------------------------------------------------------------------------


def test_reading_goes_on_after_a_number(log: EventLog) -> None:
    log.append([ready() for _ in range(1203)])
    assert [event.seq for event in log.read(1000)] == list(range(1001, 1204))
    assert [event.seq for event in log.read(1)][:2] == [2, 3]
    assert list(log.read(1203)) == list(log.read(9999)) == list(log.read(10**30)) == []
    assert len(list(log.read(-5))) == 1203


def test_reading_stops_at_its_limit(log: EventLog) -> None:
    log.append([ready() for _ in range(1203)])
    assert [event.seq for event in log.read(2, limit=3)] == [3, 4, 5]
    assert [event.seq for event in log.read(limit=1001)] == list(range(1, 1002))
    assert len(list(log.read(limit=10**30))) == 1203
    assert list(log.read(limit=0)) == list(log.read(limit=-1)) == []


def test_a_stream_reads_alone_and_in_order(log: EventLog) -> None:
    log.append([ready("even" if number % 2 else "odd", number=number) for number in range(1, 2401)])
    assert [event.data["number"] for event in log.read(stream="odd")] == list(range(2, 2401, 2))
    assert [event.seq for event in log.read(2000, stream="odd", limit=3)] == [2002, 2004, 2006]
    assert list(log.read(stream="od")) == list(log.read(stream="none")) == []


def test_a_reader_ends_where_the_log_ended_when_it_was_asked(log: EventLog) -> None:
    log.append([ready(), ready()])
    for event in log.read():
        log.append([ready(echo=event.seq)])
    assert log.head() == 4


def test_readers_at_the_same_time_do_not_disturb_each_other_nor_the_writer(log: EventLog) -> None:
    log.append([ready() for _ in range(1500)])
    first, second = log.read(), log.read(700)
    seen = [(next(first).seq, next(second).seq) for _ in range(600)]
    log.append([ready()])
    assert seen[-1] == (600, 1300)
    assert [event.seq for event in first] == list(range(601, 1501))


# --- conflicts and repeated requests ---------------------------------------------------------------------------------


def test_an_expected_version_that_holds_is_accepted(log: EventLog) -> None:
    log.append([ready("a", 0), ready("a", 1), ready("b", 0), ready("a", 2)])
    log.append([ready("a", 3)])
    assert [event.version for event in log.read(stream="a")] == [1, 2, 3, 4]


@pytest.mark.parametrize("expected", [0, 2, -1])
def test_a_conflict_leaves_nothing(log: EventLog, expected: int) -> None:
    log.append([ready("a")])
    with pytest.raises(Conflict, match="a is at version 1"):
        log.append([ready("b"), ready("a", expected), ready("c")], request="r")
    assert log.head() == 1
    assert [(event.stream, event.version) for event in log.append([ready("b", 0), ready("a", 1)], request="r")] == [
        ("b", 1), ("a", 2),
    ]  # fmt: skip
    assert log.verify() == []


def test_a_repeated_request_appends_nothing_and_answers_the_same(log: EventLog) -> None:
    first = log.append([ready("a", 0), ready("b", 0)], request="r-1")
    log.append([ready("c")])
    assert log.append([ready("a", 0), ready("b", 0)], request="r-1") == first
    assert log.append([ready("d")], request="r-1") == first
    assert log.head() == 3
    assert log.append([ready("d")], request="r-2")[0].seq == 4


def test_a_request_without_an_id_is_refused(log: EventLog) -> None:
    with pytest.raises(StoreError):
        log.append([ready()], request="")
    assert log.head() == 0


def test_without_a_request_the_same_drafts_are_new_events(log: EventLog) -> None:
    assert [log.append([ready("a")])[0].seq for _ in range(3)] == [1, 2, 3]


# --- the chain and snapshots -----------------------------------------------------------------------------------------


def test_the_chain_is_sound_and_depends_on_everything_before(make_log: Callable[..., EventLog]) -> None:
    one, same, other = make_log(), make_log(), make_log()
    for log, reason in ((one, "x"), (same, "x"), (other, "y")):
        log.append([ready(reason=reason)])
        log.append([ready("b"), ready("c")])
        assert log.verify() == []
    hashes = [[event.hash for event in log.read()] for log in (one, same, other)]
    assert hashes[0] == hashes[1]
    assert not set(hashes[0]) & set(hashes[2])
    assert len(set(hashes[0])) == 3


def test_a_snapshot_is_kept_and_replaced(log: EventLog) -> None:
    log.append([ready(), ready()])
    log.save_snapshot(Snapshot("fleet", 1, {"agents": 1}))
    log.save_snapshot(Snapshot("queue", 1, {"tasks": ["ä"]}))
    log.save_snapshot(Snapshot("fleet", 2, {"agents": 2}))
    assert log.load_snapshot("fleet") == Snapshot("fleet", 2, {"agents": 2})
    assert log.load_snapshot("queue") == Snapshot("queue", 1, {"tasks": ["ä"]})
    assert log.load_snapshot("none") is None
    assert log.head() == 2
    assert log.verify() == []


def test_a_snapshot_of_an_empty_log_holds(log: EventLog) -> None:
    log.save_snapshot(Snapshot("fleet", 0, {}))
    log.append([ready()])
    assert log.load_snapshot("fleet") == Snapshot("fleet", 0, {})


def test_a_snapshot_that_the_log_does_not_reach_is_none_even_when_the_log_grows(log: EventLog) -> None:
    log.append([ready()])
    log.save_snapshot(Snapshot("fleet", 2, {"agents": 9}))
    assert log.load_snapshot("fleet") is None
    log.append([ready()])
    assert log.load_snapshot("fleet") is None


def test_a_state_that_has_no_json_is_refused(log: EventLog) -> None:
    with pytest.raises(StoreError):
        log.save_snapshot(Snapshot("fleet", 0, {"x": object()}))
    assert log.load_snapshot("fleet") is None


def test_a_closed_log_refuses_and_closes_again(log: EventLog) -> None:
    log.append([ready()])
    log.close()
    log.close()
    for call in (log.head, log.read, log.verify, lambda: log.append([ready()]), lambda: log.load_snapshot("a")):
        with pytest.raises(StoreError, match="closed"):
            call()
