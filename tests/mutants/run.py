#!/usr/bin/python3
"""usage: tests/mutants/run.py BUILD

Changes the shim in one small way at a time, as a mistake would, and says whether a test knows. BUILD holds what
`make test-programs` has built. The changes are those of tests/mutants/by_hand, and some that are made up here: a condition
turned, a constant off by one, a call dropped. They are the same ones each time, for the same source.

In the environment: EACH=n is how many are made up for each folder (default 25), SEED=n chooses others, FIRST=n takes the
first n of each folder by hand (default: all), JOBS=n is how many are tried at a time (default: a processor each),
ONLY=words tries those whose name has these words.

A mutant that lives is to be in tests/mutants/equivalent, with the reason why no test can know it. The last line is the
count: "passed" has died or is equivalent. Exit status: 0 none lives that should not, 1 some do.
"""

import hashlib
import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading

BESIDE = pathlib.Path(__file__).parent
LIMIT = 300  # seconds for one suite, and more in proportion where others are at work beside it

# By folder of the shim: the suites that can know it, the most likely and the quickest first.
SUITES = {
    "guard": "guard guard_random interleavings handler signals runaway passed log strace partial matrix",
    "program": "handler interleavings signals guard guard_random children passed runaway strace matrix",
    "log": "log interleavings log_totals call_sites passed log_destination log_random strace",
    "unwind": "interleavings stack call_sites log log_random passed",
}

# What a mistake makes of a line of code.
TURNS = [
    (re.compile(pattern), text)
    for pattern, text in [
        (r" == ", " != "),
        (r" != ", " == "),
        (r" <= ", " < "),
        (r" >= ", " > "),
        (r"(?<![<\w]) < (?!<)", " <= "),
        (r" > (?!>)", " >= "),
        (r" && ", " || "),
        (r" \|\| ", " && "),
        (r" \+ 1\b", ""),
        (r" - 1\b", ""),
        (r"\breturn true;", "return false;"),
        (r"\breturn false;", "return true;"),
        (r"\bif \(", "if (!!!("),  # closed below
        (r"^(\s+)[a-z_]+(?:(?:::|\.|->)[a-z_]+)*\([^;]*\);$", r"\1;"),
        (r"(?<![\w.'x])([1-9]\d?)(?![\w.'])", "(1 + \\1)"),
    ]
]
NO_CODE = re.compile(r"^\s*(//|#|constexpr|using|static_assert|template|extern|namespace|case \w+:$)|operator|for \(")


class Mutant:
    def __init__(self, file, old, new, name):
        self.file, self.old, self.new, self.name = file, old, new, name


def turned(line, pattern, text):
    if text != "if (!!!(":
        return pattern.sub(text, line, count=1)
    begin = pattern.search(line).end()
    depth, end = 1, begin
    while depth and end < len(line):
        depth += {"(": 1, ")": -1}.get(line[end], 0)
        end += 1
    if depth or "; " in line[begin:end]:
        return line
    return f"{line[:begin]}!({line[begin:end - 1]}){line[end - 1:]}"


def made_up(folder, count, seed):
    """Some of all that could be, the same ones as long as their lines are the same."""
    all_of_them = []
    for file in sorted(pathlib.Path("shim", folder).glob("*")):
        text = file.read_text()
        for line in set(text.split("\n")):
            code = line.split("  // ")[0]
            if NO_CODE.search(code) or text.count(f"\n{line}\n") != 1:
                continue
            for pattern, into in TURNS:
                new = turned(code, pattern, into) if pattern.search(code) else code
                if new != code:
                    all_of_them.append(Mutant(str(file), line, new, f"{file}: {code.strip()} -> {new.strip()}"))
    all_of_them.sort(key=lambda m: hashlib.sha256(f"{seed}{m.name}".encode()).digest())
    return all_of_them[:count]


def by_hand():
    """A paragraph each: `FILE: what it does`, lines that are taken out (-), lines that take their place (+)."""
    for paragraph in (BESIDE / "by_hand").read_text().split("\n\n"):
        lines = [line for line in paragraph.strip("\n").split("\n") if not line.startswith("#")]
        if not lines:
            continue
        file = lines[0].split(": ")[0]
        old = "\n".join(line[1:] for line in lines[1:] if line[0] == "-")
        new = "\n".join(line[1:] for line in lines[1:] if line[0] == "+")
        if pathlib.Path(file).read_text().count(f"\n{old}\n") != 1:
            sys.exit(f"tests/mutants/by_hand: not once in the source: {lines[0]}")
        yield Mutant(file, old, new, lines[0])


