// A program that makes one call on one file descriptor and says what came of it. It knows nothing of the shim.
//
// usage: victim VERB TARGET DISPOSITION ARGUMENTS [spared]
//        victim --rows
//
// The words are those of matrix.def. With "spared", SIGPIPE is ignored for the length of the call. With --rows the
// same is done for each line of standard input, in a child of its own, and how that ended is said.
#include <aio.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "support/matrix.h"
#include "victims/sockets.h"
#include "victims/system_call.h"

// In no header of glibc's.
extern "C" ssize_t __write(int, const void*, size_t);
extern "C" ssize_t __send(int, const void*, size_t, int);

namespace {

constexpr int kFd = 20;          // the descriptor under test
constexpr int kSpare = 21;       // another one for the same open file, which stays when the call closes the first
constexpr int kSentinel = 4242;  // what errno is before the call
constexpr char kText[] = "A write to a socket is a send in other words: sixty-four bytes.";
constexpr char kLast[] = "END";
constexpr int kRwfNoSignal = 0x100;
constexpr int kManyPortions = 256 * 1024;  // more than the kernel sends in one go

// What a child leaves behind, whatever becomes of it.
struct Report {
  std::atomic<int> handled;  // how often a handler was called
  char handled_with[64];
  char line[1024];
};
Report* report;

const char* name_of_error(int error) { return error == kSentinel ? "untouched" : strerror(error); }

std::string hex(std::uint64_t value) {
  char text[20];
  std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
  return text;
}

std::uint32_t hash(const std::string& text) {
  std::uint32_t value = 2166136261U;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16777619U;
  return value;
}

std::string summary(const std::string& text) { return std::to_string(text.size()) + "/" + hex(hash(text)); }

// --- targets: each is made by a function that returns when the state has been reached

struct Target {
  int fd = -1;
  int reader = -1;  // where what is written comes out, if anybody is there
};

void wait_for(int fd, short events) {
  pollfd waiting{fd, events, 0};
  if (must(poll(&waiting, 1, 10000), "poll") != 1) fail("the state was never reached");
}

// A write that no library function sees.
void put(int fd, const char* text) {
  if (syscall(SYS_sendto, fd, text, std::strlen(text), MSG_NOSIGNAL, nullptr, 0) == -1 && errno == ENOTSOCK)
    syscall(SYS_write, fd, text, std::strlen(text));
}

int listener = -1;
Address listening_at;

void listen_on_loopback() {
  listener = must(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  listening_at = bound_to_loopback(listener);
  must(listen(listener, 8), "listen");
}

Target tcp_unconnected() { return {must(socket(AF_INET, SOCK_STREAM, 0), "socket")}; }

Target tcp_live() {
  Target target = tcp_unconnected();
  connect_to(target.fd, listening_at);
  target.reader = must(accept(listener, nullptr, nullptr), "accept");
  reset_at_close(target.fd);
  reset_at_close(target.reader);
  return target;
}

Target tcp_fin() {
  const Target target = tcp_live();
  reset_at_close(target.reader, false);
  close(target.reader);
  wait_for(target.fd, POLLRDHUP);
  return {target.fd};
}

Target tcp_fin_written() {
  const Target target = tcp_fin();
  put(target.fd, "x");
  wait_for(target.fd, 0);
  return target;
}

Target tcp_rst() {
  const Target target = tcp_live();
  close(target.reader);
  wait_for(target.fd, 0);
  return {target.fd};
}

Target tcp_rst_written() {
  const Target target = tcp_rst();
  put(target.fd, "x");
  return target;
}

Target tcp_shut() {
  const Target target = tcp_live();
  must(shutdown(target.fd, SHUT_WR), "shutdown");
  return {target.fd};
}

Target unix_target(int type) {
  const Pair pair = unix_pair(type);
  return {pair.ours, pair.theirs};
}

Target without_reader(const Target& target) {
  close(target.reader);
  return {target.fd};
}

Target unix_live() { return unix_target(SOCK_STREAM); }
Target unix_gone() { return without_reader(unix_live()); }
Target unix_shut() {
  const Target target = unix_live();
  must(shutdown(target.fd, SHUT_WR), "shutdown");
  return {target.fd};
}
Target seqpacket_live() { return unix_target(SOCK_SEQPACKET); }
Target seqpacket_gone() { return without_reader(seqpacket_live()); }
Target datagram_live() { return unix_target(SOCK_DGRAM); }
Target datagram_gone() { return without_reader(datagram_live()); }

Target udp_live() {
  const Target target{must(socket(AF_INET, SOCK_DGRAM, 0), "socket"), must(socket(AF_INET, SOCK_DGRAM, 0), "socket")};
  connect_to(target.fd, bound_to_loopback(target.reader));
  return target;
}

Target udp_shut() {
  const Target target = udp_live();
  must(shutdown(target.fd, SHUT_WR), "shutdown");
  return {target.fd};
}

Target pipe_live() {
  int fds[2];
  must(pipe(fds), "pipe");
  return {fds[1], fds[0]};
}
Target pipe_gone() { return without_reader(pipe_live()); }

Target fifo_gone() {
  char directory[] = "/tmp/victim.XXXXXX";
  if (mkdtemp(directory) == nullptr) fail("mkdtemp");
  const std::string path = std::string(directory) + "/fifo";
  must(mkfifo(path.c_str(), 0600), "mkfifo");
  const int reader = must(open(path.c_str(), O_RDONLY | O_NONBLOCK), "open");
  const Target target{must(open(path.c_str(), O_WRONLY), "open"), reader};
  unlink(path.c_str());
  rmdir(directory);
  return without_reader(target);
}

int file_of(const std::string& text, off_t position) {
  const int fd = must(memfd_create("file", 0), "memfd_create");
  must(pwrite(fd, text.data(), text.size(), 0), "pwrite");
  must(lseek(fd, position, SEEK_SET), "lseek");
  return fd;
}

Target file() { return {file_of(std::string(100, '.'), 10)}; }

Target tty() {
  Target target;
  termios raw{};
  cfmakeraw(&raw);
  must(openpty(&target.reader, &target.fd, nullptr, &raw, nullptr), "openpty");
  return target;
}

Target closed() { return {kFd}; }
Target minus_one() { return {}; }

Target place(const Target& target) {
  if (target.fd < 0 || target.fd == kFd) return target;
  must(dup2(target.fd, kFd), "dup2");
  must(dup2(target.fd, kSpare), "dup2");
  close(target.fd);
  return {kFd, target.reader};
}

// What was written to before is remembered by whoever watches; another file then takes over its number.
Target after_a_write_to(const Target& before, const Target& target) {
  must(write(place(before).fd, "before", 6), "write");
  return target;
}

Target file_then_unix() { return after_a_write_to(file(), unix_gone()); }
Target file_then_tcp() { return after_a_write_to(file(), tcp_shut()); }
Target unix_then_pipe() { return after_a_write_to(unix_live(), pipe_gone()); }
Target unix_then_file() { return after_a_write_to(unix_live(), file()); }

// What came out at the other end, up to a last word that is sent behind it: each packet by itself, a stream as one.
std::string arrived(const Target& target) {
  struct stat status;
  if (target.reader < 0 && fstat(kSpare, &status) == 0 && S_ISREG(status.st_mode)) {
    std::string content(static_cast<size_t>(status.st_size), '\0');
    must(pread(kSpare, content.data(), content.size(), 0), "pread");
    return summary(content);
  }
  if (target.reader < 0) return "nowhere";
  put(kSpare, kLast);
  int type = 0;
  socklen_t size = sizeof type;
  const bool is_socket = getsockopt(target.reader, SOL_SOCKET, SO_TYPE, &type, &size) == 0;
  std::string packets, all;
  while (true) {
    char buffer[65536];
    iovec part{buffer, sizeof buffer};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    const ssize_t n = is_socket ? recvmsg(target.reader, &message, 0) : read(target.reader, buffer, sizeof buffer);
    const std::string text(buffer, static_cast<size_t>(must(n, "reading")));
    if (is_socket && type != SOCK_STREAM) {
      if (text == kLast) return packets.empty() ? "nothing" : packets;
      packets += summary(text) + "/" + hex(static_cast<unsigned>(message.msg_flags)) + ",";
      continue;
    }
    all += text;
    if (all.ends_with(kLast)) return summary(all.substr(0, all.size() - std::strlen(kLast)));
  }
}

// --- arguments

struct Call {
  int fd;
  char* data;
  size_t length;
  iovec* iov;
  int count = 2;
  msghdr* message;
  mmsghdr* messages;
  int flags = 0;
  int source = -1;
  off_t* offset;
  loff_t* offset64;

  iovec parts[2];
  msghdr one_message{};
  mmsghdr three_messages[3]{};
  off_t from = 5;
  loff_t from64 = 5;

  Call(int on, unsigned takes, const std::string& arguments) : fd(on) {
    // Readable up to `end`, and then not.
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    char* const start =
        static_cast<char*>(mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char* const end = start + page;
    if (start == MAP_FAILED || mprotect(end, page, PROT_NONE) != 0) fail("mmap");
    data = end - 64;
    std::memcpy(data, kText, 64);
    const std::string text = kText + std::string(arguments == "portions" ? kManyPortions : 0, '.');
    length = text.size();
    if (takes & from_file) source = file_of("     " + text, 7);
    if (takes & (from_pipe | from_socket | from_gone)) {
      const Target reading = takes & from_pipe ? pipe_live() : unix_live();
      if (takes & from_pipe) must(fcntl(reading.fd, F_SETPIPE_SZ, 2 * kManyPortions), "F_SETPIPE_SZ");
      put(reading.fd, text.c_str());
      source = reading.reader;
      if (takes & from_gone) close(reading.fd);
    }

    if (arguments == "empty") length = 0;
    if (arguments == "length_2g") length = 0x7fffffff;
    if (arguments == "length_minus_1") length = SIZE_MAX;
    if (arguments == "count_0") count = 0;
    if (arguments == "count_minus_1") count = -1;
    if (arguments == "count_1025") count = 1025;
    if (arguments == "bad_flags") flags = takes & message_flags ? MSG_OOB : -1;
    if (arguments == "no_signal") flags = takes & message_flags ? MSG_NOSIGNAL : kRwfNoSignal;

    parts[0] = {data, length / 2};
    parts[1] = {arguments == "bad_base" ? end : data + length / 2, length - length / 2};
    iov = parts;
    one_message.msg_iov = parts;
    one_message.msg_iovlen = static_cast<decltype(one_message.msg_iovlen)>(count);
    message = &one_message;
    for (auto& entry : three_messages) entry.msg_hdr = one_message;
    for (auto& entry : three_messages) entry.msg_hdr.msg_iovlen = 2;
    three_messages[2].msg_hdr.msg_iov = reinterpret_cast<iovec*>(end);  // nothing is sent beyond the second
    messages = three_messages;
    offset = &from;
    offset64 = &from64;
    if (arguments == "bad_pointer") {
      data = end;
      iov = reinterpret_cast<iovec*>(end);
      message = reinterpret_cast<msghdr*>(end);
      messages = reinterpret_cast<mmsghdr*>(end);
      offset = reinterpret_cast<off_t*>(end);
      offset64 = reinterpret_cast<loff_t*>(end);
    }
  }

  unsigned set_of_flags() const { return static_cast<unsigned>(flags); }
  unsigned unsigned_count() const { return static_cast<unsigned>(count); }
  // Two messages on a stream that has yet to learn that it is dead would be two calls.
  unsigned message_count() const { return count == 2 ? 1 : unsigned_count(); }

  // What the call has moved or filled in.
  std::string traces() const {
    int left = 0;
    if (source >= 0) ioctl(source, FIONREAD, &left);
    return "offset=" + std::to_string(from) + "," + std::to_string(from64) +
           " source=" + std::to_string(lseek(source, 0, SEEK_CUR)) + "," + std::to_string(left) +
           " position=" + std::to_string(lseek(kSpare, 0, SEEK_CUR)) +
           " sent=" + std::to_string(three_messages[0].msg_len) + "," + std::to_string(three_messages[1].msg_len);
  }
};

// --- verbs that are more than one function of libc's

// A stream with the data in its buffer, or with no buffer.
FILE* stream_on(const Call& call, int buffering) {
  static char buffer[4096];
  FILE* const file = fdopen(call.fd, "w");
  if (file == nullptr) return nullptr;
  std::setvbuf(file, buffer, buffering, sizeof buffer);
  if (buffering == _IOFBF) std::fwrite(call.data, 1, call.length, file);
  return file;
}

ssize_t flush(const Call& call) {
  FILE* const file = stream_on(call, _IOFBF);
  return file == nullptr ? -1 : std::fflush(file);
}

ssize_t close_stream(const Call& call) {
  FILE* const file = stream_on(call, _IOFBF);
  return file == nullptr ? -1 : std::fclose(file);
}

ssize_t write_unbuffered(const Call& call) {
  FILE* const file = stream_on(call, _IONBF);
  return file == nullptr ? -1 : static_cast<ssize_t>(std::fwrite(call.data, 1, call.length, file));
}

// The exit status, as a shell has it, of a child that leaves a stream to be flushed by exit().
ssize_t flush_at_exit(const Call& call) {
  const pid_t child = must(fork(), "fork");
  if (child == 0) {
    stream_on(call, _IOFBF);
    std::exit(7);
  }
  int status = 0;
  must(waitpid(child, &status, 0), "waitpid");
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

ssize_t write_asynchronously(const Call& call) {
  static aiocb request{};
  request.aio_fildes = call.fd;
  request.aio_buf = call.data;
  request.aio_nbytes = call.length;
  request.aio_sigevent.sigev_notify = SIGEV_NONE;
  if (aio_write(&request) != 0) return -1;
  const aiocb* const list[] = {&request};
  while (aio_error(&request) == EINPROGRESS) aio_suspend(list, 1, nullptr);
  errno = aio_error(&request);
  return aio_return(&request);
}

// --- the lists

template <class Entry, size_t size>
const Entry& named(const Entry (&list)[size], const std::string& name) {
  for (const auto& entry : list)
    if (entry.name == name) return entry;
  std::fprintf(stderr, "victim: %s is none of the words of matrix.def\n", name.c_str());
  std::_Exit(2);
}

struct Verb {
  std::string name;
  unsigned takes;
  ssize_t (*call)(Call& c);
};
const Verb verbs[] = {
#define VERB(name, seen, raises, takes, expression) {#name, takes, [](Call& c) -> ssize_t { return expression; }},
#include "support/matrix.def"
};

struct TargetKind {
  std::string name;
  Target (*make)();
};
const TargetKind targets[] = {
#define TARGET(name, kind, end) {#name, name},
#include "support/matrix.def"
};

// --- what the program does about SIGPIPE, and what it sees of it

pid_t calling_thread;

void count(int) { ++report->handled; }

void record(int, siginfo_t* info, void*) {
  ++report->handled;
  std::snprintf(report->handled_with, sizeof report->handled_with, ",code=%d,%s,%s", info->si_code,
                info->si_pid == getpid() ? "own" : "foreign", gettid() == calling_thread ? "caller" : "other thread");
}

void act(Action action) {
  struct sigaction sigpipe {};
  sigaddset(&sigpipe.sa_mask, SIGUSR2);
  switch (action) {
    case Action::none:
      return;
    case Action::ignore:
      sigpipe.sa_handler = SIG_IGN;
      break;
    case Action::handler:
      sigpipe.sa_handler = count;
      break;
    case Action::siginfo:
      sigpipe.sa_sigaction = record;
      sigpipe.sa_flags = SA_SIGINFO | SA_RESTART;
      break;
    case Action::resethand:
      sigpipe.sa_handler = count;
      sigpipe.sa_flags = static_cast<int>(SA_RESETHAND);
      break;
  }
  must(sigaction(SIGPIPE, &sigpipe, nullptr), "sigaction");
}

// The signals below 64; a set is larger.
std::uint64_t bits_of(const sigset_t& set) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &set, sizeof bits);
  return bits;
}

std::string action_seen() {
  struct sigaction now;
  must(sigaction(SIGPIPE, nullptr, &now), "sigaction");
  const auto* const name = now.sa_sigaction == record  ? "siginfo"
                           : now.sa_handler == count   ? "handler"
                           : now.sa_handler == SIG_IGN ? "ignore"
                           : now.sa_handler == SIG_DFL ? "default"
                                                       : "unknown";
  return std::string(name) + "/" + hex(static_cast<unsigned>(now.sa_flags)) + "/" + hex(bits_of(now.sa_mask));
}

// What is pending for this thread, for the process, and what the thread blocks.
std::string pending_and_blocked() {
  sigset_t pending;
  sigset_t blocked;
  sigpending(&pending);
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  if (bits_of(pending) == 0) return "0/0/" + hex(bits_of(blocked));
  char text[4096];
  const int fd = must(open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC), "open");
  text[must(read(fd, text, sizeof text - 1), "read")] = '\0';
  close(fd);
  std::string all;
  for (const char* const field : {"SigPnd:\t", "ShdPnd:\t", "SigBlk:\t"}) {
    const char* const at = std::strstr(text, field);
    all += (all.empty() ? "" : "/") + hex(std::strtoull(at + std::strlen(field), nullptr, 16));
  }
  return all;
}

sigset_t only_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

std::string wait_for_sigpipe() {
  const sigset_t set = only_sigpipe();
  siginfo_t info{};
  const timespec at_once{};
  if (sigtimedwait(&set, &info, &at_once) != SIGPIPE) return "nothing";
  return "code=" + std::to_string(info.si_code) + (info.si_pid == getpid() ? ",own" : ",foreign");
}

// --- one row

void perform(const std::string& row) {
  std::istringstream words(row);
  std::string verb_name, target_name, disposition_name, arguments, spared;
  words >> verb_name >> target_name >> disposition_name >> arguments >> spared;
  const Verb& verb = named(verbs, verb_name);
  const Disposition& disposition = named(dispositions, disposition_name);

  alarm(90);
  const Target target = place(named(targets, target_name).make());
  Call call(target.fd, verb.takes, arguments);
  act(disposition.action);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);  // so that the mask is not an empty one
  if (disposition.block == Block::yes) sigaddset(&blocked, SIGPIPE);
  must(sigprocmask(SIG_SETMASK, &blocked, nullptr), "sigprocmask");

