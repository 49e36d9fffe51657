# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages=runit programs=runsvdir

start() {
  put run /etc/sv/server/run 755
  mkdir -p /run/service
  ln -s /etc/sv/server /run/service/server
  runsvdir /run/service &
}
