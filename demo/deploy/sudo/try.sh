# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages=sudo programs='sudo setpriv'

allow_nobody() {
  printf '%s\n' 'nobody ALL=(ALL) NOPASSWD: ALL' 'Defaults env_keep += "LD_PRELOAD TRIED"' >/etc/sudoers.d/try
  chmod 440 /etc/sudoers.d/try
}
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

check() {
  allow_nobody
  visudo -c >/dev/null
  kept=$(as_nobody env LD_PRELOAD=/usr/local/lib/libnosigpipe.so TRIED=yes sudo -n printenv LD_PRELOAD TRIED || true)
  [ "$kept" = yes ] && echo 'env_keep keeps others and not LD_PRELOAD'
}

start() {
  allow_nobody
  put run /run/run 755
  as_nobody /run/run &
}
