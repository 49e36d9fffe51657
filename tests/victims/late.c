// A program that loads libnosigpipe-attach.so and calls its entries itself, as nosigpipe-attach has it done to others.
// In C, so that a test can compile it in the ways that programs are: bound lazily or at the start, at a place or at
// any, 32-bit, for musl.
//
// usage: late WORD[=VALUE]...   one after the other; what is written goes to a socket whose peer is gone
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef int Attach(const char* options, char* answer, unsigned long size);
typedef int Detach(char* answer, unsigned long size);

static Attach* attach;
static Detach* detach;

static void fail(const char* what) {
  fprintf(stderr, "late: %s\n", what);
  _exit(99);
}

static int dead_socket(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || close(ends[1]) != 0) fail("socketpair");
  return ends[0];
}

static int dead_pipe(void) {
  int ends[2];
  if (pipe(ends) != 0 || close(ends[0]) != 0) fail("pipe");
  return ends[1];
}

static int full_pipe(void) {
  int ends[2];
  if (pipe(ends) != 0 || write(ends[1], "lost", 4) != 4) fail("pipe");
  return ends[0];
}

static int prints(int fd) {
  FILE* stream = fdopen(fd, "w");
  return stream == NULL || fputs("lost", stream) < 0 ? 0 : fflush(stream);
}

static void load(const char* library) {
  void* handle = dlopen(library, RTLD_NOW);
  if (handle == NULL) fail(dlerror());
  attach = (Attach*)dlsym(handle, "nosigpipe_attach");
  detach = (Detach*)dlsym(handle, "nosigpipe_detach");
}

// With errno and the signals of the thread as they will be.
static void call(const char* options) {
  char answer[1024];
  int result;
  errno = 77;
  result = options != NULL ? attach(options, answer, sizeof answer) : detach(answer, sizeof answer);
  if (errno != 77) fail("errno is another one");
  printf("%d %s\n", result, answer);
}

static long writes(const char* how) {
  const struct iovec part = {(void*)"lost", 4};
  const int fd = dead_socket();
  if (strcmp(how, "write") == 0) return write(fd, "lost", 4);
  if (strcmp(how, "send") == 0) return send(fd, "lost", 4, 0);
  if (strcmp(how, "writev") == 0) return writev(fd, &part, 1);
  if (strcmp(how, "sendfile") == 0) return sendfile(fd, open("/proc/self/exe", O_RDONLY), NULL, 64);
  if (strcmp(how, "splice") == 0) return splice(full_pipe(), NULL, fd, NULL, 4, 0);
  if (strcmp(how, "stdio") == 0) return prints(fd);
  if (strcmp(how, "syscall") == 0) return syscall(SYS_writev, fd, &part, 1);
  fail(how);
  return 0;
}

static void comes_back(long result) {
  if (result != -1 || errno != EPIPE) fail("not EPIPE");
}

#ifdef __x86_64__
// By way of code that is in no file: sub $8, %rsp; call *%rsi; add $8, %rsp; ret
static long writes_from_made_code(void) {
  static const unsigned char code[] = {0x48, 0x83, 0xec, 8, 0xff, 0xd6, 0x48, 0x83, 0xc4, 8, 0xc3};
  void* page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) fail("mmap");
  memcpy(page, code, sizeof code);
  return ((long (*)(const char*, long (*)(const char*)))page)("send", writes);
}
#endif

// Two seconds after the program began, at least.
static void wait_for_later(void) {
  const time_t begin = time(NULL);
  const struct timespec moment = {0, 10000000};
  while (time(NULL) < begin + 3) nanosleep(&moment, NULL);
}

static void handler(int signal) {
  (void)signal;
  puts("handled");
}

// As the kernel has it, and as libc says it is.
static void show_sigpipe(void) {
  unsigned char raw[sizeof(long) * 3 + 8];
  struct sigaction action;
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  if (syscall(SYS_rt_sigaction, SIGPIPE, NULL, raw, 8) != 0 || sigaction(SIGPIPE, NULL, &action) != 0)
    fail("sigaction");
  printf("blocked %d, %s:", sigismember(&mask, SIGPIPE),
         action.sa_handler == SIG_DFL   ? "default"
         : action.sa_handler == handler ? "its own"
                                        : "another");
  for (unsigned i = 0; i < sizeof raw; ++i) printf(" %02x", raw[i]);
  puts("");
}

