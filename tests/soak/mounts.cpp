#include "soak/mounts.h"

#include <sched.h>
#include <sys/mount.h>

#include <filesystem>

namespace {

std::string mounted(const std::string& place, const char* type, const char* options) {
  std::filesystem::create_directories(place);
  return mount("soak", place.c_str(), type, 0, options) == 0 ? place : "";
}

}  // namespace

Mounts::Mounts(const std::string& directory) {
  if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  small_disk = mounted(directory + "/small", "tmpfs", "size=16m");
  tracefs = mounted(directory + "/trace", "tracefs", "");
}

Mounts::~Mounts() {
  for (const auto& place : {small_disk, tracefs})
    if (!place.empty()) umount2(place.c_str(), MNT_DETACH);
}
