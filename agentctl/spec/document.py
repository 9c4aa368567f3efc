"""The team file's format: every key, its type, what it means. The reference page and the JSON Schema are made of this.

`null` takes away what a base, the defaults or a role said, so every setting may be absent; the defaults are written in
the descriptions and applied in `agentctl.spec.agents`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from agentctl.spec.kinds import (
    Amount,
    Count,
    Duration,
    DurationOrNone,
    EnvName,
    Flag,
    Line,
    Model,
    Name,
    OrFalse,
    PlainValue,
    ProcessCount,
    QuietHours,
    Share,
    Short,
    Size,
    Texts,
    TokenCount,
    Way,
    WindowName,
    key,
)
from agentctl.spec.schedule import SHORT_EVERY, CheckIn, Commit, Schedule, short_every
from agentctl.spec.workflow import Workflow


def _policy(value: object) -> object:
    return {"policy": value} if isinstance(value, str) else value


def _conditions(value: object) -> object:
    """Return dependencies in their long form: `[db]` and `{db: ready}` are `{db: {condition: ready}}`."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return {item: {} for item in value}
    if isinstance(value, dict):
        return {name: {"condition": item} if isinstance(item, str) else item for name, item in value.items()}
    return value


class Backoff(Model):
    """The wait before an agent is started again."""

    initial: Duration | None = key("The first wait. Default `1s`.")
    factor: Amount | None = key("Each further wait is this many times the last. Default `2`.", ge=1, le=100)
    max: Duration | None = key("The longest wait. Default `5m`.")
    jitter: Flag | None = key("Spread the waits a little, so that agents do not start at once. Default `true`.")


class Restart(Model):
    """What happens when an agent ends by itself."""

    policy: Literal["never", "on-failure", "always"] | None = key("When to start it again. Default `on-failure`.")
    max_restarts: Count | None = key("More failures than this within `window` and a person is told. Default `5`.", ge=0)
    window: Duration | None = key("The time in which failures are counted. Default `1h`.")
    backoff: Backoff | None = key("The wait before each start.")
    well_after: Duration | None = key("Running this long wipes the count of failures. Default `10m`.")
    closed: Literal["leave", "restart"] | None = key("What to do when a person closes its window. Default `leave`.")


class Limits(Model):
    """What an agent's whole process tree may take."""

    cpu: Share | None = key("Share of one core; `none` is no limit. Default `50%`.")
    memory: Size | None = key("Memory; `none` is no limit. Default `512MiB`, or what its program needs at least.")
    pulse: Duration | None = key(
        "Least time between two messages to the agent, and between two of its tool calls. "
        "Default `2s`, for shell and process none."
    )
    processes: ProcessCount | None = key(
        "Processes at a time; one that starts more, as a fork bomb does, is ended at once. `none` is no limit. "
        "Default `512`."
    )
    on_exceed: Literal["throttle", "warn", "restart", "stop"] | None = key(
        "How far to go where it takes more memory than it may: `warn` it, then `throttle` its CPU, then `restart` it "
        "with its conversation; `stop` ends it in the place of that. Default `restart`."
    )


class Ready(Model):
    """How to see that an agent is ready: exactly one of `http`, `tcp`, `command` and `log`."""

    http: Line | None = key("A URL that answers with a status below 400.")
    tcp: Line | None = key("A `host:port` that takes a connection.")
    command: Texts | None = key("A program that exits with 0: a list, or a line without shell signs.")
    shell: Flag | None = key("Hand `command` to `/bin/sh`. Default `false`.")
    log: Line | None = key("A regular expression that matches a line of its output.")
    every: Duration | None = key("Time between two questions. Default `1s`; for health `10s`.")
    timeout: Duration | None = key(
        "How long to keep asking. Default `60s`; for health, how long one answer may take, `5s`."
    )


class Health(Ready):
    """How to see that an agent is well: the keys of `ready`, of which exactly one kind, and `failures`."""

    failures: Count | None = key("This many noes in a row make it unhealthy. Default `3`.", ge=1)


class Condition(Model):
    """How far another agent must have come."""

    condition: Literal["started", "ready"] = Field("ready", description="How far it must have come.")


class Budget(Model):
    """What an agent may use up before it is paused: its turn is finished, and nothing more is handed to it."""

    tokens: TokenCount | None = key("Tokens, those from the cache too: `2000000`, or `2M`.")
    usd: Amount | None = key("Money, in US dollars; estimated where its program tells none.")
    time: Duration | None = key("Working time: what it spends idle or waiting does not count.")


