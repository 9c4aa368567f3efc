"""The state folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agentctl.control.home import Home, find_home
from agentctl.domain.errors import HomeUnusable


def test_where_it_is(tmp_path: Path) -> None:
    user = os.path.realpath(tmp_path)
    assert str(find_home({"HOME": user}).path) == f"{user}/.local/state/agentctl"
    assert str(find_home({"HOME": user, "XDG_STATE_HOME": f"{user}/s"}).path) == f"{user}/s/agentctl"
    assert str(find_home({"HOME": user, "XDG_STATE_HOME": "relative"}).path) == f"{user}/.local/state/agentctl"
    assert str(find_home({"HOME": user, "AGENTCTL_HOME": f"{user}/h"}).path) == f"{user}/h"


def test_homes_of_their_own_have_tmux_servers_of_their_own(tmp_path: Path) -> None:
    default = find_home({"HOME": str(tmp_path)})
    one = find_home({"HOME": str(tmp_path), "AGENTCTL_HOME": str(tmp_path / "one")})
    same = find_home({"HOME": str(tmp_path), "AGENTCTL_HOME": str(default.path)})
    assert default.tmux_socket == same.tmux_socket == "agentctl"
    assert one.tmux_socket == f"agentctl-{one.id}"


def test_it_works_without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME", raising=False)
    assert find_home({}).path.is_absolute()


def test_folders_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    before = os.umask(0)
    try:
        home.prepare()
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in (home.path, home.run, home.logs)} == {0o700}
    home.prepare()


def test_a_folder_that_others_can_reach_into_is_refused_with_the_command_to_run(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    home.path.mkdir(mode=0o755)
    home.path.chmod(0o755)
    with pytest.raises(HomeUnusable) as caught:
        home.prepare()
    assert f"chmod 700 {home.path}" in caught.value.hint
    assert caught.value.exit_code == 5


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "h").symlink_to(tmp_path / "target")
    with pytest.raises(HomeUnusable, match="symbolic link"):
        Home(tmp_path / "h").prepare()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "h")
    home.path.mkdir(mode=0o700)
    os.chown(home.path, 65534, 65534)
    with pytest.raises(HomeUnusable, match="another user"):
        home.prepare()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "h").write_text("")
    with pytest.raises(HomeUnusable):
        Home(tmp_path / "h").prepare()
