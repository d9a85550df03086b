#!/usr/bin/env python3
"""Relative links in the Markdown files of the repository: each must lead to a file, and to a heading where it names one.

Prints those that don't, and fails. Addresses elsewhere aren't asked.
"""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def anchors(file: Path) -> set[str]:
    """The anchors of a file's headings, as forges make them."""
    headings = re.findall(r"^#{1,6} +(.+?)\s*$", FENCE.sub("", file.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(file: Path) -> list[str]:
    """The links of a file that lead nowhere."""
    wrong = []
    for link in LINK.findall(CODE.sub("", FENCE.sub("", file.read_text()))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / unquote(path)) if path else file
        if not target.exists():
            wrong.append(f"{file}: {link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            wrong.append(f"{file}: {link}: there is no such heading")
    return wrong


listed = subprocess.run(
    ["git", "ls-files", "-c", "-o", "--exclude-standard", "*.md"], check=True, capture_output=True, text=True
).stdout.split()
found = [line for name in listed if Path(name).exists() for line in broken(Path(name))]
print("\n".join(found) if found else f"{len(listed)} Markdown files, all relative links lead somewhere")
sys.exit(bool(found))
