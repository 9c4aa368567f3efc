"""An idle supervisor with 50 quiet agents: its share of one core over 60 s, and what it holds in memory.

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

SECONDS = 60.0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    lasting = float(next((word for word in sys.argv[1:] if word.replace(".", "").isdigit()), SECONDS))
    with fresh_home() as environ, tempfile.TemporaryDirectory() as folder:
        files = [str(team_file(Path(folder), f"t{n}", 10)) for n in range(5)]
        agentctl(["deploy", *files, "--yes"], environ)
        status = json.loads(agentctl(["daemon", "status", "--json"], environ).stdout)
        item = status["items"][0] if "items" in status else status
        pid = int(item["pid"])
        bare = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
        time.sleep(3)
        before = cpu_seconds(pid)
        time.sleep(lasting)
        used = 100 * (cpu_seconds(pid) - before) / lasting
        rows = [
            ("supervisor, 50 agents", f"{used:.2f} %", f"{resident_mb(pid):.0f} MB", "under 0.5 %, under 60 MB"),
            ("bare python", "0 %", f"{resident_mb(bare.pid):.0f} MB", ""),
        ]
        bare.communicate()
    report(f"idle over {lasting:g} s", ("what", "of a core", "resident", "goal"), rows)


if __name__ == "__main__":
    main()
