#!/usr/bin/env python3
"""Runs programs of tests/victims, and the demo's server, under the shim with a log and stacks, while somebody watches it.

usage: tests/watched/run.py BUILD [WATCHER...]

ThreadSanitizer watches those with threads, AddressSanitizer and UndefinedBehaviorSanitizer all scenes, each a shim that
gcc has built for it; valgrind's memcheck watches the shim as it is. First each has to find a mistake that is made on
purpose. Exit status: 0 nobody has seen anything, and the programs did as they do unwatched; 1 not.
"""

import concurrent.futures
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
PLACE = BUILD / "watched"
VICTIMS = BUILD / "tests/victims"
SCENES = str(VICTIMS / "scenes/scenes")
TOTALS = str(VICTIMS / "totals_victim")
SITES = str(VICTIMS / "sites_victim")
LOG = str(VICTIMS / "log_victim")
JOBS = os.cpu_count() or 1

# What a sanitizer is itself in the way of, and why.
IN_THE_WAY = {
    "alternate_stacks": "a sanitizer's frames do not fit in a small stack",
    "small_alternate_stack": "the same",
    "forbids_counter": "the clock that a sanitizer starts with reads the counter",
    "forbids_counter_by_syscall": "the same",
    "left_by_cancellation_writev": "AddressSanitizer keeps a frame that cancellation has left",
    "left_by_cancellation_splice": "the same",
    "stack_of_each_end": "prints how much stack there is",
}


def scenes(*without):
    """All but those of a runaway, which take their time."""
    for file in sorted((SOURCE / "tests/victims/scenes").glob("*.cpp")):
        if file.stem != "runaway":
            yield from (n for n in re.findall(r"^SCENE\((\w+)\)", file.read_text(), re.M) if n not in without)


class Run:
    """One program, and how it went."""

    def __init__(self, name, command, env=None, meanwhile=None):
        self.name, self.command, self.env, self.meanwhile = name, command, env or {}, meanwhile

    def go(self, place, prefix, env):
        shutil.rmtree(place, ignore_errors=True)
        (place / "there").mkdir(parents=True)
        words = {**os.environ, "NOSIGPIPE_RUNAWAY": "off", "NOSIGPIPE_LOG": str(place / "log"), **self.env}
        words.update({name: value.format(place=place) for name, value in env.items()})
        command = [word.format(place=place) for word in prefix] + self.command
        with open(place / "out", "wb") as out, open(place / "err", "wb") as err:
            program = subprocess.Popen(command, cwd=place / "there", env=words, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=err)
            try:
                if self.meanwhile:
                    self.meanwhile(program, place)
                status = program.wait(300)
            except subprocess.TimeoutExpired:
                program.kill()
                status = "took longer than 300 s"
        text = (place / "out").read_text(errors="replace")
        return status, re.sub(r"\d+", "N", text)  # a pid, a port, an fd: valgrind has some of its own


def scene(name, env=None):
    return Run(name, [SCENES, name], env)


def rotates(program, place):
    """The log is moved away while lines are written."""
    for number in range(100):
        if program.poll() is not None:
            break
        if (place / "log").exists():
            (place / "log").rename(place / f"log.{number}")
        time.sleep(0.05)


