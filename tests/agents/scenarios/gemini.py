"""Gemini CLI's scenes."""

from __future__ import annotations

import json

from tests.agents.model import MAIN, Step
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

_READY = (See("Type your message"), Still(1.0))
_WAITS = 600.0
"""Seconds that the model keeps the program waiting: until the scene ends."""
_ONCE = ("Allow once", "Allow for this session", "No, suggest changes (esc)")
_LINES = "first line\n  second line\n\nlast line"
_LONG = "\n".join(f"{number:04d} a line of a long paste" for number in range(60))
_WORDS = " ".join(f"word{number}" for number in range(200))
_PROSE = """The patterns, as they are:

● 1. Allow once
  2. Allow for this session
  3. No, suggest changes (esc)

⠋ Thinking... (esc to cancel, 3s)

Allow execution of [Shell]? Apply this change? Do you trust the files in this folder?

\N{INFORMATION SOURCE} Request cancelled.

✕ [API Error: You exceeded your current quota]

> typed by nobody

That is all: (esc to cancel, 9s)"""


def _shell(command: str) -> Step:
    return Step(tool="run_shell_command", given={"command": command, "description": "a command"})


_QUESTION = {
    "questions": [
        {
            "question": "Which colour do you want?",
            "header": "Colour",
            "type": "choice",
            "options": [
                {"label": "Red", "description": "like a rose"},
                {"label": "Blue", "description": "like the sea"},
            ],
        }
    ]
}
_NO_LOGIN = json.dumps(
    {
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"folderTrust": {"enabled": False}},
        "model": {"name": MAIN},
    }
)