static void show_pending(void) {
  sigset_t set;
  sigpending(&set);
  printf("pending %d\n", sigismember(&set, SIGPIPE));
}

static void show_maps(void) {
  char text[4096];
  const int fd = open("/proc/self/maps", O_RDONLY);
  puts("maps");
  for (long length; (length = read(fd, text, sizeof text)) > 0;)
    if (write(1, text, (size_t)length) != length) fail("write");
  puts("end of maps");
  close(fd);
}

// What the loader has written into the program and its libraries: all that it makes unwritable, and what is called.
static unsigned long slots;

static void add_slots(const ElfW(Addr) * from, size_t count) {
  for (size_t i = 0; i < count; ++i) slots = slots * 1000003 + from[i];
}

static int add_module(struct dl_phdr_info* module, size_t size, void* ours) {
  const ElfW(Dyn)* dynamic = NULL;
  ElfW(Addr) table = 0, bytes = 0;
  (void)size;
  for (int i = 0; i < module->dlpi_phnum; ++i) {
    const ElfW(Phdr)* segment = &module->dlpi_phdr[i];
    const ElfW(Addr) at = module->dlpi_addr + segment->p_vaddr;
    if (segment->p_type == PT_DYNAMIC) dynamic = (const ElfW(Dyn)*)at;
    if (segment->p_type == PT_LOAD && (ElfW(Addr))ours - at < segment->p_memsz) return 0;
    if (segment->p_type == PT_GNU_RELRO) add_slots((const ElfW(Addr)*)at, segment->p_memsz / sizeof(ElfW(Addr)));
  }
  for (; dynamic != NULL && dynamic->d_tag != DT_NULL; ++dynamic) {
    if (dynamic->d_tag == DT_JMPREL) table = dynamic->d_un.d_ptr;
    if (dynamic->d_tag == DT_PLTRELSZ) bytes = dynamic->d_un.d_val;
  }
  if (table != 0 && table < module->dlpi_addr) table += module->dlpi_addr;
#if __SIZEOF_POINTER__ == 8
  for (const ElfW(Rela)* call = (const ElfW(Rela)*)table; (ElfW(Addr))call < table + bytes; ++call)
#else
  for (const ElfW(Rel)* call = (const ElfW(Rel)*)table; (ElfW(Addr))call < table + bytes; ++call)
#endif
    add_slots((const ElfW(Addr)*)(module->dlpi_addr + call->r_offset), 1);
  return 0;
}

static void show_slots(void) {
  slots = 0;
  dl_iterate_phdr(add_module, (void*)attach);
  printf("slots %lx\n", slots);
}

// Threads write to sockets that somebody reads, in all ways and without an error, while it is armed and taken back.
static volatile int is_over;
static long written;

static void* writes_on(void* unused) {
  int ends[2], ways[2];
  char byte;
  FILE* stream;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || pipe(ways) != 0) fail("socketpair");
  stream = fdopen(ends[0], "w");
  while (!is_over) {
    const struct iovec part = {(void*)"x", 1};
    if (write(ends[0], "x", 1) != 1 || send(ends[0], "x", 1, 0) != 1 || writev(ends[0], &part, 1) != 1) fail("write");
    if (fputc('x', stream) != 'x' || fflush(stream) != 0 || write(ways[1], "x", 1) != 1) fail("stdio");
    if (splice(ways[0], NULL, ends[0], NULL, 1, 0) != 1) fail("splice");
    for (int i = 0; i < 5; ++i)
      if (read(ends[1], &byte, 1) != 1 || byte != 'x') fail("read");
    __atomic_fetch_add(&written, 5, __ATOMIC_SEQ_CST);
  }
  return unused;
}

