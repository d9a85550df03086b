#!/usr/bin/env python3
"""Searches the logs of all pods of an end-to-end run for every secret that was used, and finds none.

    leaks.py record FOLDER    until it is ended: keeps all logs on the node, and all that Secrets hold in the folder, also of
                              what is deleted meanwhile; at its end the logs are forgotten
    leaks.py search FOLDER    in the logs kept: the Secrets' values, the passwords of the tests' people, and whatever looks
                              like a token

The pods of the operator are searched, too. Exits with 1 when something is found, and says where, never what.
"""

import base64
import gzip
import io
import itertools
import json
import re
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

NODE = ["docker", "exec", "tracklore-control-plane"]
# On the file system of /var/log/pods: a second name keeps a log that the kubelet removes with its pod. A folder for each run.
KEPT = "/var/log/kept"
WATCH = ["kubectl", "--context", "kind-tracklore", "get", "secrets", "--all-namespaces", "--watch", "-o", "json"]
OPERATOR = "tracklore-system"
# what Secrets hold that isn't secret
OPEN_KEYS = {"username", "username-2", "made", "made-2", "cluster-id", "ca.crt", "tls.crt", "email"}
# all people of the tests have a password that begins so (e2e/src/person.rs, e2e/scripts/demo.sh)
PASSWORDS = ["a long enough secret of", "a quiet lake at dawn"]
# shorter ones would be found in words
SHORTEST = 12
PATTERNS = {
    "a signed token": re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "a refresh token": re.compile(r"(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*[0-9])[\w-]{75}(?![\w-])"),
    "a link of a mail": re.compile(r"/v1/auth/links/[a-z-]+#[\w-]"),
    "a password in a URL": re.compile(r"[a-z]+://[^/\s:@\"]*:[^/\s:@\"]+@"),
    "a private key": re.compile(r"PRIVATE KEY-----"),
    "an authorization header": re.compile(r"(?i)authorization\W{1,5}(bearer|basic)\s+\S"),
}


