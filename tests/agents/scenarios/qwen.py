"""Qwen Code's scenes."""

from __future__ import annotations

import json

from tests.agents.model import Step
from tests.agents.scenarios.scene import (
    Ended,
    Gone,
    Keys,
    Kill,
    Paste,
    Release,
    Scene,
    Script,
    See,
    Shot,
    Still,
    Submit,
    Type,
    idle,
    nothing,
    waiting,
    working,
)

_TOUCH = (
    "Yes, allow once",
    "Always allow run 'touch *' commands in this project",
    "Always allow run 'touch *' commands for this user",
    "No, suggest changes (esc)",
)
_READY = (See("Type your message"), Still(1.0))
_WAITS = 600.0
"""Seconds that the model keeps the program waiting: until the scene ends."""
_ASK = ("--approval-mode", "default")
_LINES = "first line\n  second line\n\nlast line"
_LONG = "\n".join(f"{number:04d} a line of a long paste" for number in range(60))
_WORDS = " ".join(f"word{number}" for number in range(200))
_PROSE = """The patterns, as they are:

\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} 1. Yes, allow once
  2. No, suggest changes (esc)

⠏ Waiting for user confirmation...

.. Almost there... (3s · esc to cancel)

Allow execution of: 'touch'? Apply this change? Do you trust this folder?

● Request cancelled.

✕ [API Error: 401 no such key]

> typed by nobody

That is all: (9s · esc to cancel)"""


def _shell(command: str) -> Step:
    given = {"command": command, "description": "a command", "is_background": False}
    return Step(tool="run_shell_command", given=given)


_QUESTION = {
    "questions": [
        {
            "question": "Which colour do you want?",
            "header": "Colour",
            "options": [
                {"label": "Red", "description": "like a rose"},
                {"label": "Blue", "description": "like the sea"},
            ],
            "multiSelect": False,
        }
    ]
}


_NO_LOGIN = json.dumps(
    {
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "tools": {"useRipgrep": False},
    }
)

