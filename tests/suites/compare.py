"""What a part's tests end with in each way, whether that differs steadily, and which differences are known."""

import dataclasses
import pathlib

from suite import Part
from ways import Ways

REPEATS = 5
SHOWN = ("shimmed", "logged")


@dataclasses.dataclass(frozen=True)
class Difference:
    suite: str
    part: str
    test: str
    way: str

    def __str__(self) -> str:
        return f"{self.suite} {self.part}: {self.test} ({self.way})"


def known(path: pathlib.Path) -> dict[Difference, str]:
    """The list of known differences: their reason, by suite, part, test and way. A reason holds for the lines below it."""
    found: dict[Difference, str] = {}
    reason: list[str] = []
    done = False
    for line in path.read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if not line.startswith(" "):
            reason = [line] if done or not reason else reason + [line]
            done = False
            continue
        suite, part, way, test = line.split(maxsplit=3)
        for one in SHOWN if way == "both" else (way,):
            found[Difference(suite, part, test, one)] = " ".join(reason)
        done = True
    return found


@dataclasses.dataclass
class Compared:
    """A part that has been run in each way."""

    tests: int = 0
    same: int = 0
    unsteady: list[Difference] = dataclasses.field(default_factory=list)
    found: dict[Difference, str] = dataclasses.field(default_factory=dict)
    seconds: float = 0


def compare(ways: Ways, suite: str, part: Part, expected: set[Difference]) -> Compared:
    """Runs the part in each way. What differs, or is expected to and does not, is repeated until a result comes both ways."""
    first = {way: ways.run(suite, part, way) for way in ("bare", *SHOWN)}
    tests = set().union(*first.values())
    seen = {(way, test): {result.get(test, "absent")} for way, result in first.items() for test in tests}

    def differs(way: str, test: str) -> bool:
        return not seen["bare", test] & seen[way, test]

    suspects = {(way, test) for way in SHOWN for test in tests
                if differs(way, test) != (Difference(suite, part.name, test, way) in expected)}
    doubtful = suspects
    for _ in range(REPEATS):
        if not doubtful:
            break
        for way in ("bare", *{way for way, _ in doubtful}):
            results = ways.run(suite, part, way)
            for test in {test for _, test in suspects}:
                seen[way, test].add(results.get(test, "absent"))
        # One result that came both ways is enough to say that a test does not differ steadily.
        doubtful = {(way, test) for way, test in doubtful if differs(way, test)}

    compared = Compared(tests=len(tests))
    for test in tests:
        steady = [way for way in SHOWN if differs(way, test)]
        for way in steady:
            compared.found[Difference(suite, part.name, test, way)] = (
                f"{_said(seen['bare', test])} bare, {_said(seen[way, test])} {way}")
        compared.same += not steady
        compared.unsteady += [Difference(suite, part.name, test, way) for way in SHOWN
                              if (way, test) in suspects and way not in steady]
    return compared


def _said(results: set[str]) -> str:
    return " or ".join(sorted(results))
