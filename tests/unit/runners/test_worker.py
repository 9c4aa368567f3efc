"""The shell worker in a real terminal: what runs, what is reported, and what it survives."""

from __future__ import annotations

import os
import random
import resource
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctl.runners.channel import Message, deliver, poke
from agentctl.runners.runner import WORKER

BUDGET_RATIO = 6.0  # of `python -I -S -c pass`; measured at about 3
MOST_MEMORY_KIB = 32 * 1024


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("true", 0),
        ("false", 1),
        ("exit 42", 42),
        ("no-such-program-anywhere", 127),
        ("./there-and-not-executable", 126),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
        ("kill -INT $$", 130),
        ("ulimit -c 0; kill -SEGV $$", 139),
        ("sh -c 'exit 9'; exit $?", 9),
        ("", 0),
        ("printf 'a\0b'", 126),
        ("exit 255", 255),
    ],
)
def test_the_exact_exit_code_is_reported(worker: Any, command: str, code: int) -> None:
    (worker.cwd / "there-and-not-executable").write_text("x")
    assert worker.code(command) == code


def test_reports_tell_the_whole_story_in_order(worker: Any) -> None:
    message = worker.send("exit 3")
    worker.until(lambda: worker.ends(message) and worker.reports()[-1]["kind"] == "idle")
    ready, idle, busy, answered, idle_again = worker.reports()
    assert (ready, idle, idle_again) == ({"kind": "ready"}, {"kind": "idle"}, {"kind": "idle"})
    assert busy == {"kind": "busy", "message": message}
    assert answered == {"kind": "answered", "message": message, "code": 3, "seconds": answered["seconds"]}
    assert 0 <= answered["seconds"] < 20
    assert (worker.run / "signals" / "1.jsonl").stat().st_mode & 0o777 == 0o600


def test_messages_run_in_the_order_of_their_numbers(pane: Any) -> None:
    for number in (30, 4, 200, 1):
        deliver(pane.run, number, Message(f"n{number}", "person", "task", f"echo {number} >> order"))
    pane.start()
    pane.until(lambda: pane.ends("n200"))
    assert (pane.cwd / "order").read_text().split() == ["1", "4", "30", "200"]


def test_the_pane_shows_who_asked_for_what(worker: Any) -> None:
    worker.send("echo one; exit 5", sender="team/pm")
    worker.until_shown("▸ from team/pm #m1: echo one; exit 5")
    worker.until_shown("one\r\n")
    worker.until_shown("▸ exit 5")
    worker.until_shown("agentctl shell ▸ ")


def test_a_line_that_a_person_types_is_run_and_reported_without_a_message(worker: Any) -> None:
    worker.type(b"echo typed; exit 6\r")
    worker.until(lambda: worker.ends(None))
    assert worker.ends(None)[0]["code"] == 6
    assert b"typed\r\n" in worker.pump()


def test_a_half_typed_line_survives_a_message(worker: Any) -> None:
    worker.type("echo hälf".encode())
    worker.until_shown("hälf")
    worker.code("echo between")
    worker.until_idle()
    worker.type(b"-whole > line\r")
    worker.until(lambda: worker.ends(None))
    assert (worker.cwd / "line").read_text() == "hälf-whole\n"


def test_lines_typed_while_messages_pour_in_are_run_once_and_whole(worker: Any) -> None:
    typed = [f"typed-{number}" for number in range(25)]
    rng = random.Random(7)
    for line in typed:
        for letter in f"echo {line} >> typed":
            worker.type(letter.encode())
            if rng.random() < 0.15:
                worker.send("echo message >> messages")
            time.sleep(rng.random() * 0.002)
            worker.pump()
        worker.type(b"\r")
    worker.until(lambda: len(worker.ends(None)) == len(typed) and worker.ends(f"m{worker.number}"))
    assert (worker.cwd / "typed").read_text().split() == typed
    assert len((worker.cwd / "messages").read_text().split()) == worker.number > 25


def test_a_pasted_text_of_several_lines_is_one_command(worker: Any) -> None:
    worker.type(b"\x1b[200~echo a >> pasted\necho b >> pasted\nexit 7\x1b[201~")
    worker.until_shown("exit 7")
    assert not worker.ends(None)
    worker.type(b"\r")
    worker.until(lambda: worker.ends(None))
    assert [end["code"] for end in worker.ends(None)] == [7]
    assert (worker.cwd / "pasted").read_text() == "a\nb\n"


def test_a_brief_is_shown_cleaned_and_not_run(worker: Any) -> None:
    message = worker.send("touch ran\n\x1b]52;c;aGk=\x07You are the PM", kind="brief")
    worker.until(lambda: worker.ends(message))
    assert worker.ends(message)[0]["code"] == 0
    assert not (worker.cwd / "ran").exists()
    assert b"You are the PM" in worker.pump()
    assert b"\x1b]52" not in worker.output


