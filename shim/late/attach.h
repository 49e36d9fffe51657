// The entries of libnosigpipe-attach.so, which is loaded into a process that runs already. Until the first is called
// nothing has happened: no handler, no log, no look at the environment.
#pragma once

// In a thread that holds no lock of libc's, with its signals blocked, on 64 KiB of stack; errno is left alone.
// `options` are lines NOSIGPIPE_NAME=value. `answer` gets a line without its newline, `size` bytes at most with its
// NUL: what has been done, or why not. Returns 0, or:
//   EALREADY   it is armed, by this library or a copy of it
//   EEXIST     libnosigpipe.so was preloaded
//   EINVAL     an option is not valid, or they say that nothing is to be done
//   ECANCELED  the program ignores SIGPIPE
//   EPERM      a filter refuses rt_sigaction
//   ENOMEM     libc has no place but the heap for our variables of each thread
//   EMFILE     no descriptor is free by which /proc could be asked
//   EBUSY      another thread is in fork(2), or at this; or it was forked by a system call of its own meanwhile
extern "C" int nosigpipe_attach(const char* options, char* answer, unsigned long size);

// Takes it all back as long as it is armed, else ENOENT, or EBUSY as above: the library stays, and whoever has kept the
// address of a function of ours reaches libc's by it.
extern "C" int nosigpipe_detach(char* answer, unsigned long size);
