#!/bin/sh
# usage: package_scenario.sh deb|rpm
# The life of the packages in ./first and ./second, which are newer, on this machine, a scratch root: installed, used,
# upgraded under a running program, kept from being removed, removed. A line for each step; the victims are beside this.
# Exit status: 0 all passed, 1 not.
# shellcheck disable=SC2317,SC2015,SC2086  # functions that holds() calls; no path here has blanks
set -u
kind=$1
failed=0
said=$(mktemp)
case $kind in
  deb)
    # shellcheck disable=SC2016  # $LIB is the loader's
    other_path='/usr/$LIB/libnosigpipe.so'
    library=/usr/lib/x86_64-linux-gnu/libnosigpipe.so library32=/usr/lib32/libnosigpipe.so
    install() { dpkg -i "$@"; }
    upgrade() { dpkg -i "$@"; }
    remove() { dpkg --purge nosigpipe libnosigpipe lib32nosigpipe; }
    remove_one() { dpkg --remove --force-depends libnosigpipe; } ;;
  rpm)
    force=
    ! rpm --force-debian --version >/dev/null 2>&1 || force=--force-debian # Debian 12's wants it, 13's knows it not
    # --nodeps, since this database does not know the distribution's own packages
    other_path=/usr/lib64/../lib64/libnosigpipe.so
    library=/usr/lib64/libnosigpipe.so library32=/usr/lib/libnosigpipe.so
    install() { rpm $force -i --nodeps "$@"; }
    upgrade() { rpm $force -U --nodeps "$@"; }
    remove() { rpm $force -e nosigpipe nosigpipe-libs nosigpipe-libs32; }
    remove_one() { rpm $force -e --nodeps nosigpipe-libs; }
    mkdir -p /usr/share/licenses ;; # which belongs to a package of the distribution
esac

passed() { echo "passed   $kind: $1"; }
failed() {
  echo "FAILED   $kind: $1"
  cat "$said"
  failed=1
}

# usage: holds WHAT COMMAND...; its output is shown where it fails
holds() {
  what=$1
  shift
  if "$@" >"$said" 2>&1; then passed "$what"; else failed "$what"; fi
}

# What is a file of the machine's, by content; not what the managers write down for themselves.
files() {
  find / -xdev \( -path /nosigpipe -o -path /proc -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/lib/dpkg \
    -o -path /var/lib/rpm -o -path /var/cache -o -path /etc/ld.so.cache -o -path /root \) -prune -o \
    \( -type f -exec md5sum {} + -o -type l -printf '%p -> %l\n' -o -type d -printf '%p/\n' \) | sort
}

dies() {
  "$@" 2>/dev/null
  [ $? -eq 141 ]
}
both_die_bare() { dies ./victim write && dies ./victim32 write && dies ./victim writev; }

is_quiet() { "$@" >"$said.out" 2>&1 && [ ! -s "$said.out" ] || { cat "$said.out" && return 1; }; }
protects() {
  for verb in write writev stdio view; do
    is_quiet nosigpipe ./victim $verb && is_quiet nosigpipe ./victim32 $verb || return 1
  done
}
# Where $LIB leads to both, a program reaches those of the other class that it starts.
protects_across() { is_quiet nosigpipe sh -c './victim32 write && ./victim write'; }

has_its_parts() {
  for page in man1/nosigpipe.1 man1/nosigpipe-report.1 man1/nosigpipe-doctor.1 man1/nosigpipe-attach.1 man5/nosigpipe.conf.5; do
    ls /usr/share/man/$page* || return 1
  done
  ls /usr/share/bash-completion/completions/nosigpipe-doctor /usr/share/fish/vendor_completions.d/nosigpipe.fish \
    /usr/share/zsh/*/_nosigpipe-report && nosigpipe --version && nosigpipe-report --version && nosigpipe-doctor ./victim32
}

is_stripped_with_notes() {
  ! grep -q debug_info $library && ! grep -q debug_info $library32 && [ "$(stat -c %a /usr/bin/nosigpipe-doctor)" = 755 ]
}

survives_upgrade() {
  mkfifo input
  nosigpipe ./victim serve <input &
  pid=$!
  exec 3<>input # which waits for nobody
  until grep -q "$library" /proc/$pid/maps; do kill -0 $pid && sleep 0.1 || return 1; done
  printf 12 >&3
  upgrade second/* || return 1
  grep "$library (deleted)" /proc/$pid/maps || return 1 # it goes on with the old one
  printf 34 >&3
  exec 3>&-
  wait $pid || return 1
  rm input
  protects
}

# Starts without end while the packages are installed again; each has the library.
starts_meanwhile() {
  (for _ in 1 2 3 4 5 6 7 8; do reinstall first/* && reinstall second/* || exit 1; done) >"$said.installs" 2>&1 &
  pid=$!
  starts=0
  while kill -0 $pid 2>/dev/null; do
    LD_PRELOAD=$library ./victim write >"$said.out" 2>&1 && [ ! -s "$said.out" ] ||
      { echo "start $starts" && cat "$said.out" && return 1; }
    starts=$((starts + 1))
  done
  wait $pid || { cat "$said.installs" && return 1; }
  [ $starts -gt 16 ]
}
case $kind in
  deb) reinstall() { dpkg --force-downgrade -i "$@"; } ;;
  rpm) reinstall() { rpm $force -U --nodeps --oldpackage "$@"; } ;;
esac

# Refused with one line of ours, while one is named, by whatever path.
refuses_while_named() {
  for named in "$library" "$other_path" "# a comment
$library32:$library" libnosigpipe.so; do
    echo "$named" >/etc/ld.so.preload
    ./victim write 2>/dev/null || [ "$named" = libnosigpipe.so ] || return 1
    if remove_one >"$said.out" 2>&1 || [ ! -e $library ]; then
      echo "was removed while named as $named" && return 1
    fi
    cat "$said.out"
    [ "$(grep -c "^nosigpipe: /etc/ld.so.preload names $library" "$said.out")" -eq 1 ] || return 1
  done
}
upgrades_while_named() {
  echo $library >/etc/ld.so.preload
  reinstall first/* && ./victim write && reinstall second/* && ./victim write
}
# What is commented out, or another's, is not named.
removes() {
  printf '# %s\n/opt/libnosigpipe.so\n' $library >/etc/ld.so.preload
  remove || return 1
  rm /etc/ld.so.preload
  both_die_bare
}
leaves_nothing() {
  files >after
  diff before after
}

files >before
holds 'bare, both victims die' both_die_bare
holds 'the packages are installed' install first/*
holds 'programs of both classes are kept alive' protects
# Not by $LIB, which Debian's loader looks for in other directories than those of RPM.
[ $kind = rpm ] || holds 'a program of the other class that one starts is kept alive' protects_across
holds 'the pages, the completions and the tools are there' has_its_parts
holds 'what is installed is stripped' is_stripped_with_notes
holds 'an upgrade under a running program does it no harm' survives_upgrade
holds 'no start is without the library while the packages are installed 16 times' starts_meanwhile
holds 'its removal is refused while /etc/ld.so.preload names it' refuses_while_named
holds 'an upgrade is not' upgrades_while_named
holds 'it is removed when that line is gone' removes
holds 'nothing of it is left' leaves_nothing
rm -f "$said" "$said".*
exit $failed
