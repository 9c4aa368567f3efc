"""Codex's scenes."""

# Marks of its screens are written as escapes where they look like other characters.
from __future__ import annotations

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

PLAIN = ("--no-daemon",)
READY = "^\u203a Ask Codex"
RUNNING = "esc to interrupt"
ASKED = "Press enter to confirm"
PROSE = """\
When it asks, the screen shows this:

  Would you like to run the following command?

\u203a 1. Yes, proceed (y)
  2. No, and tell Codex what to do differently (esc)

  Press enter to confirm or esc to cancel

and while it works:

\u2022 Working (12s \u2022 esc to interrupt)

\u25a0 You've hit your usage limit. Try again at 3pm.
\u25a0 unexpected status 401 Unauthorized
\u203a not a draft"""
SLOW = Step(text="word " * 400, chunk=5, pause=0.05)
LONG = "\n".join(f"line {number} of a long text" for number in range(1, 60))
RUN = Step(
    text="I make it.",
    tool="exec_command",
    given={
        "cmd": "touch made; sleep 20; echo hi",
        "sandbox_permissions": "require_escalated",
        "justification": "Do you want to allow making a file?",
    },
)
PATCH = Step(
    tool="exec_command",
    given={"cmd": "apply_patch <<'EOF'\n*** Begin Patch\n*** Add File: notes.txt\n+one\n+two\n*** End Patch\nEOF"},
)
LIMIT = {"error": {"type": "usage_limit_reached", "message": "limit", "plan_type": "plus", "resets_in_seconds": 7200}}
HOOK = ("-c", 'hooks.Stop=[{hooks=[{type="command",command="true"}]}]')


def _refused(status: int) -> Step:
    return Step(status=status, text="scripted refusal", times=0)


