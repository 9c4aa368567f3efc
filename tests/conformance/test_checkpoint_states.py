"""What a checkpoint of a repository in any state holds, or why none is made; all that is the user's stays as it was."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentctl.domain.checkpoint import Checkpoint, LeftOutFor, Skipped
from tests.conformance.ground import AGENT, AT, REFERENCE, Ground

_Make = Callable[[Ground], "Path | None"]


@dataclass
class State:
    """How to come there, and what is expected of a checkpoint then."""

    make: _Make
    skipped: Skipped | None = None
    changes: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, LeftOutFor] = field(default_factory=dict)


STATES: list[State] = []


def state(
    skipped: Skipped | None = None, *, left_out: dict[str, LeftOutFor] | None = None, **changes: str
) -> Callable[[_Make], _Make]:
    """Add a row to the table; a checkpoint holds *changes*, a letter of git's each."""

    def add(make: _Make) -> _Make:
        STATES.append(
            State(make, skipped, {path.replace("__", "."): how for path, how in changes.items()}, left_out or {})
        )
        return make

    return add


def edit(ground: Ground, at: Path | None = None) -> None:
    ground.write({"a.txt": "one\ntwo\nthree\n"}, at=at)


# --- plain changes ---------------------------------------------------------------------------------------------------


@state(Skipped.UNCHANGED)
def nothing_changed(ground: Ground) -> None:
    ground.start()


@state(a__txt="M")
def one_file_edited(ground: Ground) -> None:
    ground.start()
    edit(ground)


@state(a__txt="D", n__txt="A")
def one_deleted_and_one_new(ground: Ground) -> None:
    ground.start()
    (ground.repo / "a.txt").unlink()
    ground.write({"n.txt": "new\n"})


@state(a__txt="M")
def a_mode_changed(ground: Ground) -> None:
    ground.start()
    (ground.repo / "a.txt").chmod(0o755)


@state(Skipped.UNCHANGED)
def touched_only(ground: Ground) -> None:
    ground.start()
    os.utime(ground.repo / "a.txt", (1, 1))


@state(Skipped.UNCHANGED)
def an_empty_folder(ground: Ground) -> None:
    ground.start()
    (ground.repo / "empty").mkdir()


@state(out="A")
def a_link_out_of_the_tree(ground: Ground) -> None:
    ground.start()
    ground.write({"secret": "not ours\n"}, at=ground.home)
    (ground.repo / "out").symlink_to("../secret")


@state(a__txt="T")
def a_link_in_the_place_of_a_file(ground: Ground) -> None:
    ground.start()
    (ground.repo / "a.txt").unlink()
    (ground.repo / "a.txt").symlink_to("b.txt")


@state(**{"src": "A", "src/main__py": "D"})
def a_link_in_the_place_of_a_folder(ground: Ground) -> None:
    ground.start()
    (ground.repo / "src").rename(ground.home / "moved")
    (ground.repo / "src").symlink_to(ground.home / "moved")


@state(**{"a__txt": "D", "a__txt/in": "A"})
def a_folder_in_the_place_of_a_file(ground: Ground) -> None:
    ground.start()
    (ground.repo / "a.txt").unlink()
    ground.write({"a.txt/in": "in\n"})


@state(**{"src/main__py": "D", "src": "A"})
def a_file_in_the_place_of_a_folder(ground: Ground) -> None:
    ground.start()
    shutil.rmtree(ground.repo / "src")
    ground.write({"src": "flat\n"})


NAMES = ("line\nfeed", "-rf", "é ü", '"quoted\\"', " lead", "bad\udcff", "x\ndiff --git a/y b/y", "tab\t:1")


@state(**dict.fromkeys(NAMES, "A"))
def names_of_every_kind(ground: Ground) -> None:
    ground.start()
    ground.write(dict.fromkeys(NAMES, "x\n"))


@state(A__txt="A")
def names_that_differ_in_case(ground: Ground) -> None:
    ground.start()
    ground.write({"A.txt": "large\n"})


# --- the user's index ------------------------------------------------------------------------------------------------


@state(a__txt="M")
def his_index_is_locked(ground: Ground) -> None:
    ground.start()
    edit(ground)
    ground.write({".git/index.lock": ""})


@state(a__txt="M", n__txt="A")
def staged_and_then_edited(ground: Ground) -> None:
    ground.start()
    edit(ground)
    ground.write({"n.txt": "new\n"})
    ground.git("add", "-A")
    ground.write({"a.txt": "one\n"})


@state(n__txt="A")
def meant_to_be_added(ground: Ground) -> None:
    ground.start()
    ground.write({"n.txt": "new\n"})
    ground.git("add", "-N", "n.txt")


@state(a__txt="M")
def his_index_is_gone(ground: Ground) -> None:
    ground.start()
    edit(ground)
    (ground.repo / ".git/index").unlink()


