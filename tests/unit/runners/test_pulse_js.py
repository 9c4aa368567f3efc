"""The plugins keep the pulse as the hook does: calls go on one after the other, a pulse apart, and none hangs by it."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agentctl.runners.pulse import begin
from agentctl.runners.runner import SHIPPED

PULSE = 0.3
LATE = 3.0
"""Seconds that a call may come later than it has to, on a machine that has much else to do."""


@functools.cache
def node_version() -> tuple[int, int]:
    """The machine's node; (0, 0) where there is none."""
    if (node := shutil.which("node")) is None:
        return 0, 0
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    match = re.match(r"v(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


needs_modules = pytest.mark.skipif(
    node_version() < (20, 19) or (21, 0) <= node_version() < (22, 7),
    reason="a node that tells modules by their words is needed",
)
needs_types = pytest.mark.skipif(node_version() < (22, 18), reason="a node that reads TypeScript is needed")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "signals").mkdir()
    begin(tmp_path, timedelta(seconds=PULSE))
    return tmp_path


def play(run: Path, script: str) -> Any:
    """Run *script*, a module that knows the folder of the runners as `shipped`; return what it prints as JSON."""
    node = shutil.which("node") or ""
    env = {"AGENTCTL_RUN": str(run), "AGENTCTL_GENERATION": "3", "PATH": str(Path(node).parent)}
    whole = f"const shipped = {json.dumps(SHIPPED.as_uri())}\n{script}"
    argv = [node, "--no-warnings", "--input-type=module", "-e", whole]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def signals(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "signals" / "3.jsonl").read_text().splitlines()]


HOLD = """
const { hold } = await import(`${shipped}/pulse.js`)
const begun = performance.now()
const calls = async (count, isOver) => {
  const one = async () => ({ ...(await hold(isOver)), at: (performance.now() - begun) / 1000 })
  return Promise.all(Array.from({ length: count }, one))
}
"""


@needs_modules
def test_calls_that_come_at_once_go_on_a_pulse_apart(run: Path) -> None:
    told = play(run, HOLD + "console.log(JSON.stringify(await calls(4)))")
    assert [one["at"] >= PULSE * place for place, one in enumerate(told)] == [True] * 4
    assert told[3]["at"] < 3 * PULSE + LATE
    assert told[0]["waited_ms"] < 1000 * PULSE / 2  # it has not to wait, but for a core
    assert told[0]["since_ms"] is None
    assert all(one["since_ms"] >= 1000 * PULSE for one in told[1:])
    assert all(one["waited_ms"] >= 1000 * PULSE * place for place, one in enumerate(told))


@needs_modules
def test_who_comes_late_enough_does_not_wait(run: Path) -> None:
    pause = f"await calls(1); await new Promise((wake) => setTimeout(wake, {1000 * PULSE + 50}));"
    (told,) = play(run, HOLD + pause + "console.log(JSON.stringify(await calls(1)))")
    assert told["waited_ms"] < 1000 * PULSE
    assert told["since_ms"] >= 1000 * PULSE


@needs_modules
@pytest.mark.parametrize("name", ["gap.", "gap.x", "gap.0300", "gap.-1", "gap.99999999", "gap"])
def test_a_pulse_that_is_none_holds_nothing(run: Path, name: str) -> None:
    (run / "pulse" / "gap.300").rename(run / "pulse" / name)
    told = play(run, HOLD + "console.log(JSON.stringify(await calls(3)))")
    assert [set(one) for one in told] == [{"at"}] * 3


@needs_modules
def test_without_its_folder_no_call_waits(run: Path) -> None:
    (run / "pulse").rename(run / "away")
    told = play(run, HOLD + "console.log(JSON.stringify(await calls(3)))")
    assert [set(one) for one in told] == [{"at"}] * 3


@needs_modules
def test_a_pulse_is_read_anew_for_each_call(run: Path) -> None:
    begin(run, timedelta(seconds=60))
    change = """
    await calls(1)
    const fs = await import("node:fs")
    fs.renameSync(`${process.env.AGENTCTL_RUN}/pulse/gap.60000`, `${process.env.AGENTCTL_RUN}/pulse/gap.0`)
    """
    (told,) = play(run, HOLD + change + "console.log(JSON.stringify(await calls(1)))")
    assert told["at"] < LATE


