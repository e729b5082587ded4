"""Runs a document from top to bottom, as a reader with one terminal and one folder would.

What each language means:

- `sh` goes to one bash, which ends at the first command that fails; `python` and `js` are
  programs of their own in its folder and environment.
- `text` and `json` are what the block before printed. `…` stands for anything within a line, and
  a line of nothing else for any lines.
- `toml`, `yaml` and `proto` are files; the first line is a comment with the name.
- `rust` is the file of the repository that the fence names.

Nothing else is known, so nothing is left out in silence.
"""

import os
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from document import Block, DocumentError, blocks

ROOT = Path(__file__).resolve().parents[2]

RUN = {"sh": "source {}", "python": "python3 {}", "js": "node {}"}
SHOWN = ("text", "json")
FILES = ("toml", "yaml", "proto")

# What the stages of tests/run do already, and the file that shows it.
ELSEWHERE = {
    "tests/run": ".ci/run",
    "examples/read-an-operation/run": "tests/run",
    "examples/workspace-events/run": "tests/run",
}
# The program is built already.
PROGRAM = ("cargo run --release --", "longrun")
# A document that starts no server finds one.
SERVER = """
longrun serve --no-auth &
curl --silent --retry 9 --retry-connrefused http://127.0.0.1:8080/readyz
"""

STOP_SECONDS = 10
SHOWN_CHARS_MAX = 4000


class Session:
    """A folder, a bash in it, and a loopback address that nobody else is likely to have."""

    def __init__(self, program: Path, node_modules: Path, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._output: str | None = None
        self._address = "127." + ".".join(str(1 + secrets.randbelow(250)) for _ in range(3))
        (folder / "bin").mkdir()
        (folder / "bin" / "longrun").symlink_to(program)
        (folder / "node_modules").symlink_to(node_modules)
        env = {name: text for name, text in os.environ.items() if not name.startswith("LONGRUN_")}
        env |= {
            "HOME": str(folder),
            "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{env['PATH']}",
            "LONGRUN": f"http://{self._address}:8080",
            "LONGRUN_LISTEN": f"{self._address}:8080",
            "LONGRUN_SERVER": f"http://{self._address}:8080",
        }
        env.pop("XDG_STATE_HOME", None)
        reports, self._report = os.pipe()
        self._reports = os.fdopen(reports)
        self._bash = subprocess.Popen(
            ["bash", "-euo", "pipefail"],
            cwd=folder,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[self._report],
            start_new_session=True,
            text=True,
        )
        os.close(self._report)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends the bash and whatever it has started."""
        self._signal(signal.SIGTERM)
        try:
            self._bash.wait(STOP_SECONDS)
        finally:
            self._signal(signal.SIGKILL)
            self._bash.wait()
            self._reports.close()

    def document(self, path: Path) -> None:
        """Runs all of a document."""
        found = blocks(path)
        if not any(re.search(r"\b(serve|demo)\b", block.text) for block in found):
            self.block(Block("the server", ("sh",), SERVER))
        for block in found:
            self.block(block)
        self.end(path.name)

    def end(self, place: str) -> None:
        """Looks for what has failed in the background.

        Raises DocumentError if something has.
        """
        self._run(Block(place, ("sh",), "jobs"))
        if re.search(r"^\[\d+\]. +Exit", self._output or "", re.MULTILINE):
            raise DocumentError(f"{place}: it failed in the background:\n{self._output}")

    def block(self, block: Block) -> None:
        """Runs or checks one block.

        Raises DocumentError if it fails, or is not as it says.
        """
        if block.language in RUN:
            self._run(block)
        elif block.language in SHOWN:
            self._compare(block)
        elif block.language in FILES:
            self._write(block)
        elif block.language == "rust":
            _check_source(block)
        else:
            raise DocumentError(f'{block.place}: nobody knows how to run "{block.language}"')

    def _run(self, block: Block) -> None:
        self._count += 1
        source = self._folder / f"block-{self._count}.{block.language}"
        output = self._folder / f"block-{self._count}.out"
        lines = [line for line in block.text.splitlines() if not _runs_elsewhere(block, line)]
        text = "\n".join(lines).replace(*PROGRAM)
        source.write_text(text.replace("127.0.0.1", self._address) + "\n")
        run = RUN[block.language].format(source.name)
        # What it starts in the background doesn't get the pipe: its end is the bash's.
        streams = f"</dev/null >{output.name} 2>&1 {self._report}>&-"
        self._tell(f"{{ {run}; }} {streams}\necho well >&{self._report}")
        well = self._reports.readline() == "well\n"
        self._output = output.read_text().replace(self._address, "127.0.0.1")
        if not well:
            raise DocumentError(f"{block.place}: it failed:\n{self._output[-SHOWN_CHARS_MAX:]}")

    def _compare(self, block: Block) -> None:
        if self._output is None:
            raise DocumentError(f"{block.place}: no block before it has printed this")
        found, self._output = self._output, None
        if not re.fullmatch(_pattern(block.text), found.strip("\n") + "\n"):
            found = found[-SHOWN_CHARS_MAX:]
            raise DocumentError(f"{block.place}: shown:\n{block.text}\nbut printed:\n{found}")

    def _write(self, block: Block) -> None:
        first = block.text.split("\n", 1)[0]
        named = re.fullmatch(r"(?:#|//) (\w[\w.-]*(?:/\w[\w.-]*)*)", first)
        if named is None:
            raise DocumentError(f"{block.place}: its first line is no comment with a file's name")
        path = self._folder / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text.replace("127.0.0.1", self._address))

    def _tell(self, command: str) -> None:
        assert self._bash.stdin is not None
        try:
            self._bash.stdin.write(command + "\n")
            self._bash.stdin.flush()
        except BrokenPipeError:
            # It has ended, which the missing report says.
            pass

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._bash.pid, number)
        except ProcessLookupError:
            pass


def _runs_elsewhere(block: Block, line: str) -> bool:
    command = line.partition(" #")[0].strip()
    where = ELSEWHERE.get(command)
    if where is not None and command not in (ROOT / where).read_text():
        raise DocumentError(f"{block.place}: {where} doesn't run {command}")
    return where is not None


def _check_source(block: Block) -> None:
    if len(block.words) != 2:
        raise DocumentError(f"{block.place}: the fence names no file: ```rust PATH")
    source = ROOT / block.words[1]
    if not source.is_file() or source.read_text() != block.text:
        raise DocumentError(f"{block.place}: it is not what is in {block.words[1]}")


def _pattern(text: str) -> str:
    """What the shown output stands for."""
    lines = []
    for line in text.splitlines():
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(".*?".join(map(re.escape, line.split("…"))) + r"\n")
    return "".join(lines)
