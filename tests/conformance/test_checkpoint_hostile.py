"""An agent writes whatever git would run for somebody who asks it for anything; nothing of that is run by us."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentctl.domain.checkpoint import Checkpoint, LeftOutFor, Skipped
from agentctl.domain.errors import Refused
from tests.conformance.ground import AGENT, AT, REFERENCE, Ground

HOOKS = (
    *("pre-commit", "prepare-commit-msg", "commit-msg", "post-commit", "post-index-change", "reference-transaction"),
    *(
        "post-checkout",
        "post-rewrite",
        "pre-auto-gc",
        "fsmonitor-watchman",
        "push-to-checkout",
        "update",
        "post-update",
    ),
)

CONFIG = """\
[core]
	fsmonitor = {trap}
	hooksPath = {hooks}
	sshCommand = {trap}
	pager = {trap}
	editor = {trap}
	askPass = {trap}
	alternateRefsCommand = {trap}
	gitProxy = {trap}
	attributesFile = {attributes}
[filter "evil"]
	clean = {trap}
	smudge = {trap}
	required = true
[filter "worse"]
	process = {trap}
[diff]
	external = {trap}
[diff "evil"]
	command = {trap}
	textconv = {trap}
[merge "evil"]
	driver = {trap}
[alias]
	log = !{trap}
	ls-files = !{trap}
	update-index = !{trap}
[commit]
	gpgSign = true
[gpg]
	program = {trap}
[log]
	showSignature = true
[trailer "Agentctl-Slot"]
	command = {trap}
	cmd = {trap}
[credential]
	helper = {trap}
[pager]
	log = {trap}
	config = {trap}
[remote "origin"]
	url = ext::{trap}
	promisor = true
	uploadpack = {trap}
[extensions]
	partialClone = origin
[protocol]
	allow = always
[uploadpack]
	packObjectsHook = {trap}
[sequence]
	editor = {trap}
[submodule]
	recurse = true
[include]
	path = {included}
