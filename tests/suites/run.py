#!/usr/bin/python3 -B
"""usage: tests/suites/run.py BUILD [fast]

Runs the test suites of others, each bare, under the shim, and under the shim with a log, and compares the result of each
test. With "fast" only the parts that CI has time for. A test that differs is repeated up to five times in each way and
counts if no result comes both ways. tests/suites/known lists the differences that are known, with a reason; one that is
there no more fails.

In the environment: SUITES=names runs only these, PART=words only the parts whose name has these words, JOBS=n is how many
run at a time (default: two for each processor, since most of them sleep). What a run has printed is kept in BUILD/.suites/runs. A passed test has the same
result in each way. Exit status: 0 all passed, 1 not.
"""

import concurrent.futures
import importlib
import os
import pathlib
import sys
import threading
import time

import compare
from sources import Sources
from suite import Part
from ways import Ways

BESIDE = pathlib.Path(__file__).resolve().parent
# Which a library that sets SIGPIPE to ignored at its start, as the textbook has it, must not pass: the comparison can fail.
CONTROL = ("bash", "lastpipe")


class Row:
    """What the table says of a suite."""

    def __init__(self) -> None:
        self.tests = self.same = self.known = self.unsteady = self.killed = 0
        self.seconds = 0.0
        self.has_to_die = False


class Run:
    def __init__(self, build: pathlib.Path, is_fast: bool):
        self.build = build.resolve()
        self.is_fast = is_fast
        self.ways = Ways(BESIDE.parent.parent, self.build)
        self.known = compare.known(BESIDE / "known")
        self.lock = threading.Lock()
        self.rows: dict[str, Row] = {}
        self.failed = 0
        self.not_there: set[compare.Difference] = set()

    def parts(self) -> list[tuple[str, Part]]:
        sources = Sources(self.build / ".suites")
        wanted = os.environ.get("SUITES", "").split()
        words = os.environ.get("PART", "")
        found = []
        names = sorted(path.stem.removesuffix("_suite") for path in BESIDE.glob("*_suite.py"))
        for unknown in set(wanted) - set(names):
            raise SystemExit(f"tests/suites: there is no suite {unknown}; there are: {' '.join(names)}")
        for name in wanted or names:
            module = importlib.import_module(f"{name}_suite")
            if self.is_fast and not module.FAST:
                continue
            parts = module.parts(sources, self.build)
            found += [(name, part) for part in parts if words in part.name and (part.fast or not self.is_fast)]
        return found

    def one(self, suite: str, part: Part) -> None:
        began = time.monotonic()
        expected = {one for one in self.known if (one.suite, one.part) == (suite, part.name)}
        compared = compare.compare(self.ways, suite, part, expected)
        killed = 0
        if part.has_to_die:
            ignored, bare = self.ways.kept(suite, part, "bare"), self.ways.run(suite, part, "dies")
            killed = sum(bare.get(test) != result for test, result in ignored.items())
        with self.lock:
            self._count(suite, part, compared, expected, killed, time.monotonic() - began)

    def _count(self, suite: str, part: Part, compared: compare.Compared, expected: set[compare.Difference], killed: int,
               seconds: float) -> None:
        row = self.rows.setdefault(suite, Row())
        row.tests += compared.tests
        row.same += compared.same
        row.unsteady += len({one.test for one in compared.unsteady})
        row.known += len({one.test for one in compared.found if one in expected})
        row.killed += killed
        row.has_to_die |= part.has_to_die
        row.seconds += seconds
        print(f"{'passed ' if compared.tests else 'FAILED '}  {suite} {part.name}: {compared.tests} tests in {seconds:.0f} s", flush=True)
        self.failed += not compared.tests
        for one in sorted(compared.unsteady, key=str):
            print(f"  not steady  {one}")
        for one in sorted(compared.found.keys() - expected, key=str):
            print(f"FAILED   {one}: {compared.found[one]}")
        for one in sorted(expected - compared.found.keys(), key=str):
            print(f"FAILED   {one}: is listed in tests/suites/known and does not differ")
        self.failed += len({one.test for one in compared.found.keys() ^ expected})

    def check(self, fact: str, is_true: bool) -> int:
        print(f"{'passed ' if is_true else 'FAILED '}  {fact}", flush=True)
        self.failed += not is_true
        return is_true

    def controls(self, parts: list[tuple[str, Part]]) -> int:
        """The comparison can fail, and it is the shim that was there."""
        passed = 0
        for suite, row in self.rows.items():
            if row.has_to_die:
                passed += self.check(f"the control: {suite} is killed bare in {row.killed} tests", row.killed > 0)
        for suite, part in parts:
            if (suite, part.name) == CONTROL:
                bare, wrong = self.ways.kept(suite, part, "bare"), self.ways.run(suite, part, "wrong")
                passed += self.check("the control: a library that ignores SIGPIPE at its start differs", bare != wrong)
        probe = Part("maps", ["cat", "/proc/self/maps"], lambda ran: {"shim": str("libnosigpipe.so" in ran.output)})
        is_there = [self.ways.run("control", probe, way)["shim"] for way in ("bare", *compare.SHOWN)]
        return passed + self.check("the control: the shim is in the process, and bare it is not", is_there == ["False", "True", "True"])

    def table(self) -> None:
        print("\n| suite | tests | same | known | not steady | seconds |\n| --- | --- | --- | --- | --- | --- |")
        for suite, row in sorted(self.rows.items()):
            print(f"| {suite} | {row.tests} | {row.same} | {row.known} | {row.unsteady} | {row.seconds:.0f} |")


def main() -> int:
    if os.getuid() != 0:
        raise SystemExit("tests/suites: only root can make the namespaces that each run has")
    run = Run(pathlib.Path(sys.argv[1]), "fast" in sys.argv[2:])
    began = time.monotonic()
    parts = run.parts()
    print(f"built in {time.monotonic() - began:.0f} s", flush=True)
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", 2 * (os.cpu_count() or 1)))) as pool:
        # The longest first, so that none is left alone at the end.
        for future in [pool.submit(run.one, *one) for one in sorted(parts, key=lambda one: -one[1].limit)]:
            future.result()
    passed = run.controls(parts)
    run.table()
    print(f"\nall of it in {time.monotonic() - began:.0f} s")
    passed += sum(row.same for row in run.rows.values())
    print(f"{passed} passed, {run.failed} failed")
    return int(run.failed > 0 or not run.rows)


if __name__ == "__main__":
    sys.exit(main())
