"""A `longrun serve` process."""

import hashlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

START_SECONDS = 30
STOP_SECONDS = 15


@dataclass(frozen=True)
class Token:
    """A static token: the principal is `static:{subject}`."""

    subject: str
    text: str
    scopes: tuple[str, ...] = ()

    @property
    def principal(self) -> str:
        return f"static:{self.subject}"


class Server:
    """`longrun serve` on a free port, its records and configuration in one folder.

    The folder outlives the process: a `start` after a `kill` is a restart, on a new port.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        tokens: Sequence[Token],
        services: Sequence[str] = (),
        proto_path: Sequence[Path] = (),
    ) -> None:
        config = folder / "longrun.toml"
        config.write_text("\n".join(map(_token_table, tokens)))
        self._command = [str(program), "serve", "--listen", "127.0.0.1:0", "--log-format", "json"]
        self._command += ["--config", str(config), "--data-dir", str(folder / "data")]
        self._command += [word for name in services for word in ("--service", name)]
        self._command += [word for path in proto_path for word in ("--proto-path", str(path))]
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self.kill()

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> None:
        """Starts the process and returns once it listens."""
        assert self._process is None, "it runs already"
        # Only the command line speaks: LONGRUN_* of whoever runs this doesn't.
        env = {name: text for name, text in os.environ.items() if not name.startswith("LONGRUN_")}
        self._process = subprocess.Popen(
            self._command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        listening: Future[str] = Future()
        reading = (self._process.stderr, listening)
        threading.Thread(target=_read_log, args=reading, daemon=True).start()
        try:
            self.address = listening.result(START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stops it as an init system would, which has to end with exit code 0."""
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._process = None
        if code != 0:
            raise RuntimeError(f"longrun serve ended with exit code {code} after SIGTERM")

    def kill(self) -> None:
        """`kill -9`: the process has no say in it. Does nothing to one that is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "it doesn't run"
        return self._process


def program() -> Path:
    """The program under test, which LONGRUN_BIN names."""
    text = os.environ.get("LONGRUN_BIN", "")
    path = Path(text).absolute()
    if not text or not os.access(path, os.X_OK) or path.is_dir():
        raise RuntimeError(f'LONGRUN_BIN="{text}": expected the path of the longrun program')
    return path


def _token_table(token: Token) -> str:
    digest = hashlib.sha256(token.text.encode()).hexdigest()
    scopes = json.dumps(token.scopes)
    return f'[[auth.tokens]]\nsubject = "{token.subject}"\nsha256 = "{digest}"\nscopes = {scopes}\n'


def _read_log(log: IO[str], listening: Future[str]) -> None:
    """Reads to the end, or the process would block on a full pipe."""
    before: list[str] = []
    for line in log:
        if listening.done():
            continue
        before.append(line)
        entry = _json_object(line)
        if entry.get("message") == "listening":
            listening.set_result(str(entry["address"]))
    if not listening.done():
        listening.set_exception(RuntimeError("longrun serve didn't start:\n" + "".join(before)))


def _json_object(line: str) -> dict[str, object]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
