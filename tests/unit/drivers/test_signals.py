"""Signals: every whole line once, whatever an agent writes into its folder."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.domain.codec import encode
from agentctl.domain.errors import HomeUnusable, UsageError
from agentctl.domain.names import AgentId
from agentctl.drivers.signals import MALFORMED, Signal, SignalReader, prepare_folder, signal_folder, watch
from agentctl.drivers.signals.lines import LONGEST_LINE_BYTES, Place, read_line, take_lines

PM = AgentId("frontend/pm")
DEV = AgentId("frontend/dev")


def say(run: Path, agent: AgentId, text: str | bytes, generation: int = 1) -> Path:
    path = prepare_folder(run, agent) / f"{generation}.jsonl"
    with path.open("ab") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


def line(kind: str, **data: object) -> str:
    return json.dumps({"kind": kind, **data}) + "\n"


def kinds(reader: SignalReader) -> list[str]:
    return [signal.kind for signal in reader.read()]


# --- reading ---------------------------------------------------------------------------------------------------------


def test_each_line_is_read_once_with_its_number(tmp_path: Path) -> None:
    reader = SignalReader(tmp_path)
    assert list(reader.read()) == []
    say(tmp_path, PM, line("begun", tool="x") + line("ended"))
    first = list(reader.read())
    assert [(one.agent, one.generation, one.number, one.kind, one.data) for one in first] == [
        (PM, 1, 1, "begun", {"tool": "x"}),
        (PM, 1, 2, "ended", {}),
    ]
    say(tmp_path, PM, line("more"))
    assert [(one.number, one.kind) for one in reader.read()] == [(3, "more")]
    assert list(reader.read()) == []


def test_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    reader = SignalReader(tmp_path)
    whole = line("ended", text="\N{SNOWMAN}" * 3).encode()
    for byte in range(len(whole) - 1):
        say(tmp_path, PM, whole[byte : byte + 1])
        assert list(reader.read()) == []
    say(tmp_path, PM, whole[-1:])
    assert kinds(reader) == ["ended"]


MALFORMED_LINES = [
    b"garbage",
    b"\xff\xfe",
    b"[]",
    b'"text"',
    b"{}",
    b'{"kind": 1}',
    b'{"kind": ""}',
    b'{"kind": "two words"}',
    b'{"kind": "x\x1b[31m"}',
    b'{"kind": "x", "data": {"n": NaN}}',
    b'{"kind": "x", "data": {"s": "\\ud800"}}',
    b'{"kind": "x", "data": ' + b'{"a":' * 40 + b"1" + b"}" * 41,
    b"[" * 50_000,
    b'{"kind": "x", "data": {"n": ' + b"9" * 5000 + b"}}",
    b'{"kind": "' + b"x" * 70 + b'"}',
    b"\0" * 100,
]


@pytest.mark.parametrize("text", MALFORMED_LINES)
def test_a_malformed_line_is_a_signal_that_says_so(tmp_path: Path, text: bytes) -> None:
    say(tmp_path, PM, line("before").encode() + text + b"\n" + line("after").encode())
    before, malformed, after = SignalReader(tmp_path).read()
    assert (before.kind, malformed.kind, after.kind) == ("before", MALFORMED, "after")
    assert malformed.data["reason"]
    assert malformed.data["line"].isprintable()
    assert len(malformed.data["line"]) <= 200


def test_empty_lines_say_nothing(tmp_path: Path) -> None:
    say(tmp_path, PM, "\n\n  \n" + line("ended"))
    assert [(one.number, one.kind) for one in SignalReader(tmp_path).read()] == [(4, "ended")]


@pytest.mark.parametrize("size", [LONGEST_LINE_BYTES + 1, 300_000, 3_000_000])
def test_a_giant_line_is_told_once_and_passed_over(tmp_path: Path, size: int) -> None:
    reader = SignalReader(tmp_path)
    say(tmp_path, PM, b"x" * size)
    seen = read_all(reader)
    assert [one.kind for one in seen] == [MALFORMED]
    say(tmp_path, PM, b"y" * 1000 + b"\n" + line("ended").encode())
    assert [(one.number, one.kind) for one in read_all(reader)] == [(2, "ended")]


def read_all(reader: SignalReader) -> list[Signal]:
    seen = list(reader.read())
    while reader.behind:
        seen += reader.read()
    return seen


def test_the_longest_line_is_taken_whole(tmp_path: Path) -> None:
    text = json.dumps({"kind": "x", "t": ""})
    text = text.replace('""', json.dumps("a" * (LONGEST_LINE_BYTES - len(text))))
    assert len(text) == LONGEST_LINE_BYTES
    say(tmp_path, PM, text + "\n")
    assert kinds(SignalReader(tmp_path)) == ["x"]


def test_a_flood_of_one_agent_lets_others_be_heard(tmp_path: Path) -> None:
    say(tmp_path, DEV, line("noise") * 100_000)
    say(tmp_path, PM, line("ended"))
    reader = SignalReader(tmp_path)
    first = list(reader.read())
    assert first[-1].agent == PM
    assert len(first) < 20_000
    assert reader.behind == {DEV}
    assert len(first) + len(read_all(reader)) == 100_001


def test_an_older_generation_is_marked_stale(tmp_path: Path) -> None:
    say(tmp_path, PM, line("old"), generation=9)
    say(tmp_path, PM, line("new"), generation=10)
    assert [(one.generation, one.stale) for one in SignalReader(tmp_path).read()] == [(9, True), (10, False)]
    assert all(one.stale for one in SignalReader(tmp_path, current=lambda _agent: 11).read())


def test_a_restart_reads_on_from_where_it_was(tmp_path: Path) -> None:
    say(tmp_path, PM, line("one") + line("two") + line("three"))
    second = list(SignalReader(tmp_path).read())[1]
    later = SignalReader(tmp_path, offsets={(PM, 1): second.end})
    assert [(one.number, one.kind) for one in later.read()] == [(3, "three")]
    beyond = SignalReader(tmp_path, offsets={(PM, 1): 10_000})
    assert len(list(beyond.read())) == 3


def test_a_restart_inside_a_giant_line_goes_on_behind_it(tmp_path: Path) -> None:
    say(tmp_path, PM, line("one").encode() + b"x" * 100_000)
    end = list(SignalReader(tmp_path).read())[-1].end
    say(tmp_path, PM, b"xxx\n" + line("three").encode())
    later = SignalReader(tmp_path, offsets={(PM, 1): end})
    assert [(one.number, one.kind) for one in later.read()] == [(3, "three")]


def test_a_file_that_is_replaced_or_cut_is_read_afresh_and_numbers_go_on(tmp_path: Path) -> None:
    reader, path = SignalReader(tmp_path), say(tmp_path, PM, line("one") + line("two"))
    list(reader.read())
    path.with_name("new").write_text(line("three") * 5)
    path.with_name("new").replace(path)
    assert [one.number for one in reader.read()] == [3, 4, 5, 6, 7]
    path.write_text(line("cut"))
    assert [(one.number, one.kind) for one in reader.read()] == [(8, "cut")]


def test_nothing_but_plain_files_is_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text(line("stolen"))
    folder = prepare_folder(tmp_path, PM)
    (folder / "1.jsonl").symlink_to(outside)
    os.mkfifo(folder / "2.jsonl")
    (folder / "3.jsonl").mkdir()
    for name in ("x.jsonl", "1.json", "01.jsonl", "-1.jsonl", "1.jsonl.bak", "0.jsonl", "9999999999.jsonl"):
        (folder / name).write_text(line("misnamed"))
    say(tmp_path, DEV, line("heard"))
    (tmp_path / "agents" / "frontend" / "qa").symlink_to(folder.parent.with_name("dev"))
    (tmp_path / "agents" / "Not A Name").mkdir()
    linked = tmp_path / "agents" / "frontend" / "ui"
    linked.mkdir()
    (linked / "signals").symlink_to(signal_folder(tmp_path, DEV))
    begun = time.monotonic()
    assert [(one.agent, one.kind) for one in SignalReader(tmp_path).read()] == [(DEV, "heard")]
    assert time.monotonic() - begun < 1


def test_the_folder_is_its_users_alone(tmp_path: Path) -> None:
    folder = prepare_folder(tmp_path, PM)
    assert folder == tmp_path / "agents" / "frontend" / "pm" / "signals"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert prepare_folder(tmp_path, PM).stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(HomeUnusable):
        prepare_folder(tmp_path, PM)
    with pytest.raises(UsageError):
        prepare_folder(tmp_path, AgentId("../x"))


def test_whatever_is_a_signal_can_be_kept(tmp_path: Path) -> None:
    say(tmp_path, PM, line("x", deep=[[{"a": ["\N{SNOWMAN}"]}]]))
    [signal] = SignalReader(tmp_path).read()
    assert json.loads(json.dumps(encode(signal)))["data"] == {"deep": [[{"a": ["\N{SNOWMAN}"]}]]}


PIECES = st.lists(
    st.one_of(st.binary(max_size=40), st.just(b"\n"), st.just(b'{"kind":"x"}\n'), st.just(b"z" * 70_000)), max_size=12
)


@given(PIECES, st.integers(1, 80_000))
def test_lines_are_the_same_however_they_arrive(pieces: list[bytes], chunk: int) -> None:
    data = b"".join(pieces)

    def take(step: int) -> list[tuple[int, bytes | None]]:
        place, taken, end = Place(1), [], 0
        while end < len(data):
            end = min(len(data), end + step)
            taken += [(one.number, one.text) for one in take_lines(place, data[place.offset : end])]
        return taken

    at_once = take(len(data) or 1)
    assert take(chunk) == at_once
    assert [number for number, _ in at_once] == list(range(1, len(at_once) + 1))
    whole = data.split(b"\n")[:-1]
    assert [text for _, text in at_once][: len(whole)] == [
        one if len(one) <= LONGEST_LINE_BYTES else None for one in whole
    ]


@given(st.binary(max_size=200))
def test_no_line_crashes_the_reader(text: bytes) -> None:
    kind, data = read_line(text)
    assert kind
    json.dumps({"kind": kind, "data": data}, ensure_ascii=False).encode()


# --- watching --------------------------------------------------------------------------------------------------------


async def heard(seen: list[Signal], number: int) -> None:
    async with asyncio.timeout(8):
        while len(seen) < number:  # noqa: ASYNC110  the list is what a consumer has
            await asyncio.sleep(0.002)


async def collect(run: Path, number: int, act: Any) -> list[Signal]:
    """Return the first *number* signals of a watch, during which *act* is done once it stands."""
    seen: list[Signal] = []
    signals = watch(SignalReader(run))

    async def listen() -> None:
        async for signal in signals:
            seen.append(signal)
            if len(seen) == number:
                return

    listening = asyncio.create_task(listen())
    try:
        await act(seen)
        await asyncio.wait_for(listening, 8)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await signals.aclose()  # type: ignore[attr-defined]
    return seen


def test_what_is_there_comes_first_and_the_rest_as_it_is_written(tmp_path: Path) -> None:
    say(tmp_path, PM, line("there"))

    async def act(seen: list[Signal]) -> None:
        await heard(seen, 1)
        say(tmp_path, PM, line("later"))
        say(tmp_path, DEV, line("newcomer"))  # its folders are made under the watcher's eyes

    seen = asyncio.run(collect(tmp_path, 3, act))
    assert seen[0].kind == "there"
    assert {(one.agent, one.kind) for one in seen[1:]} == {(PM, "later"), (DEV, "newcomer")}


def test_a_signal_is_there_within_a_quarter_of_a_second(tmp_path: Path) -> None:
    say(tmp_path, PM, line("there"))
    late: list[float] = []

    async def act(seen: list[Signal]) -> None:
        for number in range(1, 6):
            await heard(seen, number)
            late.append(time.monotonic())
            say(tmp_path, PM, line("next"))
        await heard(seen, 6)
        late.append(time.monotonic())

    asyncio.run(collect(tmp_path, 6, act))
    gaps = sorted(after - before for before, after in itertools.pairwise(late))
    assert gaps[len(gaps) // 2] < 0.25


def test_nothing_is_lost_or_doubled_while_many_write(tmp_path: Path) -> None:
    agents = [AgentId(f"team/a{number}") for number in range(5)]

    async def act(_seen: list[Signal]) -> None:
        for round_ in range(20):
            for agent in agents:
                text = line("n", n=round_)
                say(tmp_path, agent, text[:7])
                say(tmp_path, agent, text[7:])
            await asyncio.sleep(0.005)

    seen = asyncio.run(collect(tmp_path, 100, act))
    for agent in agents:
        mine = [one for one in seen if one.agent == agent]
        assert [one.data["n"] for one in mine] == list(range(20))
        assert [one.number for one in mine] == list(range(1, 21))


def test_it_polls_where_the_system_has_no_watches_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class EagerClock:
        async def sleep(self, _seconds: float) -> None:
            await asyncio.sleep(0.01)

    async def exhausted(*_: object, **__: object) -> Any:
        raise OSError(28, "OS file watch limit reached")
        yield

    monkeypatch.setattr("watchfiles.awatch", exhausted)

    async def poll() -> list[str]:
        seen = []
        async for signal in watch(SignalReader(tmp_path), clock=EagerClock()):  # type: ignore[arg-type]
            seen.append(signal.kind)
            if len(seen) == 2:
                break
            say(tmp_path, PM, line("second"))
        return seen

    say(tmp_path, PM, line("first"))
    assert asyncio.run(asyncio.wait_for(poll(), 5)) == ["first", "second"]


def test_a_watch_that_is_given_up_ends_at_once(tmp_path: Path) -> None:
    async def give_up() -> float:
        async def listen() -> None:
            async for _ in watch(SignalReader(tmp_path)):
                pass

        task = asyncio.create_task(listen())
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return time.monotonic() - begun

    assert asyncio.run(give_up()) < 1
