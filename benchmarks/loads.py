"""The trees that are held in the benchmarks of limits: the programs of `workloads/`, and how they are started."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

_SOURCES = Path(__file__).with_name("workloads")
_PYTHON = f"{sys.executable} -I -S"


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of tree."""

    name: str
    kind: str
    """What tree.sh calls it."""
    words: tuple[str, ...] = ()
    calm: bool = False
    """It wants less than the limit on average: held well, it is not slowed down at all."""


def loads(limit: float) -> list[Load]:
    """Return the loads for *limit* percent of a core; all but the calm one want more than any limit here."""
    build = "compile" if shutil.which("gcc") and shutil.which("make") else "bytecode"
    calm = ("0.2", "1.8") if limit < 25 else ("0.5", "1.5")
    return [
        Load("spinner", "spinner"),
        Load("four", "four"),
        Load("storm", "storm"),
        Load("bursty", "bursty", ("0.9", "0.3")),
        Load("calm", "bursty", calm, calm=True),
        Load(f"build ({'gcc -j2' if build == 'compile' else 'compileall -j2'})", build),
    ]


class Workshop:
    """Where the programs are made, in C where there is a compiler."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._commands = {name: self._make(name) for name in ("spin", "beat", "burst")}

    def program(self, name: str) -> str:
        """Return the command of one of the programs: spin, beat or burst."""
        return self._commands[name]

    def command(self, folder: Path, load: Load) -> list[str]:
        """Return the command of *load*, which writes down in *folder*; what it needs there is made."""
        if load.kind == "compile":
            _write_sources(folder / "build")
        if load.kind == "bytecode":
            shutil.copytree(
                sysconfig.get_path("stdlib"), folder / "build", ignore=shutil.ignore_patterns("site-packages")
            )
        programs = [f"{name.upper()}={command}" for name, command in self._commands.items()]
        start = ["env", f"PYTHON={_PYTHON}", *programs, "sh", str(_SOURCES / "tree.sh")]
        return [*start, str(folder), load.kind, *load.words]

    def _make(self, name: str) -> str:
        made, source = self._folder / name, _SOURCES / f"{name}.c"
        if shutil.which("gcc"):
            subprocess.run(["gcc", "-O2", "-o", str(made), str(source)], check=True)
            return str(made)
        return f"{_PYTHON} {_SOURCES / name}.py"


_FILES, _FUNCTIONS = 8, 60


def _write_sources(folder: Path) -> None:
    """Write a program of some files; each takes a compiler a good part of a second."""
    folder.mkdir()
    names = [f"part{number}" for number in range(_FILES)]
    for name in names:
        (folder / f"{name}.c").write_text("".join(_function(f"{name}_{number}") for number in range(_FUNCTIONS)))
    objects = " ".join(f"{name}.o" for name in names)
    (folder / "Makefile").write_text(f"all: {objects}\n%.o: %.c\n\tgcc -O2 -c -o $@ $<\nclean:\n\trm -f *.o\n")


def _function(name: str) -> str:
    return (
        f"double {name}(const double *a, double *b, int n) {{\n"
        "  double s = 0;\n"
        "  for (int i = 1; i < n - 1; i++) {\n"
        "    b[i] = a[i - 1] * 0.25 + a[i] * 0.5 + a[i + 1] * 0.25;\n"
        "    switch (i % 7) { case 0: s += b[i]; break; case 3: s -= a[i]; break; case 5: s *= 0.5; break; }\n"
        "    for (int j = 0; j < 8; j++) s += (b[i] > j) ? a[j] / (1 + j) : b[i] * j;\n"
        "  }\n"
        "  return s;\n"
        "}\n"
    )
