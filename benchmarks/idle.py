"""An idle supervisor with 50 quiet agents, plain and coding: its share of one core over 60 s, and what it holds.

The floor named beside it is an idle Python process that has imported nothing: its resident size. CPU is the process's
own clock from /proc, so other load on the machine does not count.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import agentctl, fresh_home, report, team_file

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.acceptance.fake import FakeStage

SECONDS = 60.0

SCHEDULES = "schedules:\n" + "".join(
    f"  s{number}: {{cron: '0 {number} 1 1 *', commit: true, agents: [{', '.join(f'a{n}' for n in range(10))}]}}\n"
    for number in range(2)
)
"""Two for each of ten agents, none of them due."""


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def watch(environ: dict[str, str], files: list[str], lasting: float) -> tuple[float, float]:
    """Deploy *files*; return the supervisor's share of a core in percent over *lasting* quiet seconds, and its MB."""
    agentctl(["deploy", *files, "--yes", "--timeout", "2m"], environ)
    status = json.loads(agentctl(["daemon", "status", "--json"], environ).stdout)
    item = status["items"][0] if "items" in status else status
    pid = int(item["pid"])
    time.sleep(5)
    before = cpu_seconds(pid)
    time.sleep(lasting)
    return 100 * (cpu_seconds(pid) - before) / lasting, resident_mb(pid)


def processes(lasting: float, schedules: str = "") -> tuple[float, float]:
    with fresh_home() as environ, tempfile.TemporaryDirectory() as folder:
        files = [team_file(Path(folder), f"t{n}", 10) for n in range(5)]
        for file in files:
            file.write_text(file.read_text() + schedules)
        return watch(environ, list(map(str, files)), lasting)


def coding_agents(lasting: float) -> tuple[float, float]:
    """Watch agents whose screens and signals are read: the fake ones of the acceptance tests, idle."""
    with fresh_home() as environ, tempfile.TemporaryDirectory() as folder:
        stage = FakeStage(Path(folder))
        environ |= {"PATH": stage.env()["PATH"], "XDG_CONFIG_HOME": str(stage.folder / "config")}
        files = []
        for n in range(5):
            team = {"version": 1, "name": f"c{n}", "agents": {f"a{m}": stage.fake() for m in range(10)}}
            files.append(str(stage.work / f"c{n}.yaml"))
            Path(files[-1]).write_text(json.dumps(team))
        return watch(environ, files, lasting)


def main() -> None:
    lasting = float(next((word for word in sys.argv[1:] if word.replace(".", "").isdigit()), SECONDS))
    bare = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    rows = []
    for what, (used, held), goal in (
        ("supervisor, 50 agents", processes(lasting), "under 0.5 %, under 60 MB"),
        ("the same, 100 schedules", processes(lasting, SCHEDULES), "no more than without them"),
        ("supervisor, 50 coding agents", coding_agents(lasting), "under 1 %, under 60 MB"),
    ):
        rows.append((what, f"{used:.2f} %", f"{held:.0f} MB", goal))
    rows.append(("bare python", "0 %", f"{resident_mb(bare.pid):.0f} MB", ""))
    bare.communicate()
    report(f"idle over {lasting:g} s", ("what", "of a core", "resident", "goal"), rows)


if __name__ == "__main__":
    main()
