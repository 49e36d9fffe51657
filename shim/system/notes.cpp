// What the library says of itself, as ELF notes of the owner "nosigpipe": whoever looks at a process from outside finds
// it there without running anything, as nosigpipe-doctor does. `readelf -n` shows them.
//   Type 1: the version, as text with a NUL.
//   Type 2: how far from each of these words what it stands for lies: program/policy's word, and struct Options. Then
//   the options as text with a NUL, in the order of that struct, of which each is four bytes, and behind them the
//   address of the log's path: "mode=|protect|observe|off stack= ". A choice is the place of its value among these.
#include <cstdint>

namespace {

constexpr char kOwner[] = "nosigpipe";
constexpr char kVersion[] = NOSIGPIPE_VERSION;

// Both texts are padded to four bytes.
struct Note {
  std::uint32_t owner_size;
  std::uint32_t version_size;
  std::uint32_t type;
  alignas(4) char owner[sizeof kOwner];
  alignas(4) char version[sizeof kVersion];
};

}  // namespace

[[gnu::section(".note.nosigpipe"), gnu::used, gnu::aligned(4)]] static constinit const Note note = {
    sizeof kOwner, sizeof kVersion, 1, "nosigpipe", NOSIGPIPE_VERSION};

// A distance is known when the library is linked; an address would have to be written into the note at each start.
asm(".pushsection .note.nosigpipe,\"a\"\n"
    ".balign 4\n"
    ".long 10, 2f - 1f, 2\n"
    ".ascii \"nosigpipe\\0\\0\\0\"\n"
    "1: .long nosigpipe_policy - .\n"
    ".long nosigpipe_options - .\n"
    ".asciz \""
#define VALUE(enumerator, word, help) "|" word
#define CHOICE(NAME, name, Type, what, values) #name "=" values " "
#define NUMBER(NAME, name, fallback, lowest, highest, help) #name "= "
#include "options.def"
    "\"\n"
    "2: .balign 4\n"
    ".popsection");
