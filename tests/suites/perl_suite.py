"""perl's own tests, by the distribution's perl and its modules: the core's io and op, POSIX and IO."""

import pathlib
import re

from sources import Sources
from suite import Part, Ran, build

FAST = False
# So many parts have the files of t/op, to be run beside each other.
PARTS = 6
# The tests take their modules from ../lib: there are those of the distribution, which are built.
LIBRARY = """
mkdir -p started_in/lib
for there in $(perl -e 'print join " ", grep { m{^/usr/(share|lib)/.*perl(-base|/\\d)} && -d } @INC'); do
  cp -rnL "$there/." started_in/lib/ 2>/dev/null || :
done
cp -r t started_in/
ln -sf /usr/bin/perl started_in/t/perl
mkdir -p started_in/ext/POSIX started_in/dist/IO
cp -r ext/POSIX/t started_in/ext/POSIX/
cp -r dist/IO/t started_in/dist/IO/
"""
EACH = 'for name; do echo "@ $name"; timeout 300 ./perl -I../lib "$name" 2>&1; echo "@ status $?"; done'


def results(ran: Ran) -> dict[str, str]:
    found: dict[str, str] = {}
    file = ""
    for line in ran.output.splitlines():
        if status := re.match(r"@ status (\d+)", line):
            found[f"{file} status"] = status.group(1)
        elif line.startswith("@ "):
            file = line[2:]
        elif test := re.match(r"(ok|not ok) (\d+)\b.*?(# skip)?", line, re.IGNORECASE):
            found[f"{file} {test.group(2)}"] = "skipped" if "# skip" in line.lower() else test.group(1)
    return found


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    source = sources.get("perl")
    build(source, "sh", "-c", LIBRARY)
    there = source / "started_in"
    op = sorted(f"op/{path.name}" for path in (there / "t" / "op").glob("*.t"))
    io = sorted(f"io/{path.name}" for path in (there / "t" / "io").glob("*.t"))
    named = {"io-1": io[::2], "io-2": io[1::2]} | {f"op-{i + 1}": op[i::PARTS] for i in range(PARTS)}
    found = [Part(name, ["sh", "-c", f"cd t; {EACH}", "-", *files], results, files=there, limit=600) for name, files in named.items()]
    for module in "ext/POSIX", "dist/IO":
        files = sorted(f"t/{path.name}" for path in (there / module / "t").glob("*.t"))
        each = EACH.replace("./perl -I../lib", "/usr/bin/perl")
        found.append(Part(pathlib.Path(module).name, ["sh", "-c", f"cd {module}; {each}", "-", *files], results, files=there, limit=300))
    return found
