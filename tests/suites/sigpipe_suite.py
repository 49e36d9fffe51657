"""SIGPIPE in the place of another signal: suites of signals, rewritten so that the one they try is SIGPIPE.

Where the program has SIG_DFL a handler of the shim stands; what follows from that and nobody has thought of is found so.
"""

import dataclasses
import pathlib
import re

import cpython_suite
from sources import Sources
from suite import Part

FAST = True
# The signals that a module tries, each replaced in a copy of its own. SIGPROF and SIGCHLD come from the kernel.
TRIED = {
    "test_signal": ["SIGUSR1", "SIGHUP", "SIGINT", "SIGTERM"],
    "test_threadsignals": ["SIGUSR1", "SIGUSR2"],
    "test_posix": ["SIGUSR1", "SIGUSR2"],
    "test_subprocess": ["SIGINT", "SIGTERM", "SIGKILL"],
    "test_selectors": ["SIGALRM"],
    "test_faulthandler": ["SIGUSR1"],
}
# alarm(2) sends SIGALRM and no other: a thread sends what has its place.
ALARM = "signal.alarm(1)"
TIMER = ("__import__('threading').Timer(1, signal.pthread_kill, "
         "(__import__('threading').main_thread().ident, signal.SIGPIPE)).start()")
QUICK = {"test_threadsignals", "test_posix"}


def parts(_: Sources, build: pathlib.Path) -> list[Part]:
    found = []
    for name, signals in TRIED.items():
        text = (cpython_suite.TESTS / f"{name}.py").read_text()
        for signal in signals:
            rewritten = re.sub(rf"\b{signal}\b", "SIGPIPE", text)
            if signal == "SIGALRM":
                rewritten = rewritten.replace(ALARM, TIMER)
            if rewritten == text:
                continue
            files = build / ".suites" / "sigpipe" / f"{name}-{signal}"
            files.mkdir(parents=True, exist_ok=True)
            # A name of its own, so that the module of the distribution is not taken.
            (files / f"test_{signal.lower()}_{name}.py").write_text(rewritten)
            module = cpython_suite.module(name, name in QUICK)
            # Some modules start helpers of theirs, which lie beside them in the package.
            command = [*module.command[:-1], "--testdir", ".", f"test_{signal.lower()}_{name}"]
            found.append(dataclasses.replace(module, name=f"{name}-{signal}", command=command, files=files))
    return found
