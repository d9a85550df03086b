#!/usr/bin/env python3
"""Shows the way of one post through a stack, as Jaeger knows it: from its request to a person who listens to the feed.

    trace.py JAEGER [STACK]

Fails when a step of it is missing, or when something is in the trace that doesn't descend from the request.
"""

import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request

JAEGER, STACK = sys.argv[1], (sys.argv[2:] or ["http://localhost:8080"])[0]
CALLER = f"{random.getrandbits(64):016x}"
# A pod that has just gone may still have had the listener, so it is tried again.
ATTEMPTS, PATIENCE = 4, 15
# From the last step to the first: what each is called begins so.
PATH = [
    ("tracklore-feed", "send activity.created"),
    ("tracklore-feed", "process "),
    ("tracklore-posts", "send "),
    ("tracklore-posts", "create posts-events"),
    ("tracklore-posts", "POST /v1/posts"),
]


def ask(url: str, body: dict | None = None, headers: dict | None = None) -> urllib.request.Request:
    headers = {"content-type": "application/json"} | (headers or {})
    return urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)


def answer(request: urllib.request.Request) -> dict:
    with urllib.request.urlopen(request, timeout=15) as got:
        return json.load(got)


def listen(ready: threading.Event) -> None:
    """Keeps a stream of the feed open, as somebody does who watches it."""
    with urllib.request.urlopen(ask(f"{STACK}/v1/feed/stream?scope=global"), timeout=PATIENCE) as stream:
        stream.readline()
        ready.set()
        while stream.readline():
            pass


def spans(trace: str) -> dict[str, dict]:
    """What Jaeger has of the trace, by the ids of spans."""
    try:
        found = answer(ask(f"{JAEGER}/api/traces/{trace}"))["data"][0]
    except (urllib.error.HTTPError, IndexError, TypeError):
        return {}
    for span in found["spans"]:
        span["service"] = found["processes"][span["processID"]]["serviceName"]
        span["parent"] = next((to["spanID"] for to in span["references"] if to["refType"] == "CHILD_OF"), None)
    return {span["spanID"]: span for span in found["spans"]}


def descent(known: dict[str, dict], span: dict | None) -> list[dict]:
    """A span and those before it."""
    steps = []
    while span:
        steps.append(span)
        span = known.get(span["parent"])
    return steps


def is_whole(known: dict[str, dict]) -> bool:
    """Whether one span descends from all the others of the way."""
    def is_way(steps: list[dict]) -> bool:
        return len(steps) == len(PATH) and all(
            step["service"] == service and step["operationName"].startswith(name) for step, (service, name) in zip(steps, PATH)
        )

    return any(is_way(descent(known, span)) for span in known.values())


def show(known: dict[str, dict], parent: str, depth: int = 0) -> None:
    for span in sorted((s for s in known.values() if s["parent"] == parent), key=lambda s: s["startTime"]):
        print(f"{'  ' * depth}{span['service'].removeprefix('tracklore-'):5} {span['operationName']}  {span['duration'] / 1000:.1f} ms")
        show(known, span["spanID"], depth + 1)


def follow(token: str, trace: str) -> dict[str, dict]:
    """Posts something while somebody listens; what Jaeger has of it when the way is whole, or patience at its end."""
    ready = threading.Event()
    threading.Thread(target=listen, args=(ready,), daemon=True).start()
    if not ready.wait(PATIENCE):
        sys.exit(f"{STACK}/v1/feed/stream tells nothing: does the stack serve?")
    asked = {"authorization": f"Bearer {token}", "traceparent": f"00-{trace}-{CALLER}-01"}
    answer(ask(f"{STACK}/v1/posts", {"text": "Where does this go?"}, asked))
    until = time.monotonic() + PATIENCE
    known = spans(trace)
    while not is_whole(known) and time.monotonic() < until:
        time.sleep(0.5)
        known = spans(trace)
    return known


name = f"trace-{random.getrandbits(32):08x}"
person = {"username": name, "email": f"{name}@example.org", "password": "a quiet lake at dawn"}
token = answer(ask(f"{STACK}/v1/auth/signup", person))["access_token"]
for _ in range(ATTEMPTS):
    trace = f"{random.getrandbits(128):032x}"
    known = follow(token, trace)
    if is_whole(known):
        break
show(known, CALLER)
if not is_whole(known):
    steps = ", ".join(step for _, step in reversed(PATH))
    sys.exit(f"The way of the post isn't whole in {JAEGER}/api/traces/{trace}: it should go through {steps}.")
strangers = [span["operationName"] for span in known.values() if descent(known, span)[-1]["parent"] != CALLER]
if strangers:
    sys.exit(f"In the trace, but not from the request: {', '.join(strangers)}.")
print(f"{len(known)} spans: {JAEGER}/api/traces/{trace}")
