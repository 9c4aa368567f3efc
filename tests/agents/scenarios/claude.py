"""Claude Code's scenes."""

# Marks of its screens are written as escapes where they look like other characters.

from __future__ import annotations

import json

from tests.agents.model import Step
from tests.agents.scenarios.scene import (
    Ended,
    Gone,
    Keys,
    Kill,
    Paste,
    Pause,
    Release,
    Scene,
    Script,
    See,
    Shot,
    Still,
    Submit,
    Type,
    ended,
    idle,
    nothing,
    waiting,
    working,
)

ASKS = ("--permission-mode", "default")
READY = "^\u276f\u00a0"
RUNNING = "esc to interrupt"
ASKED = "^ Esc to cancel"
EDITS = (
    "Yes, and switch to accept edits (auto-approve file edits and common file commands) for this session (shift+tab)"
)
PROSE = """\
When it asks, the screen shows this:

 Do you want to proceed?
 \u276f 1. Yes
   2. No

 Esc to cancel \u00b7 Tab to amend

and while it works:

\u2733 Thinking\u2026 (12s \u00b7 esc to interrupt)

You've hit your limit \u00b7 resets 3pm. API Error: 401 Please run /login.
\u276f 1. Yes, I trust this folder
\u276f not a draft"""
QUESTION = {
    "question": "Which colour do you want?",
    "header": "Colour",
    "multiSelect": False,
    "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}],
}
MANY = {
    "question": "Which toppings?",
    "header": "Toppings",
    "multiSelect": True,
    "options": [{"label": "Cheese", "description": "old"}, {"label": "Olives", "description": "green"}],
}
BASH = Step(
    text="I make it.", tool="Bash", given={"command": "touch made; sleep 20; echo hi", "description": "Make a file"}
)
WRITE = Step(tool="Write", given={"file_path": "{cwd}/notes.txt", "content": "one\ntwo\n"})
READ = Step(tool="Read", given={"file_path": "{cwd}/README.md"})
EDIT = Step(tool="Edit", given={"file_path": "{cwd}/README.md", "old_string": "small", "new_string": "big"})
LONG = "\n".join(f"line {number} of a long text" for number in range(1, 60))
SLOW = Step(text="word " * 400, chunk=5, pause=0.05)


def _refused(status: int, **headers: str) -> Step:
    return Step(status=status, text="scripted refusal", times=0, headers=dict(headers))


def _state(**changes: object) -> dict[str, str]:
    """The program's own state file, without what the setup puts in."""
    return {".claude.json": json.dumps(changes)}


