# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages='dpkg systemd' programs='start-stop-daemon'

check() {
  put server /etc/init.d/server 755
  mkdir /run/units
  /lib/systemd/system-generators/systemd-sysv-generator /run/units /run/units /run/units
  grep -q '^IgnoreSIGPIPE=no$' /run/units/server.service && echo "systemd's generator writes IgnoreSIGPIPE=no"
}

start() {
  put server /etc/init.d/server 755
  /etc/init.d/server start
}
