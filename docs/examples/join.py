#!/usr/bin/env python3
"""Has the Bellbird that runs on this machine join a conversation's call, watches that, mutes, and leaves.

    python3 join.py TOKEN

Needs nothing but Python. The web API's address and a token are in the core's door file, which only its person can read.
A program of your own better has a token of its own, from `bellbird-cli ctl program add NAME`, in BELLBIRD_TOKEN.
BELLBIRD_DATA names the data folder of another core than this person's own.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def data_folder():
    """Where this person's core keeps its things."""
    if os.environ.get("BELLBIRD_DATA"):
        return Path(os.environ["BELLBIRD_DATA"])
    if sys.platform == "win32":
        return Path(os.environ["LOCALAPPDATA"], "Bellbird", "data")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "Bellbird"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share", "bellbird")


class Calls:
    """The calls of the person whose core this is."""

    def __init__(self):
        door = json.loads((data_folder() / "door.json").read_text())
        self.address = door["web_api"]
        self.token = os.environ.get("BELLBIRD_TOKEN") or door["token"]
        # Loopback is never behind a proxy.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(self, path, body=None):
        """GET without a body, POST with one. Yields the answer, `None` for an empty one."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}/{path}", data, headers)
        try:
            with self.opener.open(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refusal:
            sys.exit(f"{path}: {refusal.code} {refusal.read().decode()}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    calls = Calls()
    joined = calls.ask("user/calls/join", {"channelId": sys.argv[1], "joinType": "audio"})
    # An empty list: the person is being asked first.
    print("join:", json.dumps(joined))

    # 200 says that the command was taken. Whether it came to a call is asked for.
    deadline = time.monotonic() + 60
    while not (running := calls.ask("user/calls")):
        if time.monotonic() > deadline:
            sys.exit("no call came of it")
        time.sleep(0.2)
    print("calls:", json.dumps(running))

    print("mute:", json.dumps(calls.ask("user/calls/audio", {"muted": True})))
    print("leave:", json.dumps(calls.ask("user/calls/leave", {})))


if __name__ == "__main__":
    main()