def served():
    """The demo's server, and clients that leave."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])

    def attacked(program, _):
        for _ in range(600):
            with socket.socket() as probe:
                if program.poll() is not None or probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.1)
        clients = [str(BUILD / "demo/clients"), "--requests", "200", "--abort", "90", f"127.0.0.1:{port}/write/sh"]
        said = subprocess.run(clients, capture_output=True, text=True, check=False).stdout
        program.send_signal(signal.SIGTERM)
        if "server=alive" not in said:
            print(said)

    return Run("server", [str(BUILD / "demo/server"), port, "/bin"], meanwhile=attacked)


def with_threads():
    each = {"NOSIGPIPE_INTERVAL": "0"}
    for guard in "auto", "mask":
        env = {"NOSIGPIPE_GUARD": guard}
        for name in ("threads", "replaced_by_file_write", "replaced_by_file_sendfile", "replaced_by_nothing_writev", "fork_while_logging"):
            yield Run(f"{name}-{guard}", [SCENES, name], env)
        yield Run(f"storm-{guard}", [TOTALS, "unix-closed", "storm=3000"], env)
        yield Run(f"lines-{guard}", [TOTALS, "tcp-reset", "storm=2000"], {**env, **each})
        yield Run(f"crowd-{guard}", [TOTALS, "tcp-reset", "crowd=20", "write"], env)
        yield Run(f"rotated-{guard}", [TOTALS, "tcp-reset", "storm=2000", "write"], {**env, **each}, rotates)
        yield Run(f"replace-{guard}", [TOTALS, "unix-closed", "write", "replace=100"], env)
        yield Run(f"sites-{guard}", [SITES, "threads=200", "sized=3"], env)
    yield served()


# No filter of seccomp, which kills for the calls that valgrind makes itself.
def for_memcheck():
    each = {"NOSIGPIPE_INTERVAL": "0"}
    for name in ("threads", "fork_child", "vfork_child", "sigwait_drains", "cancellation",
                 "unblocked_undrained", "stdio_on_socket", "set_by_two_threads"):
        yield scene(name)
    yield Run("storm", [TOTALS, "tcp-reset", "storm=200", "print", "unix-closed", "write", "print"], each)
    yield Run("fork", [TOTALS, "unix-closed", "storm=20", "fork", "storm=20"], each)
    yield Run("json", [TOTALS, "unix-closed", "write"], {"NOSIGPIPE_FORMAT": "json"})
    yield Run("log", [LOG, "writev", "sendfile"], each)
    yield Run("sites", [SITES, "often=5", "threads=20", "sized=3", "alternate=3", "deep=10", "coroutines=5"], each)
    yield served()


def library(name):
    path = subprocess.run(["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout
    return os.path.realpath(path.strip())


class Watcher:
    def __init__(self, name, flags, sees, prefix=(), env=None, libraries=(), compares=True):
        self.name, self.flags, self.sees, self.prefix, self.compares = name, flags, sees, list(prefix), compares
        self.env, self.preloaded = env or {}, [library(name) for name in libraries]

    def make(self):
        """The shim as this watcher has it."""
        return self.built(PLACE / self.name, SOURCE) if self.flags else BUILD / "libnosigpipe.so"

    def make_mistaken(self, file, right, wrong):
        """The same, but for one file."""
        source, place = PLACE / f"{self.name}-source", PLACE / f"{self.name}-mistaken"
        for folder in source, place:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SOURCE / "shim", source / "shim")
        shutil.copy2(SOURCE / "Makefile", source)
        shutil.copytree(self.make().parent / "shim", place / "shim", ignore=shutil.ignore_patterns("*.d"))
        text = (source / file).read_text()
        if text.count(right) != 1:
            raise SystemExit(f"{file} has no line for the mistake: {right}")
        (source / file).write_text(text.replace(right, wrong))
        return self.built(place, source)

    def built(self, place, source):
        subprocess.run(["make", "--no-print-directory", f"-j{JOBS}", f"BUILD={place}", "CFLAGS=", f"LDFLAGS={self.flags}",
                        f"CXXFLAGS=-g -O1 -fno-omit-frame-pointer {self.flags}", f"{place}/libnosigpipe.so"],
                       cwd=source, check=True, stdout=subprocess.DEVNULL)
        return place / "libnosigpipe.so"

    def watch(self, run, shim, kind):
        """What was wrong; nothing if all is well."""
        place = PLACE / "runs" / f"{self.name}{kind}" / run.name
        env = {**self.env, "LD_PRELOAD": ":".join([*self.preloaded, str(shim)])}
        outcome = run.go(place, self.prefix, env)
        said = "".join(file.read_text(errors="replace") for file in [place / "err", *sorted(place.glob("seen*"))])
        seen = re.findall(self.sees, said, re.M)
        if seen:
            return "\n".join(seen) + f"\n{said}"
        if self.compares and not run.meanwhile:
            unwatched = run.go(place / "unwatched", [], {"LD_PRELOAD": str(BUILD / "libnosigpipe.so")})
            return "" if outcome == unwatched else f"{outcome}, and unwatched {unwatched}\n{said}"
        return "" if outcome[0] in (0, -signal.SIGTERM) else f"{outcome}\n{said}"


OWN_SIGNALS = "handle_segv=0:handle_sigbus=0:handle_sigfpe=0"
# What the program itself does to its fds while other threads write to them is no race of the shim's.
THREADS = Watcher("ThreadSanitizer", "-fsanitize=thread", r"^SUMMARY: .* shim/.*", libraries=["libtsan.so"], compares=False,
                  env={"TSAN_OPTIONS": OWN_SIGNALS + ":report_signal_unsafe=0:exitcode=0:log_path={place}/seen"})
ADDRESSES = Watcher("AddressSanitizer", "-fsanitize=address,undefined -fno-sanitize-recover=all",
                    r"^SUMMARY: .*|.*runtime error: .*", libraries=["libasan.so", "libubsan.so"],
                    env={"ASAN_OPTIONS": OWN_SIGNALS + ":detect_leaks=0"})
MEMCHECK = Watcher("memcheck", "", r"^==\d+== (?!  ).*", prefix=[
    "valgrind", "-q", "--error-exitcode=99", "--trace-children=yes", "--log-file={place}/seen.%p",
    f"--suppressions={SOURCE}/tests/watched/suppressions"])

# Each watcher, what it watches, the mistake that it has to find, and in which program.
PLANS = [
    (THREADS, list(with_threads()), Run("crowd", [TOTALS, "tcp-reset", "crowd=20", "write"]),
     ("shim/log/call_sites.cpp", "static_cast<std::uint32_t>(own - list_)))",
      "static_cast<std::uint32_t>(own - list_), std::memory_order_relaxed))")),
    (ADDRESSES, [scene(name) for name in scenes(*IN_THE_WAY)], Run("log", [LOG, "writev"]),
     ("shim/unwind/cfi.cpp", "Pair pairs[kFew];", "Pair pairs[kFew / 8];")),
    (MEMCHECK, list(for_memcheck()), scene("sigwait_drains"),
     ("shim/program/mask.cpp", "siginfo_t info{};\n  info.si_signo", "siginfo_t info;\n  info.si_signo")),
]


def main():
    passed = failed = 0
    for watcher, runs, control, mistake in PLANS:
        if sys.argv[2:] and watcher.name not in sys.argv[2:]:
            continue
        shutil.rmtree(PLACE / "runs" / watcher.name, ignore_errors=True)
        shim = watcher.make()
        is_found = watcher.watch(control, watcher.make_mistaken(*mistake), "-mistaken")
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            told = pool.map(lambda run, by=watcher, of=shim: by.watch(run, of, ""), runs)
            names = ["a mistake is found", *(run.name for run in runs)]
            for name, what in zip(names, itertools.chain(["" if is_found else "it is not"], told)):
                print(f"{'FAILED  ' if what else 'passed  '} {watcher.name}: {name}" + (f"\n{what}" if what else ""), flush=True)
                passed, failed = passed + (not what), failed + bool(what)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