SCENES = (
    Scene(
        "trust",
        (
            See("[Tt]rust"),
            Shot(
                "trust",
                waiting("trust", "Trust folder (shop)", "Trust parent folder (home)", "Don't trust (esc)"),
                still=1.0,
            ),
        ),
        trusted=False,
        argv=_ASK,
    ),
    Scene(
        "login",
        (Shot("login", waiting("login"), see="Connect a Provider", still=1.0),),
        files={".qwen/settings.json": _NO_LOGIN},
        env={"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "", "OPENAI_MODEL": ""},
        argv=_ASK,
    ),
    Scene(
        "composer",
        (
            *_READY,
            Shot("idle-empty", idle(), still=1.0),
            Type("half a prompt"),
            Shot("draft-line", idle("half a prompt"), see="half a prompt", still=0.5),
            Keys("C-u"),
            Gone("half a prompt"),
            Type("/"),
            Shot("menu-slash", idle("/"), see=r"\(1/\d+\)", still=0.5),
        ),
        argv=_ASK,
    ),
    Scene(
        "lines",
        (*_READY, Paste(_LINES), Shot("draft-lines", idle(_LINES), see="last line", still=0.5)),
        argv=_ASK,
    ),
    Scene(
        "pasted",
        (
            *_READY,
            Paste(_LONG),
            Shot("pasted", idle("[Pasted Content 1679 chars]", pasted=True), see="Pasted", still=0.5),
        ),
        argv=_ASK,
    ),
    Scene(
        "turn",
        (
            *_READY,
            Submit("wait for it"),
            Shot("working-waiting", working(), see="esc to cancel"),
            Release(),
            See("here it is"),
            Shot("finished", idle(), gone="esc to cancel", still=1.5),
            Script((Step(text=_WORDS, chunk=8, pause=0.1),)),
            Submit("stream it"),
            Shot("working-streaming", working(), see="word30"),
            Submit("typed while busy"),
            Shot("working-queued", working(), see="1 queued"),
            Keys("Escape"),
            Shot("interrupted-queued", idle("typed while busy"), see="Request cancelled", still=1.0),
        ),
        steps=(Step(text="here it is", hold=_WAITS),),
        argv=_ASK,
    ),
    Scene(
        "interrupted",
        (
            *_READY,
            Submit("stream it"),
            See("word10"),
            Keys("Escape"),
            Shot("interrupted", idle("stream it"), see="Request cancelled", still=1.0),
        ),
        steps=(Step(text=_WORDS, chunk=8, pause=0.1),),
        argv=_ASK,
    ),
    Scene(
        "tools",
        (
            *_READY,
            Submit("run a command"),
            Shot(
                "permission-shell",
                waiting(
                    "permission",
                    "Yes, allow once",
                    "Always allow run 'touch *' commands, run 'sleep *' commands in this project",
                    "Always allow run 'touch *' commands, run 'sleep *' commands for this user",
                    "No, suggest changes (esc)",
                ),
                see="Allow execution of",
                still=1.0,
            ),
            Keys("1"),
            Shot("working-tool", working("executing"), see="esc to cancel", gone="Waiting for user"),
            See("all done"),
            Still(1.0),
            Script((_shell("touch " + " ".join(f"file{n}.txt" for n in range(80))),)),
            Submit("run a long one"),
            Shot("permission-shell-long", waiting("permission", *_TOUCH), see="Allow execution of", still=1.0),
            Keys("Escape"),
            Shot("permission-denied", idle(), gone="Waiting for user confirmation", still=1.5),
        ),
        steps=(_shell("touch made.txt; sleep 4"), Step(text="all done")),
        argv=_ASK,
    ),
    Scene(
        "edits",
        (
            *_READY,
            Submit("write a file"),
            Shot(
                "permission-edit",
                waiting("permission", "Yes, allow once", "Yes, allow always", "No, suggest changes (esc)"),
                see="Apply this change",
                still=1.0,
            ),
        ),
        steps=(Step(tool="write_file", given={"file_path": "{cwd}/new.txt", "content": "one\ntwo\n"}),),
        argv=_ASK,
    ),
    Scene(
        "question",
        (
            *_READY,
            Submit("ask me"),
            Shot("question", waiting("question", "Red", "Blue", "Type something..."), see="Which colour", still=1.0),
        ),
        steps=(Step(tool="ask_user_question", given=_QUESTION),),
        argv=_ASK,
    ),
    Scene(
        "prose",
        (*_READY, Submit("quote it all"), Shot("finished-prose", idle(), see="That is all", still=2.0)),
        steps=(Step(text=_PROSE),),
        argv=_ASK,
    ),
    Scene(
        "refused",
        (*_READY, Submit("hello"), Shot("error-401", waiting("login", composer=True), see="API Error", still=1.5)),
        steps=(Step(status=401, text="Incorrect API key provided.", times=0),),
        argv=_ASK,
    ),
    Scene(
        "busy-429",
        (*_READY, Submit("hello"), Shot("error-429-retrying", working(), see=r"\((?:[3-9]|\d\d)s . esc to cancel")),
        steps=(Step(status=429, text="Rate limit reached for requests.", times=0),),
        argv=_ASK,
    ),
    Scene(
        "modes",
        (*_READY, Shot("idle-yolo", idle(), see="YOLO", still=1.0)),
        argv=("--approval-mode", "yolo"),
    ),
    Scene("auto", (*_READY, Shot("idle-auto", idle(), see="Auto mode", still=1.0))),
    Scene(
        "shell-mode", (*_READY, Type("!"), Shot("idle-shell-mode", idle(), see="[Ss]hell mode", still=1.0)), argv=_ASK
    ),
    Scene(
        "viewers",
        (
            *_READY,
            Submit("/settings"),
            Shot("viewer-settings", nothing(), see="Settings", still=1.0),
            Keys("Escape"),
            Still(1.0),
            Submit("/theme"),
            Shot("viewer-theme", nothing(), see="Theme", still=1.0),
        ),
        argv=_ASK,
    ),
    Scene(
        "endings",
        (*_READY, Submit("hello"), See("ok"), Still(1.0), Kill(), Shot("crashed", idle(ends="crash"))),
        wide=False,
    ),
    Scene(
        "lost",
        (Ended(), Still(1.0), Shot("lost-conversation", nothing(ends="crash"))),
        argv=("--resume", "00000000-0000-4000-8000-000000000000"),
        wide=False,
    ),
)
