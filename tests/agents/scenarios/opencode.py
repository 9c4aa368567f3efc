"""OpenCode's scenes."""

from __future__ import annotations

import json
from typing import Any

from tests.agents.model import Step
from tests.agents.scenarios.scene import (
    Gone,
    Keys,
    Kill,
    Paste,
    Scene,
    See,
    Shot,
    Submit,
    Type,
    idle,
    nothing,
    waiting,
    working,
)

_WHOLE = {"OPENCODE_CONFIG_CONTENT": json.dumps({"experimental": {"disable_paste_summary": True}})}
"""As the runner starts it: what is pasted stands in the composer as it is."""

_READY = See("ctrl\\+p commands")
_BUSY = "esc interrupt"
_LINES = 'First line\n    second, "indented"\n\nlast one, after an empty line'
_QUOTES = """\
It asks like this:

  ┃  △ Permission required
  ┃    # Shell command
  ┃
  ┃  $ rm -rf build
  ┃
  ┃   Allow once   Allow always   Reject                ctrl+f fullscreen  ⇆ select  enter confirm

and while it works `esc interrupt` stands below, or [retrying in 5m attempt #1]. A question ends with
↑↓ select  enter submit  esc dismiss. Do you want to proceed? (Y)es/(N)o
* 1. Yes
  2. No

There it stands, and all of it is prose."""
_ALWAYS = ("Allow once", "Allow always", "Reject")


def _bash(command: str) -> Step:
    return Step(tool="bash", given={"command": command, "description": "Runs it"})


def _question() -> Step:
    options = [{"label": "Red", "description": "a warm one"}, {"label": "Blue", "description": "a cold one"}]
    return Step(
        tool="question",
        given={"questions": [{"question": "Which colour do you want?", "header": "Colour", "options": options}]},
    )


def _scene(name: str, *acts: Any, steps: tuple[Step, ...] = (), **more: Any) -> Scene:
    return Scene(name, (_READY, *acts), steps=steps, env=_WHOLE, **more)


