"""libuv's own tests; once more with the SIG_IGN of their runner made SIG_DFL, where bare they die and under the shim not."""

import dataclasses
import pathlib
import re
import subprocess

from sources import Sources
from suite import Part, Ran, build

FAST = True
# So many parts have the tests, to be run beside each other.
PARTS = 6
IGNORED = "signal(SIGPIPE, SIG_IGN)"
ASKED = 'signal(SIGPIPE, getenv("SIGPIPE_IS_DEFAULT") ? SIG_DFL : SIG_IGN)'
EACH = 'program=$1; shift; for name; do "$program" "$name" 2>&1; done'


def results(ran: Ran) -> dict[str, str]:
    found = {}
    for result, test, said in re.findall(r"^(ok|not ok) 1 - (\w+)( # SKIP)?", ran.output, re.MULTILINE):
        found[test] = "skipped" if said else result
    return found


def built(sources: Sources) -> pathlib.Path:
    source = sources.get("libuv1")
    runner = source / "test" / "runner-unix.c"
    runner.write_text(runner.read_text().replace(IGNORED, ASKED))
    build(source, "cmake", "-S", ".", "-B", "built", "-DBUILD_TESTING=ON", "-DCMAKE_C_FLAGS=-O0 -w")
    build(source, "make", "-C", "built", "-j2", "uv_run_tests")
    build(source, "sh", "-c", "mkdir -p started_in/test && cp -r test/fixtures started_in/test/")
    return source


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    source = built(sources)
    program = str(source / "built" / "uv_run_tests")
    root = {"UV_RUN_AS_ROOT": "1"}
    listed = subprocess.run([program, "--list"], env=root, text=True, stdout=subprocess.PIPE, check=True).stdout
    names = [line.split()[0] for line in listed.splitlines() if line[:1].strip()]
    found = []
    for i in range(PARTS):
        command = ["sh", "-c", EACH, "-", program, *names[i::PARTS]]
        part = Part(f"ignored-{i + 1}", command, results, environment=root, files=source / "started_in", fast=False, limit=300)
        default = ["env", "SIGPIPE_IS_DEFAULT=1", *command]
        found += [part, dataclasses.replace(part, name=f"default-{i + 1}", command=default, bare=command, has_to_die=True, fast=True)]
    return found
