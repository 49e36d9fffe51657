"""Tcl's own tests, by the distribution's tclsh: the files that have to do with channels, sockets, processes and events."""

import pathlib
import re

from sources import Sources
from suite import Part, Ran

FAST = True
QUICK = "socket io ioCmd ioTrans iogt chan exec event pid notify unixFCmd unixNotfy unixInit unixForkEvent main thread timer env"
SLOW = "chanio http http11 httpold fCmd interp zlib safe async load"
# The longest that one of them takes on a quiet machine is a third of this.
LIMIT = 180


def results(ran: Ran) -> dict[str, str]:
    found = {test: said.lower() for test, said in re.findall(r"^\+\+\+\+ (\S+) (PASSED|SKIPPED)", ran.output, re.MULTILINE)}
    return found | {test: "failed" for test in re.findall(r"^==== (\S+) .*FAILED$", ran.output, re.MULTILINE)}


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    tests = sources.get("tcl8.6") / "tests"
    return [Part(name, ["tclsh8.6", f"{name}.test", "-verbose", "body pass skip error"], results, files=tests, fast=fast, limit=LIMIT)
            for names, fast in ((QUICK, True), (SLOW, False)) for name in names.split()]
