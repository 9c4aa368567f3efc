"""Machines as they are: bare environments, folders that cannot be used, full disks, few file descriptors."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.stage import PATIENCE, Done, Stage, controls, until

ROOT = os.geteuid() == 0


def in_one_line(done: Done, code: int) -> Done:
    """Hold a refusal against what people are promised: what is wrong and what next, a line each."""
    assert done.code == code, done
    assert done.out == ""
    lines = done.err.splitlines()
    assert len(lines) <= 3, done
    assert lines[0].startswith("error: "), done
    assert any(line.startswith("hint: ") for line in lines[1:]), done
    return done


@pytest.mark.parametrize(
    "change",
    [
        {"LANG": "C", "NO_COLOR": "1", "COLUMNS": "1"}, {"LC_ALL": "POSIX", "LANG": None, "PYTHONOPTIMIZE": "2"},
        {"HOME": None, "TERM": "dumb"}, {"HOME": "/nonexistent", "TMPDIR": "/nonexistent"},
        {"USER": None, "SHELL": None, "LANG": None, "TERM": None, "HOME": None},
        {"TZ": "Nowhere/Nothing", "PYTHONWARNINGS": "error", "XDG_STATE_HOME": "relative"},
        {"TMUX": "/tmp/nothing,1,0", "TMUX_PANE": "%9", "XDG_CONFIG_HOME": "/nonexistent"},
    ],
    ids=lambda change: " ".join(f"{name}={value}" for name, value in change.items()),
)  # fmt: skip
def test_it_works_in_a_bare_or_odd_environment(stage: Stage, change: dict[str, str | None]) -> None:
    env = stage.env(**change)
    team = stage.team(agents={"one": stage.stays(), "sh": {"runner": "shell"}}, description="é 日本 👩‍💻")
    stage.deploy(team, env=env)
    assert stage.running() == {"web/one": 1}
    done = stage.run("send", "web/sh", "--wait", "10s", "printf 'h\\303\\251 \\346\\227\\245\\n'", env=env)
    for words in (["ps"], ["ps", "--json"], ["peek", "web/sh"], ["events"], ["plan", str(team)], ["--help"]):
        done = stage.run(*words, env=env)
        assert controls(done.said) == []
    assert "h" in stage.run("peek", "web/sh", env=env).out
    stage.run("doctor", env=env, code=None)
    stage.run("stop-all", "-y", env=env)


def test_nobody_can_answer_where_there_is_no_terminal(stage: Stage) -> None:
    stage.deploy(stage.team(agents={"one": stage.stays()}))
    in_one_line(stage.run("stop-all", code=None), 8)
    assert stage.running() == {"web/one": 1}


def test_without_tmux_the_next_step_is_named(stage: Stage) -> None:
    folder = stage.folder / "bin"
    folder.mkdir()
    for name in ("sh", "env"):
        (folder / name).symlink_to(f"/bin/{name}")
    env = stage.env(PATH=str(folder))
    done = stage.deploy(stage.team(agents={"one": stage.stays()}), code=None, env=env)
    assert done.code == 5, done
    assert "tmux" in done.err
    assert "hint: " in done.err
    assert "tmux" in stage.run("doctor", code=1, env=env).out
    for words in (["ps"], ["validate", str(stage.work / "web.yaml")], ["stop-all", "-y"], ["emergency-cleanup", "-y"]):
        assert stage.run(*words, env=env, code=None).code in (0, 1, 5), words
    assert not stage.starts()


# --- the state folder ------------------------------------------------------------------------------------------------


def as_symlink(home: Path) -> None:
    (home.parent / "elsewhere").mkdir()
    home.symlink_to(home.parent / "elsewhere")


def as_open(home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)


def as_foreign(home: Path) -> None:
    home.mkdir(0o700)
    try:
        os.chown(home, 65534, 65534)
    except PermissionError:
        pytest.skip("only root can give a folder away")


def as_file(home: Path) -> None:
    home.write_text("")


def below_a_file(home: Path) -> None:
    home.parent.joinpath("h2").write_text("")


def with_an_open_run(home: Path) -> None:
    (home / "run").mkdir(parents=True)
    home.chmod(0o700)
    (home / "run").chmod(0o755)


def with_a_linked_run(home: Path) -> None:
    home.mkdir(0o700)
    (home.parent / "elsewhere").mkdir(0o700)
    (home / "run").symlink_to(home.parent / "elsewhere")


@pytest.mark.parametrize(
    "spoil", [as_open, as_foreign, as_file, below_a_file, with_an_open_run, with_a_linked_run], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("words", [["deploy", "web.yaml", "--yes"], ["daemon", "start"]], ids=" ".join)
def test_a_state_folder_that_is_not_safe_is_refused(
    stage: Stage, spoil: Callable[[Path], None], words: list[str]
) -> None:
    stage.team(agents={"one": stage.stays()})
    home = stage.home.path
    spoil(home)
    env = stage.env(AGENTCTL_HOME=str(home.parent / "h2" / "h")) if spoil is below_a_file else stage.env()
    before = home.lstat() if home.exists() else None
    done = in_one_line(stage.run(*words, env=env, code=None), 5)
    assert str(home.parent) in done.err
    assert not stage.starts()
    assert before is None or home.lstat().st_mode == before.st_mode, "nothing was changed behind the person's back"
    if home.is_dir() and spoil is not as_foreign:
        for folder in (home, home / "run"):
            if folder.is_symlink():
                folder.unlink()
            elif folder.exists():
                folder.chmod(0o700)
    elif home.exists():
        os.chown(home, os.getuid(), os.getgid())
        if home.is_file():
            home.unlink()


def test_a_state_folder_that_is_a_link_means_its_target(stage: Stage) -> None:
    (stage.folder / "target").mkdir()
    target = Stage(stage.folder / "target")
    target.home.path.mkdir(0o700)
    (stage.folder / "link").symlink_to(target.home.path)
    try:
        team = target.team(agents={"one": target.stays()})
        target.deploy(team, env=target.env(AGENTCTL_HOME=str(stage.folder / "link")))
        assert target.states() == {"web/one": "running"}
        assert target.running() == {"web/one": 1}
    finally:
        assert target.close() == []


@pytest.fixture
def disk(stage: Stage) -> Iterator[Callable[..., Path]]:
    """Mount, and mount again otherwise, a small disk as the state folder."""
    home = stage.home.path

    def mount(*options: str) -> Path:
        home.mkdir(exist_ok=True)
        argv = ["mount", "-t", "tmpfs", "-o", ",".join(["size=1m", "mode=0700", *options]), "tmpfs", str(home)]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except FileNotFoundError:
            pytest.skip("there is no mount command")
        if done.returncode and not home.is_mount():
            pytest.skip(f"only root can mount a small disk: {done.stderr.strip()}")
        if done.returncode:
            until(lambda: _succeeds(argv), f"once more: {done.stderr.strip()}")
        return home

    yield mount
    faults = stage.close()
    if home.is_mount():
        until(lambda: _succeeds(["umount", str(home)]), "the disk is left by all")
    assert faults == []


def _succeeds(argv: list[str]) -> bool:
    """Run *argv*; a disk is busy for a moment with who has ended: its mark is gone before its files are closed."""
    return subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=False).returncode == 0


def fill(path: Path) -> None:
    with pytest.raises(OSError, match="space"):
        _write_for_ever(path)


def _write_for_ever(path: Path) -> None:
    with path.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(1024))


def test_a_full_disk_is_told_loses_nothing_and_is_left_behind(stage: Stage, disk: Callable[..., Path]) -> None:
    home = disk()
    team = stage.team(agents={"one": stage.stays(), "sh": {"runner": "shell"}})
    stage.deploy(team)
    before, known = stage.ps(), len(stage.events())
    fill(home / "ballast")
    done = stage.run("send", "web/sh", "x" * 20_000, code=None)
    assert done.code in (1, 5), done
    assert "space" in done.err or "full" in done.err
    assert "hint: " in done.err
    for words in (["ps"], ["events"], ["peek", "web/sh"]):
        stage.run(*words)
    assert stage.run("stop", "web/one", code=None).code in (0, 1, 5, 6)
    assert stage.supervisor()
    (home / "ballast").unlink()
    stage.deploy(team)
    rows = stage.ps()
    assert rows["web/sh"]["pid"] == before["web/sh"]["pid"]
    assert {row["state"] for row in rows.values()} == {"running"}
    stage.run("send", "web/sh", "--wait", "10s", "true")
    assert len(stage.events()) > known
    assert stage.run("audit", "verify").code == 0


def test_a_first_deploy_on_a_full_disk_says_so(stage: Stage, disk: Callable[..., Path]) -> None:
    home = disk()
    fill(home / "ballast")
    done = stage.deploy(stage.team(agents={"one": stage.stays()}), code=None)
    assert done.code in (1, 5), done
    assert "space" in done.err or "full" in done.err, done
    assert not stage.starts()
    (home / "ballast").unlink()
    stage.deploy(stage.work / "web.yaml")


def test_a_read_only_disk_is_told_and_can_be_read(stage: Stage, disk: Callable[..., Path]) -> None:
    disk()
    team = stage.team(agents={"one": stage.stays()})
    stage.deploy(team)
    stage.run("stop-all", "-y")
    stage.run("daemon", "stop")
    until(lambda: not stage.marked(), "nothing of it is open for writing")
    disk("remount", "ro")
    in_one_line(stage.deploy(team, code=None), 5)
    for words in (["ps"], ["events"], ["audit", "verify"], ["plan", str(team)]):
        stage.run(*words)
    stage.run("doctor", code=1)
    disk("remount", "rw")
    stage.deploy(team)


@pytest.mark.skipif(ROOT, reason="root writes into any folder")
def test_a_state_folder_without_write_permission_is_refused(stage: Stage) -> None:
    stage.home.path.mkdir(0o700)
    stage.home.path.chmod(0o500)
    in_one_line(stage.deploy(stage.team(agents={"one": stage.stays()}), code=None), 5)
    stage.home.path.chmod(0o700)


# --- what a process is given -----------------------------------------------------------------------------------------


def under(stage: Stage, limits: str, *words: str) -> Done:
    """Run a command from a shell that has set *limits* before."""
    argv = ["/bin/sh", "-c", f'{limits}; exec "$@"', "sh", *stage.argv(*words)]
    done = subprocess.run(
        argv,
        env=stage.env(),
        cwd=stage.work,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stdout + done.stderr, done
    return Done(words, done.returncode, done.stdout, done.stderr, 0.0)


def test_umask_000_opens_nothing(stage: Stage) -> None:
    team = stage.team(agents={"one": stage.stays(), "sh": {"runner": "shell"}})
    assert under(stage, "umask 000", "deploy", str(team), "--yes").code == 0
    assert under(stage, "umask 000", "send", "web/sh", "--wait", "10s", "true").code == 0
    for path in [stage.home.path, *stage.home.path.rglob("*")]:
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert path.is_symlink() or not mode & 0o077, (path, oct(mode))
    assert "0077" in ask_umask(stage) or "0022" in ask_umask(stage), "an agent does not inherit an open umask"


def ask_umask(stage: Stage) -> str:
    stage.run("send", "web/sh", "--wait", "10s", "umask")
    return stage.run("peek", "web/sh").out


def test_few_file_descriptors_are_enough_or_are_named(stage: Stage) -> None:
    team = stage.team(agents={f"a{number}": stage.stays() for number in range(12)})
    done = under(stage, "ulimit -n 64", "deploy", str(team), "--yes")
    assert done.code == 0, done
    assert stage.running() == {f"web/a{number}": 1 for number in range(12)}
    commands = [stage.spawn("ps") for _ in range(30)]
    assert {stage.finish(command).code for command in commands} <= {0, 5}
    until(lambda: stage.run("ps", code=None).code == 0, "it answers again")
    assert len(stage.running()) == 12
    assert under(stage, "ulimit -n 5", "ps").code in (0, 1, 5, 70)


def test_closed_standard_streams_are_no_fault(stage: Stage) -> None:
    team = stage.team(agents={"one": stage.stays()})
    assert under(stage, "exec <&- >&- 2>&-", "deploy", str(team), "--yes").code == 0
    assert stage.running() == {"web/one": 1}
    for closing in ("exec <&-", "exec >&-", "exec 2>&-"):
        assert under(stage, closing, "ps").code in (0, 1), closing


def test_a_current_folder_that_is_gone_is_told(stage: Stage) -> None:
    folder = stage.work / "gone"
    folder.mkdir()
    script = f'rmdir "{folder}"; exec "$@"'
    argv = ["/bin/sh", "-c", script, "sh", sys.executable, "-m", "agentctl", "deploy", "web"]
    done = subprocess.run(argv, cwd=folder, env=stage.env(), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 4, done
    assert "Traceback" not in done.stderr
