// The program that the bench measures from inside: makes one call over and over and says how long one took. It knows
// nothing of the shim.
//
// usage: load
//
// Each line of standard input is an order: CALL KIND SIZE time MILLISECONDS answers with the nanoseconds of one call,
// the median of batches; CALL KIND SIZE times COUNT makes so many calls and answers with their number. KIND is what
// targets.h knows; "CALL/8" makes the calls in eight threads at once, each with targets of its own.
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "bench/targets.h"

namespace {

constexpr size_t kMostInBatch = 1 << 17;  // bytes: as many as the sockets' buffers have room for

// What the calls write, and from where.
struct Source {
  char bytes[kMostInBatch] = {};
  int file = memfd_create("source", 0);
  Ends pipe = pipe_ends();

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() {
    close(file);
    close(pipe.reader);
    close(pipe.writer);
  }
  Source() { demand(::write(file, bytes, sizeof bytes) == sizeof bytes, "source"); }
};

using Call = ssize_t (*)(int fd, Source& source, size_t size);

ssize_t call_write(int fd, Source& source, size_t size) { return write(fd, source.bytes, size); }
ssize_t call_send(int fd, Source& source, size_t size) { return send(fd, source.bytes, size, 0); }
ssize_t call_sendto(int fd, Source& source, size_t size) { return sendto(fd, source.bytes, size, 0, nullptr, 0); }

msghdr message_of(iovec& part) {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  return message;
}

ssize_t call_sendmsg(int fd, Source& source, size_t size) {
  iovec part{source.bytes, size};
  const msghdr message = message_of(part);
  return sendmsg(fd, &message, 0);
}

ssize_t call_sendmmsg(int fd, Source& source, size_t size) {
  iovec part{source.bytes, size};
  mmsghdr message{message_of(part), 0};
  return sendmmsg(fd, &message, 1, 0) == 1 ? static_cast<ssize_t>(message.msg_len) : -1;
}

ssize_t call_writev(int fd, Source& source, size_t size) {
  const iovec part{source.bytes, size};
  return writev(fd, &part, 1);
}

ssize_t call_pwritev2(int fd, Source& source, size_t size) {
  const iovec part{source.bytes, size};
  return pwritev2(fd, &part, 1, -1, 0);
}

ssize_t call_sendfile(int fd, Source& source, size_t size) {
  off_t from = 0;
  return sendfile(fd, source.file, &from, size);
}

ssize_t call_splice(int fd, Source& source, size_t size) {
  return splice(source.pipe.reader, nullptr, fd, nullptr, size, 0);
}

ssize_t call_tee(int fd, Source& source, size_t size) { return tee(source.pipe.reader, fd, size, 0); }

ssize_t call_vmsplice(int fd, Source& source, size_t size) {
  const iovec part{source.bytes, size};
  return vmsplice(fd, &part, 1, 0);
}

// A program that gives the flag itself.
ssize_t call_flag(int fd, Source& source, size_t size) { return send(fd, source.bytes, size, MSG_NOSIGNAL); }

// A child that ends at once, and the wait for it.
ssize_t end_of(pid_t child, size_t size) {
  if (child == 0) _exit(0);
  return waitpid(child, nullptr, 0) == child ? static_cast<ssize_t>(size) : -1;
}
ssize_t call_fork(int, Source&, size_t size) { return end_of(fork(), size); }

ssize_t call_exec(int, Source&, size_t size) {
  const pid_t child = fork();
  if (child == 0) execl("/bin/true", "true", nullptr), _exit(1);
  int status = 1;
  return waitpid(child, &status, 0) == child && status == 0 ? static_cast<ssize_t>(size) : -1;
}

// The shortest life that _exit can end. Its caller keeps nothing that the child could overwrite.
pid_t shortest_life() {
  const pid_t child = vfork();
  if (child == 0) _exit(0);
  return child;
}
ssize_t call_exit(int, Source&, size_t size) { return end_of(shortest_life(), size); }

const std::map<std::string, Call> kCalls{
    {"send+flag", call_flag},    {"write", call_write},       {"send", call_send},     {"sendto", call_sendto},
    {"sendmsg", call_sendmsg},   {"sendmmsg", call_sendmmsg}, {"writev", call_writev}, {"pwritev2", call_pwritev2},
    {"sendfile", call_sendfile}, {"splice", call_splice},     {"tee", call_tee},       {"vmsplice", call_vmsplice},
    {"fork", call_fork},         {"exec", call_exec},         {"_exit", call_exit}};

size_t batch_of(size_t size) { return std::clamp<size_t>(kMostInBatch / size, 1, 64); }

// One batch after another, and between them the peers are emptied.
class Work {
 public:
  Work(const std::string& call, const std::string& kind, size_t size)
      : call_(kCalls.at(call)), reads_pipe_(call == "splice" || call == "tee"), size_(size), targets_(kind) {
    if (targets_.is_dead()) alive_ = std::make_unique<Targets>("unix");
  }

