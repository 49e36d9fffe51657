"""libevent's own tests; once more with the SIG_IGN of their runner made SIG_DFL, where bare they die and under the shim not."""

import dataclasses
import pathlib
import re
import subprocess

from sources import Sources
from suite import Part, Ran, build

FAST = True
# So many parts have the tests, to be run beside each other.
PARTS = 8
IGNORED = "signal(SIGPIPE, SIG_IGN)"
ASKED = 'signal(SIGPIPE, getenv("SIGPIPE_IS_DEFAULT") ? SIG_DFL : SIG_IGN)'
OPTIONS = ["-DEVENT__DISABLE_BENCHMARK=ON", "-DEVENT__DISABLE_SAMPLES=ON", "-DEVENT__LIBRARY_TYPE=STATIC", "-DCMAKE_C_FLAGS=-O0 -w"]


def results(ran: Ran) -> dict[str, str]:
    """The name stands before what the test prints, its result behind; a retry's comes later and counts."""
    found: dict[str, str] = {}
    for line in ran.output.splitlines():
        if name := re.match(r"(\w+/\w+): ", line):
            test = name.group(1)
            found[test] = "no result"
        if (result := re.search(r"\b(OK|SKIPPED|DISABLED)$|\[\w+ (FAILED)\]", line)) and found:
            found[test] = (result.group(1) or result.group(2)).lower()
    return found


def built(sources: Sources) -> pathlib.Path:
    source = sources.get("libevent")
    runner = source / "test" / "regress_main.c"
    runner.write_text(runner.read_text().replace(IGNORED, ASKED))
    build(source, "cmake", "-S", ".", "-B", "built", *OPTIONS)
    build(source, "make", "-C", "built", "-j2", "regress")
    return source / "built" / "bin" / "regress"


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    program = str(built(sources))
    listed = subprocess.run([program, "--list-tests"], text=True, stdout=subprocess.PIPE).stdout
    names = re.findall(r"^\s+(\w+/\w+)", listed, re.MULTILINE)
    found = []
    for i in range(PARTS):
        command = [program, *names[i::PARTS]]
        part = Part(f"ignored-{i + 1}", command, results, fast=False, limit=250)
        default = ["env", "SIGPIPE_IS_DEFAULT=1", *command]
        found += [part, dataclasses.replace(part, name=f"default-{i + 1}", command=default, bare=command, has_to_die=True, fast=True)]
    return found