SCENES = (
    Scene(
        "trust",
        (
            Shot(
                "trust", waiting("trust", "No, exit", "Yes, I trust this folder"), see="I trust this folder", still=0.5
            ),
        ),
        trusted=False,
    ),
    Scene(
        "first-start",  # before its first start it wants to reach its makers
        (Ended(), Shot("no-network", ended("crash"), still=1.0)),
        files=_state(),
    ),
    Scene(
        "key",
        (Shot("key", waiting("login"), see="API key", still=0.5),),
        files=_state(hasCompletedOnboarding=True, projects={"{cwd}": {"hasTrustDialogAccepted": True}}),
    ),
    Scene(
        "bypass",
        (Shot("bypass", waiting("trust", "No, exit", "Yes, I accept"), see="Bypass Permissions", still=0.5),),
        argv=("--permission-mode", "bypassPermissions"),
        files={".claude/settings.json": "{}"},
    ),
    Scene(
        "drafts",
        (
            See(READY),
            Shot("idle-empty", idle(), still=1.0),
            Type("half a thought"),
            Shot("draft", idle("half a thought"), still=0.5),
            Keys("C-u"),
            Paste("first line\n  second line\nthird"),
            Shot("draft-lines", idle("first line\n  second line\nthird"), still=0.5),
            Keys("C-u", "C-u", "C-u", "C-u", "C-u"),
            Still(0.3),
            Paste(LONG),
            Shot("pasted", idle("[Pasted text #1 +58 lines]", pasted=True), still=0.5),
            Keys("C-u"),
            Still(0.3),
            Type("/"),
            Shot("slash-menu", idle("/"), still=0.7),
            Keys("C-u"),
            Still(0.3),
            Type("!ls"),
            Shot("shell-mode", nothing(), still=0.7),
        ),
        argv=ASKS,
    ),
    Scene(
        "viewers",
        (
            See(READY),
            Submit("hello"),
            See("^● ok"),
            Still(0.7),
            Keys("C-o"),
            Shot("transcript", nothing(), still=0.7),
            Keys("C-o"),
            Still(0.5),
            Submit("/model"),
            Shot("model-picker", nothing(), still=1.0),
            Keys("Escape"),
            Still(0.5),
            Submit("/theme"),
            Shot("theme-picker", nothing(), still=1.0),
            Keys("Escape"),
            Still(0.5),
            Submit("/config"),
            Shot("config", nothing(), still=1.0),
            Keys("Escape"),
            Still(0.5),
            Keys("Escape"),
            Still(1.0),
            Submit("/rewind"),
            Shot("rewind", nothing(), still=1.0),
            Keys("Escape"),
            Still(1.0),
            Submit("/resume"),
            Shot("resume-picker", nothing(), still=1.0),
            Keys("Escape"),
            Still(1.0),
            Submit("/permissions"),
            Shot("permissions", nothing(), still=1.0),
            Keys("Escape"),
            Still(1.0),
            Script((Step(hold=60, text="a summary"),)),
            Submit("/compact"),
            Shot("compacting", working(), see="(?i)compacting"),
        ),
        argv=ASKS,
    ),
    Scene(
        "turn",
        (
            See(READY),
            Submit("say hello"),
            Shot("working-model", working(), see=RUNNING),
            Release(),
            See("word word"),
            Shot("working-streaming", working(), see=RUNNING),
            Type("for later"),
            Still(0.0),
            See("for later"),
            Shot("working-draft", working(draft="for later")),
            Keys("C-u"),
            Gone("for later"),
            Submit("and then this"),
            Shot("working-queued", working(), see="Queued|edit queued messages"),
            Keys("Escape"),
            See("Interrupted"),
            Gone(RUNNING),
            Shot("interrupted-queue-went-on", idle(), still=1.0),
        ),
        steps=(Step(text="word " * 400, chunk=5, pause=0.05, hold=60), Step(text="the second answer")),
        argv=ASKS,
    ),
    Scene(
        "interrupt",
        (
            See(READY),
            Submit("go on"),
            See("word word"),
            Keys("Escape"),
            Gone(RUNNING),
            Shot("interrupted", idle(), see="Interrupted", still=1.0),
            Script((Step(hold=60, text="late"),)),
            Submit("taken back"),
            See(RUNNING),
            Keys("Escape"),
            Gone(RUNNING),
            Shot("interrupted-taken-back", idle("taken back"), still=1.0),
        ),
        steps=(SLOW,),
        argv=ASKS,
    ),
    Scene(
        "bash",
        (
            See(READY),
            Submit("make it"),
            Shot(
                "permission-bash",
                waiting(
                    "permission",
                    "Yes",
                    "Yes, and always allow access to /tmp/agentctl-screens/claude/home/shop from this project",
                    "No",
                ),
                see=ASKED,
            ),
            Pause(0.5),
            Keys("1"),
            Gone(ASKED),
            Pause(1.5),
            Shot("working-tool", working(), see=RUNNING),
            Keys("Escape"),
            Gone(RUNNING),
            Shot("interrupted-tool", idle(), still=1.0),
        ),
        steps=(BASH, Step(text="made")),
        argv=ASKS,
    ),
    Scene(
        "edits",
        (
            See(READY),
            Submit("write it"),
            Shot("permission-write", waiting("permission", "Yes", EDITS, "No"), see=ASKED, still=0.7),
            Keys("1"),
            See("written"),
            Shot("finished-write", idle(), still=1.0),
            Script((READ, EDIT, Step(text="never said"))),
            Submit("change it"),
            Shot("permission-edit", waiting("permission", "Yes", EDITS, "No"), see=ASKED, still=0.7),
            Keys("Escape"),
            Gone(ASKED),
            Shot("denied", idle(), still=1.0),
        ),
        steps=(WRITE, Step(text="written")),
        argv=ASKS,
    ),
    Scene(
        "question",
        (
            See(READY),
            Submit("ask me"),
            Shot(
                "question",
                waiting("question", "Red", "Blue", "Type something.", "Chat about this"),
                see="Esc to cancel",
                still=0.7,
            ),
            Keys("2"),
            See("after question"),
            Still(0.5),
            Script((Step(tool="AskUserQuestion", given={"questions": [MANY]}),)),
            Submit("ask me more"),
            Shot("question-many", waiting("question"), see="Esc to cancel", still=0.7),
        ),
        steps=(Step(tool="AskUserQuestion", given={"questions": [QUESTION]}), Step(text="after question")),
        argv=ASKS,
    ),
    Scene(
        "plan",
        (
            See(READY),
            Submit("plan it"),
            Shot(
                "plan",
                waiting("question", "Yes, and switch to default (ask each time) for this session", "No"),
                see="Exit plan mode",
                still=1.0,
            ),
        ),
        steps=(Step(tool="ExitPlanMode", given={"plan": "1. look\n2. do it"}), Step(text="planned")),
        argv=("--permission-mode", "plan"),
    ),
    Scene(
        "finished",
        (
            See(READY),
            Submit("hello"),
            See("well done"),
            Shot("finished", idle(), still=1.0),
            Script((Step(text=PROSE),)),
            Submit("tell me of your screens"),
            See("not a draft"),
            Shot("prose", idle(), still=1.5),
            Script((Step(text=PROSE + "\n\n" + "word " * 400, chunk=400, pause=0.3),)),
            Submit("and again"),
            See("word word"),
            Shot("prose-working", working(), see=RUNNING),
        ),
        steps=(Step(text="well done"),),
        argv=ASKS,
    ),
    Scene(
        "background",
        (
            See(READY),
            Submit("in the background"),
            See("started"),
            Shot("background-shell", idle(), gone=RUNNING, still=1.0),
            Script(
                (
                    Step(
                        tool="Agent", given={"description": "look", "prompt": "x", "subagent_type": "general-purpose"}
                    ),
                    Step(text="it runs"),
                    Step(hold=60, text="sub"),
                )
            ),
            Submit("send somebody"),
            See("background agent"),
            Shot("background-agent", working(), see="background agent", gone=RUNNING),
        ),
        steps=(
            Step(tool="Bash", given={"command": "sleep 60; echo bg", "description": "bg", "run_in_background": True}),
            Step(text="started"),
        ),
        argv=ASKS,
    ),
    Scene(
        "rate-limit",
        (
            See(READY),
            Submit("hello"),
            Shot("retrying", working(), see="retrying in"),
            See("API Error"),
            Shot("error-429", waiting("limit", composer=True, draft=""), gone=RUNNING, still=1.0),
        ),
        steps=(_refused(429),),
        argv=ASKS,
    ),
    Scene(
        "overloaded",
        (
            See(READY),
            Submit("hello"),
            See("API Error"),
            Shot("error-529", idle(), gone=RUNNING, still=1.0),
        ),
        steps=(_refused(529),),
        argv=ASKS,
    ),
    Scene(
        "login",
        (
            See(READY),
            Submit("hello"),
            See("API Error"),
            Shot("error-401", waiting("login", composer=True, draft=""), gone=RUNNING, still=1.0),
            Script(()),
            Submit("again"),
            See("^● ok"),
            Shot("error-is-over", idle(), gone=RUNNING, still=1.0),
        ),
        steps=(_refused(401),),
        argv=ASKS,
    ),
    Scene(
        "cut",
        (
            See(READY),
            Submit("hello"),
            See("API Error|Connection"),
            Shot("error-cut", idle(), gone=RUNNING, still=2.5),
        ),
        steps=(Step(text="half an answer", cut=True, times=0),),
        argv=ASKS,
        env={"CLAUDE_CODE_MAX_RETRIES": "1"},
    ),
    Scene(
        "killed",
        (See(READY), Submit("hello"), See("word word"), Kill(), Shot("killed", ended("crash"))),
        steps=(SLOW,),
        argv=ASKS,
        wide=False,
    ),
    Scene(
        "lost",
        (Ended(), Shot("session-lost", ended("lost-session"), still=1.0)),
        argv=(*ASKS, "--resume", "11111111-2222-4333-8444-555555555559"),
        wide=False,
    ),
)