# --- recording ---
def record(folder: Path) -> None:
    on_node(f"rm -rf {KEPT}; mkdir -p {KEPT}/{folder.name}")
    # Of a log that takes another one's place, both stay. The loop ends with its folder, and not with who has begun it.
    link = f"cd {KEPT}/{folder.name} && while [ -d $PWD ]; do cp -al --backup=numbered /var/log/pods/. . 2>/dev/null; sleep 1; done"
    for name, command in {"links": [*NODE, "sh", "-c", link], "secrets": WATCH}.items():
        threading.Thread(target=again_and_again, args=(command, folder, name), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        signal.pause()
    finally:
        on_node(end(folder))


def on_node(script: str) -> None:
    subprocess.run([*NODE, "sh", "-c", script], stderr=subprocess.DEVNULL)


def end(folder: Path) -> str:
    """What ends the loop, and takes the logs away."""
    return f"mv {KEPT}/{folder.name} {KEPT}/gone; sleep 2; rm -rf {KEPT}/gone"


def again_and_again(command: list[str], folder: Path, name: str) -> None:
    """A watch ends after a while, and with the node, whose power a test cuts."""
    for attempt in itertools.count():
        with open(folder / f"{name}-{attempt}", "w") as output:
            subprocess.run(command, stdout=output, stderr=subprocess.DEVNULL)
        time.sleep(1)


# --- searching ---
def secrets(folder: Path) -> dict[str, dict[str, str]]:
    """By namespace the secret texts, each with where it comes from."""
    found = defaultdict(dict)
    for item in (item for file in folder.glob("secrets-*") for item in objects(file.read_text())):
        for key, value in (item.get("data") or {}).items():
            if key in OPEN_KEYS or not item["metadata"]["namespace"].startswith("test-"):
                continue
            text = base64.b64decode(value).decode(errors="replace")
            # of keys in PEM and of lists, each line
            for line in text.splitlines():
                if len(line) >= SHORTEST and not line.startswith("-----"):
                    found[item["metadata"]["namespace"]][line.strip()] = f"{item['metadata']['name']}/{key}"
    return found


def objects(text: str) -> Iterator[dict]:
    """JSON objects one after the other; the last one may be half written."""
    decoder, at = json.JSONDecoder(), 0
    while (start := text.find("{", at)) >= 0:
        try:
            item, at = decoder.raw_decode(text, start)
        except json.JSONDecodeError:
            return
        yield from item["items"] if "items" in item else [item]


def logs(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Of every container that ran: its namespace, which it was, and what it said."""
    archive = subprocess.run([*NODE, "tar", "-C", f"{KEPT}/{folder.name}", "-cf", "-", "."], capture_output=True)
    if archive.returncode > 1:  # 1: some log grew meanwhile
        sys.exit(f"The logs that were kept can't be read: {archive.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as kept:
        for member in kept:
            if member.isfile() and (content := kept.extractfile(member)):
                pod, container, _ = member.name.removeprefix("./").split("/")
                namespace, pod, _ = pod.split("_")
                log = gzip.decompress(content.read()) if ".gz" in member.name else content.read()
                yield namespace, f"{namespace}/{pod}/{container}", said(log.decode(errors="replace"))


def said(log: str) -> str:
    """The lines, without when and where the runtime took them; it cuts long ones into parts."""
    text = []
    for line in log.splitlines():
        _, _, part, words = (line.split(" ", 3) + [""] * 3)[:4]
        text += [words, "" if part == "P" else "\n"]
    return "".join(text)


def leaks(where: str, text: str, wanted: dict[str, str]) -> list[str]:
    found = [f"{where}: {source}" for secret, source in wanted.items() if secret in text]
    found += [f"{where}: the password of a person" for password in PASSWORDS if password in text]
    return found + [f"{where}: {what}" for what, pattern in PATTERNS.items() if pattern.search(text)]


def self_test() -> None:
    """A search that finds nothing must be one that would find something."""
    token = ".".join(["eyJhbGciOiJFZERTQSJ9", "eyJzdWIiOiIxMjM0In0", "c2lnbmF0dXJlLWJ5dGVz"])
    refresh = base64.urlsafe_b64encode(bytes(range(56))).decode().rstrip("=")
    for text in [f'"token":"{token}"', "x planted-secret-value y", "postgres://auth:hunter2hunter2@db/x", f'"{refresh}"',
                 "https://a.example/v1/auth/links/verify-email#x", "authorization: Bearer abc", "a long enough secret of ada"]:
        assert leaks("here", text, {"planted-secret-value": "s/k"}), text
    assert not leaks("here", '{"route":"/v1/auth/login","url":"http://demo-auth:8081/x"}', {"planted-secret-value": "s/k"})
    assert said("2026-01-01T00:00:00Z stdout P planted-\n2026-01-01T00:00:00Z stdout F secret\n") == "planted-secret\n"
    assert list(objects('{"items": [{"a": 1}]}\n{"b": 2}\n{"c"')) == [{"a": 1}, {"b": 2}]


def search(folder: Path) -> None:
    wanted = secrets(folder)
    of_all = {secret: source for texts in wanted.values() for secret, source in texts.items()}
    found, containers, lines = [], 0, 0
    for namespace, where, text in logs(folder):
        if namespace in wanted or namespace == OPERATOR:
            found += leaks(where, text, of_all if namespace == OPERATOR else wanted[namespace])
            containers, lines = containers + 1, lines + text.count("\n")
    print(f"{len(of_all)} secrets of {len(wanted)} namespaces searched in {lines} lines of {containers} containers: {len(found)} found")
    print("\n".join(found))
    if not of_all or not lines:
        sys.exit("Nothing to search: was it recorded?")
    sys.exit(bool(found))


self_test()
match sys.argv[1:]:
    case ["record", folder]:
        record(Path(folder))
    case ["search", folder]:
        search(Path(folder))
    case _:
        sys.exit(__doc__)
