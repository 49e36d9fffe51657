# The roots of other Debians, for who sources it: made by mmdebstrap from the mirror that apt uses here, and kept in $roots.
# shellcheck shell=sh disable=SC2154  # $roots is the caller's

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

[ "$(id -u)" -eq 0 ] || fail "only root can make and enter a root"
codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016  # $(REPO_URI) is apt's
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" | head -n 1)
[ -n "$mirror" ] || fail "apt uses no mirror for $codename here"

# usage: make_root NAME SUITE PACKAGE...
# $roots/NAME, made anew where it was left half made, or lacks packages.
make_root() {
  root=$roots/$1
  suite=$2
  shift 2
  [ "$(cat "$root/packages" 2>/dev/null)" != "$*" ] || return 0
  echo "making the root of $suite"
  rm -rf "$root"
  mkdir -p "$roots"
  timeout 900 mmdebstrap --variant=minbase --include="$(echo "$*" | tr ' ' ',')" "$suite" "$root" "$mirror" \
    >"$root.log" 2>&1 </dev/null ||
    fail "$suite cannot be made from the mirror that apt uses here; $root.log says why"
  echo "$*" >"$root/packages"
}

# usage: in_root ROOT COMMAND...
# In ROOT/nosigpipe. The mounts and what is started end with the command. To it the root is that of the mounts, too: what
# /proc says to a test that goes into a chroot of its own begins there.
in_root() {
  root=$1
  shift
  # shellcheck disable=SC2016  # the arguments of the inner shell
  env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL unshare --mount --pid --fork --kill-child sh -ec '
    mount --bind "$1" "$1"
    cd "$1"
    shift
    mount -t proc proc proc
    mount --bind /dev dev
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
    mount -t tmpfs tmpfs dev/shm
    pivot_root . mnt
    exec chroot . sh -ec "
      umount -l /mnt
      exec env -C /nosigpipe PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \"\$@\"" - "$@"' - "$root" "$@" </dev/null
}
