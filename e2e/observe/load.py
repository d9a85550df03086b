#!/usr/bin/env python3
"""Uses a stack as a few people would, for as long as it is asked to: what dashboards are looked at with.

    load.py SECONDS [URL]
"""

import json
import random
import sys
import threading
import time
import urllib.error
import urllib.request

SECONDS, URL = float(sys.argv[1]), (sys.argv[2:] or ["http://localhost:8080"])[0]
END = time.monotonic() + SECONDS
PASSWORD = "a quiet lake at dawn"
answers: dict[int, int] = {}


def call(method: str, path: str, body: dict | None = None, token: str = "", stream: float = 0) -> dict:
    """One request; the answer's JSON, or {} where it has none or is a refusal."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(URL + path, json.dumps(body).encode() if body else None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            answers[answer.status] = answers.get(answer.status, 0) + 1
            until = time.monotonic() + stream
            while stream and time.monotonic() < until and answer.readline():
                pass
            text = b"" if stream else answer.read()
            return json.loads(text) if text else {}
    except urllib.error.HTTPError as refusal:
        answers[refusal.code] = answers.get(refusal.code, 0) + 1
    except (TimeoutError, OSError):
        answers[0] = answers.get(0, 0) + 1
    return {}


def person(number: int) -> None:
    """Signs up, follows, posts, reads, edits, deletes, listens, and sometimes mistypes the password."""
    name = f"load-{random.randrange(16**8):08x}"
    pair = call("POST", "/v1/auth/signup", {"username": name, "email": f"{name}@example.org", "password": PASSWORD})
    token, user = pair.get("access_token", ""), pair.get("user", {}).get("id", 0)
    followed, posts, renewed = user, [], time.monotonic()
    while time.monotonic() < END:
        if time.monotonic() - renewed > 120:
            pair = call("POST", "/v1/auth/login", {"login": name, "password": PASSWORD})
            token, renewed = pair.get("access_token", token), time.monotonic()
        what = random.random()
        if what < 0.2:
            posts.append(call("POST", "/v1/posts", {"text": f"thought {random.random()}"}, token).get("id"))
        elif what < 0.25 and posts and posts[-1]:
            call("PATCH", f"/v1/posts/{posts[-1]}", {"text": "a better thought"}, token)
        elif what < 0.28 and posts:
            call("DELETE", f"/v1/posts/{posts.pop()}", token=token)
        elif what < 0.31:
            items = call("GET", "/v1/feed/global").get("items", [])
            followed = random.choice(items)["actor"]["id"] if items else followed
            call("PUT", f"/v1/users/me/following/{followed}", token=token)
        elif what < 0.32:
            call("POST", "/v1/auth/login", {"login": name, "password": "not the right one"})
        elif what < 0.35:
            call("GET", "/v1/feed/stream?scope=global", token=token, stream=5)
        elif what < 0.36 and number == 0:
            other = call("POST", "/v1/auth/login", {"login": name, "password": PASSWORD}).get("access_token", "")
            call("POST", "/v1/auth/logout", token=other)
        else:
            paths = ["/v1/feed/global", "/v1/feed/home", f"/v1/feed/users/{followed}", "/v1/users/me", f"/v1/users/{followed}", "/v1/auth/me"]
            call("GET", random.choice(paths), token=token)
        time.sleep(random.random() * 0.2)


people = [threading.Thread(target=person, args=(number,)) for number in range(6)]
for one in people:
    one.start()
for one in people:
    one.join()
print("answers by status:", dict(sorted(answers.items())))