"""


@pytest.fixture
def sprung(ground: Ground) -> Path:
    """Set every trap that we know of in the repository; give the file that comes to be when one is sprung."""
    sprung = ground.home.parent / "sprung"
    trap = ground.home / "trap"
    trap.write_text(f"#!/bin/sh\necho $0 $* >> {sprung}\ncat\n")
    trap.chmod(0o755)
    ground.start({"a.txt": "one\n", "b.txt": "b\n", "sub/c.txt": "c\n"})
    git = ground.repo / ".git"
    for folder in (ground.home / "hooks", git / "hooks"):
        folder.mkdir(exist_ok=True)
        for hook in HOOKS:
            (folder / hook).write_bytes(trap.read_bytes())
            (folder / hook).chmod(0o755)
    ground.write(
        {"attributes": "* filter=evil diff=evil merge=evil\n", "included": f"[core]\n\tfsmonitor = {trap}\n"},
        at=ground.home,
    )
    text = CONFIG.format(
        trap=trap, hooks=ground.home / "hooks", attributes=ground.home / "attributes", included=ground.home / "included"
    )
    with (git / "config").open("a") as file:
        file.write(text)
    ground.git("config", "extensions.worktreeConfig", "true")
    ground.git("config", "core.repositoryFormatVersion", "1")
    (git / "config.worktree").write_text(f"[core]\n\tfsmonitor = {trap}\n")
    (git / "info/attributes").write_text("* filter=worse diff=evil\n")
    ground.write(
        {".gitattributes": "*.txt filter=evil diff=evil merge=evil\n", "sub/.gitattributes": "* filter=worse\n"}
    )
    sprung.unlink(missing_ok=True)
    return sprung


def test_the_traps_work(ground: Ground, sprung: Path) -> None:
    ground.git("status", check=False)
    assert sprung.exists()


def test_nothing_that_a_repository_names_is_run(
    ground: Ground, sprung: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trap = str(ground.home / "trap")
    for name in ("GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "GIT_EDITOR", "GIT_PAGER", "PAGER", "EDITOR", "GIT_ASKPASS"):
        monkeypatch.setenv(name, trap)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.fsmonitor")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", trap)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    ground.write({"a.txt": "two\n", "sub/c.txt": "cc\n", "new.txt": "new\n"})
    before = ground.print()
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    made = ground.checkpoints.commit(survey, AGENT, "s1", "work", AT)
    assert isinstance(made, Checkpoint)
    ground.checkpoints.made(ground.repo, AGENT, "s2")
    ground.checkpoints.listed(ground.repo, AGENT, 9)
    ground.checkpoints.show(ground.repo, made.commit)
    ground.checkpoints.diff(ground.repo, made.commit)
    ground.checkpoints.diff(ground.repo, made.commit, made.commit)
    ground.checkpoints.extract(ground.repo, made.commit, (), tmp_path / "out")
    assert ground.print() == before
    (ground.repo / "a.txt").unlink()
    ground.checkpoints.restore(ground.repo, made.commit, (), saved=None)
    assert not sprung.exists(), sprung.read_text()
    monkeypatch.undo()
    names = {change.path for change in survey.changes}
    assert names == {"a.txt", "sub/c.txt", "new.txt", ".gitattributes", "sub/.gitattributes"}
    assert (ground.repo / "a.txt").read_text() == "two\n"


def test_a_submodule_is_not_asked_by_its_own_configuration(ground: Ground, sprung: Path) -> None:
    inner = ground.repo / "sub-module"
    inner.mkdir()
    ground.git("init", "-q", at=inner)
    ground.git("commit", "-q", "--allow-empty", "-m", "x", at=inner)
    commit = ground.git("rev-parse", "HEAD", at=inner)
    ground.git("-c", "core.fsmonitor=false", "update-index", "--add", "--cacheinfo", f"160000,{commit},sub-module")
    with (inner / ".git/config").open("a") as file:
        file.write(f"[core]\n\tfsmonitor = {ground.home / 'trap'}\n")
    (inner / "x").write_text("dirty\n")
    ground.write({".gitmodules": '[submodule "sub-module"]\n\tpath = sub-module\n\turl = ./x\n\tignore = none\n'})
    sprung.unlink(missing_ok=True)
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    assert not sprung.exists(), sprung.read_text()


def test_text_that_is_declared_binary_is_looked_through(ground: Ground) -> None:
    ground.start()
    ground.write({".gitattributes": "* binary -diff\n", ".git/info/attributes": "* binary\n", "x.txt": "TOKEN-1\n"})
    survey = ground.survey()
    assert not isinstance(survey, Skipped)
    assert [(one.path, one.why) for one in survey.left_out] == [("x.txt", LeftOutFor.SECRET)]


def test_what_is_left_out_never_comes_to_the_repository(ground: Ground) -> None:
    ground.start()
    ground.write({"x.txt": "TOKEN-1\n", "n.txt": "new\n", "src/y.txt": "TOKEN-2\n"})
    made = ground.kept()
    assert set(ground.files(made.commit)) == {"a.txt", "b.txt", "src/main.py", "n.txt"}
    objects = ground.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    texts = [ground.git("cat-file", "-p", name) for name in objects]
    assert not any("TOKEN" in text for text in texts)
    assert ground.git("fsck", "--unreachable") == ""


def test_our_own_folder_inside_of_the_work_tree_is_no_part_of_it(ground: Ground) -> None:
    ground.start()
    ground.checkpoints = type(ground.checkpoints)(ground.repo / "state #1")
    ground.write({"n.txt": "new\n"})
    assert set(ground.files(ground.kept().commit)) == {"a.txt", "b.txt", "src/main.py", "n.txt"}
    assert ground.keep("s2") is Skipped.UNCHANGED


def test_a_folder_that_became_a_link_is_not_written_through(ground: Ground) -> None:
    ground.start()
    ground.write({"src/main.py": "edited\n"})
    made = ground.kept()
    outside = ground.home / "outside"
    (ground.repo / "src").rename(outside)
    (outside / "main.py").unlink()
    (ground.repo / "src").symlink_to(outside)
    with pytest.raises(Refused):
        ground.checkpoints.restore(ground.repo, made.commit, ["src/main.py"], saved=made.commit)
    assert list(outside.iterdir()) == []
    assert ground.git("rev-parse", REFERENCE) == made.commit
