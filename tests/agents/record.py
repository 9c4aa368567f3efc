"""Record what a real program shows: every scene of it, against the scripted model, in a tmux of its own.

    python -m tests.agents.record claude                     # all its scenes, at 120x40 and at 220x50
    python -m tests.agents.record claude permission          # one scene
    python -m tests.agents.record claude --program PATH      # not the one of the cache

Pictures and expectations go to tests/screens/<program>/<version>/; see the README there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agents import install
from tests.agents.model import Lane, Model, Step
from tests.agents.pane import Pane
from tests.agents.programs import Place, environment, prepare, programs
from tests.agents.scenarios import scene as s

SCREENS = Path(__file__).parents[1] / "screens"
NARROW, WIDE = (120, 40), (220, 50)
_PLACE = "agentctl-screens"
"""Below the temporary folder: the same in every recording, because programs show where they work."""


@dataclass(frozen=True)
class Program:
    """The program that is recorded."""

    name: str
    path: Path
    version: str
    bins: tuple[Path, ...]


def scenes(program: str) -> tuple[s.Scene, ...]:
    """The scenes of *program*, as its module gives them."""
    module = importlib.import_module(f"tests.agents.scenarios.{program}")
    return tuple(module.SCENES)


def record(program: Program, scene: s.Scene, size: tuple[int, int], out: Path) -> None:
    """Play *scene* and write its pictures below *out*; raise TimeoutError where the program does not play along."""
    base = Path(tempfile.gettempdir()) / _PLACE / program.name
    shutil.rmtree(base, ignore_errors=True)
    with Model() as model:
        lane = model.lane(program.name)
        place = Place(home=base / "home", cwd=base / "home/shop", base=model.url(program.name), trusted=scene.trusted)
        own = prepare(program.name, place)
        _fill(place, scene)
        lane.script(*(_placed(step, place) for step in scene.steps))
        env = environment(place, own, program.bins) | dict(scene.env)
        argv = [str(program.path), *own.argv, *scene.argv]
        with Pane(argv, env=env, cwd=place.cwd, folder=base, size=size) as pane:
            for act in scene.acts:
                _do(act, pane, lane, place, _Album(out, "-wide" if size == WIDE else ""))
    shutil.rmtree(base, ignore_errors=True)


@dataclass(frozen=True)
class _Album:
    folder: Path
    suffix: str

    def put(self, shot: s.Shot, pane: Pane) -> None:
        name = shot.name + self.suffix
        (self.folder / f"{name}.ansi").write_text(pane.last_words() if "ends" in shot.expect else pane.picture())
        title = pane.title()
        own = {} if title == socket.gethostname() else {"title": title}  # tmux's own title is the machine's name
        cursor = {} if "ends" in shot.expect else {"cursor": pane.cursor()}
        write_expectation(self.folder / "expect.toml", name, {**shot.expect, **own, **cursor})
        sys.stdout.write(f"  {name}\n")
        sys.stdout.flush()


def write_expectation(path: Path, name: str, expected: Mapping[str, Any]) -> None:
    """Put the table of one screen into the file, in the order of the names."""
    known = tomllib.loads(path.read_text()) if path.exists() else {}
    known[name] = dict(expected)
    blocks = []
    for key in sorted(known):
        lines = [f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in known[key].items()]
        blocks.append("\n".join([f"[{key}]", *lines]))
    path.write_text("\n\n".join(blocks) + "\n")


def _do(act: s.Act, pane: Pane, lane: Lane, place: Place, album: _Album) -> None:
    match act:
        case s.Paste() | s.Submit() | s.Type() | s.Keys():
            _press(act, pane)
        case s.See() | s.Gone() | s.Still() | s.Pause() | s.Ended():
            _await(act, pane)
        case s.Script(steps):
            lane.script(*(_placed(step, place) for step in steps))
        case s.Release():
            lane.release()
        case s.Kill():
            pane.kill()
            pane.ended()
        case s.Shot():
            _take(act, pane, album)


def _press(act: s.Paste | s.Submit | s.Type | s.Keys, pane: Pane) -> None:
    match act:
        case s.Paste(text):
            pane.paste(text)
        case s.Submit(text):
            pane.submit(text)
        case s.Type(text):
            pane.type(text)
        case s.Keys():
            pane.keys(*act.names)


def _await(act: s.See | s.Gone | s.Still | s.Pause | s.Ended, pane: Pane) -> None:
    match act:
        case s.See(pattern):
            pane.see(pattern)
        case s.Gone(pattern):
            pane.gone(pattern)
        case s.Still(seconds):
            pane.still(seconds)
        case s.Pause(seconds):
            time.sleep(seconds)
        case s.Ended():
            pane.ended()


def _take(shot: s.Shot, pane: Pane, album: _Album) -> None:
    if shot.see:
        pane.see(shot.see)
    if shot.gone:
        pane.gone(shot.gone)
    if shot.still:
        pane.still(shot.still)
    album.put(shot, pane)


def _fill(place: Place, scene: s.Scene) -> None:
    """A small repository to work in, and what the scene wants to stand in the home."""
    (place.cwd / "README.md").write_text("# shop\n\nA small shop.\n")
    git = ["git", "-C", str(place.cwd), "-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "begin"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    for name, text in scene.files.items():
        path = place.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{cwd}", str(place.cwd)))


def _placed(step: Step, place: Place) -> Step:
    """The step with `{cwd}` filled in, wherever a tool is given it."""
    if not step.given:
        return step
    given = json.loads(json.dumps(step.given).replace("{cwd}", str(place.cwd)))
    return Step(**{**vars(step), "given": given})


def _program(name: str, path: str | None) -> Program:
    if path:
        file = Path(path)
        bins: tuple[Path, ...] = (file.parent,)
    elif there := install.found(name):
        file, bins = there.path, there.bins
    else:
        raise SystemExit(f"{name} is not in the cache: python -m tests.agents.install {name}")
    with tempfile.TemporaryDirectory() as folder:
        place = Place(home=Path(folder) / "home", cwd=Path(folder) / "home", base="http://127.0.0.1:9")
        env = environment(place, prepare(name, place), bins)
        said = subprocess.run([file, "--version"], env=env, cwd=folder, capture_output=True, text=True, check=True)
    version = re.search(r"\d+\.\d+[\w.-]*", said.stdout + said.stderr)
    if version is None:
        raise SystemExit(f"{file} does not say which version it is")
    return Program(name, file, version[0], bins)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", choices=programs())
    parser.add_argument("scene", nargs="*", help="only these")
    parser.add_argument("--program", dest="path", help="the program's own file")
    parser.add_argument("--narrow", action="store_true", help="only at 120x40")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    program = _program(given.program, given.path)
    out = SCREENS / program.name / program.version
    out.mkdir(parents=True, exist_ok=True)
    failed = []
    for scene in scenes(program.name):
        if given.scene and scene.name not in given.scene:
            continue
        for size in (NARROW, WIDE) if scene.wide and not given.narrow else (NARROW,):
            started = time.monotonic()
            try:
                record(program, scene, size, out)
            except TimeoutError as why:
                failed.append(scene.name)
                sys.stdout.write(f"{scene.name}: {why}\n")
            sys.stdout.write(f"{scene.name} {size[0]}x{size[1]}: {time.monotonic() - started:.1f} s\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
