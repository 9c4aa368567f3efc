"""What the worker reports reaches its file whole and in order, even when the disk is full for a while."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from agentctl.runners.worker.reports import Reports


def test_a_full_disk_delays_reports_and_loses_none(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from agentctl.runners.worker.reports import Reports
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
reports = Reports(Path(sys.argv[1]), 3)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
assert not all([reports.send("answered", message=f"m{n}", code=n, seconds=0.5) for n in range(6)])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert reports.send("idle")
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=20)
    found = []
    for line in (tmp_path / "signals" / "3.jsonl").read_text().splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            assert not found or found[-1]["kind"] == "answered"  # the half line at which the disk was full
    assert [report.get("code") for report in found] == [0, 1, 2, 3, 4, 5, None]


def test_each_generation_has_a_file_of_its_own_that_only_its_owner_reads(tmp_path: Path) -> None:
    for generation in (1, 2):
        assert Reports(tmp_path, generation).send("ready")
    for generation in (1, 2):
        path = tmp_path / "signals" / f"{generation}.jsonl"
        assert path.read_text() == '{"kind":"ready"}\n'
        assert path.stat().st_mode & 0o777 == 0o600
