#!/usr/bin/env python3
"""Rules, dashboards, runbooks and docs/metrics.md against one another.

    observability.py           checks them
    observability.py queries   prints the dashboards' expressions as rules, for promtool to check their syntax
"""

import json
import re
import sys
from pathlib import Path

import yaml

CHART = Path("charts/tracklore-operator/files")
# what others tell: Prometheus itself and the kubelet
FOREIGN = {"up", "kubelet_volume_stats_available_bytes", "kubelet_volume_stats_capacity_bytes"}
RUNBOOKS = "https://tracklore.io/runbooks/"
HEADINGS = ["## What it looks like", "## What to do", "## How to see that it is over"]


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| (counter|gauge|histogram) \|", Path("docs/metrics.md").read_text(), re.M)
    return dict(rows)


def metrics(expression: str) -> set[str]:
    """The names of series in an expression: words that are no label, no function and no keyword."""
    bare = re.sub(r'"(\\.|[^"\\])*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", bare)
    words = re.findall(r"(?<![\w:$])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])", bare)
    return {word for word in words if "_" in word and not word.startswith("group_")}


def dashboards() -> list[tuple[str, str]]:
    """Where, and the expression."""
    found = []
    for file in sorted((CHART / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            found += [(f"{file.name}: {panel['title']}", target["expr"]) for target in panel.get("targets", [])]
    return found


def concrete(expression: str) -> str:
    return expression.replace("$namespace", "demo").replace("$stack", "demo")


def queries() -> None:
    rules = [{"record": f"query:{number}", "expr": concrete(e)} for number, (_, e) in enumerate(dashboards())]
    print(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))


def known(name: str, names: dict[str, str]) -> bool:
    base = re.sub("_(bucket|sum|count)$", "", name)
    return name in names and names[name] != "histogram" or names.get(base) == "histogram" and base != name


def check() -> list[str]:
    names, problems = documented(), []
    rules = [rule for group in yaml.safe_load((CHART / "rules.yaml").read_text())["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    tests = Path("e2e/observe/rules_test.yaml").read_text()
    used = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules] + dashboards()
    for place, expression in used:
        for name in metrics(expression) - recorded - FOREIGN:
            if not known(name, names):
                problems.append(f"{place}: {name} isn't in docs/metrics.md")
    pages = set()
    for rule in rules:
        if "alert" not in rule:
            continue
        page = Path("docs/runbooks") / (rule["annotations"]["runbook_url"].removeprefix(RUNBOOKS) + ".md")
        pages.add(page)
        text = page.read_text() if page.exists() else ""
        if rule["alert"] not in text or not all(heading in text for heading in HEADINGS):
            problems.append(f"{rule['alert']}: {page} doesn't name it, or lacks a part")
        if f"alertname: {rule['alert']}\n" not in tests:
            problems.append(f"{rule['alert']}: no test sees it fire")
    for page in set(Path("docs/runbooks").glob("*.md")) - pages - {Path("docs/runbooks/README.md")}:
        problems.append(f"{page} belongs to no alert")
    print(f"{len(used)} expressions, {len(names)} metrics, {len(pages)} runbooks")
    return problems


if sys.argv[1:] == ["queries"]:
    queries()
else:
    found = check()
    print("\n".join(found) or "They agree.")
    sys.exit(bool(found))
