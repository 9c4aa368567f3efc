"""The table of what stands still: whoever is killed, another finds in it what has to be undone."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as some

from agentctl.domain.agent import Identity
from agentctl.drivers.governor.frozen import FrozenTable, left_behind

BOOT = "0f0e0d0c-1111-2222-3333-444455556666"


def process(number: int) -> Identity:
    return Identity(BOOT, number + 2, 7_000_000 + number)


@given(some.lists(some.tuples(some.booleans(), some.integers(0, 20)), max_size=60))
def test_the_file_says_at_any_moment_who_stands_still(tmp_path_factory: object, moves: list[tuple[bool, int]]) -> None:
    path = Path(tmp_path_factory.mktemp("table")) / "frozen"  # type: ignore[attr-defined]
    table, still = FrozenTable.make(path, BOOT), set()
    for stops, number in moves:
        (table.add if stops else table.remove)(process(number))
        (still.add if stops else still.discard)(process(number))
        assert set(left_behind(path, BOOT)) == still == set(table.listed(BOOT))
        assert len(table) == len(still)


def test_what_another_boot_left_says_nothing(tmp_path: Path) -> None:
    table = FrozenTable.make(tmp_path / "frozen", BOOT)
    table.add(process(1))
    assert left_behind(tmp_path / "frozen", "another") == []
    assert left_behind(tmp_path / "frozen", BOOT) == [process(1)]


def test_what_is_no_table_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"x" * 80)
    (tmp_path / "link").symlink_to(tmp_path / "short")
    for name in ("short", "link", "nowhere"):
        assert left_behind(tmp_path / name, BOOT) == []


def test_a_new_table_takes_the_place_and_leaves_the_old_one_whole(tmp_path: Path) -> None:
    old = FrozenTable.make(tmp_path / "frozen", BOOT)
    old.add(process(1))
    new = FrozenTable.make(tmp_path / "frozen", BOOT)
    new.add(process(2))
    assert old.listed(BOOT) == [process(1)]
    assert left_behind(tmp_path / "frozen", BOOT) == [process(2)]


def test_without_a_place_for_a_file_it_is_in_memory(tmp_path: Path) -> None:
    table = FrozenTable.make(tmp_path / "no" / "folder" / "frozen", BOOT)
    table.add(process(1))
    assert table.listed(BOOT) == [process(1)]


def test_a_full_table_says_so(tmp_path: Path) -> None:
    table, number = FrozenTable.make(tmp_path / "frozen", BOOT), 0
    while table.room:
        table.add(process(number))
        number += 1
    assert number > 1000
    table.remove(process(0))
    assert table.room


def test_the_heart_and_the_alarm_are_shared(tmp_path: Path) -> None:
    table = FrozenTable.make(tmp_path / "frozen", BOOT)
    assert (table.beats, table.armed) == (0, False)
    table.beat()
    table.armed = True
    assert (table.beats, table.armed) == (1, True)
