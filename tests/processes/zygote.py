"""Starts `reconciler` processes quickly: everything is imported once, then each process is a fork that can be killed.

Reads a line of JSON arguments, forks, and prints the child's process id; the child is `reconciler ARGUMENTS`.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module


def main() -> None:
    from reconciler.cli.main import main as command

    import_module("reconciler.cli.sync")
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            out = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.close(0)
            os.setsid()
            sys.argv = ["reconciler", *request["arguments"]]
            command()
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        # Children are reaped by whoever waits for them through waitpid requests.
        while True:
            asked = sys.stdin.readline().strip()
            if asked == "reap":
                _, status = os.waitpid(child, 0)
                sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
                sys.stdout.flush()
                break


if __name__ == "__main__":
    main()
