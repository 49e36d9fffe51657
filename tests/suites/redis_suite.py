"""Redis' own tests, on the distribution's server: clients, replication, persistence, publishing, scripts, clusters.

Left out are what is of types, of memory, of keys and of damaged dumps, which has little to do with sockets, and what takes minutes:
unit/obuf-limits, integration/replication and integration/replication-psync.
"""

import pathlib
import re

from sources import Sources
from suite import Part, Ran, build

FAST = False
UNITS = """unit/acl unit/acl-v2 unit/aofrw unit/auth unit/client-eviction unit/cluster unit/cluster-scripting unit/cluster/links unit/cluster/misc
unit/functions unit/info unit/info-command unit/introspection unit/introspection-2 unit/limits unit/multi unit/networking
unit/other unit/pause unit/pendingquerybuf unit/protocol unit/pubsub unit/pubsubshard unit/querybuf unit/quit unit/replybufsize unit/scripting
unit/shutdown unit/slowlog unit/tracking unit/wait integration/aof integration/aof-multi-part integration/block-repl integration/failover
integration/logging integration/psync2 integration/psync2-master-restart integration/psync2-pingoff integration/psync2-reg integration/rdb
integration/redis-benchmark integration/redis-cli integration/replication-2 integration/replication-3
integration/replication-4 integration/replication-buffer integration/shutdown"""
PROGRAMS = "redis-server redis-cli redis-benchmark redis-check-aof redis-check-rdb"
# The tests start the programs where they would have been built.
THERE = f"mkdir -p started_in/src && cp -r runtest tests started_in/ && for i in {PROGRAMS}; do ln -sf /usr/bin/$i started_in/src/; done"


def results(ran: Ran) -> dict[str, str]:
    found: dict[str, str] = {}
    # Some have a number at random in their name, and come often.
    for said, test in re.findall(r"^\[(ok|err|skip|ignore|exception)\]: (.*?)(?: \(\d+ ms\))?$", ran.output, re.MULTILINE):
        test = re.sub(r"(#|x = )\d+", r"\1n", test)
        found[test] = max(found.get(test, ""), said, key=("", "ignore", "skip", "ok", "err", "exception").index)
    return found


def parts(sources: Sources, _: pathlib.Path) -> list[Part]:
    source = sources.get("redis")
    build(source, "sh", "-c", THERE)
    # The name of an AF_UNIX socket has 107 bytes at most, and lies below where this starts.
    return [Part(unit, ["sh", "-c", f"cp -r . /tmp/here; cd /tmp/here; exec ./runtest --clients 1 --single {unit}"], results,
                 files=source / "started_in", limit=300) for unit in UNITS.split()]
