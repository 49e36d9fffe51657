"""bash's own tests: what the distribution's bash prints for each script, beside what its source says that it prints."""

import hashlib
import pathlib

from sources import Sources
from suite import Part, Ran, build

FAST = True
# Run the others; those that CI has no time for, since they sleep.
ALL = {"run-all", "run-minimal"}
SLOW = {"run-jobs", "run-read", "run-coproc", "run-trap"}


def results(ran: Ran) -> dict[str, str]:
    wrong = [line for line in ran.output.splitlines() if line.startswith(("<", ">"))]
    return {"what is printed": f"{len(wrong)} lines are other, {hashlib.sha1(repr(wrong).encode()).hexdigest()[:8]}" if wrong
            else "right" if ran.status == 0 else f"exit status {ran.status}"}


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    tests = sources.get("bash") / "tests"
    for name in "recho", "zecho", "printenv", "xcase":
        build(tests, "cc", "-w", "-I..", "-DHAVE_STDLIB_H", "-DHAVE_STRING_H", "-DHAVE_UNISTD_H", "-o", name, f"../support/{name}.c")
    environment = {"THIS_SH": "/bin/bash", "BUILD_DIR": str(tests.parent), "TMPDIR": "/tmp", "BASH_TSTOUT": "/tmp/printed"}
    return [Part(path.name.removeprefix("run-"), ["sh", "-c", f"PATH=.:$PATH; export PATH; exec sh {path.name}"], results,
                 files=tests, environment=environment, fast=path.name not in SLOW)
            for path in sorted(tests.glob("run-*")) if path.name not in ALL]
