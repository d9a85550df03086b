#!/usr/bin/env python3
"""The tests that docs/security/asvs.md names, as `path.rs::function`: each must exist and be a test.

Also each row of a table needs a test or a reason, and each requirement stands there once. Prints what isn't so, and fails.
"""

import re
import sys
from pathlib import Path

PAGE = Path("docs/security/asvs.md")
NAMED = re.compile(r"`([\w./-]+\.rs)::(\w+)`")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \|(.*)\|(.*)\|$", re.MULTILINE)


def is_test(source: str, name: str) -> bool:
    """Whether the function is there with a test's attribute; others may stand between."""
    return bool(re.search(rf"#\[(?:tokio::)?test[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn {name}\b", source))


text = PAGE.read_text()
wrong = []
for path, name in NAMED.findall(text):
    file = Path(path)
    if not file.is_file():
        wrong.append(f"{path}: there is no such file, for {name}")
    elif not is_test(file.read_text(), name):
        wrong.append(f"{path}: there is no test {name}")
rows = ROW.findall(text)
numbers = [number for number, _, _ in rows]
wrong += [f"{number}: neither a test nor a reason" for number, _, shown in rows if not shown.strip()]
wrong += [f"{number}: listed more than once" for number in sorted(set(numbers)) if numbers.count(number) > 1]
if not rows or not NAMED.search(text):
    wrong.append(f"{PAGE}: no requirements, or no tests")
print("\n".join(wrong) if wrong else f"{len(rows)} requirements, {len(NAMED.findall(text))} tests named, all exist")
sys.exit(bool(wrong))
