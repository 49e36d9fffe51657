// What children find, and what they do to their parent.

#include <fcntl.h>
#include <unistd.h>

#include "support/scene.h"

TEST_CASE("a forked child lives and so does its parent") { survives("fork_child"); }

TEST_CASE("children forked while another thread is logged live, and are logged themselves") {
  CHECK(bare("fork_while_logging").killed_by(SIGPIPE));
  for (auto guard : kGuards) {
    guard.push_back("NOSIGPIPE_LOG=stderr");
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    Start start;
    start.err = null;
    INFO(words(guard));
    CHECK(shimmed("fork_while_logging", guard, start).out == "alive\n");
    close(null);
  }
}

TEST_CASE("a child of vfork changes its own disposition only") {
  CHECK(bare("vfork_child").killed_by(SIGPIPE));
  for (const auto& guard : kGuards)
    CHECK(shimmed("vfork_child", guard).out == "child exited 7, our view default\nparent: every verb said EPIPE\n");
}

TEST_CASE("the sa_mask that a child of vfork gives the default is not seen in its parent") {
  CHECK(bare("vfork_child_sets_default_with_mask").out == "our default blocks it: 0\n");
  same_as_bare("vfork_child_sets_default_with_mask");
}

TEST_CASE("an exec'd program finds SIGPIPE as it would have: default") { same_as_bare("exec_default"); }
TEST_CASE("an exec'd program finds SIGPIPE as it would have: ignored") { same_as_bare("exec_ignored"); }
TEST_CASE("an exec'd program finds SIGPIPE as it would have: default after a handler") { same_as_bare("exec_handler"); }
TEST_CASE("an exec'd program finds SIGPIPE as it would have: blocked") { same_as_bare("exec_blocked"); }
TEST_CASE("an exec'd program finds SIGPIPE as it would have: blocked and pending") {
  same_as_bare("exec_after_epipe_blocked", kGuardsWithHandler);
}
TEST_CASE("the control: under env --ignore-signal an exec'd program finds SIGPIPE ignored") {
  CHECK(bare("exec_default", ignoring_sigpipe()).out != bare("exec_default").out);
}

TEST_CASE("children of system and popen end by SIGPIPE as ever") {
  CHECK(bare("system_and_popen").out == "y\nsystem: signal 13\npopen: signal 13\n");
  same_as_bare("system_and_popen");
}

// What each program says of SIGPIPE, and how its pipelines end.
static void says_the_same(const Strings& program, const std::string& expected) {
  for (const bool ignored : {false, true}) {
    const Start start = ignored ? ignoring_sigpipe() : Start{};
    const auto control = run(program, start);
    if (!ignored) CHECK(control.out == expected);
    for (const auto& guard : kGuards) {
      const auto ending = run(program, with_shim(guard, start));
      INFO(program[0] << " with " << words(guard) << ending.err);
      CHECK(ending.text() == control.text());
      CHECK(ending.out == control.out);
    }
  }
}

TEST_CASE("bash has its own idea of SIGPIPE and of pipelines") {
  says_the_same({"bash", "-c",
                 "yes | head -n 1; echo ${PIPESTATUS[@]}; trap 'echo caught' PIPE; trap -p PIPE;"
                 "kill -PIPE $$; trap - PIPE; trap -p PIPE; (kill -PIPE $BASHPID); echo $?"},
                "y\n141 0\ntrap -- 'echo caught' SIGPIPE\ncaught\n141\n");
}

TEST_CASE("ksh builds its pipelines as ever") {
  // The shell's pipe is a socketpair. The writer starts when the reader has gone, as the FIFO tells it. A death by
  // signal 13 is told as 13 or, from 1.0.10 on, 269.
  says_the_same({"ksh", "-c",
                 "fifo=$(mktemp -u); mkfifo $fifo; set -o pipefail\n"
                 "{ cat $fifo; exec yes; } | { exec 0<&-; : >$fifo; }\n"
                 "echo $(($? & 255)); rm $fifo; trap 'echo caught' PIPE; kill -PIPE $$; trap"},
                "13\ncaught\ntrap -- 'echo caught' PIPE\n");
}

TEST_CASE("Perl has its own idea of SIGPIPE") {
  says_the_same({"perl", "-e",
                 "$| = 1; print defined $SIG{PIPE} ? $SIG{PIPE} : 'default', qq(\\n);"
                 "{ local $SIG{PIPE} = sub { print qq(caught\\n) }; kill PIPE => $$; }"
                 "$SIG{PIPE} = 'IGNORE'; print qq($SIG{PIPE}\\n); print system('kill -PIPE $$') & 127, qq(\\n);"
                 "$SIG{PIPE} = 'DEFAULT'; print system('kill -PIPE $$') & 127, qq(\\n)"},
                "default\ncaught\nIGNORE\n0\n13\n");
}

TEST_CASE("Python has its own idea of SIGPIPE") {
  says_the_same({"/usr/bin/python3", "-c",
                 "import signal, subprocess, sys\n"
                 "print(signal.getsignal(signal.SIGPIPE))\n"
                 "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
                 "print(signal.getsignal(signal.SIGPIPE))\n"
                 "signal.signal(signal.SIGPIPE, lambda *_: print('caught'))\n"
                 "signal.raise_signal(signal.SIGPIPE)\n"
                 "print(subprocess.run('kill -PIPE $$', shell=True).returncode)\n"},
                "1\n0\ncaught\n-13\n");
}
