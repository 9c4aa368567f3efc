"""Every relative link leads to a file that is there, and every fragment to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_HTML = re.compile(r"(?:src|href)=\"([^\"]+)\"")
_HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def _anchors(document) -> set[str]:
    """The fragments that GitHub gives headings."""
    titles = (re.sub(r"[`*\[\]]|\([^)]*\.md[^)]*\)", "", title).lower() for title in _HEADING.findall(document.prose))
    return {re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-") for title in titles}


def _links(document):
    prose = re.sub(r"`[^`\n]*`", "", document.prose)
    for pattern in (_LINK, _HTML):
        yield from (unquote(target) for target in pattern.findall(prose) if not _OUTSIDE.match(target))


def test_every_relative_link_leads_somewhere(documents, root):
    missing = []
    for document in documents:
        for target in _links(document):
            path = target.partition("#")[0]
            if path and not (document.path.parent / path).exists():
                missing.append(f"{document.name}: {target}")
    assert missing == []


def test_every_fragment_is_a_heading(documents, texts, root):
    missing = []
    for document in documents:
        for target in _links(document):
            path, mark, fragment = target.partition("#")
            found = Path(document.path.parent / path).resolve() if path else document.path
            other = texts.get(found.relative_to(root).as_posix()) if found.is_relative_to(root) else None
            if mark and other is not None and fragment not in _anchors(other):
                missing.append(f"{document.name}: {target}")
    assert missing == []


def test_links_stay_inside_the_repository(documents, root):
    outside = []
    for document in documents:
        for target in _links(document):
            found = (document.path.parent / target.partition("#")[0]).resolve()
            if target.startswith("/") or not found.is_relative_to(root):
                outside.append(f"{document.name}: {target}")
    assert outside == []


def test_every_page_of_docs_is_reached_from_the_index(documents, texts, root):
    seen, todo = set(), ["docs/index.md", "README.md"]
    while todo:
        name = todo.pop()
        if name in seen or name not in texts:
            continue
        seen.add(name)
        for target in _links(texts[name]):
            found = (texts[name].path.parent / target.partition("#")[0]).resolve()
            if found.is_relative_to(root):
                todo.append(found.relative_to(root).as_posix())
    assert {document.name for document in documents if document.name.startswith("docs/")} - seen == set()