static void storm(const char* options, int times) {
  pthread_t threads[8];
  char answer[1024];
  for (int i = 0; i < 8; ++i)
    if (pthread_create(&threads[i], NULL, writes_on, NULL) != 0) fail("pthread_create");
  for (int i = 0; i < times; ++i) {
    const long before = __atomic_load_n(&written, __ATOMIC_SEQ_CST);
    if (attach(options, answer, sizeof answer) != 0) fail(answer);
    if (i % 10 == 0) comes_back(writes("writev"));
    while (i % 4 == 0 && __atomic_load_n(&written, __ATOMIC_SEQ_CST) < before + 50) {
    }
    if (detach(answer, sizeof answer) != 0) fail(answer);
  }
  is_over = 1;
  for (int i = 0; i < 8; ++i) pthread_join(threads[i], NULL);
  puts("no error");
}

// A plugin that comes and goes meanwhile, and is used.
static void* reloads(void* library) {
  while (!is_over) {
    int ends[2];
    char bytes[4];
    void* handle = dlopen(library, RTLD_LAZY);
    long (*call)(int) = (long (*)(int))dlsym(handle, "calls_from_a_library");
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || call(ends[0]) != 4 || read(ends[1], bytes, 4) != 4)
      fail("a call of the plugin");
    if (dlclose(handle) != 0 || close(ends[0]) != 0 || close(ends[1]) != 0) fail("dlclose");
    __atomic_fetch_add(&written, 1, __ATOMIC_SEQ_CST);
  }
  return NULL;
}

static void start_to_reload(char* library) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, reloads, library) != 0 || pthread_detach(thread) != 0) fail("pthread_create");
}

// A child: it is armed or it is not, can be armed and taken back, loads a library, and dies as it then has to.
static void be_forked(const char* options) {
  char answer[1024];
  const int result = attach(options, answer, sizeof answer);
  alarm(60);
  if (result != 0 && (result != EALREADY || strcmp(answer, "already armed") != 0)) fail(answer);
  if (writes("stdio") != -1) fail("not armed");
  if (dlopen("libm.so.6", RTLD_NOW) == NULL) fail("dlopen");
  if (detach(answer, sizeof answer) != 0) fail(answer);
  writes("stdio");
  fail("not taken back");
}

// A child that libc knows nothing of: there is no way to make it whole, but to say so.
static void be_forked_past_libc(const char* options) {
  char answer[1024];
  const int result = attach(options, answer, sizeof answer);
  if (result == EBUSY && strstr(answer, "forked, past libc") == NULL) fail(answer);
  if (result == EBUSY && detach(answer, sizeof answer) != EBUSY) fail(answer);
  alarm(60);
  if (result == EBUSY && fork() == 0) _exit(0);
  _exit(result == EBUSY ? 1 : 0);
}

static void* forks_past_libc(void* options) {
  for (int busy = 0; busy < 10;) {
    int status;
    const pid_t child = (pid_t)syscall(SYS_fork);
    if (child == 0) be_forked_past_libc(options);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) > 1) fail("a child");
    busy += WEXITSTATUS(status);
  }
  is_over = 1;
  return NULL;
}

static void be_armed_while(void* (*forking)(void*), char* options) {
  pthread_t thread;
  char answer[1024];
  if (attach(options, answer, sizeof answer) != 0 || detach(answer, sizeof answer) != 0) fail(answer);
  if (pthread_create(&thread, NULL, forking, options) != 0) fail("pthread_create");
  while (!is_over) {
    int result;
    while ((result = attach(options, answer, sizeof answer)) == EBUSY) {
    }
    if (result != 0) fail(answer);
    while ((result = detach(answer, sizeof answer)) == EBUSY) {
    }
    if (result != 0) fail(answer);
  }
  pthread_join(thread, NULL);
  puts("no error");
}

static void* forks_by_libc(void* options) {
  for (int i = 0; i < 100; ++i) {
    int status;
    const pid_t child = fork();
    if (child == 0) be_forked(options);
    if (waitpid(child, &status, 0) != child) fail("waitpid");
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGPIPE) fail("a child has not died of SIGPIPE");
  }
  is_over = 1;
  return NULL;
}

static void go_on_in_child(void) {
  int status;
  const pid_t child = fork();
  if (child == 0) return;
  if (waitpid(child, &status, 0) != child) fail("waitpid");
  if (WIFSIGNALED(status)) kill(getpid(), WTERMSIG(status));
  _exit(WEXITSTATUS(status));
}

