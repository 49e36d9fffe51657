// A program with 3,000 places that write to a dead socket, and passes each of them twice.
#include <sys/socket.h>
#include <unistd.h>

#if defined(__x86_64__)
void everywhere(int fd, const char* byte);
__asm__(
    ".text\neverywhere:\n\tpush %rbx\n\tpush %rbp\n\tsub $8, %rsp\n\tmov %edi, %ebx\n\tmov %rsi, %rbp\n"
    ".rept 3000\n\tmov %ebx, %edi\n\tmov %rbp, %rsi\n\tmov $1, %edx\n\tcall write@PLT\n.endr\n"
    "\tadd $8, %rsp\n\tpop %rbp\n\tpop %rbx\n\tret\n");
#endif

int main(void) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
  close(ends[1]);
  everywhere(ends[0], "x");
  everywhere(ends[0], "x");
  return 0;
}
