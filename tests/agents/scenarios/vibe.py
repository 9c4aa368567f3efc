"""Mistral Vibe's scenes."""

from __future__ import annotations

from tests.agents.model import Step
from tests.agents.scenarios.scene import (
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

_READY = (See(r"k tokens \("), Still(1.0))
_MOMENT = (Still(0.05),) * 20
"""A dialog takes no keys while somebody may be typing, and a spinner turns above it."""
_WAITS = 600.0
"""Seconds that the model keeps the program waiting: until the scene ends."""
_ALLOW = ("Allow once", "Allow for remainder of this session", "Always allow", "Deny")
_LINES = "first line\n  second line\n\nlast line"
_LONG = "\n".join(f"{number:04d} a line of a long paste" for number in range(60))
_WORDS = " ".join(f"word{number}" for number in range(200))
_PROSE = """The patterns, as they are:

1. Allow once
2. Deny

Permission for the file_system.bash tool

⠏ Generating… (3s Esc/Ctrl+C to interrupt)

Interrupted · What should Vibe do instead?

Error: Invalid API key

> typed by nobody

That is all: Esc reject (9s Esc to interrupt)"""
_QUESTION = {
    "questions": [
        {
            "question": "Which colour do you want?",
            "header": "Colour",
            "options": [
                {"label": "Red", "description": "like a rose"},
                {"label": "Blue", "description": "like the sea"},
            ],
        }
    ]
}

SCENES = (
    Scene(
        "trust",
        (Still(3.0), Shot("trust", waiting("trust", "Trust folder", "Don't trust"), see="[Tt]rust", still=1.0)),
        trusted=False,
        files={"shop/.vibe/config.toml": "", "shop/AGENTS.md": "# rules\n"},
    ),
    Scene("starting", (Shot("initializing", nothing(), see="Initializing"),)),
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
            Shot("menu-slash", idle("/"), see="/clear|/help|/config", still=0.5),
        ),
    ),
    Scene("lines", (*_READY, Paste(_LINES), Shot("draft-lines", idle(_LINES), see="last line", still=0.5))),
    Scene(
        "pasted",
        (*_READY, Paste(_LONG), Shot("pasted", idle("[Pasted 1679 characters]", pasted=True), see="Pasted", still=0.5)),
    ),
    Scene(
        "turn",
        (
            *_READY,
            Submit("wait for it"),
            Shot("working-waiting", working(), see="to interrupt"),
            Release(),
            See("here it is"),
            Shot("finished", idle(), gone="to interrupt", still=1.0),
            Script((Step(text=_WORDS, chunk=8, pause=0.1),)),
            Submit("stream it"),
            Shot("working-streaming", working(), see="word30"),
            Submit("typed while busy"),
            Shot("working-queued", working(), see="Queued"),
            Keys("Escape"),
            Shot("interrupted-queued", idle(), see="Interrupted", still=1.0),
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
            Shot("interrupted", idle(), see="Interrupted", still=1.0),
        ),
        steps=(Step(text=_WORDS, chunk=8, pause=0.1),),
    ),
    Scene(
        "tools",
        (
            *_READY,
            Submit("run a command"),
            Shot("permission-shell", waiting("permission", *_ALLOW), see="Esc reject"),
            *_MOMENT,
            Keys("1"),
            Shot("working-tool", working("executing"), see="Running", gone="Esc reject"),
            See("all done"),
            Shot("finished-tool", idle(), still=1.0),
        ),
        steps=(Step(tool="bash", given={"command": "touch made.txt; sleep 4"}), Step(text="all done")),
    ),
    Scene(
        "edits",
        (
            *_READY,
            Submit("write a file"),
            Shot("permission-edit", waiting("permission", *_ALLOW), see="Esc reject"),
            *_MOMENT,
            Keys("Escape"),
            Shot("permission-denied", idle(), gone="Esc reject|to interrupt", still=1.0),
        ),
        steps=(Step(tool="write_file", given={"path": "{cwd}/new.txt", "content": "one\ntwo\n"}),),
        argv=("--agent", "ask"),
    ),
    Scene(
        "question",
        (
            *_READY,
            Submit("ask me"),
            Shot(
                "question",
                waiting("question", "Red - like a rose", "Blue - like the sea", "Type your answer..."),
                see="like the sea",
            ),
        ),
        steps=(Step(tool="ask_user_question", given=_QUESTION),),
    ),
    Scene(
        "prose",
        (*_READY, Submit("quote it all"), Shot("finished-prose", idle(), see="That is all", still=1.5)),
        steps=(Step(text=_PROSE),),
    ),
    Scene(
        "refused",
        (*_READY, Submit("hello"), Shot("error-401", waiting("login", composer=True), see="Error: ", still=1.5)),
        steps=(Step(status=401, text="invalid key", times=0),),
    ),
    Scene(
        "busy-429",
        (*_READY, Submit("hello"), Shot("error-429-retrying", working(), see="Retrying")),
        steps=(Step(status=429, text="Rate limit reached for requests.", times=0),),
    ),
    Scene(
        "endings",
        (
            *_READY,
            Submit("hello"),
            See("ok"),
            Still(1.0),
            Kill(),
            Shot("crashed", nothing(ends="crash", composer=True)),
        ),
        wide=False,
    ),
)
