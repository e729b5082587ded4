"""A `longrun demo` process: the Workspace Events example, on a free port."""

import signal
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from server import program

STOP_SECONDS = 15


class Demo:
    """Runs while its block does. `lines` is what it prints to be tried."""

    def __init__(self, folder: Path) -> None:
        self._command = [str(program()), "demo", "--listen", "127.0.0.1:0"]
        self._command += ["--data-dir", str(folder)]
        self.address = ""
        self.lines: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)
            if line == "END\n":
                break
        else:
            raise RuntimeError(f"longrun demo ended with exit code {self._process.wait()}")
        self.address = self.lines[0].partition("http://")[2].partition(",")[0]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            code = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        if error is None and code != 0:
            raise RuntimeError(f"longrun demo ended with exit code {code} after SIGTERM")

    @property
    def pid(self) -> int:
        return self._process.pid
