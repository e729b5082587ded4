"""The runner itself: what it lets pass, and that it lets nothing else pass."""

from pathlib import Path

import pytest

from document import DocumentError, blocks
from session import Session

RIGHT = {
    "one shell": "```sh\nX=a; cd .; f() { echo $X-$1; }\n```\n```sh\nf 1\nf 2 >&2\n```\n```text\na-1\na-2\n```\n",
    "ellipses": '```sh\nprintf "id 12 end\\nx\\ny\\nz\\n"\n```\n```text\nid … end\n…\nz\n```\n',
    "no lines under an ellipsis": "```sh\necho a\n```\n```text\n…\na\n…\n```\n",
    "files": "```toml\n# a/b.toml\nx = 1\n```\n```sh\ncat a/b.toml\n```\n```text\n# a/b.toml\nx = 1\n```\n",
    "python in the shell's environment": "```sh\nexport X=7\n```\n```python\nimport os\n\nprint(os.environ['X'])\n```\n```text\n7\n```\n",
    "js": "```js\nconsole.log(6 * 7);\n```\n```json\n42\n```\n",
    "what goes on in the background": "```sh\nsleep 600 &\necho $?\n```\n```text\n0\n```\n",
    "addresses": "```sh\necho http://127.0.0.1:8080 $LONGRUN\n```\n```text\nhttp://127.0.0.1:8080 http://127.0.0.1:8080\n```\n",
    "what tests/run runs": "```sh\ntests/run  # all of them\n```\n",
}

WRONG = {
    "another output": ("```sh\necho a\n```\n```text\nb\n```\n", r"d.md:4: shown:\nb\n.*\na\n"),
    "more than is shown": ("```sh\necho a; echo b\n```\n```text\na\n```\n", "d.md:4: shown"),
    "less than is shown": ("```sh\necho a\n```\n```text\na\nb\n```\n", "d.md:4: shown"),
    "an ellipsis over lines": ("```sh\necho a; echo b\n```\n```text\na…\n```\n", "d.md:4: shown"),
    "a failing command": ("```sh\necho no; false\necho yes\n```\n", "d.md:1: it failed:\nno\n"),
    "a failure in the background": (
        "```sh\nfalse &\nwhile kill -0 $! 2>/dev/null; do :; done\n```\n",
        "d.md: it failed in the background",
    ),
    "a failing pipe": ("```sh\nfalse | cat\n```\n", "d.md:1: it failed"),
    "an unset variable": ("```sh\necho $NOBODY\n```\n", "d.md:1: it failed"),
    "an exit": ("```sh\nexit 3\n```\n", "d.md:1: it failed"),
    "a failing program": ("```python\nraise SystemExit(1)\n```\n", "d.md:1: it failed"),
    "an unknown language": ("text\n\n```ruby\nputs 1\n```\n", 'd.md:3: nobody .* "ruby"'),
    "no language": ("```\nx\n```\n", 'd.md:1: nobody .* ""'),
    "output of nothing": ("```text\na\n```\n", "d.md:1: no block"),
    "output twice": ("```sh\necho a\n```\n```text\na\n```\n```text\na\n```\n", "d.md:7: no block"),
    "a file without a name": ("```toml\nx = 1\n```\n", "d.md:1: its first line"),
    "a file outside": ("```toml\n# ../x.toml\n```\n", "d.md:1: its first line"),
    "no end": ("```sh\ntrue\n", "d.md:1: the block has no end"),
    "an indented fence": ("- a\n  ```sh\n  false\n  ```\n", "d.md:2: code stands"),
    "indented code": ("a\n\n    false\n", "d.md:3: code stands"),
    "another fence": ("~~~sh\nfalse\n~~~\n", "d.md:1: code stands"),
    "rust of no file": ("```rust\nfn main() {}\n```\n", "d.md:1: the fence names no file"),
    "rust that has changed": (
        "```rust crates/client/examples/hello_worker.rs\nfn main() {}\n```\n",
        "d.md:1: it is not what is in crates",
    ),
}


def run(session: Session, folder: Path, text: str) -> None:
    path = folder / "d.md"
    path.write_text(text)
    for block in blocks(path):
        session.block(block)
    session.end(path.name)


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_right(session: Session, tmp_path: Path, text: str) -> None:
    run(session, tmp_path, text)


@pytest.mark.parametrize(("text", "what"), WRONG.values(), ids=WRONG)
def test_wrong(session: Session, tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(DocumentError, match=f"(?s){what}"):
        run(session, tmp_path, text)


def test_a_document_without_a_server_finds_one(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "d.md"
    path.write_text("```sh\ncurl --silent $LONGRUN/livez\n```\n```text\nok\n```\n")
    session.document(path)
