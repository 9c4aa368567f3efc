"""Text from agents is hostile until cleaned: it may hold escapes, markup and direction overrides."""

from __future__ import annotations

import re

# C0 but newline and tab, DEL, C1, and the Unicode bidi, zero-width and line-separator controls.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_SEQUENCES = re.compile(
    "\x1b\\[[0-?]*[ -/]*[@-~]"  # CSI
    "|\x9b[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"  # OSC, DCS, SOS, PM, APC
    "|\x1b[ -/]*[0-~]"  # two-byte escapes
)


def safe_text(text: str) -> str:
    """Return *text* with nothing a terminal would obey: only printable characters, newlines and tabs."""
    return _FORBIDDEN.sub("", _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def safe_line(text: str) -> str:
    """Return *text* cleaned and on one line."""
    return " ".join(safe_text(text).split())