@state(a__txt="M")
def his_index_is_split(ground: Ground) -> None:
    ground.start()
    ground.git("update-index", "--split-index")
    edit(ground)


@state(a__txt="M")
def his_index_is_of_the_fourth_version(ground: Ground) -> None:
    ground.start()
    ground.git("update-index", "--index-version", "4")
    edit(ground)


@state(a__txt="M")
def one_file_is_assumed_unchanged(ground: Ground) -> None:
    ground.start()
    ground.git("update-index", "--assume-unchanged", "b.txt")
    ground.write({"b.txt": "not looked at\n"})
    edit(ground)


@state(a__txt="M", left_out={".env": LeftOutFor.NAME})
def a_secret_is_staged_by_force(ground: Ground) -> None:
    ground.start()
    edit(ground)
    ground.write({".env": "PASSWORD=x\n"})
    ground.git("add", "-f", ".env")


# --- in the middle of something --------------------------------------------------------------------------------------


def two_branches(ground: Ground) -> None:
    ground.start()
    ground.git("checkout", "-q", "-b", "other")
    ground.write({"a.txt": "theirs\n"})
    ground.record("theirs")
    ground.git("checkout", "-q", "main")
    ground.write({"a.txt": "ours\n"})
    ground.record("ours")


@state(Skipped.MERGE)
def a_merge_with_conflicts(ground: Ground) -> None:
    two_branches(ground)
    ground.git("merge", "other", check=False)


@state(Skipped.MERGE)
def a_merge_that_is_not_committed(ground: Ground) -> None:
    two_branches(ground)
    ground.git("merge", "--no-commit", "-s", "ours", "other")


@state(Skipped.REBASE)
def a_rebase_that_stopped(ground: Ground) -> None:
    two_branches(ground)
    ground.git("rebase", "other", check=False)


@state(Skipped.REBASE)
def patches_that_are_being_applied(ground: Ground) -> None:
    two_branches(ground)
    patch = ground.git("format-patch", "--stdout", "-1", "other")
    ground.git("am", check=False, given=f"{patch}\n".encode())


@state(Skipped.PICK)
def a_cherry_pick_that_stopped(ground: Ground) -> None:
    two_branches(ground)
    ground.git("cherry-pick", "other", check=False)


@state(Skipped.PICK)
def a_revert_that_stopped(ground: Ground) -> None:
    two_branches(ground)
    edit(ground)
    ground.record()
    ground.git("revert", "--no-edit", "HEAD~1", check=False)


@state(Skipped.BISECT)
def a_bisection(ground: Ground) -> None:
    two_branches(ground)
    ground.git("bisect", "start")


@state(Skipped.CONFLICT)
def conflicts_without_a_merge(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "stashed\n"})
    ground.git("stash")
    ground.write({"a.txt": "committed\n"})
    ground.record()
    ground.git("stash", "pop", check=False)


@state(n__txt="A", left_out={"a.txt": LeftOutFor.CONFLICT})
def conflict_markers_in_a_file(ground: Ground) -> None:
    ground.start()
    ground.write({"a.txt": "<<<<<<< ours\none\n=======\n1\n>>>>>>> theirs\n", "n.txt": "Title\n=======\n"})


# --- where HEAD is ---------------------------------------------------------------------------------------------------


@state(a__txt="M")
def head_is_detached(ground: Ground) -> None:
    ground.start()
    ground.git("checkout", "-q", "--detach")
    edit(ground)


@state(Skipped.UNBORN)
def there_is_no_commit(ground: Ground) -> None:
    ground.git("init", "-q")
    edit(ground)


@state(Skipped.UNBORN)
def the_branch_is_an_orphan(ground: Ground) -> None:
    ground.start()
    ground.git("checkout", "-q", "--orphan", "new")


@state(Skipped.UNKNOWN)
def head_is_nonsense(ground: Ground) -> None:
    ground.start()
    ground.write({".git/HEAD": "ref: :/x^{/y}\n"})


@state(a__txt="M")
def references_are_packed_and_git_collects_garbage(ground: Ground) -> None:
    ground.start()
    ground.git("gc", "-q")
    ground.write({".git/gc.pid": f"{os.getpid()} here"})
    edit(ground)


# --- kinds of repositories -------------------------------------------------------------------------------------------


@state(Skipped.NO_REPOSITORY)
def no_repository(ground: Ground) -> None:
    edit(ground)


@state(Skipped.NO_REPOSITORY)
def the_folder_is_gone(ground: Ground) -> Path:
    return ground.repo / "gone"


@state(Skipped.NO_REPOSITORY)
def the_repository_is_gone(ground: Ground) -> None:
    ground.start()
    shutil.rmtree(ground.repo / ".git")


