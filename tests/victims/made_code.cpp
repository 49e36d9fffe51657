// Writes to a dead socket through code that it makes at run time, as interpreters and JIT compilers do: no table says
// anything of that. It knows nothing of the shim. x86-64 alone.
//
// usage: made_code adds|pops|keeps-frame|lost-frame|no-tables LIBRARY
//
// adds, pops, keeps-frame: how the code returns. lost-frame: its frame pointer leads to no memory.
// no-tables: the write is made by libcaller.so, of which the tables can no longer be read.
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "must.h"

namespace {

int fd = -1;

// Each calls what it is given in %rdi.
std::string code_for(const std::string& way) {
  if (way == "adds") return {"\x48\x83\xec\x08\xff\xd7\x48\x83\xc4\x08\xc3"};  // sub, call, add, ret
  if (way == "pops") return {"\x53\x41\x54\x55\xff\xd7\x5d\x41\x5c\x5b\xc3"};  // and three registers
  if (way == "keeps-frame") return {"\x55\x48\x89\xe5\xff\xd7\x90\xc9\xc3"};   // nop, leave, ret
  // push; lea 32 MiB(%rsp), %rbp; sub; call; nop, add, pop, ret
  return {"\x55\x48\x8d\xac\x24\0\0\0\x02\x48\x83\xec\x10\xff\xd7\x90\x48\x83\xc4\x10\x5d\xc3", 22};
}

}  // namespace

extern "C" {

[[gnu::noinline]] void writes() {
  (void)!write(fd, "x", 1);
  asm volatile("" ::: "memory");
}

[[gnu::noinline]] void runs(void* code) {
  reinterpret_cast<void (*)(void (*)())>(reinterpret_cast<std::uintptr_t>(code))(writes);
  asm volatile("" ::: "memory");
}

}  // extern "C"

int main(int argc, char* argv[]) {
  int ends[2];
  if (argc < 2) return 2;
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
  close(ends[1]);
  fd = ends[0];
  const std::string way = argv[1];
  if (way == "no-tables") {
    auto* library = static_cast<link_map*>(dlopen(argv[2], RTLD_NOW));
    if (library == nullptr) fail("dlopen");
    const auto call = reinterpret_cast<long (*)(int)>(dlsym(library, "calls_from_a_library"));
    const auto base = library->l_addr;
    const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(base);
    const auto* segments = reinterpret_cast<const ElfW(Phdr)*>(base + header->e_phoff);
    for (unsigned i = 0; i < header->e_phnum; ++i)
      if (segments[i].p_type == PT_GNU_EH_FRAME)
        must(mprotect(reinterpret_cast<void*>((base + segments[i].p_vaddr) & ~4095UL), 4096, PROT_NONE), "mprotect");
    call(fd);
  } else {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) fail("mmap");
    const auto code = code_for(way);
    std::memcpy(page, code.data(), code.size());
    runs(page);
  }
  std::puts("alive");
  std::fflush(stdout);
  _exit(0);
}
