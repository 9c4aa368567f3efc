"""pi's scenes."""

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

_READY = (See(r"%/\d+k"), Still(1.0))
_WAITS = 600.0
"""Seconds that the model keeps the program waiting: until the scene ends."""
_LINES = "first line\n  second line\n\nlast line"
_LONG = "\n".join(f"{number:04d} a line of a long paste" for number in range(60))
_WORDS = " ".join(f"word{number}" for number in range(200))
_PROSE = """The patterns, as they are:

── ⠧ Working ──────────────────────────────────

Elapsed 1.1s

Operation aborted

Error: 401 no such key

/somewhere
0.0%/128k (auto)

That is all: escape to cancel"""

SCENES = (
    Scene(
        "trust",
        (
            Still(2.0),
            Shot(
                "trust",
                waiting(
                    "trust",
                    "Trust",
                    "Trust parent folder (/tmp/agentctl-screens/pi/home)",
                    "Trust (this session only)",
                    "Do not trust",
                    "Do not trust (this session only)",
                ),
                see="[Tt]rust",
                still=1.0,
            ),
        ),
        trusted=False,
        files={"shop/.pi/settings.json": "{}"},
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
    ),
    Scene("lines", (*_READY, Paste(_LINES), Shot("draft-lines", idle(_LINES), see="last line", still=0.5))),
    Scene(
        "pasted",
        (*_READY, Paste(_LONG), Shot("pasted", idle("[paste #1 +60 lines]", pasted=True), see="paste #1", still=0.5)),
    ),
    Scene(
        "turn",
        (
            *_READY,
            Submit("wait for it"),
            Shot("working-waiting", working(), see="Working"),
            Release(),
            See("here it is"),
            Shot("finished", idle(), gone="Working", still=1.0),
            Script((Step(text=_WORDS, chunk=8, pause=0.1),)),
            Submit("stream it"),
            Shot("working-streaming", working(), see="word30"),
            Submit("typed while busy"),
            Shot("working-queued", working(), see="Steering"),
            Keys("Escape"),
            Shot("interrupted-queued", idle("typed while busy"), see="Operation aborted", still=1.0),
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
            Shot("interrupted", idle(), see="Operation aborted", still=1.0),
        ),
        steps=(Step(text=_WORDS, chunk=8, pause=0.1),),
    ),
    Scene(
        "tools",
        (
            *_READY,
            Submit("run a command"),
            Shot("working-tool", working("executing"), see="Elapsed"),
            Shot("finished-tool", idle(), see="all done", still=1.0),
        ),
        steps=(Step(tool="bash", given={"command": "touch made.txt; sleep 4"}), Step(text="all done")),
    ),
    Scene(
        "prose",
        (*_READY, Submit("quote it all"), Shot("finished-prose", idle(), see="That is all", still=1.5)),
        steps=(Step(text=_PROSE),),
    ),
    Scene(
        "refused",
        (*_READY, Submit("hello"), Shot("error-401", idle(), see="Error: ", still=1.5)),
        steps=(Step(status=401, text="invalid x-api-key", times=0),),
    ),
    Scene(
        "busy-429",
        (
            *_READY,
            Submit("hello"),
            Shot("error-429-retrying", working(), see="Retrying"),
            Shot("error-429", idle(), see="Retry failed", still=1.0),
        ),
        steps=(Step(status=429, text="Rate limit reached for requests.", times=0),),
    ),
    Scene(
        "busy-529",
        (*_READY, Submit("hello"), Shot("error-529-retrying", working(), see="Retrying")),
        steps=(Step(status=529, text="Overloaded", times=0),),
    ),
    Scene(
        "viewers",
        (
            *_READY,
            Submit("/settings"),
            Shot("viewer-settings", nothing(), see="[Aa]uto-compact", still=1.0),
            Keys("Escape"),
            Still(1.0),
            Submit("/model"),
            Shot("viewer-model", nothing(), see=r"\(1/\d+\)|scripted-main \[", still=1.0),
        ),
    ),
    Scene(
        "endings",
        (*_READY, Submit("hello"), See("ok"), Still(1.0), Kill(), Shot("crashed", idle(ends="crash"))),
        wide=False,
    ),
)
