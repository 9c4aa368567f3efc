"""The format of workflows in a team file: steps that need each other."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from agentctl.spec.kinds import Count, Duration, Flag, Line, Model, Name, PlainValue, Texts, key


class Input(Model):
    """A value that a run of the workflow is given."""

    type: Literal["string", "path", "number", "boolean", "json"] | None = key("Its type. Default `string`.")
    required: Flag | None = key("Whether a run needs it. Default `false`.")
    default: PlainValue | None = key("Its value where none is given.")
    description: Line | None = key("One line for people.")


class Retry(Model):
    """How often a failed step is tried again."""

    max: Count = Field(description="At most so many times.", ge=0, le=100)
    backoff: Duration | None = key("The wait before the first; it doubles.")


class Consensus(Model):
    """A question that several agents answer."""

    agents: list[Name] = Field(description="Who is asked.", min_length=1)
    rule: Line = Field(
        description="How many must agree: `all`, `any`, `majority` or `2 of 3`.",
        pattern=r"^(all|any|majority|[1-9][0-9]? of [1-9][0-9]?)$",
    )
    options: list[Line] | None = key("What they can choose from.", min_length=2)


class Step(Model):
    """One step: exactly one of `task`, `run`, `approve`, `consensus` and `workflow`."""

    one_of: ClassVar[tuple[tuple[str, ...], ...]] = (("task", "run", "approve", "consensus", "workflow"),)

    task: str | None = key("Work for an agent: text, or the path of a `.md` or `.j2` file.")
    run: Texts | None = key("A program to run.")
    shell: Flag | None = key("Hand `run` to `/bin/sh`. Default `false`.")
    approve: Line | None = key("A question to a person.")
    consensus: Consensus | None = key("A question to several agents.")
    workflow: Line | None = key("Another workflow: `name`, or `team/name`.")
    agent: Name | None = key("The agent that does the task.")
    capability: Name | None = key("Any agent that can do this.")
    needs: list[Name] | None = key("Steps that must be done first.")
    for_each: str | None = key("One task for each item of this expression.")
    if_: str | None = key("Only if this expression is true.", alias="if")
    until: str | None = key("Again until this expression is true.")
    max_rounds: Count | None = key("At most so many rounds.", ge=1, le=1000)
    inputs: dict[Name, PlainValue] | None = key("Inputs of the other workflow.")
    outputs: dict[Name, Literal["string", "path", "number", "boolean", "json"]] | None = key("Values the step gives.")
    timeout: Duration | None = key("How long it may take.")
    retry: Retry | None = key("How often it is tried again.")
    on_failure: Literal["fail", "continue", "rollback"] | None = key("What a failure does. Default `fail`.")
    checkpoint: Flag | None = key("Keep a state to go back to. Default `false`.")


class Workflow(Model):
    """Steps that need each other."""

    description: Line | None = key("One line for people.")
    inputs: dict[Name, Input] | None = key("Values that a run is given.")
    max_parallel: Count | None = key("At most so many steps at once.", ge=1)
    timeout: Duration | None = key("How long a run may take.")
    steps: dict[Name, Step] = Field(description="The steps by name.", min_length=1)
