#!/usr/bin/env python3
"""Tells Prometheus what to fetch: pods of stacks and of the operator, as the API server knows them, by a file that is written anew
whenever they change. Debian's Prometheus can't ask a cluster itself.

    targets.py PROXY FILE    PROXY is the host:port of kubectl proxy
"""

import json
import os
import sys
import time
import urllib.request

PROXY, FILE = sys.argv[1:]
PODS = f"http://{PROXY}/api/v1/pods?labelSelector=app.kubernetes.io/part-of%3Dtracklore&fieldSelector=status.phase%3DRunning"
# services and gateways by their port admin, the operator by its port http
PORTS = {"tracklore-operator": "admin", "Helm": "http"}


def targets() -> list[dict]:
    found = []
    with urllib.request.urlopen(PODS, timeout=10) as answer:
        pods = json.load(answer)["items"]
    for pod in pods:
        labels, meta = pod["metadata"]["labels"], pod["metadata"]
        manager = labels.get("app.kubernetes.io/managed-by")
        ports = [port for each in pod["spec"]["containers"] for port in each.get("ports", [])]
        for port in ports:
            if port.get("name") != PORTS.get(manager):
                continue
            path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}:{port['containerPort']}/proxy/metrics"
            told = {
                "__metrics_path__": path,
                "namespace": meta["namespace"],
                "pod": meta["name"],
                "instance": f"{meta['name']}:{port['containerPort']}",
                "component": labels.get("app.kubernetes.io/component", ""),
            }
            if manager == "tracklore-operator":
                told["stack"] = labels["app.kubernetes.io/instance"]
            found.append({"targets": [PROXY], "labels": told})
    return found


known = None
while True:
    try:
        now = targets()
        if now != known:
            with open(f"{FILE}.new", "w") as file:
                json.dump(now, file)
            os.replace(f"{FILE}.new", FILE)
            known = now
    except OSError as error:
        print(f"the API server can't be asked: {error}", flush=True)
    time.sleep(3)