def test_a_bare_cd_stays_and_nothing_else_does(worker: Any) -> None:
    (worker.cwd / "sub dir").mkdir()
    assert worker.code("cd 'sub dir'") == 0
    assert worker.code('test "$(basename "$PWD")" = "sub dir"') == 0
    worker.until_shown("~/sub dir agentctl shell ▸ ")
    assert worker.code("cd /no/such/folder") == 1
    assert worker.code("cd / && true; export LEFT=over") == 0
    assert worker.code('test "$(basename "$PWD")" = "sub dir" && test -z "$LEFT"') == 0
    assert worker.code("cd -") == 0
    assert worker.code('test "$(basename "$PWD")" = work') == 0
    assert worker.code("cd 'unbalanced") != 0
    assert worker.code("cd") == 0


def test_control_c_ends_the_command_and_not_the_worker(worker: Any) -> None:
    message = worker.send("echo up; sleep 60")
    worker.until_shown("up\r\n")
    worker.type(b"\x03")
    worker.until(lambda: worker.ends(message))
    assert worker.ends(message)[0]["code"] == 130
    assert worker.code("exit 4") == 4


def test_control_c_at_the_prompt_drops_the_line(worker: Any) -> None:
    worker.type(b"touch dropped")
    worker.until_shown("touch dropped")
    worker.type(b"\x03")
    worker.until(lambda: worker.pump().count("agentctl shell ▸ ".encode()) == 2)
    worker.until_idle()
    worker.type(b"true\r")
    worker.until(lambda: worker.ends(None))
    assert not (worker.cwd / "dropped").exists()


def test_a_command_may_read_the_terminal(worker: Any) -> None:
    message = worker.send('read -r line; echo "got:$line"')
    worker.until(lambda: worker.foreground() != worker.pid)
    worker.type(b"hello\r")
    worker.until_shown("got:hello")
    worker.until(lambda: worker.ends(message))


def test_a_terminal_left_in_raw_mode_is_put_right(worker: Any) -> None:
    assert worker.code("stty raw -echo; printf '\\033[?1000h\\033[?25l'") == 0
    worker.until_idle()
    worker.type(b"exit 8\r")
    worker.until(lambda: worker.ends(None))
    assert worker.ends(None)[0]["code"] == 8


@pytest.mark.parametrize("stop", ["kill -STOP $$", "kill -TSTP $$"])
def test_a_command_that_stops_itself_is_reported_and_continued(worker: Any, stop: str) -> None:
    assert worker.code(f"{stop}; {stop}; exit 11") == 11
    stopped = [report for report in worker.reports() if report["kind"] == "stopped"]
    assert [report["message"] for report in stopped] == ["m1"]
    assert stopped[0]["signal"] in (signal.SIGSTOP, signal.SIGTSTP)


def test_control_z_does_not_strand_the_worker(worker: Any) -> None:
    message = worker.send("echo up; sleep 0.6; exit 12")
    worker.until_shown("up\r\n")
    worker.type(b"\x1a")
    worker.until(lambda: worker.ends(message))
    assert worker.ends(message)[0]["code"] == 12


def test_children_left_in_the_background_do_not_hold_the_next_message(worker: Any) -> None:
    assert worker.code("sleep 300 & echo $! > child") == 0
    child = int((worker.cwd / "child").read_text())
    try:
        assert worker.code("exit 2") == 2
        os.kill(child, 0)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_megabyte_arrives_whole(worker: Any) -> None:
    body = "".join(f"line {number} 'x' $HOME `id` \\\n" for number in range(40_000))
    assert len(body) > 2**20
    assert worker.code(f"cat > big <<'END-OF-IT'\n{body}END-OF-IT\nexit 9") == 9
    assert (worker.cwd / "big").read_text() == body


def test_hostile_text_is_shown_clean_and_run_to_the_byte(worker: Any) -> None:
    payload = "\x1b]0;owned\x07\x1b[31m\x9b2J\u202egnp.exe\x08\x7f\r\n\t\udcff\udc80 $(id) `id` '"
    code = worker.code(f"printf %s {shlex.quote(payload)} > exact")
    assert code == 0
    assert (worker.cwd / "exact").read_bytes() == payload.encode(errors="surrogateescape")
    shown = worker.pump()
    for sequence in (b"\x1b]0;", b"\x1b[31m", "\x9b".encode(), "\u202e".encode(), b"\x7f"):
        assert sequence not in shown


