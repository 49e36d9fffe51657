"""socat's own tests, by the distribution's socat: all but those that the distribution leaves out."""

import pathlib
import re
import subprocess

from sources import Sources
from suite import Part, Ran, build

FAST = False
# So many parts have the tests, to be run beside each other.
PARTS = 16


def results(ran: Ran) -> dict[str, str]:
    """What a test says of itself stands before its result, on the same line or some lines above."""
    found: dict[str, str] = {}
    for number, name, said in re.findall(r"^test +(\d+) (\w+): (.*?)(?=^test +\d+ |\Z)", ran.output, re.MULTILINE | re.DOTALL):
        result = re.search(r"\b(OK|FAILED|Feature removed|\w+ not available)\b", said)
        found[f"{number} {name}"] = result.group(1).lower() if result else "no result"
    return found


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    tests = sources.get("socat")
    # Without this file each part looks for a prime of its own, for a minute.
    build(tests, "openssl", "dhparam", "-dsaparam", "-out", "testcert.dh", "2048")
    command = ["env", "SOCAT=/usr/bin/socat", "bash", "test.sh"]
    said = subprocess.run([*command, "none"], cwd=tests, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    count = int(re.search(r"^Summary: (\d+) tests", said, re.MULTILINE)[1])
    return [Part(str(i + 1), [*command, *map(str, range(i + 1, count + 1, PARTS))], results, files=tests, limit=300) for i in range(PARTS)]
