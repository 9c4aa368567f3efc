"""Aider's scenes."""

from __future__ import annotations

from tests.agents.model import Step
from tests.agents.scenarios.scene import (
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

_PROMPT = "^(?:diff)?> ?$"
_READY = See(_PROMPT)
_LAST = "Tokens: .*\\n─+\\n> ?\\n*\\Z"
_LINES = 'First line\n    second, "indented"\n\nlast one, after an empty line'
_LONG = "\n".join(f"line {n}" for n in range(60))
_QUOTES = """\
It asks like this:

    Add file to the chat? (Y)es/(N)o/(D)on't ask again [Yes]:

and while it works it shows ░█ Waiting for openai/gpt. Then it may say

Retrying in 0.2 seconds...
litellm.AuthenticationError: no key

> Do you want to proceed? esc to interrupt
1. Yes

There it stands, and all of it is prose."""
_ASKED = ("(Y)es", "(N)o", "(D)on't ask again")
_WORKS = {"state": "working", "phase": "reasoning", "composer": False}

SCENES = (
    Scene(
        "turn",
        (
            _READY,
            Shot("idle-empty", idle(), still=1.0),
            Type("half a thought"),
            Shot("draft", idle("half a thought"), see="half a thought", still=0.5),
            Keys("C-u"),
            Paste(_LINES),
            Shot("draft-lines", idle(_LINES), see="last one", still=0.5),
            Keys("C-c"),
            See(_PROMPT),
            Submit("hello"),
            Shot("finished", idle(), see=_LAST, still=1.0),
        ),
        steps=(Step(text="Hello to you."),),
    ),
    Scene(
        "prose",
        (_READY, Submit("how does it ask?"), Shot("finished-quoting", idle(), see=_LAST, still=1.0)),
        steps=(Step(text=_QUOTES),),
    ),
    Scene(
        "menu",
        (_READY, Type("/"), Shot("menu-commands", nothing(), see="/architect", still=0.5)),
    ),
    Scene(
        "working",
        (
            _READY,
            Submit("take your time"),
            Shot("waiting-for-model", _WORKS, see="Waiting for"),
        ),
        steps=(Step(text="ok", hold=60.0),),
    ),
    Scene(
        "streaming",
        (
            _READY,
            Submit("talk"),
            Shot("streaming", _WORKS, see="word word word"),
            Keys("C-c"),
            Shot("interrupted", idle(), see="\\^C(?:.*\\n)+─+\\n> ?\\n*\\Z", still=1.0),
        ),
        steps=(Step(text="word " * 40, chunk=5, pause=0.1, endless=True),),
    ),
    Scene(
        "permission",
        (
            _READY,
            Submit("what do you need?"),
            Shot("permission-file", waiting("permission", *_ASKED), see="\\(Y\\)es", still=1.0),
            Keys("n", "Enter"),
            Shot("refused", idle(), see="\\]: n\\n+─+\\n> ?\\n*\\Z", still=1.0),
        ),
        steps=(Step(text="I have to see README.md first."),),
    ),
    Scene(
        "command",
        (
            _READY,
            Submit("run it"),
            Shot(
                "permission-command",
                waiting("permission", *_ASKED),
                see="\\(Y\\)es",
                still=1.0,
            ),
            Keys("y", "Enter"),
            Shot("tool-running", working("executing", composer=False), see="^step 1"),
        ),
        steps=(Step(text="Run this:\n\n```bash\necho step 1; sleep 30\n```\n"),),
        argv=("--edit-format", "diff"),
    ),
    Scene(
        "new-file",
        (
            _READY,
            Submit("write it"),
            Shot("permission-new-file", waiting("permission", "(Y)es", "(N)o"), see="\\(Y\\)es", still=1.0),
        ),
        steps=(Step(text="new.py\n```\nprint(1)\n```\n"),),
    ),
    Scene(
        "error-401",
        (
            _READY,
            Submit("hello"),
            Shot(
                "error-401",
                waiting("login", composer=True, draft=""),
                see="not able to authenticate(?:.*\\n)+> ?\\n*\\Z",
                still=1.0,
            ),
        ),
        steps=(Step(status=401, text="Invalid API key", times=0),),
    ),
    Scene(
        "error-429",
        (_READY, Submit("hello"), Shot("error-429", _WORKS, see="^Retrying in [1-9]")),
        steps=(Step(status=429, text="Rate limit reached", times=0),),
    ),
    Scene(
        "error-529",
        (_READY, Submit("hello"), Shot("error-529", _WORKS, see="^Retrying in [1-9]")),
        steps=(Step(status=529, text="Overloaded", times=0),),
    ),
    Scene("ask-mode", (See("^ask> ?$"), Shot("idle-ask-mode", idle(), still=1.0)), argv=("--chat-mode", "ask")),
    Scene(
        "gitignore",
        (Shot("start-gitignore", waiting("other", "(Y)es", "(N)o"), see="\\(Y\\)es", still=1.0),),
        argv=("--gitignore",),
    ),
    Scene(
        "crash",
        (
            _READY,
            Submit("hello"),
            See(_LAST),
            Kill(),
            Shot("crashed", {"state": "none", "ends": "crash"}, see="Pane is dead"),
        ),
    ),
)
