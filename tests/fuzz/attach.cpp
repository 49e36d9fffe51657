// What nosigpipe-attach reads of a process: a loader's list and symbols in memory of any bytes, and a seccomp filter.
// It ends, and reads nothing but what is there.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "attach/filter.h"
#include "attach/modules.h"
#include "fuzz/must.h"

namespace {

constexpr std::uint64_t kBase = 0x1000;  // where the input is in memory
constexpr std::size_t kVector = 64;      // the auxiliary vector in front of it

void read_list(const attach::ReadAt& memory, const std::string& vector, bool is_64_bit) {
  const auto read = attach::bounded(memory, 100'000);
  const auto program = attach::read_program(read, vector, is_64_bit);
  must(program.modules.size() <= 4096 && (program.is_dynamic || program.modules.empty()));
  std::size_t looked_at = 0;
  for (const auto& module : program.modules) {
    if (++looked_at > 16) break;
    const attach::Symbols symbols(read, module, is_64_bit);
    must(!symbols.find("dlopen") || !symbols.find("no function has this name"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < kVector + 1) return 0;
  const bool is_64_bit = (data[0] & 1) != 0;
  const std::string vector(reinterpret_cast<const char*>(data + 1), kVector);
  const attach::ReadAt memory = [=](std::uint64_t at, void* to, std::size_t length) {
    if (at < kBase || at - kBase > size || size - (at - kBase) < length) return false;
    if (length > 0) std::memcpy(to, data + (at - kBase), length);
    return true;
  };
  read_list(memory, vector, is_64_bit);

  std::vector<sock_filter> filter(std::min<std::size_t>(size / sizeof(sock_filter), 4096));
  std::memcpy(filter.data(), data, filter.size() * sizeof(sock_filter));
  seccomp_data call{};
  must(attach::verdict_of(filter, call) == attach::verdict_of(filter, call));
  return 0;
}