def test_a_hostile_sender_is_cleaned_too(worker: Any) -> None:
    worker.send("true", sender="\x1b]52;c;aGk=\x07\n▸ exit 0")
    worker.until(lambda: worker.ends("m1"))
    assert b"\x1b]52" not in worker.pump()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=200))
def test_any_text_reaches_the_shell_unaltered(worker: Any, text: str) -> None:
    assert worker.code(f"printf %s {shlex.quote(text)} > any") == 0
    assert (worker.cwd / "any").read_bytes() == text.encode()


def test_bytes_that_are_not_utf8_are_survived_at_the_prompt(worker: Any) -> None:
    worker.type(b"printf '\xff\xfe\xc3(' > /dev/null\r")
    worker.until(lambda: worker.ends(None))
    worker.type(b"\x00\x00")
    assert worker.code("exit 5") == 5


def test_a_resize_is_survived_at_the_prompt_and_in_a_command(worker: Any) -> None:
    worker.type(b"exit 1")
    worker.resize(5, 20)
    worker.until_shown("exit 1")
    worker.type(b"3\r")
    worker.until(lambda: worker.ends(None))
    assert worker.ends(None)[0]["code"] == 13
    message = worker.send("echo up; sleep 0.2; stty size > size")
    worker.until_shown("up\r\n")
    worker.resize(60, 200)
    worker.until(lambda: worker.ends(message))
    assert (worker.cwd / "size").read_text().split() == ["60", "200"]


def test_a_message_that_is_no_message_is_refused_and_the_next_one_runs(pane: Any) -> None:
    inbox = pane.run / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "000000000001-garbage").write_bytes(b"\xff{")
    (inbox / "000000000002-list").write_text("[1]")
    (inbox / "000000000003-types").write_text('{"sender": 1, "kind": null, "text": []}')
    (inbox / "000000000004-link").symlink_to("/etc/passwd")
    os.mkfifo(inbox / "000000000005-fifo")
    (inbox / "README").write_text("not a message")
    pane.number = 5
    pane.start()
    assert pane.code("exit 3") == 3
    for name in ("garbage", "list", "types", "link", "fifo"):
        assert [end["code"] for end in pane.ends(name)] == [126]


def test_two_ends_of_input_end_the_worker(worker: Any) -> None:
    worker.type(b"\x04")
    worker.until_shown("Ctrl-D again ends this worker")
    worker.until(worker.editing)
    worker.type(b"\x04")
    assert worker.wait() == 0


def test_one_end_of_input_does_not(worker: Any) -> None:
    worker.type(b"\x04")
    worker.until_shown("Ctrl-D again ends this worker")
    assert worker.code("exit 3") == 3
    worker.until_idle()
    worker.type(b"\x04")
    worker.until(lambda: worker.pump().count(b"Ctrl-D again") == 2)
    assert worker.code("exit 4") == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_asked_to_end_at_the_prompt_it_ends(worker: Any, number: int, code: int) -> None:
    worker.kill(number)
    assert worker.wait() == code


@pytest.mark.parametrize("command", ["", "echo up; sleep 60"])
def test_when_its_terminal_is_gone_it_ends_and_takes_no_further_message(worker: Any, command: str) -> None:
    if command:
        worker.send(command)
        worker.until_shown("up\r\n")
        worker.send("touch ran-without-a-terminal")
    worker.hang_up()
    assert worker.wait() == 129
    assert not (worker.cwd / "ran-without-a-terminal").exists()


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_asked_to_end_it_ends_the_command_first(worker: Any, stubborn: str) -> None:
    message = worker.send(f"{stubborn}echo $$ > pid; echo up; while :; do sleep 0.05; done")
    worker.until_shown("up\r\n")
    command = int((worker.cwd / "pid").read_text())
    worker.kill(signal.SIGTERM)
    assert worker.wait() == 143
    with pytest.raises(ProcessLookupError):
        os.kill(command, 0)
    assert [end["kind"] for end in worker.ends(message)] == ["interrupted"]


def test_a_worker_that_was_killed_leaves_its_message_interrupted_and_unrepeated(worker: Any) -> None:
    message = worker.send("echo x >> runs; echo up; sleep 60")
    after = worker.send("exit 21")
    worker.until_shown("up\r\n")
    command = worker.foreground()
    worker.kill()
    worker.wait()
    os.killpg(command, signal.SIGKILL)
    worker.close()
    worker.start()
    worker.until(lambda: worker.ends(after))
    assert [end["kind"] for end in worker.ends(message)] == ["interrupted"]
    assert worker.ends(after)[0]["code"] == 21
    assert (worker.cwd / "runs").read_text() == "x\n"


