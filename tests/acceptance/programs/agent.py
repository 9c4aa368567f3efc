"""agent.py: stand in for a coding agent: a terminal program with a composer, dialogs, turns, hooks, conversations.

    agent.py [--settings FILE] [--session-id ID | --resume ID] [--model NAME] [--policy NAME] [--] [PROMPT]

It looks and behaves like the real ones: raw mode, bracketed paste, a transcript above and a composer between two rules
below, drawn again line by line. What it was given is written down exactly, as JSON lines, to
`$FAKE_FOLDER/<team>.<agent>.jsonl`; that is what tests believe. Nothing of agentctl is imported.

How it behaves stands in `$FAKE_FOLDER/<team>.<agent>.json` (see `SETTINGS`), or `.<generation>.json` for one life.
What it does in a turn stands in the prompt: each line of it that begins with `!` is a step (see `Turns`), and a prompt
without one is answered. From outside, a test writes JSON lines to the FIFO `$FAKE_FOLDER/<team>.<agent>.fifo` (see
`Agent.told`).
"""

import contextlib
import json
import os
import re
import select
import signal
import sys
import termios
import time
import tty
import unicodedata

SETTINGS = {
    "signals": True,  # its hooks are called
    "deaf": [],  # hooks that are not called
    "start": 0.0,  # seconds before its composer is there; what is typed before is lost
    "dialogs": [],  # of DIALOGS, one after the other, before the composer
    "swallow": 0.0,  # an Enter within so many seconds of a paste is lost
    "lose_enters": 0,  # the next Enters in the composer that are lost, whenever they come
    "lose_pastes": 0,  # the next pastes that are lost
    "cut": 0,  # of the next paste only so many characters at its end arrive, or below 0 at its start
    "busy": "queue",  # or refuse: Enter does nothing while it works, the text stands in the composer
    "think": 0.02,  # seconds that a plain answer takes
    "answer": "",  # what it answers; else what it was asked
    "tokens": 0,  # that a turn takes, by its own record
    "alternate": False,  # takes the whole screen
    "titles": True,
    "boot": "",  # a step that it takes before anything else: `!crash 3`, `!quota`
    "ignore_resume": False,  # forgets its conversations
}
DIALOGS = {
    "trust": ("Do you trust the files in this folder?", ["Yes, I trust this folder", "No, exit"]),
    "theme": ("Choose the text style that looks best with your terminal", ["Dark mode", "Light mode"]),
    "update": ("A new version is available. Update now?", ["Update now", "Skip"]),
    "login": ("Select login method:", ["Account with subscription", "API usage billing"]),
}
PASTE, PASTE_END = b"\x1b[200~", b"\x1b[201~"
KEYS = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1bOA": "up", b"\x1bOB": "down", b"\r": "enter", b"\n": "newline",
        b"\x03": "ctrl-c", b"\x04": "ctrl-d", b"\x15": "ctrl-u", b"\x7f": "backspace"}  # fmt: skip
SEQUENCE = re.compile(rb"\x1b(?:\[[0-9;?<]*[ -/]*[@-~]|O[A-Za-z])")
FRAME = re.compile(r"\[agentctl [0-9a-f]{4} ([0-9a-f]{8}) from [^\]\n]*\](.*)\[/\1\]", re.DOTALL)
SMALL = 8  # lines; a lower window has no room for a footer
LONG_PASTE = 800  # characters; or more than two lines: shown as a placeholder
POINTER, DIM, UNDIM = "\u276f", "\x1b[2m", "\x1b[22m"
SPINNER = "·✢✳✶✻✽"
TITLES = "⠂⠐"
QUOTES = (
    "Here is what the screens look like. `Do you want to proceed?` is followed by",
    f" {POINTER} 1. Yes",
    "   2. No, and tell it what to do differently (esc)",
    " Esc to cancel · Tab to amend",
    "and while it works you see ✻ Pondering… (3s · esc to interrupt) or ⎿  Running…",
    f"{POINTER} [agentctl 0000 00000000 from person] do as I say [/00000000]",
    "You've hit your usage limit · resets 7pm (UTC). Please run /login · API Error: 401",
    f"{POINTER} 1. Yes, I trust this folder",
    " Enter to confirm · Esc to cancel",
)
HOSTILE = (
    b"\x1b]52;c;ZXZpbA==\x07\x1b]0;owned\x07\x1bkowned\x1b\\\x1bPtmux;\x1b\x1b]52;c;ZXZpbA==\x07\x1b\\"
    b"\xff\xfe\x80 \xc2\x9b31m #(touch owned) $(touch owned) \x00 \xe2\x80\xaegnp.exe\x1b[0m\r\n"
)


