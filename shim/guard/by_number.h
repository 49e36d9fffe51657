// syscall(2): a system call that the program makes by its number.
#pragma once

// As libc's: -1 and errno, or the result. Learns what the call says about the program: that it sets a seccomp filter,
// or may block SIGPIPE.
long by_number(long number, const long (&arguments)[6], const void* return_address);
