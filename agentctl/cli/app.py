"""The table of commands: the only place where they are registered. Light to import: no command is, until it runs."""

from __future__ import annotations

PANELS = ("Start", "Watch", "Steer", "Keep", "Limit", "Talk", "Learn", "Run it", "Care", "Danger")


class Row:
    """One command: where its code is and what its help says in one line."""

    __slots__ = ("alias_of", "code", "examples", "name", "panel", "summary", "takes")

    def __init__(  # noqa: PLR0917  a row of a table: the columns stand in its order
        self,
        name: str,
        panel: str,
        code: str,
        summary: str,
        examples: tuple[str, ...] = (),
        takes: str = "",
        alias_of: str = "",
    ) -> None:
        """Describe the command *name*; a second word in it makes it a command of a group.

        *code* is `module:function` below `agentctl.cli`; a module alone is a light command with a `SHAPE` and a `run`.
        *takes* is what its words complete to: agents, selectors, teams, files, or a list with bars between.
        """
        self.name = name
        self.panel = panel
        self.code = code
        self.summary = summary
        self.examples = examples
        self.takes = takes
        self.alias_of = alias_of

    @property
    def light(self) -> bool:
        """Tell whether it runs without typer."""
        return ":" not in self.code


GROUPS = {
    "checkpoint": ("Keep", "List what was kept of agents' folders; show, compare and give it back."),
    "limits": ("Limit", "List limits and budgets; set them while agents run, or take that back."),
    "messages": ("Talk", "List messages; show one, retry or drop some."),
    "cron": ("Keep", "Let the system's cron call agentctl tick."),
    "daemon": ("Run it", "Start, stop and look at the supervisor."),
    "runner": ("Run it", "Show which programs agents can be."),
    "audit": ("Learn", "Check that the event log is what was written."),
    "config": ("Care", "Show and edit settings."),
    "notify": ("Care", "Try the ways by which you are told of your agents."),
    "tmux": ("Care", "Set your own tmux up to show who waits for you."),
}