static void show_fds(void) {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) >= 0;
  printf("fds %d\n", count);
}

// From here on it may not change what is done about a signal. musl's compiler finds no headers of the kernel.
static void keep_handlers(void) {
  static const struct {
    unsigned short code;
    unsigned char if_true, if_false;
    unsigned value;
  } filter[] = {
      {0x20, 0, 0, 0}, {0x15, 0, 1, SYS_rt_sigaction}, {0x06, 0, 0, 0x50000 | EPERM}, {0x06, 0, 0, 0x7fff0000}};
  const struct {
    unsigned short length;
    const void* filter;
  } program = {4, filter};
  if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_prctl, PR_SET_SECCOMP, 2, &program) != 0)
    fail("prctl");
}

// A program may keep the address of a function.
static ssize_t (*kept)(int, const void*, size_t);

static void* plugin;

static void calls_plugin(void) {
  long (*call)(int) = (long (*)(int))dlsym(plugin, "calls_from_a_library");
  comes_back(call(dead_socket()));
}

static void obey(const char* word, char* value) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  if (strcmp(word, "load") == 0)
    load(value);
  else if (strcmp(word, "attach") == 0)
    call(value);
  else if (strcmp(word, "detach") == 0)
    call(NULL);
  else if (strcmp(word, "try") == 0)
    dlopen(value, RTLD_NOW);
  else if (strcmp(word, "plugin") == 0)
    plugin = dlopen(value, RTLD_NOW);
  else if (strcmp(word, "calls_plugin") == 0)
    calls_plugin();
  else if (strcmp(word, "sigpipe") == 0)
    show_sigpipe();
  else if (strcmp(word, "keep") == 0)
    kept = write;
  else if (strcmp(word, "kept") == 0)
    comes_back(kept(dead_socket(), "lost", 4));
  else if (strcmp(word, "pending") == 0)
    show_pending();
  else if (strcmp(word, "maps") == 0)
    show_maps();
  else if (strcmp(word, "slots") == 0)
    show_slots();
  else if (strcmp(word, "handle") == 0)
    signal(SIGPIPE, handler);
  else if (strcmp(word, "default") == 0)
    signal(SIGPIPE, SIG_DFL);
  else if (strcmp(word, "ignore") == 0)
    signal(SIGPIPE, SIG_IGN);
  else if (strcmp(word, "keep_handlers") == 0)
    keep_handlers();
  else if (strcmp(word, "block") == 0)
    sigprocmask(SIG_BLOCK, &set, NULL);
  else if (strcmp(word, "unblock") == 0)
    sigprocmask(SIG_UNBLOCK, &set, NULL);
  else if (strcmp(word, "pipe") == 0)
    comes_back(write(dead_pipe(), "lost", 4));
  else if (strcmp(word, "kill") == 0)
    kill(getpid(), SIGPIPE);
  else if (strcmp(word, "reload") == 0)
    start_to_reload(value);
  else if (strcmp(word, "fds") == 0)
    show_fds();
  else if (strcmp(word, "hundred") == 0)
    for (int i = 0; i < 100; ++i) comes_back(writes("write"));
#ifdef __x86_64__
  else if (strcmp(word, "made") == 0)
    comes_back(writes_from_made_code());
#endif
  else if (strcmp(word, "later") == 0)
    wait_for_later();
  else if (strcmp(word, "wait") == 0)
    pause();
  else if (strcmp(word, "fork") == 0)
    go_on_in_child();
  else if (strcmp(word, "fork_storm") == 0)
    be_armed_while(forks_by_libc, value);
  else if (strcmp(word, "fork_storm_past_libc") == 0)
    be_armed_while(forks_past_libc, value);
  else if (strcmp(word, "storm") == 0)
    storm(value, 200);
  else
    comes_back(writes(word));
}

int main(int argc, char* argv[]) {
  setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
  for (int i = 1; i < argc; ++i) {
    char* value = strchr(argv[i], '=');
    if (value != NULL) *value++ = '\0';
    obey(argv[i], value);
  }
  puts("alive");
  return 0;
}