  std::string seen;
  const auto make_the_call = [&] {
    calling_thread = gettid();
    if (disposition.pending == Pending::raised) raise(SIGPIPE);
    if (disposition.pending == Pending::killed) kill(getpid(), SIGPIPE);
    // As the kernel has it: libc would add a flag of its own when it puts it back.
    alignas(long) char before[64];
    if (!spared.empty()) {
      syscall(SYS_rt_sigaction, SIGPIPE, nullptr, before, _NSIG / 8);
      signal(SIGPIPE, SIG_IGN);
    }
    errno = kSentinel;
    const ssize_t value = verb.call(call);
    const int error = errno;
    seen = "value=" + std::to_string(value) + " errno=" + name_of_error(error) + " " + call.traces() +
           " pending=" + pending_and_blocked();
    if (disposition.afterwards == Afterwards::wait_for_it) seen += " waited=" + wait_for_sigpipe();
    if (disposition.afterwards == Afterwards::unblock) {
      const sigset_t set = only_sigpipe();
      pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
    }
    if (disposition.afterwards != Afterwards::look) seen += " then=" + pending_and_blocked();
    if (!spared.empty()) syscall(SYS_rt_sigaction, SIGPIPE, before, nullptr, _NSIG / 8);
    seen += " action=" + action_seen();
  };
  // Where it shows, not in the main thread, to which a signal sent to the process would go.
  if (disposition.action == Action::siginfo)
    std::thread(make_the_call).join();
  else
    make_the_call();
  std::snprintf(report->line, sizeof report->line, "%s handled=%d%s arrived=%s", seen.c_str(), report->handled.load(),
                report->handled_with, arrived(target).c_str());
}

