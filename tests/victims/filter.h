// A seccomp filter that a victim sets itself.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstddef>
#include <vector>

// These system calls have one answer, all others the other.
inline std::vector<sock_filter> filter_of(const std::vector<unsigned>& listed, unsigned answer,
                                          unsigned other = SECCOMP_RET_ALLOW) {
  std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const unsigned number : listed) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, answer));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, other));
  return code;
}

inline sock_fprog program_of(std::vector<sock_filter>& code) {
  return {static_cast<unsigned short>(code.size()), code.data()};
}
