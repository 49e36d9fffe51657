# shellcheck shell=sh disable=SC2034,SC2154  # demo/deploy/try reads and sets them
# By buildah, in chroots. No image is had from a registry: those that the Dockerfile names are made here, empty but for what
# is mounted from this machine; distroless's has the libraries of the server, and no shell.
packages=buildah programs='buildah ldd'

images() { buildah --root "$work/images" --runroot "$work/runroot" --storage-driver vfs "$@"; }

check() { echo 'by buildah in chroots, on images made here'; }

make_images() {
  mkdir -p "$work/base/usr" "$work/base/tmp" "$work/libraries"
  for part in bin lib lib64; do
    mkdir "$work/base/usr/$part"
    ln -s usr/$part "$work/base/$part"
  done
  for library in $(ldd /usr/local/bin/server | grep -o '/[^ ]*'); do
    mkdir -p "$work/libraries${library%/*}"
    cp "$library" "$work/libraries$library"
  done
  for image in docker.io/library/gcc:12 docker.io/library/debian:12-slim gcr.io/distroless/cc-debian12; do
    from=base
    [ "$image" = "${image#gcr}" ] || from=libraries
    printf 'FROM scratch\nCOPY %s /\n' $from | images bud --isolation chroot -f - -t $image "$work"
  done
}

# The source, with what is built of it, which saves the time.
make_source() {
  mkdir -p "$work/source/build/shim"
  cp -a Makefile shim demo "$work/source/"
  cp -a "$build/demo" "$build/libnosigpipe.so" "$work/source/build/"
  (cd "$build/shim" && cp -a ./*.[do] system program guard log unwind "$work/source/build/shim/")
}

start() {
  make_images
  make_source
  put "Dockerfile${kind:+.$kind}" "$work/Dockerfile"
  tools=$(printf -- '-v %s:%s:ro ' /usr/bin /usr/bin /usr/lib /usr/lib /usr/lib64 /usr/lib64)
  build_tools="$tools -v /usr/include:/usr/include:ro"
  # shellcheck disable=SC2086  # lists of words
  images bud --isolation chroot --pull-never $build_tools -f "$work/Dockerfile" -t server "$work/source"
  container=$(images from --pull-never server)
  if [ "$kind" ]; then
    tools=
    ! images run --isolation chroot "$container" -- /bin/sh -c true || return
  fi
  command=$(images inspect --type image --format '{{range .OCIv1.Config.Cmd}}{{.}} {{end}}' server)
  # shellcheck disable=SC2086
  images run --isolation chroot $tools -v /usr/local/share/files:/usr/local/share/files:ro "$container" -- $command &
}
