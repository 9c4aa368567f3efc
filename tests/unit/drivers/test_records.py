"""Files that programs append to, read a piece at a time: whatever lies there in their place is read as nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctl.drivers.records import LONGEST_LINE_BYTES, Record, find_records


def texts(record: Record) -> list[bytes]:
    found = [line.text for line in record.read()]
    while record.behind:
        found += [line.text for line in record.read()]
    return found


def test_each_line_is_read_once_and_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    record = Record(path)
    assert texts(record) == []
    path.write_bytes(b"one\ntw")
    assert texts(record) == [b"one"]
    with path.open("ab") as file:
        file.write(b"o\n\nthree\n")
    assert texts(record) == [b"two", b"three"]
    assert texts(record) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=40).filter(lambda b: b"\n" not in b and b), max_size=20), st.data())
def test_however_a_file_grows_its_lines_come_in_order(tmp_path: Path, lines: list[bytes], data: st.DataObject) -> None:
    path = tmp_path / "r.jsonl"
    path.unlink(missing_ok=True)
    record, found, whole = Record(path), [], b"".join(line + b"\n" for line in lines)
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        with path.open("ab") as file:
            file.write(whole[:size])
        whole = whole[size:]
        found += texts(record)
    assert found == lines


def test_a_file_that_was_replaced_or_cut_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"one\ntwo\n")
    record = Record(path)
    assert texts(record) == [b"one", b"two"]
    path.write_bytes(b"one\n")
    assert texts(record) == [b"one"]
    (tmp_path / "new").write_bytes(b"a\nb\nc\n")
    (tmp_path / "new").rename(path)
    assert texts(record) == [b"a", b"b", b"c"]


def test_a_huge_file_is_read_in_pieces_and_a_huge_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    line = b"x" * 1000 + b"\n"
    path.write_bytes(line * 5000 + b"y" * (LONGEST_LINE_BYTES * 3) + b"\nafter\n")
    record = Record(path)
    record.read()
    assert record.behind
    found = texts(record)
    assert found[-1] == b"after"
    assert not any(b"y" in one for one in found)


def test_a_line_that_never_ends_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"x" * (LONGEST_LINE_BYTES * 5))
    assert texts(Record(path)) == []


def test_what_is_no_file_of_ours_is_read_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"one\n")
    (tmp_path / "link").symlink_to("real")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("link", "pipe", "folder", "absent", "a\0b"):
        assert Record(tmp_path / name).read() == []
    assert Record(Path("/dev/zero")).read() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_another_users_file_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(b"one\n")
    os.chown(path, 12345, 12345)
    assert Record(path).read() == []


def test_files_are_found_by_what_is_known_of_their_names(tmp_path: Path) -> None:
    for number, name in enumerate(("a/x-1.jsonl", "b/x-1.jsonl", "b/y-1.jsonl")):
        path = tmp_path / "records" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.utime(path, (number, number))
    names = [path.parent.name for path in find_records("~/records/*/x-1.jsonl", tmp_path)]
    assert names == ["a", "b"], "the newest is the last"
    assert find_records("~/records/b/y-1.jsonl", tmp_path) == [tmp_path / "records/b/y-1.jsonl"]
    assert find_records("~/absent/*/x", tmp_path) == []
    assert find_records("relative/*.jsonl", tmp_path) == []


def test_a_folder_whose_name_has_a_star_is_meant_as_it_stands(tmp_path: Path) -> None:
    folder = tmp_path / "[a]?"
    folder.mkdir()
    (folder / "r.jsonl").touch()
    assert find_records(f"{folder}/r.jsonl", tmp_path) == [folder / "r.jsonl"]
    assert find_records(f"{folder}/*.jsonl", tmp_path) == [folder / "r.jsonl"]