def test_a_second_worker_of_the_same_agent_waits_for_the_first(worker: Any, pane: Any) -> None:
    other = type(pane)(pane.run, pane.cwd)
    other.generation = 1
    try:
        other.start()
        other.until_shown("another worker of this agent still runs")
        assert worker.code("exit 3") == 3
        worker.kill()
        other.until(lambda: {"kind": "ready"} in other.reports()[-3:] and other.reports()[-1] == {"kind": "idle"})
    finally:
        other.close()


def test_pokes_from_everywhere_at_once_lose_nothing(worker: Any) -> None:
    done = threading.Event()

    def ring() -> None:
        while not done.is_set():
            poke(worker.run)

    threads = [threading.Thread(target=ring) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        sent = [worker.send(f"echo {number} >> order") for number in range(30)]
        worker.until(lambda: worker.ends(sent[-1]))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert (worker.cwd / "order").read_text().split() == [str(number) for number in range(30)]


def test_signals_that_come_together_at_the_prompt_do_not_break_it(worker: Any) -> None:
    for _ in range(20):
        worker.kill(signal.SIGSTOP)
        message = worker.send("true")
        for number in (signal.SIGALRM, signal.SIGCHLD, signal.SIGIO, signal.SIGINT):
            worker.kill(number)
        worker.kill(signal.SIGCONT)
        worker.until(lambda message=message: worker.ends(message))
        worker.until_idle()


def test_a_message_whose_ring_was_lost_is_found_by_the_sweep(worker: Any) -> None:
    deliver(worker.run, 1, Message("quiet", "person", "task", "exit 3"))
    worker.until(lambda: worker.ends("quiet"))


def test_it_wakes_by_the_doorbell_and_costs_nothing_in_between(worker: Any) -> None:
    before, at = _cpu_seconds(worker.pid), time.monotonic()
    began = time.monotonic()
    worker.code("true")
    woke = time.monotonic() - began
    worker.until_idle()
    worker.until(lambda: time.monotonic() - at > 1.5)
    used = _cpu_seconds(worker.pid) - before
    memory = _memory_kib(worker.pid)
    print(f"\nwoke, ran and reported in {woke * 1000:.0f} ms; {used:.2f} s of CPU in 1.5 s; {memory} KiB resident")  # noqa: T201  figures
    assert woke < 2.0
    assert used <= 0.1
    assert memory < MOST_MEMORY_KIB


def test_start_is_quick_and_imports_nothing_heavy() -> None:
    heavy = (
        "{'dataclasses', 'typing_extensions', 'subprocess', 'asyncio', 'tomllib', 'agentctl.domain.codec', 'pydantic'}"
    )
    probe = (
        f"import sys, runpy; sys.argv = ['worker']; runpy.run_path({str(WORKER)!r})\n"
        f"sys.path.append({str(WORKER.parents[3])!r})\n"
        "import agentctl.runners.worker.loop\n"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    python = [sys.executable, "-I", "-S", "-X", "utf8"]
    assert subprocess.run([*python, "-c", probe], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    start = [*python, str(WORKER)]  # without its variables it says so and ends: all imports are paid
    floor, cost = _least_cpu_seconds([*python, "-c", "pass"], start)
    print(f"\nstart {cost * 1000:.0f} ms of CPU, {cost / floor:.1f} times python -I -S -c pass")  # noqa: T201  figures
    assert cost / floor < BUDGET_RATIO


def test_without_its_variables_it_says_so() -> None:
    found = subprocess.run(
        [sys.executable, "-I", "-S", str(WORKER)], capture_output=True, text=True, check=False, env={}, timeout=20
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert "AGENTCTL_RUN" in found.stderr


def test_without_a_terminal_it_reads_lines_from_a_pipe(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "AGENTCTL_RUN": str(tmp_path / "run"), "AGENTCTL_GENERATION": "1"}
    deliver(tmp_path / "run", 1, Message("first", "person", "task", "echo from-message"))
    argv = [sys.executable, "-I", "-S", "-X", "utf8", str(WORKER)]
    found = subprocess.run(
        argv, input=b"echo from-line\nexit 3\n", capture_output=True, check=False, env=env, timeout=20
    )
    assert found.returncode == 0
    assert found.stdout.index(b"from-message\n") < found.stdout.index(b"from-line\n")
    assert '"message":null,"code":3' in (tmp_path / "run" / "signals" / "1.jsonl").read_text()


def _least_cpu_seconds(*commands: list[str]) -> list[float]:
    """Run *commands* in turns and return the least CPU time of each: the machine may be busy with something else."""
    times: list[list[float]] = [[] for _ in commands]
    for _ in range(7):
        for place, argv in enumerate(commands):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(argv, capture_output=True, check=False, env={})
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times[place].append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return [min(taken) for taken in times]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
