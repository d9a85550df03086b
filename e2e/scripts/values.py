#!/usr/bin/env python3
"""The chart's README: how it is used, and a table of its values from the comments in values.yaml.

A comment speaks of the keys that follow it up to an empty line or the next comment. Takes the chart's folder and prints Markdown.
"""

import re
import sys
from pathlib import Path

KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]+):(?: (?P<value>.*))?$")

HEAD = """# tracklore-operator

{description}

```sh
helm install tracklore-operator tracklore-operator-{version}.tgz --namespace tracklore-system --create-namespace --wait
```

The chart brings the CRD with it and applies it before each install and upgrade; `helm uninstall` leaves it, and with it all stacks and what they
run, which go on without an operator. An upgrade restarts pods of a stack only where its release says so. It needs Kubernetes {kubernetes} and no further permissions than
those in `templates/_rules.tpl`: the operator reads Secrets by name, and never lists or watches them.

## Values

One that isn't listed here is refused (`values.schema.json`).

| value | default | meaning |
|---|---|---|"""


def rows(text: str) -> list[tuple[str, str, str]]:
    """Path, default and meaning of each value."""
    found: list[tuple[str, str, str]] = []
    comment: list[str] = []
    parents: list[tuple[int, str]] = []
    told_of = ""
    for line in text.splitlines():
        if line.strip().startswith("#"):
            comment.append(line.strip().lstrip("# "))
            continue
        key = KEY.match(line)
        if key is None:
            comment, told_of = [], ""
            continue
        depth = len(key["indent"])
        parents = [parent for parent in parents if parent[0] < depth]
        parents.append((depth, key["key"]))
        if comment:
            told_of = " ".join(comment)
        if key["value"] is not None:
            found.append((".".join(name for _, name in parents), key["value"], told_of))
        comment = []
    return found


def main(chart: Path) -> None:
    about = dict(re.findall(r'^(\w+): "?(.*?)"?$', (chart / "Chart.yaml").read_text(), re.MULTILINE))
    kubernetes = about["kubeVersion"].removesuffix("-0").replace(">=", "≥ ")
    print(HEAD.format(description=about["description"], version=about["version"], kubernetes=kubernetes))
    before = ""
    for path, default, meaning in rows((chart / "values.yaml").read_text()):
        said = "″" if meaning and meaning == before else meaning
        print(f"| `{path}` | `{default}` | {said.replace('|', chr(92) + '|').replace('<', '&lt;')} |")
        before = meaning


main(Path(sys.argv[1]))