SCENES = (
    Scene(
        "trust",
        (
            See("Do you trust the files"),
            Shot(
                "trust",
                waiting("trust", "Trust folder (shop)", "Trust parent folder (home)", "Don't trust"),
                still=1.0,
            ),
        ),
        trusted=False,
    ),
    Scene(
        "login",
        (
            Shot(
                "login",
                waiting("login", "Sign in with Google", "Use Gemini API Key", "Vertex AI"),
                see="How would you like to authenticate",
                still=1.0,
            ),
        ),
        files={".gemini/settings.json": _NO_LOGIN},
        env={"GEMINI_API_KEY": ""},
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
            Paste(_LINES),
            Shot("draft-lines", idle(_LINES), see="last line", still=0.5),
            Keys("C-c"),
            Gone("last line"),
            Paste(_LONG),
            Shot("pasted", idle("[Pasted Text: 60 lines]", pasted=True), see="Pasted Text", still=0.5),
            Keys("C-c"),
            Gone("Pasted Text"),
            Type("/"),
            Shot("menu-slash", idle("/"), see="about", still=0.5),
        ),
    ),
    Scene(
        "turn",
        (
            *_READY,
            Submit("wait for it"),
            Shot("working-waiting", working(), see="esc to cancel"),
            Release(),
            See("^✦ here it is"),
            Shot("finished", idle(), gone="esc to cancel", still=1.0),
            Script((Step(text=_WORDS, chunk=8, pause=0.1),)),
            Submit("stream it"),
            Shot("working-streaming", working(), see="word30"),
            Submit("typed while busy"),
            Shot("working-queued", working(), see="Queued"),
            Keys("Escape"),
            Gone("esc to cancel"),
        ),
        steps=(Step(text="here it is", hold=_WAITS),),
    ),
    Scene(
        "interrupted",
        (
            *_READY,
            Submit("stream it"),
            See("word10"),
            Keys("Escape"),
            Shot("interrupted", idle(), see="Request cancelled", still=1.0),
        ),
        steps=(Step(text=_WORDS, chunk=8, pause=0.1),),
    ),
    Scene(
        "tools",
        (
            *_READY,
            Submit("run a command"),
            Shot("permission-shell", waiting("permission", *_ONCE), see="Allow execution of", still=1.0),
            Keys("1"),
            Shot("working-tool", working("executing"), see="esc to cancel", gone="Allow once", still=0.0),
            See("^✦ done"),
            Still(1.0),
            Script((_shell("touch " + " ".join(f"file{n}.txt" for n in range(80))),)),
            Submit("run a long one"),
            Shot("permission-shell-long", waiting("permission", *_ONCE), see="Allow execution of", still=1.0),
            Keys("Escape"),
            Shot("permission-denied", idle(), see="Request cancelled", still=1.0),
        ),
        steps=(_shell("touch made.txt; sleep 4"), Step(text="done")),
    ),
    Scene(
        "edits",
        (
            *_READY,
            Submit("write a file"),
            Shot(
                "permission-edit",
                waiting("permission", *_ONCE[:2], "Modify with external editor", _ONCE[2]),
                see="Apply this change",
                still=1.0,
            ),
            Keys("Escape"),
            See("Request cancelled"),
            Still(1.0),
            Script((Step(tool="write_file", given={"file_path": "{cwd}/long.txt", "content": _LONG * 3}),)),
            Submit("write a long one"),
            Shot(
                "permission-edit-long",
                waiting("permission", *_ONCE[:2], "Modify with external editor", _ONCE[2]),
                see="Apply this change",
                still=1.0,
            ),
        ),
        steps=(Step(tool="write_file", given={"file_path": "{cwd}/new.txt", "content": "one\ntwo\n"}),),
    ),
    Scene(
        "question",
        (
            *_READY,
            Submit("ask me"),
            Shot("question", waiting("question", "Red", "Blue", "Enter a custom value"), see="Which colour", still=1.0),
        ),
        steps=(Step(tool="ask_user", given=_QUESTION),),
    ),
    Scene(
        "prose",
        (*_READY, Submit("quote it all"), Shot("finished-prose", idle(), see="That is all", still=1.5)),
        steps=(Step(text=_PROSE),),
    ),
    Scene(
        "loop",
        (
            *_READY,
            Submit("say it again"),
            Shot(
                "question-loop",
                waiting("question", "Keep loop detection enabled (esc)", "Disable loop detection for this session"),
                see="potential loop",
                still=1.0,
            ),
        ),
        steps=(Step(text="word " * 400, chunk=5, pause=0.01),),
    ),
    Scene(
        "refused",
        (*_READY, Submit("hello"), Shot("error-401", waiting("login", composer=True), see="API Error", still=1.5)),
        steps=(Step(status=401, text="API key not valid. Please pass a valid API key.", times=0),),
    ),
    Scene(
        "busy-429",
        (
            *_READY,
            Submit("hello"),
            Shot("error-429-retrying", working(), see=r"esc to cancel, (?:[3-9]|\d\d)s"),
        ),
        steps=(Step(status=429, text="Resource has been exhausted (e.g. check quota).", times=0),),
    ),
    Scene(
        "busy-529",
        (*_READY, Submit("hello"), Shot("error-529-retrying", working(), see=r"esc to cancel, (?:[3-9]|\d\d)s")),
        steps=(Step(status=529, text="The model is overloaded.", times=0),),
    ),
    Scene(
        "yolo",
        (*_READY, Shot("idle-yolo", idle(), see="YOLO", still=1.0)),
        argv=("--approval-mode", "yolo"),
    ),
    Scene(
        "shell-mode",
        (*_READY, Type("!"), Shot("idle-shell-mode", idle(), see="[Ss]hell mode", still=1.0)),
    ),
    Scene(
        "viewers",
        (
            *_READY,
            Submit("/settings"),
            Shot("viewer-settings", nothing(), see="Settings", still=1.0),
            Keys("Escape"),
            Still(1.0),
            Submit("/model"),
            Shot("viewer-model", nothing(), see="Select Model", still=1.0),
            Keys("Escape"),
            Still(1.0),
            Submit("/theme"),
            Shot("viewer-theme", nothing(), see="Select Theme", still=1.0),
        ),
        wide=False,
    ),
    Scene(
        "endings",
        (
            *_READY,
            Submit("hello"),
            See("^✦ ok"),
            Still(1.0),
            Kill(),
            Shot("crashed", idle(ends="crash")),
        ),
        wide=False,
    ),
    Scene(
        "lost",
        (Ended(), Shot("lost-conversation", nothing(ends="lost-session"))),
        argv=("--resume", "00000000-0000-4000-8000-000000000000"),
        wide=False,
    ),
)