@state(Skipped.BARE)
def a_bare_repository(ground: Ground) -> None:
    ground.git("init", "-q", "--bare")


@state(Skipped.BARE)
def inside_the_git_directory(ground: Ground) -> Path:
    ground.start()
    return ground.repo / ".git/objects"


@state(Skipped.BARE)
def declared_bare(ground: Ground) -> None:
    ground.start()
    ground.git("config", "core.bare", "true")


@state(Skipped.UNKNOWN)
def its_work_tree_is_elsewhere(ground: Ground) -> None:
    ground.start()
    ground.git("config", "core.worktree", "/")


@state(Skipped.UNKNOWN)
def an_extension_that_nobody_knows(ground: Ground) -> None:
    ground.start()
    ground.git("config", "core.repositoryFormatVersion", "1")
    ground.git("config", "extensions.refstorage", "reftable")


@state(Skipped.BROKEN)
def its_configuration_is_broken(ground: Ground) -> None:
    ground.start()
    ground.write({".git/config": "[core\n"})


@state(a__txt="M")
def a_folder_below_the_top(ground: Ground) -> Path:
    ground.start()
    edit(ground)
    return ground.repo / "src"


@state(a__txt="M")
def nobody_is_known(ground: Ground) -> None:
    ground.start()
    (ground.home / ".gitconfig").unlink()
    edit(ground)


@state(a__txt="M")
def the_git_directory_is_elsewhere(ground: Ground) -> None:
    ground.start()
    (ground.repo / ".git").rename(ground.home / "real.git")
    (ground.repo / ".git").symlink_to("../real.git")
    edit(ground)


@state(a__txt="M")
def names_of_objects_are_long(ground: Ground) -> None:
    ground.start(words=["--object-format=sha256"])
    edit(ground)


def cloned(ground: Ground, *words: str) -> Path:
    ground.start()
    edit(ground)
    ground.record()
    ground.git("clone", "-q", *words, f"file://{ground.repo}", "clone", at=ground.home)
    ground.write({"a.txt": "one\n"}, at=ground.home / "clone")
    return ground.home / "clone"


@state(a__txt="M")
def a_shallow_clone(ground: Ground) -> Path:
    return cloned(ground, "--depth=1")


@state(a__txt="M")
def objects_are_shared(ground: Ground) -> Path:
    ground.start()
    ground.git("clone", "-q", "--shared", str(ground.repo), "clone", at=ground.home)
    edit(ground, ground.home / "clone")
    return ground.home / "clone"


@state(a__txt="M")
def objects_are_missing_and_their_source_is_gone(ground: Ground) -> Path:
    ground.start()
    ground.write({"far/away.txt": "x\n"})
    ground.record()
    ground.git("config", "uploadpack.allowFilter", "true")
    ground.git("clone", "-q", "--filter=blob:none", "--sparse", f"file://{ground.repo}", "clone", at=ground.home)
    ground.repo.rename(ground.home / "gone")
    edit(ground, ground.home / "clone")
    return ground.home / "clone"


@state(a__txt="M")
def a_sparse_checkout_with_a_sparse_index(ground: Ground) -> None:
    ground.start()
    ground.write({"far/away.txt": "x\n"})
    ground.record()
    ground.git("sparse-checkout", "init", "--cone", "--sparse-index")
    ground.git("sparse-checkout", "set", "src")
    edit(ground)


@state(a__txt="M")
def a_linked_work_tree(ground: Ground) -> Path:
    ground.start()
    ground.git("worktree", "add", "-q", "-b", "side", str(ground.home / "side"))
    edit(ground, ground.home / "side")
    return ground.home / "side"


@state(Skipped.NO_REPOSITORY)
def a_linked_work_tree_whose_repository_is_gone(ground: Ground) -> Path:
    ground.start()
    ground.git("worktree", "add", "-q", str(ground.home / "side"))
    ground.repo.rename(ground.home / "moved")
    return ground.home / "side"


def with_submodule(ground: Ground) -> None:
    inner = ground.home / "inner"
    inner.mkdir()
    ground.git("init", "-q", at=inner)
    ground.write({"in.txt": "in\n"}, at=inner)
    ground.record(at=inner)
    ground.start()
    ground.git("submodule", "--quiet", "add", str(inner), "sub")
    ground.record()


@state(a__txt="M")
def a_submodule_with_changes(ground: Ground) -> None:
    with_submodule(ground)
    ground.write({"sub/in.txt": "changed\n", "sub/new.txt": "new\n"})
    edit(ground)


@state(a__txt="M", left_out={"sub": LeftOutFor.NESTED})
def a_submodule_that_is_staged(ground: Ground) -> None:
    with_submodule(ground)
    ground.write({"sub/in.txt": "changed\n"})
    ground.record(at=ground.repo / "sub")
    ground.git("add", "sub")
    edit(ground)


