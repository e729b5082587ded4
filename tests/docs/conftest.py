"""Where the program and Node's packages are."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from session import Session


def _path(variable: str) -> Path:
    path = Path(os.environ.get(variable, "")).absolute()
    if not os.environ.get(variable) or not path.exists():
        raise pytest.UsageError(f"{variable} names nothing that is there; tests/run sets it")
    return path


def pytest_configure() -> None:
    _path("LONGRUN_BIN")
    _path("LONGRUN_NODE_MODULES")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with Session(_path("LONGRUN_BIN"), _path("LONGRUN_NODE_MODULES"), tmp_path) as running:
        yield running
