"""Source packages of the distribution, from the mirror that apt uses here, kept in a directory between runs.

apt reads a list of its own for them: that of the machine need not name sources, and is not touched.
"""

import os
import pathlib
import subprocess


class Sources:
    def __init__(self, there: pathlib.Path):
        self.there = there
        self.apt = there / "apt"

    def get(self, package: str) -> pathlib.Path:
        """The directory with the package's source, patched as the distribution has it."""
        kept = self.there / "src" / package
        if (kept / "complete").exists():
            return next(path for path in kept.iterdir() if path.is_dir())
        kept.mkdir(parents=True, exist_ok=True)
        shown = self._run("apt-cache", "showsrc", "--only-source", package).stdout
        versions = {line.split()[1] for line in shown.splitlines() if line.startswith("Version: ")}
        # A mirror may list a version whose files it lacks: another of its parts may have them, or an older one is taken.
        for version in sorted(versions, key=_Version, reverse=True):
            for part in sorted(self.apt.glob("sources*.list")):
                done = self._run("apt-get", "source", "--only-source", "-o", f"Dir::Etc::sourcelist={part}",
                                 f"{package}={version}", cwd=kept)
                if done.returncode == 0:
                    (kept / "complete").write_text(version + "\n")
                    return next(path for path in kept.iterdir() if path.is_dir())
        raise SystemExit(f"tests/suites: apt has no source of {package} here")

    def _run(self, *command: str, cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess:
        configuration = self.apt / "apt.conf"
        if not configuration.exists():
            self._configure(configuration)
        return subprocess.run(command, cwd=cwd, env=os.environ | {"APT_CONFIG": str(configuration)}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def _configure(self, configuration: pathlib.Path) -> None:
        for directory in "lists/partial", "cache/archives/partial":
            (self.apt / directory).mkdir(parents=True, exist_ok=True)
        wanted = "deb-src [trusted=$(TRUSTED)] $(REPO_URI) $(CODENAME) $(COMPONENT)"
        listed = subprocess.run(["apt-get", "indextargets", "--format", wanted, "Created-By: Packages"], text=True,
                                stdout=subprocess.PIPE, check=True).stdout
        lines = sorted({line + "\n" for line in listed.splitlines()})
        (self.apt / "sources.list").write_text("".join(lines))
        for number, line in enumerate(lines):
            (self.apt / f"sources.{number}.list").write_text(line)
        text = (f'Dir::Etc::sourcelist "{self.apt}/sources.list";\nDir::Etc::sourceparts "-";\n'
                f'Dir::State::lists "{self.apt}/lists";\nDir::Cache "{self.apt}/cache";\n'
                f'Acquire::Retries "3";\nAPT::Sandbox::User "root";\n')
        subprocess.run(["apt-get", "update"], env=os.environ | {"APT_CONFIG": _scratch(configuration, text)},
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
        os.rename(f"{configuration}.new", configuration)


def _scratch(configuration: pathlib.Path, text: str) -> str:
    new = f"{configuration}.new"
    pathlib.Path(new).write_text(text)
    return new


class _Version:
    """Ordered as dpkg orders versions."""

    def __init__(self, text: str):
        self.text = text

    def __lt__(self, other: "_Version") -> bool:
        return subprocess.run(["dpkg", "--compare-versions", self.text, "lt", other.text]).returncode == 0
