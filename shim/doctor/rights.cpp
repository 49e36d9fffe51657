#include "doctor/rights.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace doctor {

Rights rights_gained(const std::string& file) {
  struct stat status {};
  struct statvfs system {};
  if (stat(file.c_str(), &status) != 0 || statvfs(file.c_str(), &system) != 0) return Rights::same;
  if ((system.f_flag & ST_NOSUID) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return Rights::same;
  // To whom it already is there is nothing to give: root starts a set-user-ID program of root's as any other.
  if ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) return Rights::set_uid;
  const bool has_group = (status.st_mode & S_ISGID) != 0 && (status.st_mode & S_IXGRP) != 0;
  if (has_group && status.st_gid != getgid()) return Rights::set_gid;
  if (getuid() != 0 && getxattr(file.c_str(), "security.capability", nullptr, 0) > 0) return Rights::capabilities;
  return Rights::same;
}

}  // namespace doctor