@state(in__txt="M")
def inside_a_submodule(ground: Ground) -> Path:
    with_submodule(ground)
    ground.write({"sub/in.txt": "changed\n"})
    return ground.repo / "sub"


@state(a__txt="M", left_out={"nested": LeftOutFor.NESTED})
def a_repository_in_the_repository(ground: Ground) -> None:
    ground.start()
    edit(ground)
    (ground.repo / "nested").mkdir()
    ground.git("init", "-q", at=ground.repo / "nested")
    ground.write({"nested/x": "x\n"})


# --- contents --------------------------------------------------------------------------------------------------------


@state(a__txt="M")
def line_ends_are_converted(ground: Ground) -> None:
    ground.git("init", "-q")
    ground.git("config", "core.autocrlf", "true")
    ground.write({"a.txt": "one\r\ntwo\r\n", "b.txt": "b\r\n"})
    ground.record()
    ground.write({"a.txt": "one\r\ntwo\r\nthree\r\n"})
    os.utime(ground.repo / "b.txt", (1, 1))


@state(a__txt="M")
def large_files_are_kept_elsewhere(ground: Ground) -> None:
    ground.git("init", "-q")
    ground.git("config", "filter.lfs.clean", "sed 's/.*/version https:\\/\\/git-lfs/'")
    ground.git("config", "filter.lfs.required", "true")
    ground.write({".gitattributes": "*.bin filter=lfs diff=lfs -text\n", "model.bin": "weights\n", "a.txt": "one\n"})
    os.utime(ground.repo / "model.bin", (1, 1))
    ground.record()
    edit(ground)


@state(n__txt="A")
def files_that_are_ignored(ground: Ground) -> None:
    ground.start()
    ground.write({".config/git/ignore": "*.global\n"}, at=ground.home)
    ground.write({".gitignore": "*.tree\n", ".git/info/exclude": "*.repository\n"})
    ground.record()
    ground.write({"x.tree": "", "x.repository": "", "x.global": "", "n.txt": "new\n"})


@state(n__txt="A")
def files_that_the_user_ignores_by_a_list_of_his_own(ground: Ground) -> None:
    ground.start()
    ground.git("config", "--global", "core.excludesFile", "~/my ignores")
    ground.write({"my ignores": "*.own\n"}, at=ground.home)
    ground.write({"x.own": "", "n.txt": "new\n"})


@state(
    a__txt="M",
    left_out={
        ".env": LeftOutFor.NAME,
        "src/server.key": LeftOutFor.NAME,
        "id_rsa": LeftOutFor.NAME,
        "credentials.json": LeftOutFor.NAME,
        "large.bin": LeftOutFor.LARGE,
        "token.txt": LeftOutFor.SECRET,
    },
    __env__example="A",
    id_rsa__pub="A",
    credentials__py="A",
)
def files_that_stay_out(ground: Ground) -> None:
    ground.start()
    edit(ground)
    names = (".env", ".env.example", "src/server.key", "id_rsa", "id_rsa.pub", "credentials.json", "credentials.py")
    ground.write(dict.fromkeys(names, "x\n"))
    ground.write({"token.txt": "TOKEN-1\n"})
    with (ground.repo / "large.bin").open("wb") as file:
        file.truncate(2 * 2**30)


@state(b__txt="D", left_out={"a.txt": LeftOutFor.KIND})
def a_pipe_and_a_socket(ground: Ground) -> None:
    ground.start()
    (ground.repo / "a.txt").unlink()
    os.mkfifo(ground.repo / "a.txt")
    os.mkfifo(ground.repo / "pipe")
    (ground.repo / "b.txt").unlink()
    here = Path.cwd()
    os.chdir(ground.repo)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
    os.chdir(here)


@pytest.mark.parametrize("row", STATES, ids=lambda row: row.make.__name__)
def test_a_repository_in_this_state(ground: Ground, row: State) -> None:
    folder = row.make(ground) or ground.repo
    before = ground.print()
    survey = ground.survey(folder)
    if row.skipped is not None:
        assert survey is row.skipped
        assert ground.print() == before
        return
    assert not isinstance(survey, Skipped), survey
    assert {change.path: change.how for change in survey.changes} == row.changes
    assert {one.path: one.why for one in survey.left_out} == row.left_out
    assert ground.print() == before
    made = ground.checkpoints.commit(survey, AGENT, "s1", "work", AT)
    assert isinstance(made, Checkpoint), made
    assert ground.print() == before
    assert ground.git("rev-parse", REFERENCE, at=folder) == made.commit
    assert ground.keep("s2", folder=folder) is Skipped.UNCHANGED
    assert ground.print() == before
    assert ground.git("fsck", "--no-dangling", at=folder) == ""