std::string ending_of(int status) {
  if (WIFEXITED(status)) return "exit " + std::to_string(WEXITSTATUS(status));
  return "signal " + std::to_string(WTERMSIG(status));
}

// All is read before the first child, whose exit would rewind what is half read, and written after the last one: no
// child finds anything of an earlier row in this process.
void perform_rows() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // no rows without the suite that asked for them
  std::vector<std::string> rows;
  for (std::string row; std::getline(std::cin, row);) rows.push_back(row);
  std::string results;
  for (const auto& row : rows) {
    new (report) Report{};
    const pid_t child = must(fork(), "fork");
    if (child == 0) {
      perform(row);
      _exit(0);
    }
    int status = 0;
    must(waitpid(child, &status, 0), "waitpid");
    results += std::string(report->line) + " ended=" + ending_of(status) + "\n";
  }
  std::cout << results;
}

}  // namespace

int main(int argc, char* argv[]) {
  void* const shared = mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail("mmap");
  report = new (shared) Report{};
  listen_on_loopback();
  if (argc == 2 && std::string(argv[1]) == "--rows") {
    perform_rows();
    return 0;
  }
  if (argc < 5 || argc > 6) {
    std::fprintf(stderr, "usage: victim VERB TARGET DISPOSITION ARGUMENTS [spared]\n       victim --rows\n");
    return 2;
  }
  std::string row;
  for (int i = 1; i < argc; ++i) row += std::string(argv[i]) + " ";
  perform(row);
  std::puts(report->line);
}
