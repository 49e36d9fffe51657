"""What a suite says of itself, for tests/suites/run.py."""

import dataclasses
import pathlib
import subprocess
from collections.abc import Callable


@dataclasses.dataclass
class Ran:
    """How one command has ended, and the directory that it was started in."""

    directory: pathlib.Path
    output: str
    status: int  # negative: the signal that has killed it


@dataclasses.dataclass
class Part:
    """The least of a suite that can be run for itself."""

    name: str
    command: list[str]
    results: Callable[[Ran], dict[str, str]]  # by the test's name
    fast: bool = True
    limit: int = 120  # seconds, on a quiet machine
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    files: pathlib.Path | None = None  # a directory; the command is started in a copy of it
    # The command of the bare way where that is to be another one.
    bare: list[str] | None = None
    # The part is there to show that something dies: a bare run of `command` in which nothing is killed by SIGPIPE fails.
    has_to_die: bool = False


def ending(ran: Ran) -> str:
    """The result of a program that is one test."""
    return "ok" if ran.status == 0 else f"exit status {ran.status}" if ran.status > 0 else f"signal {-ran.status}"


def build(directory: pathlib.Path, *command: str) -> None:
    """Runs a step of a build once: a stamp in the directory says that it is done."""
    stamp = directory / (".done-" + "".join(c if c.isalnum() else "_" for c in " ".join(command))[-150:])
    if stamp.exists():
        return
    log = directory / ".build.log"
    with log.open("w") as file:
        status = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=file, stderr=file).returncode
    if status:
        raise SystemExit(f"tests/suites: {' '.join(command)} failed in {directory}; .build.log there says why")
    stamp.touch()
