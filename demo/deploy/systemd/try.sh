# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
# systemd as the first process of a pid namespace, in a cgroup of its own, with no other unit than ours.
packages=systemd programs='systemd-analyze systemctl'

put_units() {
  rm -rf /etc/systemd/system
  put server.service /etc/systemd/system/server.service
  put nosigpipe.conf /etc/systemd/system/server.service.d/nosigpipe.conf
  [ -z "$kind" ] || put "$kind.conf" "/etc/systemd/system/server.service.d/$kind.conf"
}

check() {
  put_units
  systemd-analyze verify server.service 2>&1 && echo 'systemd-analyze verify is content'
}

start() {
  put_units
  for target in sysinit basic; do echo '[Unit]' >/etc/systemd/system/$target.target; done
  for cgroups in /sys/fs/cgroup/unified /sys/fs/cgroup; do [ ! -e $cgroups/cgroup.procs ] || break; done
  mkdir "$cgroups/${work##*/}"
  # shellcheck disable=SC2016  # the inner shell's
  sh -c 'echo $$ >"$1"; exec unshare --cgroup --mount --pid --fork --kill-child --mount-proc sh -ec "
    umount -l /sys/fs/cgroup
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    exec env -i container=nosigpipe SYSTEMD_UNIT_PATH=/etc/systemd/system PATH=$PATH \
      /lib/systemd/systemd --unit=server.service --log-target=console"' - "$cgroups/${work##*/}/cgroup.procs" &
}