class Record:
    """What happened to it, as JSON lines."""

    def __init__(self, path):
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def __call__(self, event, **facts):
        line = {"event": event, "at": time.time(), "generation": int(os.environ["AGENTCTL_GENERATION"]), **facts}
        os.write(self.file, json.dumps(line).encode() + b"\n")


class Keys:
    """Turns the terminal's bytes into `("paste", text)`, `("text", text)` and `("key", name)`."""

    def __init__(self):
        self.waiting = b""

    def feed(self, data):
        self.waiting += data
        while self.waiting:
            event, used = self._next(self.waiting)
            if not used:
                return
            self.waiting = self.waiting[used:]
            yield event

    def late(self):
        """Nothing followed: a lone Escape is the key."""
        if self.waiting == b"\x1b":
            self.waiting = b""
            yield "key", "escape"

    def _next(self, data):
        if data.startswith(PASTE):
            end = data.find(PASTE_END)
            text = data[len(PASTE) : end].decode(errors="surrogateescape")
            return (("paste", text), end + len(PASTE_END)) if end > 0 else (None, 0)
        if data[:1] == b"\x1b":
            found = SEQUENCE.match(data)
            if found:
                return ("key", KEYS.get(found[0], "other")), found.end()
            return (None, 0) if data[1:2] in (b"", b"[", b"O") and len(data) < 16 else (("key", "escape"), 1)
        if data[0] < 32 or data[0] == 127:
            return ("key", KEYS.get(data[:1], "other")), 1
        run = re.match(rb"[^\x00-\x1f\x7f]+", data)[0]
        whole = len(run) - _unfinished(run)
        return ("text", run[:whole].decode(errors="surrogateescape")), whole


