# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages=tini programs=tini run=run

# As the first process itself the bare server lives, too.
[ "$kind" != pid-1 ] || run=alone bare_is=alive

start() {
  put $run /run/entrypoint 755
  unshare --pid --fork --kill-child --mount-proc /run/entrypoint &
}
