"""The other side of benchmarks/web.py: a process that asks for addresses, and says how long each took.

Reads JSON from its standard input: `host`, `port`, `paths`, and `clients`, which ask at the same time. Writes
JSON: `seconds` of each answer to its last byte, in the order of the addresses, and `took`, of all together.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def main() -> None:
    asked = json.load(sys.stdin)
    shares = [asked["paths"][client :: asked["clients"]] for client in range(asked["clients"])]
    started = time.perf_counter()
    with ThreadPoolExecutor(asked["clients"]) as pool:
        told = list(pool.map(lambda paths: ask(asked, paths), shares))
    took = time.perf_counter() - started
    json.dump({"seconds": [each for share in told for each in share], "took": took}, sys.stdout)


def ask(asked: dict[str, Any], paths: list[str]) -> list[float]:
    """Ask for addresses, one after the other, over a connection that stays open as a browser's does."""
    connection = http.client.HTTPConnection(asked["host"], asked["port"], timeout=60)
    seconds = []
    for path in paths:
        started = time.perf_counter()
        connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        answer.read()
        seconds.append(time.perf_counter() - started)
        if answer.status != 200:
            raise SystemExit(f"{path} answered {answer.status}, not 200.")
    connection.close()
    return seconds


if __name__ == "__main__":
    main()