def reasons():
    known = {}
    for paragraph in (BESIDE / "equivalent").read_text().split("\n\n"):
        lines = [line for line in paragraph.strip("\n").split("\n") if not line.startswith("#")]
        if lines:
            known[lines[0]] = " ".join(line.strip() for line in lines[1:])
    return known


def quietly(command, directory, limit="900"):
    return subprocess.run(["timeout", "-k", "5", limit, *command], cwd=directory, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)


def tried(mutant, tree):
    """What has become of it: killed by, not compiled, or None where it lives."""
    path = pathlib.Path(tree, mutant.file)
    text = path.read_text()
    path.write_text(text.replace(f"\n{mutant.old}\n", f"\n{mutant.new}\n", 1))
    try:
        explored = pathlib.Path(sys.argv[1], "tests/interleavings").iterdir()
        explorers = [f"build/tests/interleavings/{one.name}" for one in explored]
        made = quietly(["make", "WARNINGS=-w", "CXX=ccache c++", "CC=cc", "build/libnosigpipe.so", *explorers], tree)
        if made.returncode:
            return "does not compile"
        for suite in SUITES[mutant.file.split("/")[1]].split():
            limit = int(LIMIT * (1 + os.getloadavg()[0] / os.cpu_count()))
            ending = quietly([f"build/tests/{suite}_test", "--abort"], tree, str(limit))
            if ending.returncode:
                return f"{suite}_test" + (f", out of its {limit} s" if ending.returncode == 124 else "")
        return None
    finally:
        path.write_text(text)


def copy_of_tree(build, place):
    subprocess.run(["cp", "-a", "Makefile", "shim", "tests", "demo", place], check=True)
    parts = {"shim", "late", "tests", "demo", "i386", "interleaved"}
    wanted = [path for path in pathlib.Path(build).iterdir() if path.is_file() or path.name in parts]
    pathlib.Path(place, "build").mkdir()
    subprocess.run(["cp", "-a", *wanted, f"{place}/build"], check=True)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tests/mutants/run.py BUILD")
    each, only = int(os.environ.get("EACH", "25")), os.environ.get("ONLY", "")
    first = int(os.environ["FIRST"]) if "FIRST" in os.environ else None
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        os.environ.pop(name, None)
    mutants = []
    for folder in SUITES:
        mutants += [m for m in by_hand() if m.file.split("/")[1] == folder][:first]
        mutants += made_up(folder, each, os.environ.get("SEED", "1"))
    mutants = sorted((m for m in mutants if only in m.name), key=lambda m: m.file)
    known, waiting, lock = reasons(), queue.Queue(), threading.Lock()
    counts = {"killed": 0, "equivalent": 0, "lives": 0, "not compiled": 0}
    for mutant in mutants:
        waiting.put(mutant)

    def work(place):
        copy_of_tree(sys.argv[1], place)
        while True:
            try:
                mutant = waiting.get_nowait()
            except queue.Empty:
                return
            by = None if mutant.name in known else tried(mutant, place)
            kind = "equivalent" if mutant.name in known else "lives" if by is None else "killed"
            if by == "does not compile":
                kind = "not compiled"
            with lock:
                counts[kind] += 1
                print(f"{kind:12} {mutant.name} ({by or known.get(mutant.name, 'no test knows it')})", flush=True)

    jobs = int(os.environ.get("JOBS", "0")) or os.cpu_count()
    with tempfile.TemporaryDirectory(prefix="mutants-") as place:
        workers = [threading.Thread(target=work, args=(tempfile.mkdtemp(dir=place),)) for _ in range(jobs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    tested = counts["killed"] + counts["lives"]
    others = f"{counts['equivalent']} are equivalent, {counts['not compiled']} do not compile"
    print(f"{counts['killed']} of {tested} die; {others}")
    print(f"{counts['killed'] + counts['equivalent']} passed, {counts['lives']} failed")
    sys.exit(1 if counts["lives"] or not tested else 0)


if __name__ == "__main__":
    main()