@needs_modules
def test_a_call_that_nobody_wants_any_more_takes_no_turn(run: Path) -> None:
    begin(run, timedelta(seconds=20))
    script = """
    let over = false
    await calls(1)
    setTimeout(() => { over = true }, 100)
    console.log(JSON.stringify(await calls(3, () => over)))
    """
    told = play(run, HOLD + script)
    assert [set(one) for one in told] == [{"at"}] * 3
    assert max(one["at"] for one in told) < LATE


OPENCODE = """
const { AgentctlSignals } = await import(`${shipped}/opencode.js`)
const plugin = await AgentctlSignals()
const waits = plugin["tool.execute.before"]
const before = (sessionID, callID, tool = "bash") => waits({ sessionID, callID, tool }, { args: {} })
const happens = (type, properties) => plugin.event({ event: { type, properties } })
"""


@needs_modules
def test_opencode_tells_each_call_of_when_it_goes_on_those_of_its_sub_agents_too(run: Path) -> None:
    script = """
    await happens("session.created", { info: { id: "sub", parentID: "main" } })
    await Promise.all([before("main", "1"), before("sub", "2"), before("main", "3", "question")])
    console.log("null")
    """
    play(run, OPENCODE + script)
    told = signals(run)
    assert [one["kind"] for one in told] == ["tool.begin", "pulse", "pulse"]
    assert [one["payload"]["session_id"] for one in told] == ["main"] * 3
    assert told[0]["since_ms"] is None
    assert all(one["since_ms"] >= 1000 * PULSE for one in told[1:])


@needs_modules
def test_opencode_runs_no_tool_whose_turn_was_broken_off_while_it_was_held(run: Path) -> None:
    begin(run, timedelta(seconds=20))
    script = """
    await before("main", "1")
    const held = before("main", "2").then(() => "it runs", (error) => error.message)
    await happens("session.status", { sessionID: "main", status: { type: "idle" } })
    console.log(JSON.stringify(await held))
    """
    assert play(run, OPENCODE + script) == "its turn was broken off before it began"
    assert [one["payload"].get("id") for one in signals(run) if one["kind"] == "tool.begin"] == ["1"]


@needs_modules
def test_opencode_of_another_release_runs_its_tools(run: Path) -> None:
    script = """
    const call = plugin["tool.execute.before"]
    await Promise.all([call(), call(undefined, {}), call({}), call({ sessionID: 1 })])
    console.log("null")
    """
    begin(run, timedelta(0))
    play(run, OPENCODE + script)


PI = """
const on = {}
const { default: extend } = await import(`${shipped}/pi.ts`)
extend({ on: (event, act) => { on[event] = act } })
const context = { sessionManager: { getSessionId: () => "one" } }
"""


@needs_types
def test_pi_tells_each_call_of_when_it_goes_on(run: Path) -> None:
    script = """
    const said = []
    for (const toolName of ["bash", "read"]) said.push(await on.tool_call({ toolName }, context) ?? "nothing")
    console.log(JSON.stringify(said))
    """
    assert play(run, PI + script) == ["nothing"] * 2, "any answer of ours might forbid it"
    first, second = signals(run)
    assert (first["kind"], first["since_ms"]) == ("tool", None)
    assert first["payload"] == {"session": "one", "name": "bash"}
    assert second["since_ms"] >= 1000 * PULSE


@needs_types
def test_pi_is_held_up_by_no_call_that_was_broken_off_and_by_no_fault_of_ours(run: Path) -> None:
    begin(run, timedelta(seconds=20))
    script = """
    const stop = new AbortController()
    const stale = { get signal() { throw new Error("stale") } }
    await on.tool_call({ toolName: "bash" }, context)
    setTimeout(() => stop.abort(), 100)
    const broken = { ...context, signal: stop.signal }
    await Promise.all([on.tool_call({ toolName: "read" }, broken), on.tool_call({}, stale)])
    console.log("null")
    """
    play(run, PI + script)
    assert [one["payload"]["name"] for one in signals(run)] == ["bash"]