SCENES = (
    Scene(
        "trust",
        (
            Shot(
                "trust",
                waiting("trust", "Trust and continue", "Back to Agent Command Center"),
                see="Trust this folder",
                still=0.7,
            ),
        ),
        argv=PLAIN,
        trusted=False,
    ),
    Scene(
        "hooks",
        (
            Shot(
                "hooks-review",
                waiting(
                    "trust",
                    "Review hooks",
                    "Trust all and continue",
                    "Continue without trusting (hooks won't run)",
                ),
                see="Hooks need review",
                still=0.7,
            ),
        ),
        argv=(*PLAIN, *HOOK),
    ),
    Scene(
        "signed-out",
        (
            Shot(
                "login",
                waiting("login", "Sign in with ChatGPT", "Sign in with Device Code", "Sign in another way"),
                see="Sign in with ChatGPT",
                still=0.7,
            ),
        ),
        argv=PLAIN,
        files={".codex/config.toml": "check_for_update_on_startup = false\n"},
    ),
    Scene(
        "drafts",
        (
            See(READY),
            Shot("idle-empty", idle(), still=1.5),
            Type("half a thought"),
            Shot("draft", idle("half a thought"), still=0.5),
            Keys("C-c"),
            Still(0.3),
            Paste("first line\n  second line\nthird"),
            Shot("draft-lines", idle("first line\n  second line\nthird"), still=0.5),
            Keys("C-c"),
            Still(0.3),
            Paste(LONG),
            Shot("pasted", idle(f"[Pasted Content {len(LONG)} chars]", pasted=True), still=0.5),
            Keys("C-c"),
            Still(0.3),
            Type("/"),
            Shot("slash-menu", idle("/"), still=0.7),
            Keys("BSpace"),
            Still(0.3),
            Type("!ls"),
            Shot("shell-mode", nothing(), still=0.7),
        ),
        argv=PLAIN,
    ),
    Scene(
        "viewers",
        (
            See(READY),
            Submit("hello"),
            See("^\u2022 ok"),
            Still(0.7),
            Submit("/permissions"),
            Shot("permissions", nothing(), still=0.7),
            Keys("Escape"),
            See(READY),
            Still(0.5),
            Submit("/model"),
            Shot("model-picker", nothing(), still=1.0),
            Keys("Escape"),
            See(READY),
            Still(0.5),
            Submit("/resume"),
            Shot("resume-picker", nothing(), still=1.0),
        ),
        argv=PLAIN,
    ),
    Scene(
        "turn",
        (
            See(READY),
            Submit("say hello"),
            Shot("working-model", working(), see=RUNNING),
            Type("for later"),
            See("for later"),
            Shot("working-draft", working(draft="for later")),
            Keys("Tab"),
            See("Queued"),
            Shot("working-queued", working()),
            Release(),
            See("word word"),
            Pause(0.5),
            Shot("working-streaming", working()),
        ),
        steps=(Step(text="word " * 400, chunk=5, pause=0.05, hold=60),),
        argv=PLAIN,
    ),
    Scene(
        "interrupt",
        (
            See(READY),
            Submit("go on"),
            See("word word"),
            Keys("Escape"),
            Shot("interrupted", idle(), see="interrupted", still=1.0),
            Script((Step(hold=60, text="late"),)),
            Submit("and this"),
            See(RUNNING),
            Keys("Escape"),
            Shot("interrupted-early", idle(), gone=RUNNING, still=1.0),
        ),
        steps=(SLOW,),
        argv=PLAIN,
    ),
    Scene(
        "command",
        (
            See(READY),
            Submit("make it"),
            See(ASKED),
            Shot(
                "permission-bash",
                waiting(
                    "permission",
                    "Yes, proceed (y)",
                    "Yes, and don't ask again for commands that start with `touch made` (p)",
                    "No, and tell Codex what to do differently (esc)",
                ),
            ),
            Pause(0.7),
            Keys("1"),
            Gone(ASKED),
            Shot("working-tool", working(), see=RUNNING),
            Keys("Escape"),
            Gone(RUNNING),
            Shot("interrupted-tool", idle(), still=1.0),
        ),
        steps=(RUN, Step(text="made")),
        argv=PLAIN,
    ),
    Scene(
        "edits",
        (
            See(READY),
            Submit("write it"),
            See(ASKED),
            Shot(
                "permission-edit",
                waiting(
                    "permission",
                    "Yes, proceed (y)",
                    "Yes, and don't ask again for these files (a)",
                    "No, and tell Codex what to do differently (esc)",
                ),
            ),
            Pause(0.7),
            Keys("Escape"),
            Gone(ASKED),
            Shot("denied", idle(), still=1.0),
        ),
        steps=(PATCH, Step(text="never said")),
        argv=PLAIN,
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
            Shot("prose-working", working()),
        ),
        steps=(Step(text="well done"),),
        argv=PLAIN,
    ),
    Scene(
        "rate-limit",
        (
            See(READY),
            Submit("hello"),
            Shot("error-429", waiting("limit", composer=True, draft=""), see="429", gone=RUNNING, still=1.0),
        ),
        steps=(_refused(429),),
        argv=PLAIN,
    ),
    Scene(
        "limit",
        (
            See(READY),
            Submit("hello"),
            Shot("limit", waiting("limit", composer=True, draft=""), see="usage limit", gone=RUNNING, still=1.0),
        ),
        steps=(Step(status=429, body=LIMIT, times=0),),
        argv=PLAIN,
    ),
    Scene(
        "overloaded",
        (See(READY), Submit("hello"), Shot("error-529", idle(), see="529", gone=RUNNING, still=1.0)),
        steps=(_refused(529),),
        argv=PLAIN,
    ),
    Scene(
        "login",
        (
            See(READY),
            Submit("hello"),
            Shot("error-401", waiting("login", composer=True, draft=""), see="401", gone=RUNNING, still=1.0),
            Script(()),
            Submit("again"),
            See("^\u2022 ok"),
            Shot("error-is-over", idle(), gone=RUNNING, still=1.0),
        ),
        steps=(_refused(401),),
        argv=PLAIN,
    ),
    Scene(
        "cut",
        (See(READY), Submit("hello"), Shot("error-cut", idle(), see="disconnected", gone=RUNNING, still=1.5)),
        steps=(Step(text="half an answer", cut=True, times=0),),
        argv=PLAIN,
    ),
    Scene(
        "killed",
        (See(READY), Submit("hello"), See("word word"), Kill(), Shot("killed", ended("crash"))),
        steps=(SLOW,),
        argv=PLAIN,
        wide=False,
    ),
    Scene(
        "lost",
        (Ended(), Shot("session-lost", ended("lost-session"), still=1.0)),
        argv=(*PLAIN, "resume", "01a1f9d7-87ab-7cc0-a520-08cc83352866"),
        wide=False,
    ),
)
