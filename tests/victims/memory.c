// Calls the functions of shim/system/memory.cpp, which it is linked with, and says what is wrong with them. The asm
// labels keep the compiler from doing their work itself.
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void* copy(void*, const void*, size_t) __asm__("memcpy");
void* move(void*, const void*, size_t) __asm__("memmove");
void* set(void*, int, size_t) __asm__("memset");
int compare(const void*, const void*, size_t) __asm__("memcmp");
void* find(const void*, int, size_t) __asm__("memchr");
size_t length(const char*) __asm__("strlen");

static void expect(int holds, const char* what) {
  if (holds) return;
  printf("%s\n", what);
  exit(1);
}

int main(void) {
  enum { kSize = 300 };
  unsigned char from[kSize];
  unsigned char to[kSize];
  for (int i = 0; i < kSize; ++i) from[i] = (unsigned char)i;

  expect(copy(to, from, kSize) == to && compare(to, from, kSize) == 0, "memcpy");
  expect(move(to + 1, to, kSize - 1) == to + 1 && to[0] == 0, "memmove");
  expect(compare(to + 1, from, kSize - 1) == 0, "memmove upwards");
  move(to, to + 1, kSize - 1);
  expect(compare(to, from, kSize - 1) == 0, "memmove downwards");
  expect(set(to, -1, kSize - 1) == to && to[0] == 255 && to[kSize - 2] == 255, "memset");
  expect(to[kSize - 1] == from[kSize - 2], "memset beyond its end");
  copy(to, from, 0);
  move(to, from, 0);
  set(to, 1, 0);
  expect(to[0] == 255, "nothing to do");

  expect(compare("\xff", "a", 1) > 0 && compare("a", "\xff", 1) < 0, "memcmp of bytes without a sign");
  expect(compare("ab", "ac", 1) == 0 && compare("a", "b", 0) == 0, "memcmp beyond its end");
  expect(find(from, 7, kSize) == from + 7 && find(from, 7 + 256, kSize) == from + 7, "memchr");
  expect(find(from, 7, 7) == NULL && find(from, 0, 0) == NULL, "memchr beyond its end");
  expect(length("") == 0 && length("words\0more") == 5, "strlen");
  puts("right");
  return 0;
}
