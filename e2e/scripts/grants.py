#!/usr/bin/env python3
"""Whether the operator uses all that it may do: its rules on the cluster against the API server's audit log.

    grants.py AUDIT_LOG [SKIPPED...]    after the end-to-end tests, with kubectl's context on their cluster; SKIPPED are tests
                                        that weren't run
"""

import json
import subprocess
import sys
from pathlib import Path

NAMESPACE, RELEASE = "tracklore-system", "tracklore-operator"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{RELEASE}"
# What no request shows: (group, resource, verb) and why it is granted.
UNSEEN = {
    ("tracklore.io", "tracklorestacks/finalizers", "update"): "asked for by admission, where owner references are enforced",
    ("apps", "statefulsets", "delete"): "when claims grow, which this cluster's storage can't",
    ("", "secrets", "patch"): "when a deletion policy changes; the tests of deletion do it, but may not have run",
} | {
    (group, resource, "get"): "when something bears a child's name that the watch doesn't show: whose it is"
    for group, resources in {
        "": ("configmaps", "services"),
        "apps": ("deployments", "statefulsets"),
        "autoscaling": ("horizontalpodautoscalers",),
        "batch": ("cronjobs", "jobs"),
        "networking.k8s.io": ("ingresses", "networkpolicies"),
        "gateway.networking.k8s.io": ("httproutes",),
        "kafka.strimzi.io": ("kafkatopics", "kafkausers"),
        "policy": ("poddisruptionbudgets",),
        "postgresql.cnpg.io": ("databaseroles", "databases", "scheduledbackups"),
    }.items()
    for resource in resources
}
# API groups and resources that only these tests use.
ONLY = {
    "backup::": {"cronjobs"},
    "cloud_native_pg::": {"postgresql.cnpg.io"},
    "options::": {"horizontalpodautoscalers", "httproutes", "poddisruptionbudgets"},
    "strimzi::": {"kafka.strimzi.io"},
}


def kubectl(*arguments: str) -> dict:
    command = ["kubectl", "--context", "kind-tracklore", *arguments, "-o", "json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def granted() -> set[tuple[str, str, str]]:
    roles = [
        kubectl("get", "clusterrole", f"{NAMESPACE}:{RELEASE}"),
        kubectl("get", "role", "--namespace", NAMESPACE, f"{RELEASE}-lease"),
    ]
    return {
        (group, resource, verb)
        for role in roles
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def used(log: Path) -> set[tuple[str, str, str]]:
    uses = set()
    for line in log.read_text().splitlines():
        try:
            event = json.loads(line)
        except json.JSONDecodeError:
            continue  # a line may be half written: the last one, or where the node was killed
        target = event.get("objectRef", {})
        if event["user"]["username"] != ACCOUNT or "resource" not in target:
            continue
        resource = "/".join(filter(None, [target["resource"], target.get("subresource")]))
        uses.add((target.get("apiGroup", ""), resource, event["verb"]))
        # A server-side apply of what isn't there asks for both.
        if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == 201:
            uses.add((target.get("apiGroup", ""), resource, "create"))
    return uses


uses = used(Path(sys.argv[1]))
if not uses:
    sys.exit(f"The audit log has no request of {ACCOUNT}.")
untested = {name for test in sys.argv[2:] for name in ONLY.get(test, set())}
unused = sorted(grant for grant in granted() - uses - set(UNSEEN) if untested.isdisjoint(grant[:2]))
for group, resource, verb in unused:
    print(f"unused: {verb} {resource} ({group or 'core'}); take it out of _rules.tpl, or test what needs it")
print(f"test result: {len(granted()) - len(unused)} passed; {len(unused)} failed")
sys.exit(bool(unused))
