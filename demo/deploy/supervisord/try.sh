# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
packages=supervisor programs=supervisord

start() {
  put server.conf /etc/supervisor/conf.d/server.conf
  mkdir -p /var/log/supervisor
  supervisord -n -c /etc/supervisor/supervisord.conf &
}
