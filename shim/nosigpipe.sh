#!/bin/sh
# Runs a command with libnosigpipe.so preloaded. The options are the shim's: each sets one NOSIGPIPE_ variable.
set -u

fail() {
  echo "nosigpipe: $2" >&2
  exit "$1"
}

help() {
  cat <<'HELP'
Usage: nosigpipe [OPTION]... [--] COMMAND [ARG]...
Runs COMMAND, and what it starts, safe from SIGPIPE on sockets.

@OPTION_HELP@
  --help       this text
  --version    the version

Each option sets the environment variable of its name: --log sets NOSIGPIPE_LOG. A PATH has a / in it;
--log alone is --log=stderr.

Exit status: 125 if nosigpipe itself fails, 126 if COMMAND cannot be run, 127 if it is not found, else COMMAND's.
HELP
}

while [ $# -gt 0 ]; do
  case $1 in
    --help) help && exit ;;
    --version) echo "nosigpipe @VERSION@" && exit ;;
    --log) setting=log=stderr ;;
    --) shift && break ;;
    -*) setting=${1#--} ;;
    *) break ;;
  esac
  name=${setting%%=*}
  case "$name, @OPTIONS@ " in
    *[!a-z-]*,*) fail 125 "unknown option $1; see nosigpipe --help" ;;
    *" $name "*) [ "$name" != "$setting" ] || fail 125 "--$name needs a value: --$name=VALUE" ;;
    *) fail 125 "unknown option $1; see nosigpipe --help" ;;
  esac
  export "NOSIGPIPE_$(echo "$name" | tr a-z- A-Z_)=${setting#*=}"
  shift
done
[ $# -gt 0 ] || fail 125 "no command given; see nosigpipe --help"

library=$(dirname "$(readlink -f "$0")")/libnosigpipe.so
[ -e "$library" ] || library=@LIBDIR@/libnosigpipe.so
[ -r "$library" ] || fail 125 "$library cannot be read"
case $library in *[\ :]*) fail 125 "LD_PRELOAD cannot carry the path $library: it holds a space or a colon" ;; esac
case ":${LD_PRELOAD-}:" in
  *[:\ ]"$library"[:\ ]*) ;;
  *[:\ /]lib*san.so*:* | *[:\ /]libclang_rt.*:*) export LD_PRELOAD="$LD_PRELOAD:$library" ;;
  *) export LD_PRELOAD="$library${LD_PRELOAD:+:$LD_PRELOAD}" ;;
esac
# gcc's AddressSanitizer would refuse to start behind us. To preload it, too, would put it into every child.
case ${ASAN_OPTIONS-},$(readelf -d "$(command -v "$1")" 2>/dev/null) in
  *verify_asan_link_order=*) ;;
  *libasan.so*) export ASAN_OPTIONS="verify_asan_link_order=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}" ;;
esac
exec "$@"
