#!/bin/sh
# Installs a package of prebuilt ggml and llama.cpp libraries from its lockfile into PACKAGE/lib.
# Does nothing where that has been done already. Called by the Maven build and by ./lorikeet natives.
set -eu

natives=$(cd "$(dirname "$0")" && pwd)
package=${1:?usage: install.sh PACKAGE, such as linux-x64-vulkan}
folder=$natives/$package

if [ ! -f "$folder/package-lock.json" ]; then
  echo "There are no prebuilt libraries for $package, only for:" \
    $(cd "$natives" && for lock in */package-lock.json; do dirname "$lock"; done) >&2
  echo "Build llama.cpp v0.5.0 as shared libraries and set LORIKEET_NATIVE_DIR to their folder." >&2
  exit 1
fi
if cmp -s "$folder/package-lock.json" "$folder/lib/package-lock.json"; then
  exit 0
fi
if ! command -v npm >/dev/null; then
  echo "npm fetches the native libraries and isn't on the PATH: install Node.js 20 or newer," >&2
  echo "or set LORIKEET_NATIVE_DIR to a folder with the libraries of llama.cpp v0.5.0." >&2
  exit 1
fi

# In a folder of its own, renamed when complete: two installations at once don't meet.
work=$(mktemp -d "$folder/install.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp "$folder/package.json" "$folder/package-lock.json" "$work"
echo "Fetching the native libraries $package" >&2
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >npm.log) || {
  cat "$work/npm.log" >&2
  exit 1
}

installed=$work/node_modules/@node-llama-cpp/$package
mkdir "$work/lib"
mv "$installed/bins/$package"/libggml* "$installed/bins/$package"/libllama.* "$installed/LICENSE" \
  "$work/package-lock.json" "$work/lib"
if [ -e "$folder/lib" ]; then
  mv "$folder/lib" "$work/replaced"
fi
mv "$work/lib" "$folder/lib"
rm -rf "$folder/lib/lib" # where another installation was a moment faster