SCENES = (
    _scene(
        "home",
        Shot("idle-empty", idle(), still=1.0),
        Type("half a thought"),
        Shot("draft-at-home", idle("half a thought"), see="half a thought", still=0.5),
        Keys("C-u"),
        Type("/"),
        Shot("menu-commands", nothing(), see="/exit", still=0.5),
        Keys("BSpace"),
        Gone("/exit"),
        Type("!"),
        Shot("shell-mode", nothing(), see="esc exit shell mode", still=0.5),
        Keys("Escape"),
        Gone("esc exit shell mode"),
        Keys("C-p"),
        Shot("palette", nothing(), see="Switch model", still=0.5),
    ),
    _scene(
        "turn",
        Submit("hello"),
        See("Build · .* · [\\d.]+m?s"),
        Shot("finished", idle(), gone=_BUSY, still=1.0),
        Type("and then"),
        Shot("draft", idle("and then"), see="and then", still=0.5),
        Keys("C-u"),
        Paste(_LINES),
        Shot("draft-lines", idle(_LINES), see="last one", still=0.5),
        steps=(Step(text="Hello to you."),),
    ),
    _scene(
        "prose",
        Submit("how does it ask?"),
        Shot("finished-quoting", idle(), see="Build · .* · [\\d.]+m?s", still=1.0),
        steps=(Step(text=_QUOTES),),
    ),
    Scene(
        "pasted",
        (
            _READY,
            Paste("\n".join(f"line {n}" for n in range(40))),
            Shot("pasted", idle("[Pasted ~40 lines]", pasted=True), see="Pasted ~40", still=0.5),
        ),
    ),
    _scene(
        "working",
        Submit("take your time"),
        Shot("waiting-for-model", working(), see=_BUSY),
        Type("meanwhile"),
        Shot("working-with-draft", working(draft="meanwhile"), see="meanwhile", still=0.0),
        Keys("Enter"),
        Shot("queued", working(), see="QUEUED"),
        steps=(Step(text="ok", hold=60.0),),
    ),
    _scene(
        "streaming",
        Submit("talk"),
        See("word word word"),
        Shot("streaming", working(), see=_BUSY),
        Keys("Escape"),
        Shot("interrupting", working(), see="again to interrupt"),
        Keys("Escape"),
        Shot("interrupted", idle(), see="· interrupted", still=1.0),
        steps=(Step(text="word " * 40, chunk=5, pause=0.1, endless=True),),
    ),
    _scene(
        "permission",
        Submit("run it"),
        Shot("permission-bash", waiting("permission", *_ALWAYS), see="Permission required", still=0.5),
        Keys("Right"),
        Shot("permission-moved", waiting("permission", *_ALWAYS), still=0.5),
        Keys("Right"),
        Keys("Right"),  # round to the first
        Shot("permission-moved-round", waiting("permission", *_ALWAYS), still=0.5),
        Keys("Enter"),
        Shot("tool-running", working("executing"), see="[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] sleep 30", gone="Permission required"),
        steps=(_bash("sleep 30 && make test"),),
    ),
    _scene(
        "edit",
        Submit("edit it"),
        Shot("permission-edit", waiting("permission", *_ALWAYS), see="Permission required", still=0.5),
        Keys("Right"),
        Keys("Enter"),
        Shot("permission-always", waiting("permission", "Confirm", "Cancel"), see="Always allow", still=0.5),
        Keys("Escape"),
        See("Permission required"),
        Keys("Escape"),
        Gone("Permission required"),
        Shot("refused", idle(), still=1.0),
        steps=(
            Step(
                tool="edit",
                given={"filePath": "{cwd}/README.md", "oldString": "A small shop.", "newString": "A large shop."},
            ),
        ),
    ),
    _scene(
        "sub-agent",
        Submit("let another look"),
        Shot("permission-of-sub-agent", waiting("permission", *_ALWAYS), see="Permission required"),
        Keys("Escape"),
        Shot("permission-refusing", waiting("permission"), see="Reject permission"),
        steps=(
            Step(tool="task", given={"description": "look", "prompt": "look at it", "subagent_type": "general"}),
            _bash("ls -la"),
        ),
    ),
    _scene(
        "question",
        Submit("ask me"),
        Shot(
            "question",
            waiting("question", "Red", "Blue", "Type your own answer"),
            see="esc dismiss",
            still=0.5,
        ),
        Keys("2"),
        See("Build · .* · [\\d.]+m?s"),
        Shot("answered", idle(), see="Blue", gone=_BUSY, still=1.0),
        steps=(_question(), Step(text="Blue it is.")),
    ),
    _scene(
        "error-401",
        Submit("hello"),
        Shot("error-401", waiting("login", composer=True, draft=""), see="Invalid API key", gone=_BUSY, still=1.0),
        steps=(Step(status=401, text="Invalid API key", times=0),),
    ),
    _scene(
        "error-429",
        Submit("hello"),
        Shot("error-429", working(composer=True), see="retrying in \\d+s"),
        steps=(Step(status=429, text="Rate limit reached", headers={"retry-after": "20"}, times=0),),
    ),
    _scene(
        "error-529",
        Submit("hello"),
        Shot("error-529", working(composer=True), see="retrying in \\d+s"),
        steps=(Step(status=529, text="Overloaded", times=0),),
    ),
    _scene(
        "limit",
        Submit("hello"),
        Shot("limit", waiting("limit", composer=True, draft="", until="in 1h 30m"), see="retrying in 1h"),
        steps=(Step(status=429, text="You have reached your usage limit", headers={"retry-after": "5401"}, times=0),),
    ),
    _scene(
        "pickers",
        Submit("hello"),
        See("Build · .* · [\\d.]+m?s"),
        Keys("C-x"),
        Keys("l"),
        Shot("sessions", nothing(), see="Search", still=0.5),
        Keys("Escape"),
        Gone("No results|Sessions"),
        Keys("C-x"),
        Keys("m"),
        Shot("models", nothing(), see="Select model", still=0.5),
    ),
    _scene(
        "crash",
        Submit("hello"),
        See("Build · .* · [\\d.]+m?s"),
        Kill(),
        Shot("crashed", {"state": "none", "ends": "crash"}, see="Pane is dead"),
    ),
    Scene(
        "no-provider",
        (_READY, Shot("no-provider", idle(), still=2.0)),
        files={".config/opencode/opencode.json": json.dumps({"autoupdate": False, "share": "disabled"})},
    ),
)
