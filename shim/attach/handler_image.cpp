#include "attach/handler_image.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace attach {

#ifdef __x86_64__
asm(".pushsection .rodata\n"
    "nosigpipe_image_x86_64: .incbin \"x86_64.bin\"\n"
    "nosigpipe_image_i386: .incbin \"i386.bin\"\n"
    "nosigpipe_image_end:\n"
    ".popsection");
extern "C" const char nosigpipe_image_x86_64[], nosigpipe_image_i386[], nosigpipe_image_end[];

std::string_view handler_image(Machine machine) {
  const auto between = [](const char* begin, const char* end) {
    return std::string_view(begin, static_cast<std::size_t>(end - begin));
  };
  return machine == Machine::x86_64 ? between(nosigpipe_image_x86_64, nosigpipe_image_i386)
                                    : between(nosigpipe_image_i386, nosigpipe_image_end);
}
#else
std::string_view handler_image(Machine) { return {}; }
#endif

blob::Header header_in(std::string_view image) {
  blob::Header header{};
  std::memcpy(&header, image.data(), std::min(sizeof header, image.size()));
  return header;
}

// In a mapping of its own that is executed, and begins with the magic.
std::optional<HandlerInPlace> find_handler(const Target& target) {
  for (const auto& mapping : target.mappings()) {
    blob::Header header{};
    if (mapping.executable && !mapping.writable && mapping.path.empty() &&
        target.read(mapping.start, &header, sizeof header) &&
        std::equal(std::begin(blob::kMagic), std::end(blob::kMagic), header.magic))
      return HandlerInPlace{mapping.start, header};
  }
  return {};
}

}  // namespace attach
