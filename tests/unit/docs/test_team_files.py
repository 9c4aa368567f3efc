"""Every whole team file that the documents show loads without a problem."""

from __future__ import annotations

import re

from agentctl.cli.team_files import programs
from agentctl.spec.load import load_team
from agentctl.spec.problems import SpecProblems


def test_every_whole_team_file_in_the_documents_loads(documents, tmp_path):
    shown, faults = 0, []
    for document in documents:
        for block in document.blocks("yaml"):
            if "\nagents:" not in f"\n{block.text}" or "version: 1" not in block.text or "extends:" in block.text:
                continue
            shown += 1
            folder = tmp_path / f"{shown}" / "teams"
            folder.mkdir(parents=True)
            for place in re.findall(r"\broot: ([\w./-]+)", block.text):
                (folder / place).mkdir(parents=True, exist_ok=True)
            path = folder / "shown.yaml"
            path.write_text(block.text)
            try:
                load_team(path, variables={}, runners=programs(), folder=folder.parent)
            except SpecProblems as found:
                faults.append(f"{document.name}:{block.line}: {found.render(False)}")
    assert faults == []
    assert shown >= 2, "the README and the quickstart show one each"