COMMANDS = (
    Row(
        "init", "Start", "init:init", "Write a first team file, and its schema for editors.",
        ("agentctl init", "agentctl init --template fullstack --name shop"),
    ),
    Row(
        "validate", "Start", "validate:validate", "Check team files and show every problem at once.",
        ("agentctl validate", "agentctl validate teams/frontend.yaml --resolved"), "files",
    ),
    Row(
        "plan", "Start", "plan:plan", "Show what deploy would do, and do nothing.",
        ("agentctl plan frontend", "agentctl plan teams/*.yaml --detailed-exitcode"), "files",
    ),
    Row(
        "deploy", "Start", "deploy:deploy", "Bring teams up, or change only what differs.",
        ("agentctl deploy frontend backend", "agentctl deploy teams/frontend.yaml --timeout 5m",
         "agentctl deploy --dry-run frontend"),
        "files",
    ),
    Row("up", "Start", "deploy:deploy", "The same as deploy.", takes="files", alias_of="deploy"),
    Row(
        "ps", "Watch", "ps", "Show agents, those that need you first.",
        ("agentctl ps", "agentctl ps frontend -w", "agentctl ps @fatal --json"), "selectors",
    ),
    Row("ls", "Watch", "ps", "The same as ps.", takes="selectors", alias_of="ps"),
    Row(
        "monitor", "Watch", "monitor", "Show what agents take of the machine, as it changes.",
        ("agentctl monitor", "agentctl monitor frontend --interval 5s", "agentctl monitor --once --json"), "selectors",
    ),
    Row(
        "status", "Watch", "status:status", "Show how far agents are, by their own reports.",
        ("agentctl status", "agentctl status frontend -o wide", "agentctl status frontend --json"), "selectors",
    ),
    Row(
        "attach", "Watch", "attach:attach", "Go to an agent's window; prefix-d brings you back.",
        ("agentctl attach frontend/pm", "agentctl attach frontend --read-only", "agentctl attach frontend/pm --print"),
        "selectors",
    ),
    Row(
        "next", "Watch", "next:next_", "Go to the agent that has waited for you the longest.",
        ("agentctl next", "agentctl next frontend --read-only", "agentctl next --print"),
        "selectors",
    ),
    Row(
        "peek", "Watch", "peek:peek", "Show an agent's screen without going there.",
        ("agentctl peek frontend/pm", "agentctl peek frontend/server -n 200"), "agents",
    ),
    Row(
        "why", "Watch", "why:why", "Tell what an agent does, and how that is known.",
        ("agentctl why frontend/dev", "agentctl why frontend/dev --json"), "agents",
    ),
    Row(
        "logs", "Watch", "logs:logs", "Show what agents wrote.",
        ("agentctl logs frontend -f", "agentctl logs '*/server' -n 50 --grep ERROR"), "selectors",
    ),
    Row(
        "events", "Learn", "events:events", "Show what happened, as the log keeps it.",
        ("agentctl events -f", "agentctl events --since 10m --type AgentExited",
         "agentctl events frontend/pm -n 5"),
    ),
    Row(
        "stop", "Steer", "stop:stop", "Stop agents or teams: asked to end, then made to.",
        ("agentctl stop frontend", "agentctl stop frontend/server --grace 10s"), "selectors",
    ),
    Row(
        "restart", "Steer", "restart:restart", "Stop agents and start them again.",
        ("agentctl restart frontend/server", "agentctl restart @fatal", "agentctl restart frontend/dev --new"),
        "selectors",
    ),
    Row(
        "commit", "Keep", "commit:commit", "Keep what agents' folders hold, beside your own branches.",
        ("agentctl commit", "agentctl commit --now", "agentctl commit frontend/dev --now --json"), "selectors",
    ),
    Row(
        "checkpoint ls", "Keep", "checkpoint:ls", "List checkpoints, the newest first.",
        ("agentctl checkpoint ls", "agentctl checkpoint ls frontend/dev -n 5"), "selectors",
    ),
    Row(
        "checkpoint show", "Keep", "checkpoint:show", "Show one checkpoint: its message and files.",
        ("agentctl checkpoint show frontend/dev", "agentctl checkpoint show frontend/dev 1f2e3d4"), "agents",
    ),
    Row(
        "checkpoint diff", "Keep", "checkpoint:diff", "Show what has changed since a checkpoint.",
        ("agentctl checkpoint diff frontend/dev", "agentctl checkpoint diff frontend/dev 1f2e3d4 5a6b7c8"), "agents",
    ),
    Row(
        "checkpoint restore", "Keep", "checkpoint:restore", "Give files of a checkpoint back.",
        ("agentctl checkpoint restore frontend/dev 1f2e3d4 src/cart.py",
         "agentctl checkpoint restore frontend/dev --into ~/rescued"),
        "agents",
    ),
    Row(
        "schedules", "Keep", "schedules:ls", "List what is done by time, and when next.",
        ("agentctl schedules", "agentctl schedules frontend --json"), "selectors",
    ),
    Row("cron install", "Keep", "cron:install", "Write agentctl tick into your crontab.",
        ("agentctl cron install", "agentctl cron install --every 5m -y")),
    Row("cron show", "Keep", "cron:show", "Show what is in your crontab, and when it ran.",
        ("agentctl cron show --json",)),
    Row("cron remove", "Keep", "cron:remove", "Take agentctl tick out of your crontab.", ("agentctl cron remove",)),
    Row(
        "pause", "Limit", "pausing:pause", "Have agents stand still; their messages wait.",
        ("agentctl pause frontend/dev", "agentctl pause frontend"), "selectors",
    ),
    Row(
        "resume", "Limit", "pausing:resume", "Let paused agents go on.",
        ("agentctl resume frontend/dev", "agentctl resume @paused"), "selectors",
    ),
    Row(
        "limits", "Limit", "limits:ls", "List limits and budgets, and how far they are used up.",
        ("agentctl limits", "agentctl limits frontend --json",
         "agentctl limits set frontend/dev --cpu 40% --memory 1GiB --tokens 2M", "agentctl limits reset frontend"),
        "selectors",
    ),
    Row("limits ls", "Limit", "limits:ls", "The same as limits.", takes="selectors", alias_of="limits"),
    Row(
        "limits set", "Limit", "limits:set_", "Set limits and budgets of agents while they run.",
        ("agentctl limits set frontend/dev --cpu 40% --pulse 5s", "agentctl limits set frontend --tokens 2M --usd 10",
         "agentctl limits set frontend/dev --memory none"),
        "selectors",
    ),
    Row(
        "limits reset", "Limit", "limits:reset", "Let the limits and budgets of the team file hold again.",
        ("agentctl limits reset frontend",), "selectors",
    ),
    Row(
        "send", "Talk", "send", "Hand an agent a message, or press keys in its window.",
        ("agentctl send frontend/pm 'Review the open branches'", "git diff | agentctl send frontend/dev -",
         "agentctl send frontend/dev --wait 10m 'Run the tests'", "agentctl send frontend/dev --raw /compact",
         "agentctl send person 'May I delete the old branch?'", "agentctl send frontend/dev --keys C-c,Enter"),
        "agents",
    ),
    Row(
        "answer", "Talk", "answer:answer", "Answer what an agent asks; without a choice, show it.",
        ("agentctl answer frontend/dev", "agentctl answer frontend/dev 1",
         "agentctl answer frontend/dev 'Yes, always'"),
        "agents",
    ),
    Row(
        "approve", "Talk", "answer:approve", "Say yes to what an agent asks.",
        ("agentctl approve frontend/dev", "agentctl approve @waiting --all"), "selectors",
    ),
    Row(
        "deny", "Talk", "answer:deny", "Say no to what an agent asks.",
        ("agentctl deny frontend/dev", "agentctl deny frontend/dev --reason 'Use the package that is there'"), "agents",
    ),
    Row(
        "inbox", "Talk", "inbox", "Show what waits for you, and take it.",
        ("agentctl inbox", "agentctl inbox --keep"),
    ),
    Row(
        "messages", "Talk", "messages:ls", "List messages and how far each came.",
        ("agentctl messages", "agentctl messages frontend --state held,unseen,dead", "agentctl messages show 1c9e04ab",
         "agentctl messages retry 1c9e04ab", "agentctl messages drop 1c9e04ab"),
        "selectors",
    ),
    Row("messages show", "Talk", "messages:show", "Show one message, whole, and what became of it.",
        ("agentctl messages show 1c9e04ab",)),
    Row("messages retry", "Talk", "messages:retry", "Queue dead or unseen messages again.",
        ("agentctl messages retry 1c9e04ab 5d20aa17",)),
    Row("messages drop", "Talk", "messages:drop", "Give messages up that wait or were not seen.",
        ("agentctl messages drop 1c9e04ab",)),
    Row(
        "reports", "Talk", "reports:ls", "List what agents answered to check-ins.",
        ("agentctl reports frontend/dev -n 5", "agentctl reports --json"), "selectors",
    ),
    Row(
        "audit verify", "Learn", "audit:verify", "Check the hash chain of the whole event log.",
        ("agentctl audit verify",),
    ),
    Row("daemon start", "Run it", "daemon:start", "Start the supervisor.", ("agentctl daemon start",)),
    Row("daemon stop", "Run it", "daemon:stop", "End the supervisor; agents run on.", ("agentctl daemon stop",)),
    Row("daemon status", "Run it", "daemon:status", "Tell whether the supervisor runs, where, and since when.",
        ("agentctl daemon status --json",)),
    Row("daemon logs", "Run it", "daemon:logs", "Show the supervisor's own log.", ("agentctl daemon logs -f",)),
    Row("daemon install", "Run it", "daemon:install", "Let the system start the supervisor when you log in.",
        ("agentctl daemon install --print", "agentctl daemon install")),
    Row("tick", "Run it", "tick:tick", "Do what is due by time; cron calls this.",
        ("agentctl tick", "agentctl tick --verbose")),
    Row("runner ls", "Run it", "runner:ls", "List the programs that agents can be, and which are here.",
        ("agentctl runner ls",)),
    Row("runner show", "Run it", "runner:show", "Show how one runner starts, is read and is spoken to.",
        ("agentctl runner show shell",)),
    Row("runner check", "Run it", "runner_check:check", "Check which programs are here, and what works.",
        ("agentctl runner check", "agentctl runner check claude --json")),
    Row("runner explain", "Run it", "runner_explain:explain", "Explain what is read from a captured screen.",
        ("agentctl runner explain screen.ansi --runner claude",
         "tmux capture-pane -p -e | agentctl runner explain - --runner codex"), "files"),
    Row("doctor", "Care", "doctor:doctor", "Check that what agentctl needs is there and sound.",
        ("agentctl doctor", "agentctl doctor -o json")),
    Row("config show", "Care", "config:show", "Show the settings in force.", ("agentctl config show --origin",)),
    Row("config get", "Care", "config:get", "Print one setting.", ("agentctl config get deploy.timeout",)),
    Row("config path", "Care", "config:path", "Show where settings are read from.", ("agentctl config path",)),
    Row("config edit", "Care", "config:edit", "Open the settings file in your editor.",
        ("agentctl config edit --user",)),
    Row("notify test", "Care", "notify:try_out", "Try each way by which you are told of your agents.",
        ("agentctl notify test", "agentctl notify test desktop slack:#shop"), "bell|desktop|webhook|slack"),
    Row("tmux setup", "Care", "tmux:setup", "Print what shows in your own tmux who waits for you.",
        ("agentctl tmux setup",)),
    Row("schema", "Care", "schema:schema", "Print the JSON Schema of team files, for editors.",
        ("agentctl schema > .agentctl/team.schema.json",)),
    Row("completion", "Care", "completion:completion", "Print the completion script for a shell.",
        ('eval "$(agentctl completion bash)"', "agentctl completion fish > ~/.config/fish/completions/agentctl.fish"),
        "bash|zsh|fish"),
    Row("version", "Care", "version", "Print the version."),
    Row("stop-all", "Danger", "stop_all:stop_all", "Stop every agent of every team.",
        ("agentctl stop-all", "agentctl stop-all -y --grace 2s")),
    Row("reset", "Danger", "reset:reset", "Stop a team and forget it; its history stays.",
        ("agentctl reset frontend", "agentctl reset frontend --confirm=frontend"), "teams"),
    Row(
        "emergency-cleanup", "Danger", "emergency_cleanup:emergency_cleanup",
        "End all that is marked as ours, without supervisor.",
        ("agentctl emergency-cleanup --dry-run", "agentctl emergency-cleanup -y"),
    ),
)  # fmt: skip

BY_NAME = {row.name: row for row in COMMANDS}
