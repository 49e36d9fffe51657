"""CPython's own tests, as Debian packages them: each module of those that have to do with signals, sockets and pipes."""

import pathlib
import xml.etree.ElementTree

from sources import Sources
from suite import Part, Ran

FAST = True
PYTHON = "/usr/bin/python3.11"
TESTS = pathlib.Path("/usr/lib/python3.11/test")
# Those that CI has time for, and the rest.
QUICK = "socket subprocess os posix socketserver httpservers threadsignals select fileio popen epoll eintr pty smtplib"
SLOW = "signal selectors poll ftplib ssl io faulthandler concurrent_futures"
# A machine with vsock and no peer on it waits for ever.
LEFT_OUT = ["--ignore", "ThreadedVSOCKSocketStreamTest"]


def results(ran: Ran) -> dict[str, str]:
    report = ran.directory / "report.xml"
    if not report.exists():
        return {}
    found: dict[str, str] = {}
    for case in xml.etree.ElementTree.parse(report).iter("testcase"):
        said = {child.tag for child in case} & {"skipped", "failure", "error"}
        name = case.get("name") or ""
        # A test that is run several times in a module counts by its worst.
        found[name] = max(found.get(name, ""), *(said or {"ok"}), key=("", "ok", "skipped", "error", "failure").index)
    return found


def module(name: str, fast: bool, *arguments: str, part: str | None = None) -> Part:
    # "network" is what these call sockets of the loopback, too; there is nothing else in the part's namespace.
    resources = ["-u", "network"] if name == "test_socketserver" else []
    return Part(part or name, [PYTHON, "-m", "test", "--junit-xml", "report.xml", *resources, *LEFT_OUT, *arguments, name],
                results, fast=fast, limit=300 if name in ("test_signal", "test_concurrent_futures") else 200)


def parts(sources: Sources, build: pathlib.Path) -> list[Part]:
    found = [module(f"test_{name}", True) for name in QUICK.split()]
    found += [module(f"test_{name}", False) for name in SLOW.split()]
    found += [module(f"test.test_asyncio.{path.stem}", False, part=f"test_asyncio.{path.stem}")
              for path in sorted((TESTS / "test_asyncio").glob("test_*.py")) if "windows" not in path.stem]
    return found
