"""A program that never was, with a composer between two rules: its manifest, and its screens drawn to order."""

# ruff: noqa: RUF001  programs draw such characters

from __future__ import annotations

import tempfile
from pathlib import Path

from agentctl.domain.ports import Shown
from agentctl.runners.manifest import load
from agentctl.runners.runner import Runner

MANIFEST = r"""
title = "Box"
launch = ["{program}"]
programs = ["box"]

[ready]
how = "composer"

[composer]
prompt = '^❯[\s\u00a0]'
above = '^─{10,}'
end = '^─{10,}'
empty = ['Type your message']
pasted = '\[Pasted text #\d+'

[[screens]]
name = "permission"
state = "waiting"
kind = "permission"
priority = 900
region = "bottom 12"
all = ['^ ❯ 1\. ', '^ Esc to cancel']
title = '^ (Do you want to .*)$'
options = '^ [❯ ] (\d)\. (.+?)\s*$'
approve = ["1"]
deny = ["Escape"]
answer = "{choice}"

[[screens]]
name = "limit"
state = "waiting"
kind = "limit"
priority = 800
region = "above-composer 3"
all = ["hit your .*limit"]
title = '(You.ve hit your [^·]*)·'
until = 'resets (.+)$'

[[screens]]
name = "menu"
state = "waiting"
kind = "trust"
priority = 700
all = ['Trust this folder\?']
options = '^\s+(?:● )?(Yes|No)$'
answer = ["Down*{index}", "Enter"]

[[screens]]
name = "viewer"
state = "none"
priority = 950
region = "bottom 3"
any = ["Showing detailed transcript"]

[[screens]]
name = "running"
state = "working"
priority = 500
region = "above-composer 2"
all = ['\(esc to interrupt\)$']

[[screens]]
name = "tool"
state = "working"
phase = "executing"
priority = 510
region = "above-composer 2"
all = ['Running.*\(esc to interrupt\)$']

[[screens]]
name = "title"
state = "working"
priority = 10
region = "title"
any = ["^✦ "]
none = ["Ready"]

[[screens]]
name = "composer"
state = "idle"
region = "composer"
all = ['^❯']
"""

RULE = "─" * 40


def box(text: str = MANIFEST) -> Runner:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "box.toml"
        path.write_text(text)
        return load(path)


def composed(*rows: str, above: str = "", prompt: str = "❯ ", indent: str = "  ") -> str:
    """A screen whose composer holds *rows*."""
    first, *rest = rows or ("",)
    return "\n".join([above, RULE, prompt + first, *(indent + row for row in rest), RULE, "  ? for shortcuts"])


def shown(text: str, title: str = "", cursor: tuple[int, int] = (0, 0)) -> Shown:
    return Shown(text, title, alternate=False, cursor=cursor)
