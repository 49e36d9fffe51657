"""glibc's own tests of signals, sockets, files, processes and threads, on the library that is built with them.

The loader of that library starts each, and reads LD_PRELOAD. Which command a test is says make, with a wrapper that prints it.
Left out are those that need a root directory or an environment of their own, are static, match patterns, or make threads by
the thousand or take one lock a million times.
"""

import pathlib
import re

from sources import Sources
from suite import Part, Ran, build

FAST = False
# So many parts have the tests of a directory, to be run beside each other.
PARTS = {"signal": 1, "socket": 1, "io": 2, "posix": 4, "nptl": 12}
CONFIGURE = """mkdir -p built && cd built && ../configure --prefix=/usr --disable-werror --disable-mathvec --disable-build-nscd --disable-nscd \
--disable-crypt --disable-timezone-tools --disable-profile --without-selinux --enable-stack-protector=no CFLAGS='-O2 -g0'"""
# Not by the target "tests" of the whole, which installs a root directory. What a test that does not compile leaves is no command.
TESTS = """for directory; do
  make -k -r -j2 -C $directory subdir=$directory ..=../ objdir=$PWD/built tests run-built-tests=yes tests-special= test-wrapper="/usr/bin/printf '%q ' @" || :
done"""
LEFT_OUT = re.compile(r" env -i |/test-container |static|regex|fnmatch|glob|timedlock-lockloop|mutex10|setuid-loop|create-detached")
EACH = """for test; do eval "set -- $test"; name=$1; shift; timeout -k 1 250 "$@"; printf '\\n@ %s %s\\n' "$name" $?; done 2>&1"""


def results(ran: Ran) -> dict[str, str]:
    said = {"0": "ok", "77": "not supported"}
    return {test: said.get(status, f"exit status {status}") for test, status in re.findall(r"^@ (\S+) (\d+)$", ran.output, re.MULTILINE)}


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    source = sources.get("glibc")
    build(source, "sh", "-c", CONFIGURE)
    build(source, "make", "-C", "built", "-j2", "lib")
    build(source, "make", "-r", "-j2", "-C", "support", "subdir=support", "..=../", f"objdir={source}/built", "others")
    build(source, "sh", "-c", TESTS, "-", *PARTS)
    found = []
    for directory, count in PARTS.items():
        said = {path.stem: path.read_text(errors="replace") for path in sorted((source / "built" / directory).glob("*.out"))}
        tests = [line.replace("@", name, 1).strip() for name, line in said.items() if line.startswith("@ ") and not LEFT_OUT.search(line)]
        found += [Part(f"{directory}-{i + 1}", ["sh", "-c", f"cd {source}/{directory}; {EACH}", "-", *tests[i::count]], results,
                       environment={"TIMEOUTFACTOR": "5"}, limit=300) for i in range(count)]
    return found