def _unfinished(data):
    """Return how many bytes at the end are the beginning of a character."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead >= 0xC0:
            return back if (lead >= 0xF0) + (lead >= 0xE0) + 2 > back else 0
        if lead < 0x80:
            return 0
    return 0


class Composer:
    """Where text stands before it is submitted; a long paste stands there as a placeholder."""

    def __init__(self):
        self.parts, self.pastes, self.pasted_at = [], 0, 0.0

    def put(self, text):
        self.parts.append((text, text))

    def paste(self, text):
        self.pasted_at = time.monotonic()
        lines = text.count("\n")
        if len(text) <= LONG_PASTE and lines <= 2:
            return self.put(text)
        self.pastes += 1
        return self.parts.append((text, f"[Pasted text #{self.pastes}" + (f" +{lines} lines]" if lines else "]")))

    def backspace(self):
        if self.parts:
            text, shown = self.parts.pop()
            if text == shown and text[:-1]:
                self.put(text[:-1])

    def clear(self):
        self.parts = []

    @property
    def text(self):
        return "".join(text for text, _ in self.parts)

    @property
    def shown(self):
        return "".join(shown for _, shown in self.parts)


class Ask:
    """A question with options, and where its pointer stands."""

    def __init__(self, kind, title, options, above=(), footer="Enter to confirm · Esc to cancel"):
        self.kind, self.title, self.options, self.above, self.footer = kind, title, list(options), above, footer
        self.pointer = 0

    def lines(self):
        yield f" {self.title}" if not self.above else f" {self.above[0]}"
        if self.above:
            yield from ("", *(f"   {line}" for line in self.above[1:]), "", f" {self.title}")
        else:
            yield ""
        for number, option in enumerate(self.options):
            yield f" {POINTER if number == self.pointer else ' '} {number + 1}. {option}"
        yield from ("", f" {self.footer}")


class Screen:
    """Draws as programs do that keep the terminal's scrollback: what is said scrolls up, the live part is redrawn."""

    def __init__(self, alternate):
        self.alternate, self.said, self.height, self.last, self.title = alternate, [], 0, None, None
        os.write(1, b"\x1b[?2004h" + (b"\x1b[?1049h" if alternate else b""))

    def size(self):
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(1)
            return max(columns, 4), max(rows, 2)
        return 80, 24

    def draw(self, new, live, *, anew=False):
        """Add the lines *new* to what was said, and show *live* below it."""
        columns, rows = self.size()
        self.said += new
        live = [clip(line, columns) for line in live][-(rows - 1) :]
        if not (new or anew or live != self.last):
            return
        if self.alternate or anew:
            shown = self.said[-max(rows - len(live) - 1, 0) :] if rows > len(live) + 1 else []
            start, new = "\x1b[2J\x1b[H", shown
        else:
            start = ("\r" + (f"\x1b[{self.height - 1}A" if self.height > 1 else "") + "\x1b[J") if self.height else ""
        text = start + "".join(line + "\r\n" for line in new) + "\x1b[?7l" + "\r\n".join(live) + "\x1b[?7h"
        self.height, self.last = len(live), live
        write_all(1, text.encode(errors="surrogateescape"))

    def name(self, title):
        if title != self.title:
            self.title = title
            write_all(1, f"\x1b]0;{title}\x07".encode())

    def leave(self):
        write_all(1, b"\x1b[?2004l" + (b"\x1b[?1049l" if self.alternate else b"") + b"\x1b[?25h\r\n")


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data) :]


def clip(text, columns):
    """Return *text* cut to what fits into a line; its own escapes take no room."""
    if len(text) * 2 <= columns:
        return text
    room, out = columns, []
    for piece in re.split(r"(\x1b\[[0-9;]*m)", text):
        if piece.startswith("\x1b"):
            out.append(piece)
            continue
        for character in piece:
            room -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
            if room >= 0:
                out.append(character)
    return "".join(out)


class Hooks:
    """Calls the commands that its settings file names, as the real programs do: the payload on stdin."""

    def __init__(self, agent, commands):
        self.agent, self.commands = agent, commands

    def __call__(self, event, **facts):
        settings = self.agent.settings
        if not settings["signals"] or event in settings["deaf"] or event not in self.commands:
            return
        payload = {"session_id": self.agent.session, "transcript_path": self.agent.conversation(),
                   "hook_event_name": event, "cwd": os.getcwd(), **facts}  # fmt: skip  # noqa: PTH109
        self.call(self.commands[event], json.dumps(payload).encode())

    def call(self, command, data):
        reader, writer = os.pipe()
        words = ["/bin/sh", "-c", command]
        null = os.open(os.devnull, os.O_WRONLY)
        places = [(os.POSIX_SPAWN_DUP2, reader, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2),
                  (os.POSIX_SPAWN_CLOSE, writer)]  # fmt: skip
        child = os.posix_spawn(words[0], words, os.environ, file_actions=places, setsigdef=[signal.SIGPIPE])
        os.close(reader)
        with contextlib.suppress(BrokenPipeError):
            write_all(writer, data)
        os.close(writer)
        os.close(null)
        os.waitpid(child, 0)


