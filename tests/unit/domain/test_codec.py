"""Specs and agents survive the way through JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from agentctl.domain.agent import Agent, AgentState, Identity
from agentctl.domain.codec import decode, encode
from agentctl.domain.names import AgentId
from agentctl.domain.team import AgentSpec, Dependency, Probe, RestartPolicy, Secret, TeamSpec

SPEC = TeamSpec(
    "shop",
    (
        AgentSpec(
            "shop",
            "api",
            "server",
            "process",
            "Shop-Api",
            0,
            "/srv",
            argv=("run", "it"),
            env={"A": "1"},
            secrets=(Secret("token", "TOKEN", "env", "TOKEN"),),
            depends_on=(Dependency("db", "started"),),
            ready=Probe("http", "http://127.0.0.1:1/", timeout=timedelta(seconds=3)),
            restart=RestartPolicy("always", most=2),
        ),
    ),
    "Task-shop",
)


def test_a_spec_comes_back_equal() -> None:
    assert decode(TeamSpec, json.loads(json.dumps(encode(SPEC)))) == SPEC


def test_an_agent_comes_back_equal() -> None:
    moment = datetime(2026, 11, 20, tzinfo=UTC)
    agent = Agent(
        AgentId("a/b"), AgentState.BACKOFF, moment, failures=(moment,), retry_at=moment, process=Identity("b", 1, 2)
    )
    assert decode(Agent, json.loads(json.dumps(encode(agent)))) == agent


def test_a_newer_release_may_add_keys_and_an_older_may_lack_them() -> None:
    data = encode(SPEC)
    data["brand_new"] = 1
    del data["description"]
    assert decode(TeamSpec, data) == SPEC


def test_what_cannot_be_guessed_is_an_error() -> None:
    with pytest.raises(ValueError, match="needs name"):
        decode(TeamSpec, {})
    with pytest.raises(ValueError, match="none of"):
        decode(Dependency, {"agent": "x", "condition": "perhaps"})


def test_the_digest_changes_with_what_needs_a_restart_and_with_nothing_else() -> None:
    agent = encode(SPEC.agents[0])
    same = {"window": "Other", "index": 4, "labels": {"a": "b"}, "grace": 9.0, "depends_on": []}
    other = {"argv": ["run"], "env": {}, "cwd": "/", "runner": "shell", "model": "x", "prompt": "y", "secrets": []}
    digest = SPEC.agents[0].digest()
    assert all(decode(AgentSpec, {**agent, key: value}).digest() == digest for key, value in same.items())
    assert all(decode(AgentSpec, {**agent, key: value}).digest() != digest for key, value in other.items())
