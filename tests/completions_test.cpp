// What the Tab key does to a command line of ours in bash, zsh and fish, from where `make install` puts it.
#include <poll.h>
#include <pty.h>

#include <algorithm>
#include <optional>

#include "support/options_list.h"
#include "support/source_tree.h"

namespace {

struct Case {
  std::string typed;  // up to the Tab
  std::string word;   // what its last word has become
};

const std::vector<Case> cases{
    {"nosigpipe --runaway-a", "--runaway-after="},
    {"nosigpipe --mode=ob", "--mode=observe"},
    {"nosigpipe --mode ob", "observe"},
    {"nosigpipe --scope all --mode=ob", "--mode=observe"},
    {"nosigpipe --log=sy", "--log=syslog"},
    {"nosigpipe --log --fallback=ig", "--fallback=ignore"},
    {"nosigpipe --log=./a-f", "--log=./a-file"},
    {"nosigpipe --vers", "--version"},
    {"nosigpipe a-comm", "a-command"},
    {"nosigpipe --mode off -- a-comm", "a-command"},
    {"nosigpipe a-command --vers", "--vers"},
    {"nosigpipe-report --fail", "--fail-if-deadly"},
    {"nosigpipe-report a-file --openm", "--openmetrics"},
    {"nosigpipe-report --symbolizer=eu", "--symbolizer=eu-addr2line"},
    {"nosigpipe-report --by pe", "peer"},
    {"nosigpipe-report --json a-f", "a-file"},
    {"nosigpipe-report --run -- a-comm", "a-command"},
    {"nosigpipe-doctor --al", "--all"},
    {"nosigpipe-doctor --json a-comm", "a-command"},
    {"nosigpipe-attach --mode ob", "observe"},
    {"nosigpipe-attach --start a-comm", "a-command"},
    {"nosigpipe-attach --start -- a-comm", "a-command"},
};

// A shell with a terminal, its completions those of this installation.
class Shell {
 public:
  Shell(const Strings& argv, Start start) {
    REQUIRE(openpty(&terminal_, &start.in, nullptr, nullptr, nullptr) == 0);
    start.out = start.err = start.in;
    process_.emplace(argv, start);
    close(start.in);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { close(terminal_); }

  void type(const std::string& keys) const {
    REQUIRE(write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
  }

  // What it has shown since the last call, up to these words and with them.
  std::string shows(const std::string& words) {
    while (!has(shown_, words)) {
      pollfd readable{terminal_, POLLIN, 0};
      char part[4096];
      ssize_t length = 0;
      if (poll(&readable, 1, 60'000) == 1) length = read(terminal_, part, sizeof part);
      INFO("waits for " << words << ", sees " << shown_);
      REQUIRE(length > 0);
      shown_.append(part, static_cast<size_t>(length));
    }
    const auto end = shown_.find(words) + words.size();
    const auto before = shown_.substr(0, end);
    shown_.erase(0, end);
    return before;
  }

 private:
  int terminal_ = -1;
  std::optional<Process> process_;
  std::string shown_;
};

// The installation, and a directory with a file and a command.
struct Place {
  Place() {
    const SourceTree tree;
    tree.bring_what_is_built();
    tree.made({"install", "DESTDIR=" + directory.path()});
    for (const std::string name : {"a-file", "a-command"}) std::ofstream(directory / name) << "#!/bin/sh\n";
    std::filesystem::permissions(directory / "a-command", std::filesystem::perms::all);
    const std::string path = std::getenv("PATH");
    start.directory = directory.path();
    start.env = {"XDG_DATA_DIRS=" + prefix + "/share:/usr/share",
                 "PATH=" + directory.path() + ":" + prefix + "/bin:" + path,
                 "HOME=" + directory.path(),
                 "TERM=dumb",
                 "XDG_CONFIG_HOME=" + directory.path(),
                 "INPUTRC=/dev/null"};
  }
  Directory directory;
  std::string prefix = directory / "usr/local";
  Start start;
};

// Our programs are functions that show their last word.
const std::string kShowWords =
    "show() { while [ $# -gt 1 ]; do shift; done; printf 'WORD<%s>\\n' \"$1\"; }\n"
    "nosigpipe() { show \"$@\"; }; nosigpipe-report() { show \"$@\"; }; nosigpipe-doctor() { show \"$@\"; }\n"
    "nosigpipe-attach() { show \"$@\"; }\n";

void completes_all(Shell& shell) {
  for (const auto& [typed, word] : cases) {
    INFO(typed);
    shell.shows("READY");
    // Behind an option with a value one goes on without a blank.
    const std::string rest = word.ends_with("=") ? "7" : "";
    shell.type(typed + "\t" + rest + "\r");
    shell.shows("WORD<");
    CHECK(shell.shows(">") == word + rest + ">");
  }
}

}  // namespace

TEST_CASE("bash completes what is typed") {
  const Place place;
  std::ofstream(place.directory / "rc") << kShowWords << "PS1='READ''Y '\n"
                                        << ". /usr/share/bash-completion/bash_completion\n";
  Shell shell({"bash", "--noprofile", "--rcfile", place.directory / "rc", "-i"}, place.start);
  completes_all(shell);
}

TEST_CASE("bash completes where = is no end of a word") {
  const Place place;
  std::ofstream(place.directory / "rc") << kShowWords << "PS1='READ''Y '\n"
                                        << "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}\n"
                                        << ". /usr/share/bash-completion/bash_completion\n";
  Shell shell({"bash", "--noprofile", "--rcfile", place.directory / "rc", "-i"}, place.start);
  completes_all(shell);
}

TEST_CASE("zsh completes what is typed") {
  const Place place;
  std::ofstream(place.directory / ".zshrc")
      << kShowWords << "fpath=(" << place.prefix << "/share/zsh/site-functions $fpath)\n"
      << "autoload -U compinit; compinit -u -D; PS1='READ''Y '; unsetopt prompt_sp\n";
  Start start = place.start;
  start.env.push_back("ZDOTDIR=" + place.directory.path());
  Shell shell({"zsh", "-d", "-i"}, start);
  completes_all(shell);
}

TEST_CASE("fish completes what is typed") {
  const Place place;
  for (const auto& [typed, completed] : cases) {
    const auto& word = completed;  // which clang lets no lambda have from a binding
    if (typed.ends_with("a-command --vers")) continue;
    const auto answer = output_of({"fish", "-c", "complete -C \"$argv\"", typed}, place.start);
    INFO(typed << ":\n" << answer);
    const auto lines = lines_of(answer);
    CHECK(std::any_of(lines.begin(), lines.end(), [&](const auto& line) {
      const auto offered = line.substr(0, line.find('\t'));
      return offered == word || offered + "=" == word;
    }));
  }
}

TEST_CASE("each shell is offered every option") {
  const Place place;
  const std::string files[] = {"bash-completion/completions/nosigpipe", "zsh/site-functions/_nosigpipe",
                               "fish/vendor_completions.d/nosigpipe.fish"};
  const std::string forms[] = {"\n$|", "\n  '--$=", " -l $ "};
  for (size_t i = 0; i < std::size(files); ++i)
    for (const auto& option : options) {
      INFO(files[i] << ": " << option.name);
      CHECK(has(contents(place.prefix + "/share/" + files[i]), replaced(forms[i], "\\$", option.name)));
    }
}
