"""How each real program is set up offline: a HOME of its own, the scripted model, no login, no update, no telemetry.

What stands here is the user's side (their own settings); what agentctl adds for a launch stands in the runners.
Each program is asked for nothing that the folder's trust, a login or a theme would ask, unless the test wants that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.agents.model import MAIN, SIDE

KEY = "sk-ant-api03-scripted-key-0123456789-abcdefghij"
"""No key at all: the scripted model takes any."""


@dataclass(frozen=True)
class Setup:
    """The user's side of one program."""

    env: dict[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ()
    """Words behind the program's name."""
    files: dict[str, str] = field(default_factory=dict)
    """Path below the home, and what stands in it."""


@dataclass(frozen=True)
class Place:
    """Where a program runs: all of it below one folder of the test."""

    home: Path
    cwd: Path
    base: str
    """The base URL of its lane, without `/v1`."""
    trusted: bool = True
    """False: the folder is new to the program, so that it asks."""


def setup(program: str, place: Place) -> Setup:
    """The user's side of *program*, nothing written yet; raise KeyError for a program that is not known."""
    return _SETUPS[program](place)


def prepare(program: str, place: Place) -> Setup:
    """Write the user's side of *program* below its home, and return it."""
    own = setup(program, place)
    for folder in (place.home, place.cwd, place.home / ".tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in {**_COMMON_FILES, **own.files}.items():
        path = place.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return own


def environment(place: Place, own: Setup, bins: tuple[Path, ...] = ()) -> dict[str, str]:
    """The whole environment of a program: nothing of the person's who runs the tests but PATH and the language."""
    path = os.pathsep.join([*map(str, bins), os.environ["PATH"]])
    given = {"PATH": path, "HOME": str(place.home), "TMPDIR": str(place.home / ".tmp"), "LANG": "C.UTF-8",
             "COLORTERM": "truecolor", "NO_PROXY": "127.0.0.1,localhost", "SHELL": "/bin/sh"}  # fmt: skip
    folders = {f"XDG_{name}_HOME": str(place.home / below) for name, below in _XDG.items()}
    return given | folders | own.env


def programs() -> tuple[str, ...]:
    return tuple(_SETUPS)


_XDG = {"CACHE": ".cache", "CONFIG": ".config", "DATA": ".local/share", "STATE": ".local/state"}
_COMMON_FILES = {
    ".gitconfig": "[user]\n\tname = Test\n\temail = test@example.invalid\n[init]\n\tdefaultBranch = main\n"
}


def _claude(place: Place) -> Setup:
    env = {
        "ANTHROPIC_BASE_URL": place.base,
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_MODEL": "claude-opus-4-5",  # a name that it knows: with any other it warns on every screen
        "ANTHROPIC_SMALL_FAST_MODEL": SIDE,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": SIDE,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
        "CLAUDE_CODE_MAX_RETRIES": "3",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
        "IS_SANDBOX": "1",  # it bypasses permissions for root only where this is said
    }
    project = {"hasTrustDialogAccepted": place.trusted}
    state = {
        "hasCompletedOnboarding": True,
        "customApiKeyResponses": {"approved": [KEY[-20:]], "rejected": []},
        "projects": {os.path.realpath(place.cwd): project},
    }
    settings = {"skipDangerousModePermissionPrompt": True}
    files = {".claude.json": json.dumps(state), ".claude/settings.json": json.dumps(settings)}
    return Setup(env=env, files=files)


def _codex(place: Place) -> Setup:
    trust = f'[projects.{json.dumps(os.path.realpath(place.cwd))}]\ntrust_level = "trusted"\n' if place.trusted else ""
    policy = (
        'approval_policy = "on-request"\nsandbox_mode = "read-only"' if place.trusted else ""
    )  # with these it trusts
    config = f"""\
model = "{MAIN}"
model_provider = "scripted"
{policy}
check_for_update_on_startup = false

[model_providers.scripted]
name = "scripted"
base_url = "{place.base}/v1"
env_key = "SCRIPTED_KEY"
wire_api = "responses"
request_max_retries = 1
stream_max_retries = 1

[features]
daemon_auto_start = false

[analytics]
enabled = false

{trust}"""
    return Setup(env={"SCRIPTED_KEY": KEY}, files={".codex/config.toml": config})


def _opencode(place: Place) -> Setup:
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Scripted",
        "options": {"baseURL": f"{place.base}/v1", "apiKey": KEY},
        "models": {MAIN: {"name": MAIN}, SIDE: {"name": SIDE}},
    }
    config = {
        "$schema": "https://opencode.ai/config.json",
        "autoupdate": False,
        "share": "disabled",
        "enabled_providers": ["scripted"],
        "model": f"scripted/{MAIN}",
        "small_model": f"scripted/{SIDE}",
        "provider": {"scripted": provider},
        "permission": {"bash": "ask", "edit": "ask"},
    }
    switches = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD")
    env = {f"OPENCODE_DISABLE_{switch}": "1" for switch in switches}
    env["npm_config_offline"] = "true"  # else it waits a minute for the registry before it loads plugins
    return Setup(env=env, files={".config/opencode/opencode.json": json.dumps(config)})


def _gemini(place: Place) -> Setup:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": not place.trusted}},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "model": {"name": MAIN},
    }
    env = {"GEMINI_API_KEY": KEY, "GOOGLE_GEMINI_BASE_URL": place.base}
    return Setup(env=env, argv=("--model", MAIN), files={".gemini/settings.json": json.dumps(settings)})


