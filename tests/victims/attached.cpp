// Waits in a system call, each time for what a child of its does when it is told to by a byte on standard input; says
// what the call has returned, writes to a socket whose peer is gone, and says "alive". usage: attached KIND [futex=N]
// [spin=N] [malloc=N]: with so many threads besides that wait for a lock, compute, allocate
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <string>
#include <thread>

#include "victims/sockets.h"

namespace {

Pair wakes;  // the child writes to `theirs`
int listener, epoll, semaphore_set, messages;
mqd_t queue;
sem_t* shared;
char byte;
std::atomic<bool> is_woken;
pid_t other;  // a second child, that is waited for

const timespec kLong{1000, 0};

timeval long_time() { return {1000, 0}; }

long with_timeout(int fd) {
  const timeval time = long_time();
  return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
}

long accepted() {
  const int fd = accept(listener, nullptr, nullptr);
  if (fd >= 0) close(fd);
  return fd >= 0 ? 1 : -1;
}

// Of the pair, once it can be read.
long drained(long result) {
  const int kept = errno;
  if (result > 0) must(read(wakes.ours, &byte, 1), "read");
  errno = kept;
  return result;
}

long wait_in_select(bool with_mask) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(wakes.ours, &set);
  timeval time = long_time();
  sigset_t none;
  sigemptyset(&none);
  return drained(with_mask ? pselect(wakes.ours + 1, &set, nullptr, nullptr, &kLong, &none)
                           : select(wakes.ours + 1, &set, nullptr, nullptr, &time));
}

