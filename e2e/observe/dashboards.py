#!/usr/bin/env python3
"""The dashboards against a Prometheus that scraped a stack under load.

    dashboards.py check PROMETHEUS             every expression has a series with numbers
    dashboards.py draw PROMETHEUS FOLDER [END] draws each dashboard as a picture, by matplotlib: its last minutes, or those until END (Unix time)
"""

import json
import math
import re
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

FOLDER = Path("charts/tracklore-operator/files/dashboards")
STACK = {"$namespace": "demo", "$stack": "demo"}
MINUTES = 20


def panels() -> list[tuple[str, dict]]:
    found = []
    for file in sorted(FOLDER.glob("*.json")):
        found += [(file.stem, panel) for panel in json.loads(file.read_text())["panels"] if panel.get("targets")]
    return found


def series(prometheus: str, expression: str, now: float) -> list[dict]:
    """Its series over the last minutes, those that have numbers."""
    for name, value in STACK.items():
        expression = expression.replace(name, value)
    words = urllib.parse.urlencode({"query": expression, "start": now - 60 * MINUTES, "end": now, "step": 10})
    with urllib.request.urlopen(f"{prometheus}/api/v1/query_range?{words}", timeout=30) as answer:
        result = json.load(answer)["data"]["result"]
    for one in result:
        one["points"] = [(at, float(value)) for at, value in one["values"] if math.isfinite(float(value))]
    return [one for one in result if one["points"]]


def check(prometheus: str) -> int:
    empty = count = 0
    for dashboard, panel in panels():
        for target in panel["targets"]:
            count += 1
            if not series(prometheus, target["expr"], time.time()):
                empty += 1
                print(f"{dashboard}: {panel['title']}: no numbers: {target['expr']}")
    print(f"{count} expressions, {empty} without numbers")
    return empty


def legend(form: str, labels: dict) -> str:
    if form == "__auto":
        return ""
    for name, value in labels.items():
        form = form.replace("{{" + name + "}}", value)
    return re.sub(r"{{.*?}}", "", form).strip()  # a label that the series hasn't


def told(value: float, unit: str) -> str:
    """A number as a person reads it."""
    if unit == "bytes":
        return f"{value / 2**20:.1f} MiB"
    if unit == "s":
        return f"{value * 1000:.1f} ms" if abs(value) < 1 else f"{value:.1f} s"
    return f"{value:g}"


def draw(prometheus: str, folder: Path, end: float) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"font.size": 7, "svg.fonttype": "none", "svg.hashsalt": "tracklore", "axes.grid": True, "grid.alpha": 0.3}
    from matplotlib import pyplot

    units = {"s": ("s", 1), "bytes": ("MiB", 2**20), "percentunit": ("%", 0.01), "reqps": ("requests/s", 1), "ops": ("a second", 1)}
    for file in sorted(FOLDER.glob("*.json")):
        dashboard = json.loads(file.read_text())
        height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
        figure = pyplot.figure(figsize=(12, 0.3 * height + 0.4))
        figure.suptitle(dashboard["title"], fontsize=10, x=0.01, ha="left")
        for panel in dashboard["panels"]:
            place = panel["gridPos"]
            box = [place["x"] / 24 + 0.04, 0.97 - (place["y"] + place["h"] - 0.9) / height * 0.97, place["w"] / 24 - 0.055, (place["h"] - 2.2) / height * 0.97]
            if panel["type"] == "row":
                figure.text(0.01, 0.97 - (place["y"] + 0.7) / height * 0.97, panel["title"], fontsize=9, weight="bold")
                continue
            unit = panel.get("fieldConfig", {}).get("defaults", {}).get("unit", "short")
            lines = [(legend(target.get("legendFormat", ""), one["metric"]), one["points"]) for target in panel["targets"] for one in series(prometheus, target["expr"], end)]
            axes = figure.add_axes(box)
            axes.set_title(panel["title"], fontsize=8, loc="left")
            if panel["type"] == "stat":
                axes.axis("off")
                name, points = lines[0] if lines else ("", [(0, math.nan)])
                axes.text(0, 0.25, name or told(points[-1][1], unit), fontsize=14)
                continue
            word, scale = units.get(unit, ("", 1))
            axes.set_ylabel(word)
            for name, points in lines:
                axes.plot([(at - end) / 60 for at, _ in points], [value / scale for _, value in points], linewidth=1, label=name or None)
            axes.set_xlim(-MINUTES, 0)
            axes.set_ylim(bottom=0)
            if 0 < sum(1 for name, _ in lines if name) <= 12:
                axes.legend(fontsize=5, loc="upper left", framealpha=0.6, ncols=2)
        folder.mkdir(parents=True, exist_ok=True)
        figure.savefig(folder / f"{file.stem}.png", dpi=80, metadata={"Software": None})
        pyplot.close(figure)
        print(folder / f"{file.stem}.png")


if sys.argv[1:2] == ["check"]:
    sys.exit(bool(check(sys.argv[2])))
draw(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]) if sys.argv[4:] else time.time())
