"""What Schemathesis can't know: whose token to send, and where a cursor comes from."""

import os
import uuid

import requests
import schemathesis

AUTH = os.environ["API_AUTH"]
PASSWORD = "a long enough secret"
# These end the session of whoever calls, or the account: somebody signs up for each request, so that what is asked
# afterwards isn't refused for what was done before.
FINAL = {
    ("POST", "/v1/auth/logout"),
    ("PATCH", "/v1/auth/me"),
    ("DELETE", "/v1/auth/me"),
    ("POST", "/v1/auth/password/change"),
    ("DELETE", "/v1/auth/sessions"),
    ("DELETE", "/v1/auth/sessions/{id}"),
}


def sign_up() -> str:
    name = "t" + uuid.uuid4().hex[:20]
    body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    answer = requests.post(f"{AUTH}/v1/auth/signup", json=body, timeout=10)
    answer.raise_for_status()
    return answer.json()["access_token"]


@schemathesis.auth(refresh_interval=None)
class Bearer:
    """An administrator's token, or a new person's."""

    def get(self, case, _context):
        if (case.method.upper(), case.operation.path) in FINAL:
            return sign_up()
        return os.environ["API_TOKEN"]

    def set(self, case, token, _context):
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """A cursor is one that a page gave, a ticket one that was bought. No schema says that any other text is refused."""
    if case.query and case.meta and case.meta.generation.mode.is_positive:
        for name in ("cursor", "ticket"):
            case.query.pop(name, None)