long wait_in_poll(bool with_mask) {
  pollfd fd{wakes.ours, POLLIN, 0};
  sigset_t none;
  sigemptyset(&none);
  return drained(with_mask ? ppoll(&fd, 1, &kLong, &none) : poll(&fd, 1, 1000'000));
}

long wait_in_epoll(bool with_mask) {
  epoll_event event;
  sigset_t none;
  sigemptyset(&none);
  return drained(with_mask ? epoll_pwait(epoll, &event, 1, 1000'000, &none) : epoll_wait(epoll, &event, 1, -1));
}

long wait_in_recvmsg(bool many) {
  iovec part{&byte, 1};
  mmsghdr message{};
  message.msg_hdr.msg_iov = &part;
  message.msg_hdr.msg_iovlen = 1;
  return many ? recvmmsg(wakes.ours, &message, 1, 0, nullptr) : recvmsg(wakes.ours, &message.msg_hdr, 0);
}

void be_woken(int) { is_woken = true; }

void read_in_handler(int) { must(read(wakes.ours, &byte, 1), "read"); }

struct Kind {
  const char* name;
  long (*wait)();
  void (*wake)();
};

struct Message {
  long type = 1;
  char text[1] = {'x'};
};

void write_byte() { must(write(wakes.theirs, "x", 1), "write"); }

void connect_once() {
  Address address;
  must(getsockname(listener, address.name(), &address.length), "getsockname");
  const int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  connect_to(fd, address);
  close(fd);
}

const Kind kKinds[] = {
    {"read", [] { return static_cast<long>(read(wakes.ours, &byte, 1)); }, write_byte},
    {"readv",
     [] {
       const iovec part{&byte, 1};
       return static_cast<long>(readv(wakes.ours, &part, 1));
     },
     write_byte},
    {"recv", [] { return static_cast<long>(recv(wakes.ours, &byte, 1, 0)); }, write_byte},
    {"recv_timeout", [] { return with_timeout(wakes.ours) + recv(wakes.ours, &byte, 1, 0); }, write_byte},
    {"recvmsg", [] { return wait_in_recvmsg(false); }, write_byte},
    {"recvmmsg", [] { return wait_in_recvmsg(true); }, write_byte},
    {"accept", accepted, connect_once},
    {"accept_timeout", [] { return with_timeout(listener) + accepted(); }, connect_once},
    {"poll", [] { return wait_in_poll(false); }, write_byte},
    {"ppoll", [] { return wait_in_poll(true); }, write_byte},
    {"select", [] { return wait_in_select(false); }, write_byte},
    {"pselect", [] { return wait_in_select(true); }, write_byte},
    {"epoll_wait", [] { return wait_in_epoll(false); }, write_byte},
    {"epoll_pwait", [] { return wait_in_epoll(true); }, write_byte},
    {"sigtimedwait",
     [] {
       sigset_t set;
       sigemptyset(&set);
       sigaddset(&set, SIGUSR2);
       return sigtimedwait(&set, nullptr, &kLong) == SIGUSR2 ? 1L : -1L;
     },
     [] { kill(getppid(), SIGUSR2); }},
    {"semtimedop",
     [] {
       sembuf down{0, -1, 0};
       return semtimedop(semaphore_set, &down, 1, &kLong) + 1L;
     },
     [] {
       sembuf up{0, 1, 0};
       must(semop(semaphore_set, &up, 1), "semop");
     }},
    {"msgrcv",
     [] {
       Message message;
       return static_cast<long>(msgrcv(messages, &message, 1, 0, 0));
     },
     [] {
       const Message message;
       must(msgsnd(messages, &message, 1, 0), "msgsnd");
     }},
    {"mq_receive", [] { return static_cast<long>(mq_receive(queue, &byte, 1, nullptr)); },
     [] { must(mq_send(queue, "x", 1, 0), "mq_send"); }},
    {"waitpid", [] { return waitpid(-1, nullptr, 0) > 0 ? 1L : -1L; }, [] { kill(other, SIGKILL); }},
    {"futex", [] { return sem_wait(shared) + 1L; }, [] { sem_post(shared); }},
    {"spin",
     [] {
       while (!is_woken) {
       }
       is_woken = false;
       return 1L;
     },
     [] { kill(getppid(), SIGUSR1); }},
    {"handler",
     [] {
       signal(SIGALRM, read_in_handler);
       return raise(SIGALRM) + 1L;
     },
     write_byte},
};

void make_all() {
  wakes = unix_pair();
  listener = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  bound_to_loopback(listener);
  must(listen(listener, 8), "listen");
  epoll = must(epoll_create1(0), "epoll_create1");
  epoll_event event{EPOLLIN, {}};
  must(epoll_ctl(epoll, EPOLL_CTL_ADD, wakes.ours, &event), "epoll_ctl");
  semaphore_set = must(semget(IPC_PRIVATE, 1, 0600), "semget");
  messages = must(msgget(IPC_PRIVATE, 0600), "msgget");
  const auto name = "/nosigpipe." + std::to_string(getpid());
  mq_attr attributes{};
  attributes.mq_maxmsg = attributes.mq_msgsize = 1;
  queue = must(mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes), "mq_open");
  mq_unlink(name.c_str());
  shared =
      static_cast<sem_t*>(mmap(nullptr, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  must(sem_init(shared, 1, 0), "sem_init");
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGUSR1, be_woken);
}

// In a group of its own, so that it outlives who is killed, and takes away what the kernel would keep.
void be_child(const Kind& kind) {
  setpgid(0, 0);
  close(1);
  for (char told; read(0, &told, 1) == 1;) kind.wake();
  semctl(semaphore_set, 0, IPC_RMID);
  msgctl(messages, IPC_RMID, nullptr);
  _exit(0);
}

void enter_filter(unsigned call, unsigned action) {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, action),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{4, filter};
  must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
  must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), "seccomp");
}

void start_thread(const std::string& kind) {
  std::thread([kind] {
    sem_t never;
    sem_init(&never, 0, 0);
    if (kind == "futex") sem_wait(&never);
    for (unsigned long count = 0;; ++count)
      if (kind == "malloc") free(malloc(count % 4096));
  }).detach();
}

void obey(const char* word) {
  const char* equals = std::strchr(word, '=');
  if (equals == nullptr) fail("no such word");
  const std::string name(word, equals);
  const int number = std::atoi(equals + 1);
  if (name == "denied" || name == "deadly")
    enter_filter(static_cast<unsigned>(number),
                 name == "denied" ? SECCOMP_RET_ERRNO | EPERM : SECCOMP_RET_KILL_PROCESS);
  else
    for (int i = 0; i < number; ++i) start_thread(name);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 99;
  const Kind* kind = kKinds;
  while (std::strcmp(kind->name, argv[1]) != 0)
    if (++kind == std::end(kKinds)) return 99;
  make_all();
  const int dead = dead_socket();
  if (std::strcmp(kind->name, "waitpid") == 0 && (other = must(fork(), "fork")) == 0) sleep(1000);
  if (must(fork(), "fork") == 0) be_child(*kind);
  for (int i = 2; i < argc; ++i) obey(argv[i]);
  dprintf(1, "ready\n");
  for (;;) {
    const long result = kind->wait();
    dprintf(1, "%s\n", result == 1 ? "returned" : strerror(errno));
    if (write(dead, "x", 1) != -1) abort();
    dprintf(1, "alive\n");
  }
}
