// Linked into a static program, which then puts the handler of static programs in by itself: the file that HANDLER
// names, as nosigpipe-attach would. With COUNTS set it says at its end what was averted, by call.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// As attach/blob/layout.h has it.
struct header {
  char magic[12];
  uint32_t size, data, handler, restorer, texts;
};

static const struct header* header;

extern const char __executable_start, etext;

__attribute__((constructor)) static void put_in(void) {
  const char* file = getenv("HANDLER");
  if (file == NULL) return;
  static char image[16384];
  const int fd = open(file, O_RDONLY);
  const ssize_t size = read(fd, image, sizeof image);
  close(fd);
  header = (const struct header*)image;
  if (size <= 0 || strcmp(header->magic, "nosigpipe-h") != 0 || header->size != size) abort();

  char* at = mmap(NULL, header->data + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) abort();
  memcpy(at, image, (size_t)size);
  header = (const struct header*)at;
#ifdef __GLIBC__
  const uint64_t has_glibc = 1;
#else
  const uint64_t has_glibc = 0;
#endif
  const uint64_t code[] = {(uintptr_t)&__executable_start, (uintptr_t)(&etext - &__executable_start), has_glibc};
  memcpy(at + header->data + 8 + 32 * 4, code, sizeof code);
  if (mprotect(at, header->data, PROT_READ | PROT_EXEC) != 0) abort();

  struct {
    void* handler;
    unsigned long flags;
    void* restorer;
    uint64_t mask;
  } __attribute__((packed)) act = {at + header->handler, SA_SIGINFO | 0x04000000 | SA_ONSTACK | SA_RESTART,
                                   at + header->restorer, ~(uint64_t)0x400004d8};
  if (syscall(SYS_rt_sigaction, SIGPIPE, &act, NULL, 8) != 0) abort();
}

__attribute__((destructor)) static void say_counts(void) {
  if (header == NULL || getenv("COUNTS") == NULL) return;
  const uint32_t* counts = (const uint32_t*)((const char*)header + header->data + 8);
  const char* text = (const char*)header + header->texts;
  for (text += strlen(text) + 1; *text != '\0'; text += strlen(text) + 1, ++counts)
    if (*counts != 0) fprintf(stderr, "%s %u\n", text, *counts);
}
