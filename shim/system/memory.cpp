// The functions of memory and strings that the compiler calls of its own accord, and std::string_view: for the shim
// alone, since hidden ones are found before libc's. libc's are not used because ThreadSanitizer replaces them: it
// would watch what a hook or a line of the log copies, and report races in code whose atomics it does not see.
#include <cstddef>

namespace {

// Nothing is known of the pointer any more: else a compiler finds out what the loop does, and makes it a call of the
// function that it is the body of.
template <class Byte>
Byte* stepped(Byte* pointer) {
  asm("" : "+r"(pointer));
  return pointer;
}

}  // namespace

// Under names of their own, as compilers know the others as visible ones.
namespace memory {

#define OURS [[gnu::visibility("hidden")]]
OURS void* copy(void* to, const void* from, std::size_t size) asm("memcpy");
OURS void* move(void* to, const void* from, std::size_t size) asm("memmove");
OURS void* set(void* to, int value, std::size_t size) asm("memset");
OURS int compare(const void* left, const void* right, std::size_t size) asm("memcmp");
OURS int differ(const void* left, const void* right, std::size_t size) asm("bcmp");  // clang's, for equality
OURS void* find(const void* bytes, int value, std::size_t size) asm("memchr");
OURS std::size_t length(const char* words) asm("strlen");

void* copy(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  for (const auto* end = in + size; in != end; in = stepped(in + 1)) *out++ = *in;
  return to;
}

void* move(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<char*>(to);
  const auto* in = static_cast<const char*>(from);
  if (out <= in) return copy(to, from, size);
  for (const auto* end = in + size; end != in;) out[--size] = *(end = stepped(end - 1));
  return to;
}

void* set(void* to, int value, std::size_t size) {
  auto* out = static_cast<char*>(to);
  for (const auto* end = out + size; out != end; out = stepped(out + 1)) *out = static_cast<char>(value);
  return to;
}

int compare(const void* left, const void* right, std::size_t size) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  for (const auto* end = a + size; a != end; a = stepped(a + 1), ++b)
    if (*a != *b) return *a - *b;
  return 0;
}

int differ(const void* left, const void* right, std::size_t size) { return compare(left, right, size); }

void* find(const void* bytes, int value, std::size_t size) {
  const auto* byte = static_cast<const unsigned char*>(bytes);
  for (const auto* end = byte + size; byte != end; byte = stepped(byte + 1))
    if (*byte == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(byte);
  return nullptr;
}

std::size_t length(const char* words) {
  const auto* end = words;
  while (*end != '\0') end = stepped(end + 1);
  return static_cast<std::size_t>(end - words);
}

}  // namespace memory