class Turns:
    """The steps of a turn: `!name words`. Each is a generator that yields seconds to wait, or an `Ask`."""

    def __init__(self, agent):
        self.agent = agent

    def turn(self, text, identity):
        """Go through the steps of *text* and end the turn."""
        found = FRAME.fullmatch(text)
        body = (found[2] if found else text).strip()
        steps = [line for line in body.splitlines() if line.startswith("!")]
        answer = self.agent.settings["answer"] or ("done" if steps else f"ok: {body}")
        for step in steps:
            answer = (yield from self.step(step)) or answer
        if not steps:
            yield self.agent.settings["think"]
        self.agent.end_turn(answer, identity)

    def step(self, line):
        name, _, words = line[1:].partition(" ")
        return (yield from getattr(self, f"do_{name.replace('-', '_')}")(words.strip()))

    def do_say(self, words):
        """Answer these words."""
        yield self.agent.settings["think"]
        return words

    def do_slow(self, words):
        """Think for so long."""
        yield duration(words or "1s")

    def do_stream(self, words):
        """Say so many lines, one every 50 ms."""
        for number in range(int(words or 10)):
            self.agent.say(f"  line {number}")
            yield 0.05

    def do_tool(self, words):
        """Run a tool for so long."""
        seconds, _, command = words.partition(" ")
        yield from self.tool("Bash", {"command": command or "true"}, self.wait(duration(seconds or "1s")))

    def do_permit(self, words):
        """Ask whether a command may be run, and run it."""
        hook, given = self.agent.hook, {"tool_name": "Bash", "tool_input": {"command": words}}
        hook("PreToolUse", **given)
        hook("PermissionRequest", **given)
        options = ["Yes", "Yes, and don't ask again for this", "No, and tell it what to do differently (esc)"]
        title, footer = "Do you want to proceed?", "Esc to cancel · Tab to amend"
        choice = yield Ask("permission", title, options, ("Bash command", words), footer)
        if choice not in (0, 1):
            self.agent.interrupt("denied")
            yield 3600.0
        yield from self.wait(0.05)
        self.agent.say(f"⏺ Bash({words})")
        hook("PostToolUse", **given)

    def do_ask(self, words):
        """Ask `question|option|option` and answer what was chosen."""
        question, *options = words.split("|")
        self.agent.hook("PreToolUse", tool_name="AskUserQuestion", tool_input={"question": question})
        choice = yield Ask(
            "question", f"☐ {question}", options, (), "Enter to select · ↑/↓ to navigate · Esc to cancel"
        )
        if choice is None:
            self.agent.interrupt("declined")
            yield 3600.0
        self.agent.hook("PostToolUse", tool_name="AskUserQuestion")
        return f"chosen: {options[choice]}"

    def do_run(self, words):
        """Run a shell command as a tool does, and answer what it said."""
        import subprocess  # noqa: PLC0415  its import is a third of a start

        path = f"{self.agent.place}.run"
        with open(path, "wb") as out:  # noqa: PTH123
            process = subprocess.Popen(["/bin/sh", "-c", words], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            try:
                yield from self.tool("Bash", {"command": words}, self.until(process))
            finally:
                process.kill()
                process.wait()
        with open(path, errors="replace") as file:  # noqa: PTH123
            said = file.read()
        self.agent.record("ran", command=words, code=process.returncode, out=said)
        return said or "no output"

    def do_background(self, words):
        """End the turn while work goes on in the background, which ends after so long."""
        self.agent.hook("Stop", last_assistant_message="it runs", background_tasks=[{"id": "b1", "status": "running"}])
        self.agent.working = "1 shell still running"
        yield duration(words or "1s")

    def do_error(self, words):
        """Have the turn broken off by the provider."""
        yield 0.05
        self.agent.say(f"  ⎿  API Error: {words}")
        self.agent.hook("StopFailure", error=words)
        self.agent.over()
        yield 3600.0

    def do_quota(self, words):
        """Reach the limit of the provider: `!quota 7pm (UTC)`; with `exit` before it, end."""
        leave, until = words.startswith("exit"), words.removeprefix("exit").strip() or "7pm (UTC)"
        yield 0.05
        line = f"You've hit your usage limit · resets {until}"
        if leave:
            self.agent.leave(1, line)
        options = ["Stop and wait for limit to reset", "Upgrade your plan"]
        yield Ask("limit", "What do you want to do?", options, (line,))
        self.agent.over()
        yield 3600.0

    def do_login(self, words):
        """Be logged out; with `exit`, end."""
        yield 0.05
        if words == "exit":
            self.agent.leave(1, "API Error: 401 · Please run /login")
        yield from self.dialog("login")

    def do_dialog(self, words):
        """Show one of DIALOGS."""
        yield from self.dialog(words)

    def do_quote(self, _):
        """Answer in prose that quotes what screens look like."""
        for line in QUOTES:
            self.agent.say(line)
        yield 0.05
        return "\n".join(QUOTES)

    def do_hostile(self, _):
        """Say what a terminal must never be told."""
        write_all(1, HOSTILE)
        yield 0.05
        self.agent.dirty = True

    def do_title(self, words):
        """Set the terminal's title, and keep it."""
        self.agent.settings["titles"] = False
        self.agent.screen.name(words)
        yield 0.05

    def do_memory(self, _):
        """Run out of memory."""
        self.agent.leave(134, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory")
        yield 0.0

    def do_crash(self, words):
        """End at once with this code."""
        self.agent.leave(int(words or 1), "TypeError: undefined is not a function")
        yield 0.0

    def do_kill(self, words):
        """End by a signal."""
        yield 0.02
        os.kill(os.getpid(), getattr(signal, words or "SIGKILL"))

    def do_exit(self, words):
        """Leave as a person would."""
        self.agent.quit(int(words or 0))
        yield 0.0

    def do_hang(self, _):
        """Do nothing more: read nothing, draw nothing, use no processor."""
        self.agent.draw()
        self.agent.record("hangs")
        while True:
            signal.pause()
            yield 0.0

    def tool(self, name, given, work):
        self.agent.hook("PreToolUse", tool_name=name, tool_input=given)
        self.agent.tool = f"⏺ {name}({next(iter(given.values()), '')})"
        yield from work
        self.agent.say(self.agent.tool)
        self.agent.tool = ""
        self.agent.hook("PostToolUse", tool_name=name, tool_input=given)

    def wait(self, seconds):
        yield seconds

    def until(self, process):
        while process.poll() is None:
            yield 0.02

    def dialog(self, name):
        title, options = DIALOGS[name]
        choice = yield Ask(name, title, options)
        self.agent.record("dialog", name=name, choice=choice)
        if name == "trust" and choice != 0:
            self.agent.leave(1, "not trusted")


class Agent:
    """The program: its state, its loop, and what happens to what comes in."""

    def __init__(self, options):
        folder, name = os.environ["FAKE_FOLDER"], os.environ["AGENTCTL_AGENT"].replace("/", ".")
        self.folder, self.place = folder, f"{folder}/{name}"
        self.settings = SETTINGS | read_json(f"{self.place}.json") | read_json(f"{self.place}.{generation()}.json")
        self.record = Record(f"{self.place}.jsonl")
        self.hook = Hooks(self, read_json(options.get("settings", "")).get("hooks", {}))
        self.keys, self.composer, self.turns = Keys(), Composer(), Turns(self)
        self.ask = self.running = self.screen = None
        self.new, self.queue, self.first = [], [], options.get("prompt")
        self.working = self.tool = ""
        self.busy_since = self.due = 0.0
        self.dirty = self.ready = self.briefed = False
        self.session, self.resumed = options.get("resume") or options.get("session-id") or new_id(), "resume" in options
        self.model = options.get("model", "fake-1")

    # --- its life ---

    def main(self):
        note_start(self.record, self.session, self.resumed)
        self.step_of_boot()
        self.fifo = open_fifo(f"{self.place}.fifo")
        if self.settings["start"]:
            time.sleep(self.settings["start"])
        tty.setraw(0, termios.TCSANOW)
        if lost := take_pending():
            self.record("astray", where="start", data=lost.decode(errors="surrogateescape"))
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.wake = wake_on(signal.SIGWINCH)
        self.screen = Screen(self.settings["alternate"])
        self.greet()
        self.running = self.begin()
        self.advance(None)
        while True:
            self.draw()
            self.wait()

    def step_of_boot(self):
        """Take the step that the settings put before everything else: without a screen, so it can only end."""
        if self.settings["boot"]:
            for _ in self.turns.step(self.settings["boot"]):
                pass

    def greet(self):
        self.say(f"fake agent · {self.model} · {self.session}")
        path = self.conversation()
        if self.resumed and (self.settings["ignore_resume"] or not os.path.exists(path)):  # noqa: PTH110
            self.leave(1, f"No conversation found with session ID: {self.session}")
        if not self.resumed and os.path.exists(path):  # noqa: PTH110
            self.leave(1, f"Session ID {self.session} is already in use.")
        if self.resumed:
            with open(path) as file:  # noqa: PTH123
                self.new += [text for line in file for text in shown_lines(json.loads(line))]

    def begin(self):
        """Show what stands before the composer, then be ready; a first prompt is taken at once."""
        for name in self.settings["dialogs"]:
            yield from self.turns.dialog(name)
        self.ready = True
        self.hook("SessionStart", source="resume" if self.resumed else "startup", model=self.model)
        self.record("ready")
        self.over()
        if self.first and not self.resumed:
            self.accept(self.first, "argument")
        yield 3600.0

    def quit(self, code):
        self.hook("SessionEnd", reason="prompt_input_exit")
        self.leave(code, "Bye!")

    def leave(self, code, words):
        """End, with last words."""
        self.record("leave", code=code, words=words)
        if self.screen is not None:
            self.draw()
            self.screen.draw([], [])
        write_all(1, f"{words}\r\n".encode())
        if self.screen is not None:
            self.screen.leave()
        os._exit(code)

    def wait(self):
        """Wait for keys, for a word from outside, for a new size, or until the next step is due."""
        late = 0.05 if self.keys.waiting == b"\x1b" else 3600.0
        spin = 0.25 if self.busy_since and self.ask is None else 3600.0
        due = max(self.due - time.monotonic(), 0.0) if self.running is not None and self.ask is None else 3600.0
        ready = select.select([0, self.fifo, self.wake], [], [], min(late, spin, due))[0]
        if self.wake in ready:
            os.read(self.wake, 64)
            self.dirty = True
        if 0 in ready:
            self.take(self.keys.feed(self.read()))
        elif late < 1:
            self.take(self.keys.late())
        if self.fifo in ready:
            self.hear(os.read(self.fifo, 65536))
        if self.running is not None and self.ask is None and time.monotonic() >= self.due:
            self.advance(None)

    def read(self):
        data = os.read(0, 65536)
        if not data:
            self.leave(0, "")
        return data

    def advance(self, answer):
        """Go on with the turn until it waits again."""
        running = self.running
        try:
            found = running.send(answer)
        except StopIteration:
            found = None
        if self.running is not running:  # it began another turn, or was broken off
            return
        if found is None:
            self.running = None
        elif isinstance(found, Ask):
            self.ask = found
            self.record("asks", kind=found.kind, title=found.title)
        else:
            self.due = time.monotonic() + found

    # --- what comes in ---

    def take(self, events):
        for kind, value in events:
            if self.ask is not None or not self.ready:
                self.take_in_ask(kind, value)
            elif kind == "key":
                self.press(value)
            else:
                self.write(kind, value)

    def take_in_ask(self, kind, value):
        if self.ask is None:
            self.record("astray", where="start", data=value)
        elif kind == "key" and value in ("up", "down"):
            self.ask.pointer = (self.ask.pointer + (1 if value == "down" else -1)) % len(self.ask.options)
        elif kind == "key" and value in ("enter", "escape"):
            self.choose(self.ask.pointer if value == "enter" else None)
        elif kind == "text" and value.isdigit() and 0 < int(value) <= len(self.ask.options):
            self.choose(int(value) - 1)
        else:
            self.record("astray", where=self.ask.kind, data=value)

    def choose(self, choice):
        self.record("chosen", kind=self.ask.kind, title=self.ask.title, choice=choice)
        self.ask = None
        self.advance(choice)

    def write(self, kind, text):
        if kind == "paste" and self.settings["lose_pastes"] > 0:
            self.settings["lose_pastes"] -= 1
            self.record("lost paste", text=text)
        elif kind == "paste":
            cut, self.settings["cut"] = self.settings["cut"], 0
            self.composer.paste((text[-cut:] if cut > 0 else text[:-cut]) if cut else text)
        else:
            self.composer.put(text)

    def press(self, key):
        if key == "enter":
            self.enter()
        elif key == "newline":
            self.composer.put("\n")
        elif key == "backspace":
            self.composer.backspace()
        elif key == "ctrl-u":
            self.composer.clear()
        elif key == "escape" and self.busy_since:
            self.interrupt("interrupted")
        elif key in ("ctrl-c", "ctrl-d") and not self.composer.text:
            self.quit(0)
        elif key == "ctrl-c":
            self.composer.clear()

    def enter(self):
        """Submit what stands in the composer, if this Enter is one that counts."""
        soon = time.monotonic() - self.composer.pasted_at < self.settings["swallow"]
        lost = soon or self.settings["lose_enters"] > 0
        text = self.composer.text
        self.record("enter", lost=lost, text=bool(text))
        if lost:
            self.settings["lose_enters"] = max(0, self.settings["lose_enters"] - (not soon))
        elif self.busy_since and self.settings["busy"] == "refuse":
            self.say("  not while it works")
        elif text.strip():
            self.composer.clear()
            self.submit(text)

    def submit(self, text):
        if text.startswith("/"):
            self.command(text)
        elif self.busy_since:
            self.record("queued", text=text)
            self.queue.append(text)
        else:
            self.accept(text, "typed")

    def command(self, text):
        self.record("command", text=text)
        if text.split()[0] in ("/exit", "/quit"):
            self.quit(0)
        self.say(f"  ⎿  {text}: no such command" if text != "/help" else "  ⎿  there is no help")

    def accept(self, text, how):
        """Take a prompt: from here on it counts as read."""
        identity = new_id()
        self.briefed = how == "argument"
        self.record("brief" if self.briefed else "prompt", text=text, how=how, session=self.session)
        self.keep("prompt", text)
        self.say(
            *(f"{POINTER if not number else ' '} {line[:200]}" for number, line in enumerate(text.split("\n")[:8]))
        )
        self.busy_since = time.monotonic()
        self.hook("UserPromptSubmit", prompt=text, prompt_id=identity)
        self.running = self.turns.turn(text, identity)
        self.advance(None)

    # --- how turns end ---

    def end_turn(self, answer, identity):
        self.keep("answer", answer)
        if self.settings["tokens"]:
            self.keep("usage", "", id=identity, model="gpt-5", input=self.settings["tokens"], output=0)
            self.keep("usage", "", id=identity, model="gpt-5", input=self.settings["tokens"], output=1)
        if not self.briefed:
            self.record("answer", text=answer)
        self.say(*(f"{'⏺' if not number else ' '} {line}" for number, line in enumerate(answer.split("\n")[:20])), "")
        self.hook("Stop", last_assistant_message=answer, background_tasks=[], prompt_id=identity)
        self.over()

    def interrupt(self, how):
        """Break the turn off; no hook tells of it."""
        self.record("interrupted", how=how)
        self.say("  ⎿  Interrupted · What should be done instead?")
        self.over()

    def over(self):
        self.busy_since, self.working, self.tool, self.ask, self.running = 0.0, "", "", None, None
        if self.queue:
            self.accept(self.queue.pop(0), "queue")

    def keep(self, kind, text, **more):
        """Write the conversation down: it begins with its first prompt."""
        path = self.conversation()
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        with open(path, "a") as file:  # noqa: PTH123
            file.write(json.dumps({kind: text, **more}) + "\n")

    def conversation(self):
        return f"{self.folder}/conversations/{self.session}.jsonl"

    # --- what a test tells it from outside ---

    def hear(self, data):
        for line in data.decode().splitlines():
            for name, value in json.loads(line).items():
                self.told(name, value)

    def told(self, name, value):
        """Do what a test says: begin a turn, set a draft, change settings, call a hook, write to the terminal, end."""
        if name == "step":
            self.briefed = False
            self.busy_since = time.monotonic()
            self.running = self.turns.turn(value, new_id())
            self.advance(None)
        elif name == "draft":
            self.composer.clear()
            self.composer.put(value)
        elif name == "settings":
            self.settings |= value
        elif name == "hook":
            self.hook(value[0], **value[1])
        elif name == "write":
            write_all(1, value.encode(errors="surrogateescape"))
        elif name == "end":
            self.leave(value, "told to end")
        self.draw()
        self.record("told", name=name)

    # --- what it looks like ---

    def say(self, *lines):
        self.new += lines

    def draw(self):
        live = list(self.live())
        new, self.new = self.new, []
        self.screen.draw(new, live, anew=self.dirty)
        self.dirty = False
        if self.settings["titles"]:
            self.screen.name(f"{TITLES[int(time.monotonic()) % 2] if self.busy_since else '✳'} fake agent")

    def live(self):
        columns, rows = self.screen.size()
        rule = "─" * columns
        if self.ask is not None:
            return ["", rule, *self.ask.lines()]
        if not self.ready:
            return ["  starting…"]
        lines = []
        if self.tool:
            lines += [self.tool, "  ⎿  Running…", ""]
        if self.busy_since:
            seconds = int(time.monotonic() - self.busy_since)
            glyph = SPINNER[int(time.monotonic() * 4) % len(SPINNER)]
            lines += ["", f"{glyph} {self.working or 'Pondering…'} ({seconds}s · esc to interrupt)"]
        lines += [f"    {DIM}queued: {text.splitlines()[0]}{UNDIM}" for text in self.queue]
        composer = [rule, *self.composer_lines(columns), rule]
        return [*lines, "", *composer, "  ? for shortcuts"] if rows > SMALL else [*lines, *composer]

    def composer_lines(self, columns):
        if not self.composer.parts:
            return [f"{POINTER}\u00a0{DIM}Try “write a test for this”{UNDIM}"]
        wide = max(columns - 2, 1)
        rows = [line[start : start + wide] for line in self.composer.shown.split("\n")
                for start in range(0, max(len(line), 1), wide)]  # fmt: skip
        return [f"{POINTER if not number else ' '}\u00a0{printable(row)}" for number, row in enumerate(rows)]


def printable(text):
    return "".join(c if c.isprintable() or c == " " else "·" for c in text)


def shown_lines(entry):
    for kind, text in entry.items() if "usage" not in entry else ():
        yield f"{POINTER if kind == 'prompt' else '⏺'} {text.splitlines()[0] if text else ''}"


def duration(words):
    return float(words[:-2]) / 1000 if words.endswith("ms") else float(words.removesuffix("s"))


def generation():
    return os.environ["AGENTCTL_GENERATION"]


def new_id():
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def read_json(path):
    try:
        with open(path) as file:  # noqa: PTH123
            return json.load(file)
    except FileNotFoundError:
        return {}


def note_start(record, session, resumed):
    """Write the start down where all programs of the stage do, and with more in its own record."""
    with open(os.environ["FAKE_STARTS"], "a") as file:  # noqa: PTH123
        file.write(f"{os.environ['AGENTCTL_AGENT']} {generation()} {os.getpid()}\n")
    record("start", pid=os.getpid(), argv=sys.argv[1:], session=session, resumed=resumed)


def take_pending():
    """Return what was typed before it looked."""
    return os.read(0, 65536) if select.select([0], [], [], 0)[0] else b""


def open_fifo(path):
    with contextlib.suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def wake_on(number):
    """Return a pipe that is readable after the signal."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def options_of(words):
    """Return the command line's options by name; what follows `--` is the first prompt."""
    options, words = {}, list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            options["prompt"] = " ".join(words)
            break
        if not word.startswith("--") or not words:
            sys.exit(f"fake-agent: {word}: not known")
        options[word[2:]] = words.pop(0)
    return options


if __name__ == "__main__":
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write("fake-agent 1.0\n")
        sys.exit(0)
    Agent(options_of(sys.argv[1:])).main()
