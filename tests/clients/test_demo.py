"""What `longrun demo` prints to be tried, tried."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from demo import Demo

RUN_SECONDS = 60


def commands(lines: list[str]) -> Iterator[str]:
    """The lines that are meant for a shell: the indented ones, and what one of them reads."""
    reading = False
    for line in lines:
        if reading or line.startswith("  "):
            yield line
        reading = line.endswith("<<'END'\n") or (reading and line != "END\n")


def test_the_printed_lines_work_as_they_stand(tmp_path: Path) -> None:
    with Demo(tmp_path) as demo:
        # Google's client is installed for this Python.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        ran = subprocess.run(
            ["sh", "-x"],
            input="".join(commands(demo.lines)),
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
    told = f"{ran.stdout}\n{ran.stderr}"
    assert ran.returncode == 0, told
    assert '"state": "SUSPENDED"' in ran.stdout, told
    assert '"suspensionReason": "ENDPOINT_PERMISSION_DENIED"' in ran.stdout, told
    assert "SubscriptionsService/CreateSubscription" in ran.stdout, told
    assert '"state":"ACTIVE"' in ran.stdout, told
    assert '"reason": "INVALID_SUBSCRIPTION"' in ran.stdout, told
    assert "Traceback" not in ran.stderr, told
    assert "longrun:" not in ran.stderr, told
