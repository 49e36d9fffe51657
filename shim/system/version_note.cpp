// The version, as an ELF note of the library: `readelf -n` shows it, and whoever looks at a process from outside finds
// it without running anything. Owner "nosigpipe", type 1, the version as text with a NUL.
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
