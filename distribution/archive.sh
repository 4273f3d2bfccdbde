#!/bin/sh
# Packs the images that Image.java has laid out: as .tar.gz, .tar.zst and .deb, with their checksums.
# The same images give the same bytes, with the same versions of tar, gzip, zstd and dpkg.
#
# Levels beyond these take minutes for a tenth of the size. Debian 12 and Ubuntu 22.04 read packages in zstd.
#
#   archive.sh IMAGES OUTPUT VERSION PLATFORM
set -eu
umask 022
export LC_ALL=C

images=$1
output=$2
version=$3
platform=$4

case $platform in
  linux-x64) architecture=amd64 ;;
  linux-arm64) architecture=arm64 ;;
esac
for tool in tar gzip zstd dpkg-deb; do
  command -v $tool >/dev/null || {
    echo "$tool packs the distribution and isn't on the PATH." >&2
    exit 1
  }
done

# Debian's package of the image $1: the same folder in /usr/lib, a link to the program, and manual pages and
# completions where Debian has them.
pack_deb() {
  image=$images/$1
  package=lorikeet${1#"lorikeet-$version-$platform"}
  root=$images/$package.deb
  needed='libc6 (>= 2.34), libgcc-s1, libstdc++6'
  case $package in *-vulkan) needed="$needed, libvulkan1" ;; esac
  time=@$(stat -c %Y "$image")
  rm -rf "$root"
  mkdir -p "$root/DEBIAN" "$root/usr/bin" "$root/usr/lib" "$root/usr/share/doc/$package"
  cp -a "$image" "$root/usr/lib/lorikeet"
  ln -s ../lib/lorikeet/lorikeet "$root/usr/bin/lorikeet"
  mv "$root/usr/lib/lorikeet/share"/* "$root/usr/share"
  rmdir "$root/usr/lib/lorikeet/share"
  mv "$root/usr/share/zsh/site-functions" "$root/usr/share/zsh/vendor-completions"
  gzip -9 -n "$root"/usr/share/man/man1/*
  cp "$image/NOTICE" "$root/usr/share/doc/$package/copyright"
  cat >"$root/DEBIAN/control" <<CONTROL
Package: $package
Version: $(echo "$version" | tr - '~')
Architecture: $architecture
Maintainer: The Lorikeet authors
Installed-Size: $(du -sk --apparent-size "$image" | cut -f 1)
Depends: $needed
Section: science
Priority: optional
Description: QLoRA fine-tuning on GGUF models
 Trains LoRA adapters on quantized GGUF files for llama.cpp, and proves them there.
CONTROL
  if [ "$package" != lorikeet ]; then
    printf '%s: lorikeet\n' Provides Conflicts Replaces >>"$root/DEBIAN/control"
  fi
  chmod -R u+rw,go+rX,go-w "$root"
  find "$root" -exec touch --no-dereference --date="$time" {} +
  SOURCE_DATE_EPOCH=${time#@} dpkg-deb --root-owner-group -Zzstd -z9 --build "$root" "$output/$1.deb" >/dev/null
  rm -rf "$root"
}

rm -f "$output"/lorikeet-*.tar* "$output"/lorikeet-*.deb
for image in "$images"/lorikeet-*; do
  name=$(basename "$image")
  tar --create --format=gnu --sort=name --owner=0 --group=0 --numeric-owner \
    --mode=u+rw,go+rX,go-w --file "$output/$name.tar" --directory "$images" "$name"
  gzip -6 -n -k "$output/$name.tar"
  zstd -q -12 -T0 --rm "$output/$name.tar"
  pack_deb "$name"
done
cd "$output"
sha256sum lorikeet-* >SHA256SUMS
