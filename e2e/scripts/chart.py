#!/usr/bin/env python3
"""What the chart promises of security and names, checked on what it renders.

    chart.py FOLDER    with defaults.yaml and one file per file of values in the chart's folder ci
"""

import re
import sys
from pathlib import Path

import yaml

CHART = Path("charts/tracklore-operator/Chart.yaml")
CLUSTER_WIDE = {"ClusterRole", "ClusterRoleBinding", "FlowSchema"}
results = {True: 0, False: 0}


def promise(text: str, kept: bool) -> None:
    """Counts and tells one promise."""
    results[bool(kept)] += 1
    print(f"{'ok' if kept else 'FAILED'}: {text}")


def load(file: Path) -> list[dict]:
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def of(objects: list[dict], *kinds: str) -> list[dict]:
    return [item for item in objects if item["kind"] in kinds]


def name(item: dict) -> str:
    return item["metadata"]["name"]


def is_hook(item: dict) -> bool:
    return "helm.sh/hook" in item["metadata"].get("annotations", {})


def is_restricted(pod: dict) -> bool:
    """The profile `restricted` of Pod Security, a read-only root, and bounded memory."""
    context, containers = pod["securityContext"], pod["containers"] + pod.get("initContainers", [])
    return (
        context["runAsNonRoot"]
        and context["seccompProfile"]["type"] == "RuntimeDefault"
        and not pod["enableServiceLinks"]
        and all(
            not each["securityContext"]["allowPrivilegeEscalation"]
            and each["securityContext"]["readOnlyRootFilesystem"]
            and each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            and "memory" in each["resources"]["limits"]
            for each in containers
        )
    )


def operator_rules(objects: list[dict]) -> list[list[dict]]:
    """The rules by which the running operator keeps stacks, by role: not those of hooks, of people, or of its Lease."""
    roles = [role for role in of(objects, "ClusterRole", "Role") if not is_hook(role)]
    return [role["rules"] for role in roles if not re.search("-(edit|view|lease)$", name(role))]


def grants(rules: list[dict], resource: str) -> set[str]:
    return {verb for rule in rules if resource in rule["resources"] for verb in rule["verbs"]}


files = {file.stem: load(file) for file in sorted(Path(sys.argv[1]).glob("*.yaml"))}
for values, objects in files.items():
    pods = [item["spec"]["template"] for item in of(objects, "Deployment", "Job")]
    promise(f"{values}: all pods are restricted", all(is_restricted(pod["spec"]) for pod in pods))
    for rules in operator_rules(objects):
        said = [word for rule in rules for part in ("apiGroups", "resources", "verbs") for word in rule[part]]
        promise(f"{values}: no rule says *", "*" not in said)
        promise(f"{values}: Secrets are never listed, watched or deleted", grants(rules, "secrets") == {"get", "create", "patch"})
        promise(f"{values}: stacks aren't changed", grants(rules, "tracklorestacks") == {"list", "watch"})
        promise(f"{values}: nothing but namespaced resources", not {"nodes", "namespaces", "clusterroles"} & set(said))
    selectors = [service["spec"]["selector"].items() for service in of(objects, "Service")]
    matched = [
        item["kind"] for selector in selectors for item in of(objects, "Deployment", "Job")
        if selector <= item["spec"]["template"]["metadata"]["labels"].items()
    ]
    promise(f"{values}: the Service leads to the operator alone", set(matched) <= {"Deployment"})
    promise(
        f"{values}: hooks leave nothing behind",
        all("hook-succeeded" in item["metadata"]["annotations"]["helm.sh/hook-delete-policy"] for item in objects if is_hook(item)),
    )

for values, objects in files.items():
    accounts = {item["spec"]["template"]["spec"]["serviceAccountName"] for item in of(objects, "Deployment")}
    schemas = [subject["serviceAccount"]["name"] for item in of(objects, "FlowSchema") for rule in item["spec"]["rules"] for subject in rule["subjects"]]
    promise(f"{values}: FlowSchemas are about the operator's requests", set(schemas) <= accounts)
promise("the Lease waits in a line of its own", len(of(files["defaults"], "FlowSchema")) == 2)

confined = files["namespaces"]
promise("with watchNamespaces nothing is cluster-wide", not of(confined, *CLUSTER_WIDE))
promise("with watchNamespaces there is a role in each", [role["metadata"]["namespace"] for role in of(confined, "Role") if not name(role).endswith("-lease")] == ["one", "two"])
promise("a role in a namespace allows what the cluster's does", operator_rules(confined)[0] == operator_rules(files["defaults"])[0])
hooks = [item for item in files["defaults"] if is_hook(item)]
allowed = [role["rules"] for role in of(hooks, "ClusterRole")]
promise(
    "the Job may do one thing to one CRD",
    [rule.get("resourceNames") for rules in allowed for rule in rules] == [["tracklorestacks.tracklore.io"]],
)
groups = [group for item in of(files["everything"], "PrometheusRule") for group in item["spec"]["groups"]]
runbooks = [rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"] if "alert" in rule]
promise("alerts lead to the runbooks that are given", runbooks and all(re.fullmatch(r"https://wiki\.example\.org/tracklore/[a-z-]+", url) for url in runbooks))
promise("crds.install=false leaves the Job out", not of(confined, "Job"))
version = re.search(r'^version = "(.+)"', Path("Cargo.toml").read_text(), re.MULTILINE).group(1)
chart = yaml.safe_load(CHART.read_text())
promise("chart and operator have the workspace's version", chart["version"] == chart["appVersion"] == version)

print(f"test result: {results[True]} passed; {results[False]} failed")
sys.exit(results[False] > 0)
