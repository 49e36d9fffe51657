# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages=openbsd-inetd programs=inetd per_connection=yes

start() {
  put inetd.conf /etc/inetd.conf
  [ "$variant" = nosigpipe ] || sed -i 's|root .*|root /usr/local/bin/answer answer|' /etc/inetd.conf
  inetd -i /etc/inetd.conf &
}
