# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages=ucspi-tcp programs=tcpserver per_connection=yes

start() {
  put run /run/run 755
  /run/run &
}
