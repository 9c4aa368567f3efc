"""Which file a team's name means."""

from __future__ import annotations

import os

import pytest

from agentctl.domain.errors import NotFound
from agentctl.spec.bundled import teams_dir
from agentctl.spec.load import find_team
from agentctl.spec.search import available


def test_the_nearest_file_wins_then_the_bundled_one(desk):
    top = desk.write("teams/frontend.yaml", "x")
    deep = desk.folder / "a" / "b"
    deep.mkdir(parents=True)
    assert find_team("frontend", deep) == top
    near = desk.write("a/frontend.yaml", "x")
    assert find_team("frontend", deep) == near
    nearer = desk.write("a/teams/frontend.yml", "x")
    assert find_team("frontend", deep) == nearer
    assert find_team("backend", deep) == teams_dir() / "backend.yaml"
    assert {"frontend", "backend", "base"} <= available(deep)


def test_a_path_is_a_path(desk):
    path = desk.write("sub/mine.yaml", "x")
    assert find_team("sub/mine.yaml", desk.folder) == path
    assert find_team(str(path), desk.folder / "sub") == path
    assert find_team("mine.yaml", desk.folder / "sub") == path


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("frontent", "there is no team 'frontent'", "did you mean 'frontend'?"),
        ("sub/mime.yaml", "there is no file 'sub/mime.yaml'", "did you mean 'mine.yaml'?"),
        ("", "cannot be a team", "small letters"),
        ("../x", "there is no file", ""),
        ("-x", "cannot be a team", ""),
        ("#(touch x)", "cannot be a team", ""),
        ("a\0b.yaml", "there is no file", ""),
        ("x" * 10_000, "cannot be a team", ""),
        ("x" * 10_000 + ".yaml", "there is no file", ""),
    ],
)
def test_what_is_not_there_is_said_with_what_is_near(desk, name, words, hint):
    desk.write("sub/mine.yaml", "x")
    with pytest.raises(NotFound) as found:
        find_team(name, desk.folder)
    assert words in found.value.message
    assert hint in found.value.hint
    assert found.value.exit_code == 4
    assert len(found.value.message) < 100


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_a_stranger_above_us_is_not_taken(desk):
    path = desk.write("frontend.yaml", "x")
    deep = desk.folder / "a"
    deep.mkdir()
    assert find_team("frontend", deep) == path
    os.chown(path, 12345, -1)
    assert find_team("frontend", deep) == teams_dir() / "frontend.yaml"
    assert find_team("frontend", desk.folder) == path
