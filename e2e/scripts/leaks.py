#!/usr/bin/env python3
"""Searches the logs of all pods of an end-to-end run for every secret that was used, and finds none.

    leaks.py NAMESPACE…    their Secrets' values, the passwords of the tests' people, and whatever looks like a token

The pods of the operator are searched, too. Exits with 1 when something is found, and says where, never what.
"""

import base64
import json
import re
import subprocess
import sys

CONTEXT = ["kubectl", "--context", "kind-tracklore"]
OPERATOR = "tracklore-system"
# what Secrets hold that isn't secret
OPEN_KEYS = {"username", "username-2", "made", "made-2", "cluster-id", "ca.crt", "tls.crt", "email"}
# all people of the tests have a password that begins so (e2e/src/person.rs, e2e/scripts/demo.sh)
PASSWORDS = ["a long enough secret of", "a quiet lake at dawn"]
# shorter ones would be found in words
SHORTEST = 12
PATTERNS = {
    "a signed token": re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "a password in a URL": re.compile(r"[a-z]+://[^/\s:@\"]*:[^/\s:@\"]+@"),
    "a private key": re.compile(r"PRIVATE KEY-----"),
    "an authorization header": re.compile(r"(?i)authorization\W{1,5}(bearer|basic)\s+\S"),
}


def kubectl(*arguments: str) -> str:
    return subprocess.run([*CONTEXT, *arguments], check=True, capture_output=True, text=True).stdout


def log_of(namespace: str, pod: str, container: str, *more: str) -> str:
    """What it said; nothing when the pod went away in the meantime, as that of a test which has just ended does."""
    call = [*CONTEXT, "-n", namespace, "logs", pod, "-c", container, *more]
    answer = subprocess.run(call, capture_output=True, text=True)
    if answer.returncode == 0:
        return answer.stdout
    left = kubectl("-n", namespace, "get", "pod", pod, "--ignore-not-found", "-o", "json")
    if left and "deletionTimestamp" not in json.loads(left)["metadata"]:
        sys.exit(f"The log of {namespace}/{pod}/{container} can't be read, so nobody knows what is in it: {answer.stderr.strip()}")
    return ""


def secrets(namespace: str) -> dict[str, str]:
    """The secret texts, each with where it comes from."""
    found = {}
    for item in json.loads(kubectl("-n", namespace, "get", "secrets", "-o", "json"))["items"]:
        for key, value in (item.get("data") or {}).items():
            if key in OPEN_KEYS:
                continue
            text = base64.b64decode(value).decode(errors="replace")
            # of keys in PEM and of lists, each line
            for line in text.splitlines():
                if len(line) >= SHORTEST and not line.startswith("-----"):
                    found[line.strip()] = f"{item['metadata']['name']}/{key}"
    return found


def logs(namespace: str) -> list[tuple[str, str]]:
    """Of every container that ran, the present one and the one before: which, and what it said."""
    said = []
    for pod in json.loads(kubectl("-n", namespace, "get", "pods", "-o", "json"))["items"]:
        status = pod["status"].get("containerStatuses", []) + pod["status"].get("initContainerStatuses", [])
        for container in status:
            pod_name, name = pod["metadata"]["name"], container["name"]
            which = [[]] if container["state"].get("waiting") is None else []
            which += [["--previous"]] if container.get("restartCount") else []
            for more in which:
                said.append((f"{pod_name}/{name}", log_of(namespace, pod_name, name, *more)))
    return said


def leaks(where: str, text: str, wanted: dict[str, str]) -> list[str]:
    found = [f"{where}: {source}" for secret, source in wanted.items() if secret in text]
    found += [f"{where}: the password of a person" for password in PASSWORDS if password in text]
    return found + [f"{where}: {what}" for what, pattern in PATTERNS.items() if pattern.search(text)]


def self_test() -> None:
    """A search that finds nothing must be one that would find something."""
    token = ".".join(["eyJhbGciOiJFZERTQSJ9", "eyJzdWIiOiIxMjM0In0", "c2lnbmF0dXJlLWJ5dGVz"])
    for text in [f'"token":"{token}"', "x planted-secret-value y", "postgres://auth:hunter2hunter2@db/x",
                 "authorization: Bearer abc", "a long enough secret of ada"]:
        assert leaks("here", text, {"planted-secret-value": "s/k"}), text
    assert not leaks("here", '{"route":"/v1/auth/login","url":"http://demo-auth:8081/x"}', {"planted-secret-value": "s/k"})


self_test()
wanted, said = {}, []
for each in sys.argv[1:]:
    wanted |= secrets(each)
    said += [(f"{each}/{where}", text) for where, text in logs(each)]
said += [(f"{OPERATOR}/{where}", text) for where, text in logs(OPERATOR)]
found = [leak for where, text in said for leak in leaks(where, text, wanted)]
lines = sum(text.count("\n") for _, text in said)
print(f"{len(wanted)} secrets searched in {lines} lines of {len(said)} containers: {len(found)} found")
print("\n".join(found))
if not wanted or not lines:
    sys.exit("Nothing to search: name the namespaces of a run.")
sys.exit(bool(found))
