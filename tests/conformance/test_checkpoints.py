"""Checkpoints one after the other: what they are compared with, found by, read as, and given back from."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agentctl.domain.checkpoint import Checkpoint, Checkpoints, FileChange, LeftOutFor, Skipped
from agentctl.domain.errors import NotFound, PartlyDone, Refused, Unreachable
from agentctl.domain.names import AgentId
from agentctl.drivers.git import restore as restoring
from agentctl.drivers.git import sieve
from agentctl.drivers.git.checkpoints import GitCheckpoints
from tests.conformance.ground import AGENT, AT, REFERENCE, Ground, gate

OTHER = AgentId("web/pm")

MODULE = """\
class A:
    def one(self):
        x = 1
        y = 2
        return x

    def two(self):
        x = 1
        return x
"""


def test_the_driver_is_what_the_supervisor_needs(ground: Ground) -> None:
    needed: Checkpoints = ground.checkpoints
    assert needed is ground.checkpoints


# --- what it is compared with ----------------------------------------------------------------------------------------


def test_the_first_one_stands_on_head_and_the_next_on_the_first(ground: Ground) -> None:
    ground.start()
    head = ground.git("rev-parse", "HEAD")
    ground.write({"a.txt": "1\n"})
    first = ground.kept("s1")
    ground.write({"b.txt": "2\n"})
    second = ground.kept("s2")
    assert ground.git("log", "--format=%H %P", REFERENCE).split("\n")[:2] == [
        f"{second.commit} {first.commit}",
        f"{first.commit} {head}",
    ]
    assert ground.git("diff", "--name-only", first.commit, second.commit) == "b.txt"


def test_a_commit_of_the_user_becomes_a_parent_and_what_he_committed_is_no_change(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n", "new.txt": "n\n"})
    first = ground.kept("s1")
    head = ground.record()
    assert ground.keep("s2") is Skipped.UNCHANGED
    ground.write({"b.txt": "2\n"})
    second = ground.kept("s3")
    assert ground.git("log", "-1", "--format=%P", second.commit) == f"{first.commit} {head}"
    assert [change.path for change in ground.checkpoints.show(ground.repo, second.commit)[1]] == ["b.txt"]


def test_many_files_that_a_pull_brings_are_not_new(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "MOST_NEW_FILES", 2)
    ground.start()
    ground.write({"a.txt": "1\n"})
    ground.kept("s1")
    ground.write({f"pulled/{n}.txt": "TOKEN-1\n" for n in range(5)})
    ground.record()
    ground.write({"a.txt": "2\n", "n1": "", "n2": "", "n3": ""})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    assert {change.path for change in survey.changes} == {"a.txt", "n1", "n2"}
    assert [(one.path, one.why, one.detail) for one in survey.left_out] == [("n3", LeftOutFor.MANY, "")]


def test_more_than_fits_is_said_once(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sieve, "MOST_BYTES", 10)
    ground.start()
    ground.write({f"n{n}": "1234\n" for n in range(5)})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    assert [change.path for change in survey.changes] == ["n0", "n1"]
    assert [(one.path, one.why, one.detail) for one in survey.left_out] == [("n2", LeftOutFor.MANY, "and 2 more")]


def test_a_file_with_a_credential_stays_at_its_last_version_and_the_line_is_told(ground: Ground) -> None:
    ground.start({"a.txt": "one\nTOKEN-0 was here before\n"})
    ground.write({"a.txt": "one\nTOKEN-0 was here before\nfour\n"})
    first = ground.kept("s1")
    ground.write({"a.txt": "one\nTOKEN-0 was here before\nfour\nTOKEN-5\n", "b.txt": "b\n"})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    assert [(one.path, one.why, one.detail) for one in survey.left_out] == [
        ("a.txt", LeftOutFor.SECRET, "test token, line 4")
    ]
    second = ground.kept("s2")
    assert ground.files(second.commit)["a.txt"] == ground.files(first.commit)["a.txt"]
    ground.write({"a.txt": "one\nfour\n"})
    assert ground.content(ground.kept("s3").commit, "a.txt") == "one\nfour"


def test_lines_functions_and_binary_files_are_told(ground: Ground) -> None:
    ground.start({"m.py": MODULE, "img": b"\0\1"})
    ground.write({"m.py": MODULE.replace("        return x", "        return 7"), "img": b"\0\2", "n.txt": "1\n2\n"})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    changes = {change.path: replace(change, functions=()) for change in survey.changes}
    assert changes == {
        "img": FileChange("img", "M", 0, 0, binary=True),
        "m.py": FileChange("m.py", "M", 2, 2),
        "n.txt": FileChange("n.txt", "A", 2, 0),
    }
    found = next(change.functions for change in survey.changes if change.path == "m.py")
    assert found == ("def one(self):", "def two(self):")


def test_agents_of_one_work_tree_have_their_own(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    mine, theirs = ground.survey(), ground.survey(agent=OTHER)
    assert not isinstance(mine, Skipped)
    assert not isinstance(theirs, Skipped)
    one = ground.checkpoints.commit(mine, AGENT, "s1", "mine", AT)
    two = ground.checkpoints.commit(theirs, OTHER, "s1", "theirs", AT)
    assert isinstance(one, Checkpoint)
    assert isinstance(two, Checkpoint)
    assert one.commit != two.commit
    assert ground.git("for-each-ref", "--format=%(refname)", "refs/agentctl") == f"{REFERENCE}\nrefs/agentctl/{OTHER}"


def test_references_that_were_deleted_begin_again(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    ground.kept("s1")
    ground.git("update-ref", "-d", REFERENCE)
    ground.git("gc", "-q", "--prune=now")
    ground.write({"b.txt": "2\n"})
    made = ground.kept("s1")
    assert ground.content(made.commit, "a.txt") == "1"
    assert ground.git("fsck", "--no-dangling") == ""


# --- what it is found by ---------------------------------------------------------------------------------------------


def test_a_slot_has_one_at_most(ground: Ground) -> None:
    ground.start()
    assert ground.checkpoints.made(ground.repo, AGENT, "s1") is None
    ground.write({"a.txt": "1\n"})
    made = ground.kept("s1")
    ground.write({"a.txt": "2\n"})
    assert ground.kept("s1") == made
    assert GitCheckpoints(ground.state).made(ground.repo, AGENT, "s1") == made
    ground.checkpoints = GitCheckpoints(ground.state)
    assert ground.kept("s1") == made
    assert ground.checkpoints.made(ground.repo, AGENT, "s2") is None
    assert ground.checkpoints.made(ground.repo, OTHER, "s1") is None


def test_words_of_an_agent_are_no_slot(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    made = ground.keep("s1", message="do\x1b[31m it\n\nAgentctl-Slot: s9\nAgentctl-Changed: 9 files +9 -9")
    assert isinstance(made, Checkpoint)
    assert ground.checkpoints.listed(ground.repo, AGENT, 5) == [made]
    assert (made.subject, made.slot, made.files, made.added, made.removed, made.at) == ("do it", "s1", 1, 1, 2, AT)
    assert ground.checkpoints.made(ground.repo, AGENT, "s9") is None
    ground.write({"a.txt": "2\n"})
    with pytest.raises(ValueError, match="no slot"):
        ground.keep("two\nlines")


def test_another_that_came_in_between_wins(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    head = ground.git("rev-parse", "HEAD")
    ground.git("update-ref", REFERENCE, head)
    assert ground.checkpoints.commit(survey, AGENT, "s1", "x", AT) is Skipped.BUSY
    assert ground.git("rev-parse", REFERENCE) == head
    later = ground.survey()
    assert later != survey
    assert ground.checkpoints.commit(survey, AGENT, "s1", "x", AT) is Skipped.BUSY  # it is not the last one
    assert isinstance(ground.keep("s1"), Checkpoint)
    assert ground.checkpoints.commit(survey, AGENT, "s2", "x", AT) is Skipped.BUSY  # it is committed


def test_the_list_ends_before_the_commits_of_the_user(ground: Ground) -> None:
    ground.start()
    assert ground.checkpoints.listed(ground.repo, AGENT, 5) == []
    made = []
    for n in range(3):
        ground.write({"a.txt": f"{n}\n"})
        made.append(ground.kept(f"s{n}"))
    assert ground.checkpoints.listed(ground.repo, AGENT, 9) == made[::-1]
    assert ground.checkpoints.listed(ground.repo, AGENT, 2) == made[:0:-1]


@pytest.mark.parametrize("name", ["0" * 40, "abc", "HEAD", "--all", "main", "", "g" * 40])
def test_what_is_no_checkpoint_is_not_found(ground: Ground, name: str) -> None:
    ground.start()
    with pytest.raises(NotFound):
        ground.checkpoints.show(ground.repo, name)


def test_a_commit_of_the_user_is_no_checkpoint(ground: Ground) -> None:
    ground.start()
    with pytest.raises(NotFound):
        ground.checkpoints.diff(ground.repo, ground.git("rev-parse", "HEAD"))
    with pytest.raises(NotFound, match="no repository"):
        ground.checkpoints.listed(ground.home, AGENT, 1)


# --- what it is given back as ----------------------------------------------------------------------------------------


def test_a_patch_leads_to_another_one_or_to_the_work_tree(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    first = ground.kept("s1").commit
    ground.write({"a.txt": "2\n", "n.txt": "n\n"})
    before = ground.print()
    now = ground.checkpoints.diff(ground.repo, first[:10])
    assert b"-1\n+2\n" in now
    assert b"+++ b/n.txt" in now
    assert ground.print() == before
    assert ground.git("fsck", "--unreachable") == ""
    second = ground.kept("s2").commit
    assert ground.checkpoints.diff(ground.repo, first, second) == now
    assert ground.checkpoints.diff(ground.repo, second) == b""


def test_files_come_out_with_their_modes_and_links(ground: Ground, tmp_path: Path) -> None:
    ground.start()
    ground.write({"bin/run": "#!/bin/sh\n", "line\nfeed": "x\n"})
    (ground.repo / "bin/run").chmod(0o755)
    (ground.repo / "to").symlink_to("/etc/hostname")
    made = ground.kept()
    assert ground.checkpoints.extract(ground.repo, made.commit, (), tmp_path / "new/out") == 6
    out = tmp_path / "new/out"
    assert os.access(out / "bin/run", os.X_OK)
    assert not os.access(out / "a.txt", os.X_OK)
    assert os.readlink(out / "to") == "/etc/hostname"  # noqa: PTH115
    assert (out / "line\nfeed").read_text() == "x\n"
    inside = ground.repo / "taken"
    assert ground.checkpoints.extract(ground.repo, made.commit, ["bin", "a.txt"], inside) == 2
    assert sorted(path.name for path in inside.rglob("*")) == ["a.txt", "bin", "run"]


def test_files_come_out_into_nothing_that_is_there(ground: Ground, tmp_path: Path) -> None:
    ground.start()
    ground.write({"a.txt": "1\n"})
    made = ground.kept()
    for folder in (ground.repo, ground.repo / ".git/new"):
        with pytest.raises(Refused):
            ground.checkpoints.extract(ground.repo, made.commit, (), folder)
    for path in ("../repo/a.txt", "none.txt", "/etc/passwd", "sr"):
        with pytest.raises(NotFound):
            ground.checkpoints.extract(ground.repo, made.commit, [path], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_line_ends_come_out_as_the_user_has_them(ground: Ground, tmp_path: Path) -> None:
    ground.git("init", "-q")
    ground.git("config", "core.autocrlf", "true")
    ground.write({"a.txt": "one\r\n"})
    ground.record()
    ground.write({"a.txt": "one\r\ntwo\r\n"})
    made = ground.kept()
    assert ground.content(made.commit, "a.txt") == "one\ntwo"
    ground.checkpoints.extract(ground.repo, made.commit, (), tmp_path / "out")
    assert (tmp_path / "out/a.txt").read_bytes() == b"one\r\ntwo\r\n"


def test_a_file_goes_back_where_the_present_one_is_saved(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "good\n", "keep.txt": "k\n"})
    good = ground.kept("s1").commit
    ground.write({"a.txt": "bad\n", "later.txt": "l\n"})
    (ground.repo / "keep.txt").unlink()
    saved = ground.kept("s2").commit
    assert ground.checkpoints.restore(ground.repo, good, (), saved=saved) == ["a.txt", "keep.txt"]
    assert (ground.repo / "a.txt").read_text() == "good\n"
    assert (ground.repo / "keep.txt").read_text() == "k\n"
    assert (ground.repo / "later.txt").read_text() == "l\n"
    assert ground.checkpoints.restore(ground.repo, good, (), saved=None) == []


def test_a_mode_and_a_link_go_back(ground: Ground) -> None:
    ground.start()
    (ground.repo / "a.txt").chmod(0o755)
    (ground.repo / "to").symlink_to("a.txt")
    good = ground.kept("s1").commit
    (ground.repo / "a.txt").chmod(0o644)
    (ground.repo / "to").unlink()
    (ground.repo / "to").symlink_to("b.txt")
    saved = ground.kept("s2").commit
    assert ground.checkpoints.restore(ground.repo, good, ["a.txt", "to"], saved=saved) == ["a.txt", "to"]
    assert os.access(ground.repo / "a.txt", os.X_OK)
    assert os.readlink(ground.repo / "to") == "a.txt"  # noqa: PTH115


def test_what_is_not_saved_is_not_written_over(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "good\n", "b.txt": "good\n"})
    good = ground.kept("s1").commit
    ground.write({"a.txt": "bad\n", "b.txt": "bad\n"})
    saved = ground.kept("s2").commit
    ground.write({"b.txt": "written since\n"})
    before = ground.print()
    for holding in (None, good, saved):
        with pytest.raises(Refused, match="not held"):
            ground.checkpoints.restore(ground.repo, good, (), saved=holding)
    with pytest.raises(NotFound):
        ground.checkpoints.restore(ground.repo, good, ["none"], saved=saved)
    with pytest.raises(NotFound):
        ground.checkpoints.restore(ground.repo, good, (), saved="f" * 40)
    assert ground.print() == before


def test_a_folder_in_the_place_of_a_file_is_not_written_over(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "good\n", "src/main.py": "good\n"})
    good = ground.kept("s1").commit
    (ground.repo / "a.txt").unlink()
    ground.write({"a.txt/work": "w\n"})
    saved = ground.kept("s2").commit
    with pytest.raises(Refused):
        ground.checkpoints.restore(ground.repo, good, ["a.txt"], saved=saved)
    assert (ground.repo / "a.txt/work").read_text() == "w\n"


@pytest.mark.parametrize("there", [True, False])
def test_work_that_comes_in_the_middle_is_kept(ground: Ground, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    ground.start()
    ground.write({"a.txt": "good\n", "b.txt": "good\n"})
    good = ground.kept("s1").commit
    ground.write({"a.txt": "bad\n", "b.txt": "bad\n"})
    if not there:
        (ground.repo / "b.txt").unlink()
    saved = ground.kept("s2").commit
    put = restoring._put

    def slow(source: Path, top: Path, path: bytes, *, over: bool) -> bool:
        if path == (b"a.txt" if there else b"b.txt"):
            ground.write({"b.txt": "written since\n"})
        return put(source, top, path, over=over)

    monkeypatch.setattr(restoring, "_put", slow)
    with pytest.raises(PartlyDone, match="1 of 2"):
        ground.checkpoints.restore(ground.repo, good, (), saved=saved)
    assert (ground.repo / "a.txt").read_text() == "good\n"
    assert (ground.repo / "b.txt").read_text() == "written since\n"
    assert sorted(path.name for path in ground.repo.iterdir()) == [".git", "a.txt", "b.txt", "src"]


def test_git_that_is_not_there_is_told(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    ground.start()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unreachable, match="not installed"):
        ground.checkpoints.survey(ground.repo, AGENT, gate)
