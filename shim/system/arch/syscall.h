// syscall(2) as libc makes it, but by an instruction of our own: a signal handler that finds the thread behind it knows
// the number, which elsewhere comes in a register that is overwritten by the result.
#pragma once

// Errors as -errno; not a cancellation point, as libc's is not.
extern "C" [[gnu::visibility("hidden")]] long nosigpipe_syscall(long number, long a, long b, long c, long d, long e,
                                                                long f);