class Tools(Model):
    """Which of its own tools an agent may use, in the words of its runner."""

    allow: list[Line] | None = key("Tools that need no question.")
    deny: list[Line] | None = key("Tools that are refused.")


class Scale(Model):
    """How many of an agent there may be."""

    min: Count | None = key("At least so many.", ge=0)
    max: Count | None = key("At most so many.", ge=1, le=100)
    queue_per_agent: Count | None = key("One more agent for each so many waiting tasks.", ge=1)


class Dialogs(Model):
    """What to do with what a program asks before its work begins; `ask` leaves it to a person, as if not written."""

    trust: Literal["accept", "decline", "ask"] | None = key("Whether the folder it works in is to be trusted.")
    theme: Literal["accept", "decline", "ask"] | None = key("How it is to look: the choice that it offers first.")
    update: Literal["accept", "decline", "ask"] | None = key("Whether a newer version is to be installed.")


class Workspace(Model):
    """Where an agent works."""

    root: Line | None = key(
        "Folder the agent starts in, from the file's own folder; `caller` is the folder the command was given in. "
        "Default: the folder of the team file, or the one above where that is called `teams`."
    )
    isolation: Literal["none", "worktree"] | None = key(
        "`worktree`: a git worktree and branch of its own. Default `none`."
    )
    branch: Line | None = key("Name of the branch of a worktree, a template.")
    base: Line | None = key("What the branch starts from.")
    copy_: list[Line] | None = key("Ignored files to copy into a worktree.", alias="copy")
    keep: Literal["always", "if-dirty", "never"] | None = key("Whether a worktree stays when the agent ends.")
    setup: list[Line] | None = key("Commands that prepare a workspace.")


class Settings(Model):
    """What may be said for all agents, for a role, or for one agent."""

    description: Line | None = key("One line for people and for the other agents.")
    runner: Name | None = key(
        "The agent program, or `auto`: the first one installed. Default `auto`; with `command`, `process`."
    )
    model: Line | None = key("The model, in the runner's own words.")
    brief: Line | None = key(
        "Path of a file with the agent's first instructions, a template, from the file's own folder."
    )
    prompt: str | None = key("The agent's first instructions, a template; follows the brief where there are both.")
    capabilities: list[Name] | None = key(
        "What it can do, for choosing an agent for a task. At most 32.", max_length=32
    )
    labels: dict[Name, Line] | None = key("Your own marks, for selecting agents.", max_length=100)
    env: dict[EnvName, str] | None = key(
        "Environment variables with their values; templates are filled in.", max_length=200
    )
    env_pass: list[EnvName] | None = key(
        "Names of your own environment variables that are handed through.", max_length=200
    )
    secrets: list[Name] | None = key("Names of the secrets it gets.", max_length=100)
    restart: Annotated[Restart, Short(_policy, {"enum": ["never", "on-failure", "always"]}, "map or text")] | None = (
        key("What happens when it ends by itself; a policy alone will do: `restart: always`.")
    )
    grace: Duration | None = key("Time to end in before it is killed. Default `5s`.")
    ready: Ready | None = key("How to see that it is ready. Default: it is as soon as it runs.")
    health: Health | None = key("How to see that it is well.")
    limits: Limits | None = key("What its processes may take.")
    priority: Count | None = key(
        "From `1` to `9`: its part of the CPU where all want more than there is; where memory is short, the lowest is "
        "paused first, and the highest is started first. Default `5`.",
        ge=1,
        le=9,
    )
    workspace: Workspace | None = key("Where it works.")
    approve: Literal["ask", "plan", "auto-edit", "auto"] | None = key(
        "What it may do without asking: `ask` nothing that changes something, `plan` only read and plan, `auto-edit` "
        "change files, `auto` everything. Default: the program's own settings."
    )
    dialogs: Dialogs | None = key("Which questions of its program's start are answered for it. Default: none.")
    resume: Flag | None = key(
        "Whether a restart goes on with its own conversation, where its program can. Default `true`."
    )
    hang_after: DurationOrNone | None = key(
        "Working with nothing of it moving for this long counts as hung, and it is restarted; `none` is never. "
        "Default `15m`."
    )
    check_in: (
        Annotated[
            CheckIn | Literal[False],
            OrFalse(CheckIn),
            Short(short_every, SHORT_EVERY, "duration, map or `off`"),
        ]
        | None
    ) = key("How often it is asked how far it is: `15m`, or `off`. Default `15m` for coding agents, else `off`.")
    commit: (
        Annotated[
            Commit | Literal[False],
            OrFalse(Commit),
            Short(short_every, SHORT_EVERY, "duration, map or `off`"),
        ]
        | None
    ) = key("How often its work is kept in a checkpoint: `30m`, or `off`. Default `30m` for coding agents, else `off`.")
    mcp: list[Name] | None = key("Names of the MCP servers it gets.", max_length=100)
    tools: Tools | None = key("Which of its own tools it may use.")
    budget: Budget | None = key("What it may use up.")
    scale: Scale | None = key("How many of it there may be.")


