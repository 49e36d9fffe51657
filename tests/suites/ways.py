"""The ways in which a part of a suite is run: bare, under the shim, with a log as well; and under a preload that is wrong.

Each run has namespaces of its own: a network that is the loopback alone, processes that end with it, a /tmp. So parts run
beside each other although they use the same ports and files, and nothing leaves this machine.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import threading

from suite import Part, Ran

# The first process of its pid namespace is another than the part's, since signals that have no handler spare it.
ROOM = """
mount --bind "$1" /mnt
mount -t tmpfs tmpfs /tmp
mount -t tmpfs tmpfs /dev/shm
chmod 1777 /tmp /dev/shm
mkdir -p "$1"
mount --move /mnt "$1"
ip link set lo up
cd "$2"
shift 2
set +e
"$@"
exit $?
"""


class Ways:
    def __init__(self, repository: pathlib.Path, build: pathlib.Path):
        self.repository = repository
        self.runs = build / ".suites" / "runs"
        shim = str(build / "libnosigpipe.so")
        wrong = str(build / "tests" / "victims" / "libignoring.so")
        self.environment = {
            "bare": {},
            "shimmed": {"LD_PRELOAD": shim},
            "logged": {"LD_PRELOAD": shim, "NOSIGPIPE_LOG": "@directory@/nosigpipe.log"},
            "wrong": {"LD_PRELOAD": wrong},
            "dies": {},  # bare, too, and the command is not another one
        }

    def run(self, suite: str, part: Part, way: str) -> dict[str, str]:
        directory = self.runs / suite / part.name.replace("/", "_") / f"{way}-{threading.get_ident()}"
        shutil.rmtree(directory, ignore_errors=True)
        if part.files:
            shutil.copytree(part.files, directory, symlinks=True)
        else:
            directory.mkdir(parents=True)
        command = part.bare if way == "bare" and part.bare else part.command
        ran = self._in_room(part, command, way, directory)
        results = part.results(ran)
        (directory.parent / f"{way}.results").write_text("".join(f"{result}\t{test}\n" for test, result in sorted(results.items())))
        (directory.parent / f"{way}.output").write_text(ran.output)
        log = directory / "nosigpipe.log"
        if log.exists():
            log.rename(directory.parent / "nosigpipe.log")
        shutil.rmtree(directory, ignore_errors=True)
        return results

    def kept(self, suite: str, part: Part, way: str) -> dict[str, str]:
        """The results of the last run."""
        text = (self.runs / suite / part.name.replace("/", "_") / f"{way}.results").read_text()
        return {test: result for result, test in (line.split("\t", 1) for line in text.splitlines())}

    def _in_room(self, part: Part, command: list[str], way: str, directory: pathlib.Path) -> Ran:
        environment = {name: value.replace("@directory@", str(directory)) for name, value in
                       (part.environment | self.environment[way]).items()}
        # Nothing is left of a run that is killed.
        started = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child",
                   "--mount-proc", "sh", "-ec", ROOM, "-", str(self.repository), str(directory),
                   "setsid", "env", "-i", "PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", f"HOME={directory}", "LC_ALL=C.UTF-8",
                   "TERM=dumb", "SHELL=/bin/sh", *(f"{name}={value}" for name, value in environment.items()), *command]
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        output = directory / ".output"
        with output.open("wb") as file:
            process = subprocess.Popen(started, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
            try:
                status = process.wait(part.limit * (1 + load))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
                status = -int(signal.SIGKILL)
                file.write(b"\ntook longer than its limit\n")
        # A shell says a death by signal as 128 and its number.
        status = status if status <= 128 else 128 - status
        return Ran(directory, output.read_text(errors="replace"), status)