  void prepare(size_t calls) {
    targets_.empty();
    if (!reads_pipe_) return;
    drain_pipe();
    const size_t bytes = calls * size_;
    demand(write(source_.pipe.writer, source_.bytes, bytes) == static_cast<ssize_t>(bytes), "fill");
  }

  // Not inlined: callgrind is told to count what is done in here.
  [[gnu::noinline]] void make(size_t calls) {
    const ssize_t expected = targets_.is_dead() ? -1 : static_cast<ssize_t>(size_);
    for (size_t i = 0; i < calls; ++i)
      if (call_(targets_.next(), source_, size_) != expected) std::exit(3);
  }

  // An endless row of EPIPEs is what the shim ends; one success in between begins another.
  void succeed() {
    if (alive_ == nullptr) return;
    demand(call_write(alive_->next(), source_, 1) == 1, "write");
    alive_->empty();
  }

 private:
  void drain_pipe() {
    static thread_local char sink[kMostInBatch];
    fcntl(source_.pipe.reader, F_SETFL, O_NONBLOCK);
    while (read(source_.pipe.reader, sink, sizeof sink) > 0) continue;
  }

  Call call_;
  bool reads_pipe_;
  size_t size_;
  Source source_;
  Targets targets_;
  std::unique_ptr<Targets> alive_;
};

using Clock = std::chrono::steady_clock;

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double time_calls(Work& work, size_t batch, long milliseconds) {
  std::vector<double> batches;
  const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
  do {
    work.prepare(batch);
    const auto start = Clock::now();
    work.make(batch);
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    work.succeed();
    batches.push_back(taken.count() / static_cast<double>(batch));
  } while (Clock::now() < end);
  return median(batches);
}

size_t make_calls(Work& work, size_t batch, size_t count) {
  for (size_t made = 0; made < count; made += batch) {
    const size_t calls = std::min(batch, count - made);
    work.prepare(calls);
    work.make(calls);
    work.succeed();
  }
  return count;
}

using Works = std::vector<std::unique_ptr<Work>>;

// Kept while the same is asked for again.
Works& works_of(const std::string& call, const std::string& kind, size_t size, size_t threads) {
  static std::string current;
  static Works works;
  const auto wanted = call + " " + kind + " " + std::to_string(size) + " " + std::to_string(threads);
  if (std::exchange(current, wanted) != wanted) works.clear();
  while (works.size() < threads) works.push_back(std::make_unique<Work>(call, kind, size));
  return works;
}

double in_threads(Works& works, size_t batch, long milliseconds) {
  std::vector<double> times(works.size());
  std::vector<std::thread> threads;
  for (size_t i = 0; i < works.size(); ++i)
    threads.emplace_back([&, i] { times[i] = time_calls(*works[i], batch, milliseconds); });
  for (auto& thread : threads) thread.join();
  return median(times);
}

}  // namespace

int main() {
  allow_all_fds();
  std::string call;
  std::string kind;
  std::string mode;
  size_t size = 0;
  long amount = 0;
  while (std::cin >> call >> kind >> size >> mode >> amount) {
    const auto slash = call.find('/');
    const size_t threads = slash == std::string::npos ? 1 : std::stoul(call.substr(slash + 1));
    Works& works = works_of(call.substr(0, slash), kind, size, threads);
    if (mode == "times")
      std::cout << make_calls(*works[0], batch_of(size), static_cast<size_t>(amount)) << std::endl;
    else if (threads > 1)
      std::cout << in_threads(works, batch_of(size), amount) << std::endl;
    else
      std::cout << time_calls(*works[0], batch_of(size), amount) << std::endl;
  }
}
