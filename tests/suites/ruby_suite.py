"""Ruby's own tests, by the distribution's ruby: those of sockets, files, signals, processes and threads.

Left out are test_file, for extensions that are built for the tests alone; drb, which starts a ruby for each of its tests; what is of
the language; and the rest of bootstraptest, a thousand programs that compute.
"""

import pathlib
import re

from sources import Sources
from suite import Part, Ran, build

FAST = False
# Files of test/ruby, others of test, and of bootstraptest, each test of which is a program of its own.
CORE = "fiber io io_buffer io_m17n pipe process readpartial signal sleep system thread thread_cv thread_queue"
LIBRARIES = "fiber io logger monitor net rinda socket test_open3.rb test_pty.rb test_syslog.rb test_tempfile.rb test_timeout.rb"
PROGRAMS = "exception fiber finalizer flow fork io thread"


def results(ran: Ran) -> dict[str, str]:
    found = {test: "ok" for test in re.findall(r"^\[ *\d+/\d+\] (\S+) = ", ran.output, re.MULTILINE)}
    for said, test in re.findall(r"^ *\d+\) (Failure|Error|Skipped):\n([\w:]+#[^\s:]+)", ran.output, re.MULTILINE):
        found[test] = said.lower()
    return found


def programs(ran: Ran) -> dict[str, str]:
    """What a program prints may stand before its result, but for the number of the test."""
    return {f"{number} {test}": "ok" if said == "." else "failed"
            for number, test, said in re.findall(r"^#(\d+) (\S+:\d+).*? ([.F])(?: [\d.]+)?$", ran.output, re.MULTILINE)}


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    source = sources.get("ruby3.1")
    build(source, "sh", "-c", "mkdir -p started_in && cp -r test tool bootstraptest started_in/")
    ruby = ["ruby3.1", "test/runner.rb", "--seed=1", "-v", "--show-skip"]
    named = {name: f"ruby/test_{name}.rb" for name in CORE.split()} | {f"test/{name}": name for name in LIBRARIES.split()}
    found = [Part(name, [*ruby, path], results, files=source / "started_in", limit=200) for name, path in named.items()]
    first = ["ruby3.1", "bootstraptest/runner.rb", "--ruby=/usr/bin/ruby3.1", "-v"]
    return found + [Part(f"bootstraptest/{name}", [*first, f"bootstraptest/test_{name}.rb"], programs, files=source / "started_in", limit=200)
                    for name in PROGRAMS.split()]