def _qwen(place: Place) -> Setup:
    settings = {
        "security": {"auth": {"selectedType": "openai"}, "folderTrust": {"enabled": not place.trusted}},
        "general": {"enableAutoUpdate": False, "disableAutoUpdate": True},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "ui": {"enableFollowupSuggestions": False},
        "tools": {"useRipgrep": False},
        "model": {"name": MAIN},
    }
    env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{place.base}/v1", "OPENAI_MODEL": MAIN}
    return Setup(env=env, files={".qwen/settings.json": json.dumps(settings)})


def _pi(place: Place) -> Setup:
    model = {"id": MAIN, "name": MAIN, "contextWindow": 128000, "maxTokens": 8192}
    provider = {"baseUrl": place.base, "api": "anthropic-messages", "apiKey": KEY, "models": [model]}
    settings = {"enableInstallTelemetry": False, "defaultProjectTrust": "always" if place.trusted else "ask"}
    files = {
        ".pi/agent/models.json": json.dumps({"providers": {"scripted": provider}}),
        ".pi/agent/settings.json": json.dumps(settings),
    }
    argv = ("--offline", "--provider", "scripted", "--model", MAIN)
    return Setup(env={"PI_OFFLINE": "1"}, argv=argv, files=files)


def _aider(place: Place) -> Setup:
    argv = (
        *("--model", f"openai/{MAIN}", "--weak-model", f"openai/{SIDE}"),
        *("--openai-api-base", f"{place.base}/v1", "--openai-api-key", KEY),
        *("--no-check-update", "--analytics-disable", "--no-show-model-warnings", "--no-show-release-notes"),
        "--no-gitignore",
    )
    prices = {f"openai/{MAIN}": {"max_input_tokens": 128000, "litellm_provider": "openai", "mode": "chat"}}
    files = {".aider/caches/model_prices_and_context_window.json": json.dumps(prices)}
    return Setup(env={"LITELLM_LOCAL_MODEL_COST_MAP": "True"}, argv=argv, files=files)


def _vibe(place: Place) -> Setup:
    config = f"""\
active_model = "scripted"
enable_telemetry = false
enable_update_checks = false
enable_auto_update = false
enable_connectors = false

[[providers]]
name = "scripted"
api_base = "{place.base}/v1"
api_key_env_var = "SCRIPTED_KEY"
api_style = "openai"
backend = "generic"

[[models]]
name = "{MAIN}"
provider = "scripted"
alias = "scripted"
"""
    argv = ("--trust",) if place.trusted else ()
    return Setup(env={"SCRIPTED_KEY": KEY}, argv=argv, files={".vibe/config.toml": config})


_SETUPS: dict[str, Callable[[Place], Setup]] = {
    "claude": _claude,
    "codex": _codex,
    "opencode": _opencode,
    "gemini": _gemini,
    "qwen": _qwen,
    "aider": _aider,
    "pi": _pi,
    "vibe": _vibe,
}