class Role(Settings):
    """Settings that several agents share. `pm`, `dev` and `server` are there without being defined."""

    command: Texts | None = key("The program of a `process`: a list, or a line without shell signs.")
    shell: Flag | None = key("Hand `command` to `/bin/sh`. Default `false`.")


class Agent(Role):
    """One agent, or several alike."""

    role: Name | None = key("Its role. Default: the role that has the agent's own name, if there is one.")
    replicas: Count | None = key("How many: `ui` with 2 is `ui-1` and `ui-2`. Default `1`.", ge=1, le=100)
    window: WindowName | None = key("Name of its tmux window. Default `<Team>-<Agent>`, for example `Frontend-PM`.")
    reports_to: Name | None = key("The agent it reports to.")
    depends_on: (
        Annotated[
            dict[Name, Condition],
            Short(_conditions, {"type": "array", "items": {"type": "string"}}, "map or list"),
        ]
        | None
    ) = key("Agents that must be ready (or `started`) first: a list, or `{db: ready}`.", max_length=500)


class Secret(Model):
    """Where a value comes from that stands in no file: exactly one of `env`, `file`, `command` and `keyring`."""

    one_of: ClassVar[tuple[tuple[str, ...], ...]] = (("env", "file", "command", "keyring"),)

    env: EnvName | None = key("One of your environment variables.")
    file: Line | None = key("A file that holds the value.")
    command: list[Line] | None = key("A program that prints the value, as a list.", min_length=1)
    keyring: Line | None = key("An entry of the system's keyring.")
    as_: EnvName | None = key(
        "The variable the agent finds it in. Default: `env`, else the name in capitals.", alias="as"
    )


class McpServer(Model):
    """A tool server: exactly one of `command` and `url`."""

    one_of: ClassVar[tuple[tuple[str, ...], ...]] = (("command", "url"),)

    command: Line | None = key("The program to start.")
    args: list[str] | None = key("Its arguments.")
    env: dict[EnvName, str] | None = key("Its environment variables.")
    url: Line | None = key("Where it is reached.")
    headers: dict[Line, str] | None = key("HTTP headers to send.")


class Notice(Model):
    """When a person is told, and how."""

    on: list[Literal["waiting", "approval", "question", "message", "error", "budget", "limit", "done"]] = Field(
        description="What to tell about; `waiting` is an approval, a question and a message to you.", min_length=1
    )
    to: list[Way] = Field(
        description="`bell`, `desktop`, `webhook`, `slack`, or one of its channels, `slack:#shop`; a way that your own "
        "settings do not have is left out.",
        min_length=1,
    )
    after: Duration | None = key("Only what has stood this long. Default: your own setting, `5s`.")
    quiet: QuietHours | None = key(
        "Not between these hours, for example `22:00-07:00` or `22:00-07:00 Europe/Berlin`; approvals come all "
        "the same. Beside your own."
    )


class Document(Model):
    """A team file."""

    version: Literal[1] = Field(description="The version of this format: `1`.")
    name: Name = Field(description="The team's name; its tmux session is `Task-<name>`.")
    description: Line | None = key("One line for people and for the agents.")
    drift: Literal["repair", "leave"] | None = key(
        "What to do when a window is renamed, moved or unmarked. Default `repair`."
    )
    vars: dict[EnvName, PlainValue] | None = key("Values of your own for templates: `{{ vars.port }}`.")
    workspace: Workspace | None = key("Where all agents work.")
    defaults: Settings | None = key("Settings of all agents; a role and the agent itself come after.")
    roles: dict[Name, Role] | None = key("Roles: settings that several agents share.")
    secrets: dict[Name, Secret] | None = key("Secrets by name; values never stand in this file.")
    mcp: dict[Name, McpServer] | None = key("MCP servers by name.")
    agents: dict[Name, Agent] = Field(description="The agents, in the order of their windows.", min_length=1)
    schedules: dict[Name, Schedule] | None = key("What is done again and again, by name.", max_length=100)
    workflows: dict[Name, Workflow] | None = key("Workflows by name.")
    notify: list[Notice] | None = key("When a person is told of its agents. Default: as your own settings say.")
