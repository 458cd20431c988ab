#!/bin/sh
# Creates the image's root in the given folder: the packet filter programs, iproute2's ip, the
# libraries that they and the runtimes load, and the files that a C library expects in /etc. It only
# unpacks Debian's packages for TARGETARCH and reads each library's dependencies from its file.
# Nothing of the target runs here, so one machine can build the image for every platform.
set -eu
root=$1
deno=$2
arch=${TARGETARCH:-$(dpkg --print-architecture)}
tree=/target

apt-get update -q
apt-get install -q -y --no-install-recommends patchelf
mkdir -p /target-packages/partial
: > /nothing-installed
foreign() {
  apt-get -q -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" \
    -o Dir::State::status=/nothing-installed -o Dir::Cache::archives=/target-packages "$@"
}
foreign update
foreign install -y --download-only --no-install-recommends conntrack iproute2 iptables nftables \
  libstdc++6

# Links such as /lib -> usr/lib stay links, so that every file is found at its usual path.
for top in "$tree" "$root"; do
  for folder in bin sbin lib lib64; do
    mkdir -p "$top/usr/$folder"
    ln -s "usr/$folder" "$top/$folder"
  done
done
for package in /target-packages/*.deb; do
  dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$tree"
done

put() {
  mkdir -p "$root$(dirname "$1")"
  cp -L "$tree$1" "$root$1"
}

programs="/usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /usr/sbin/nft"
programs="$programs /usr/sbin/conntrack /usr/bin/ip"
for program in $programs; do put "$program"; done
for tool in iptables ip6tables; do
  for action in "" -save -restore; do
    ln -s xtables-nft-multi "$root/usr/sbin/$tool$action"
    ln -s xtables-nft-multi "$root/usr/sbin/$tool-nft$action"
    ln -s xtables-legacy-multi "$root/usr/sbin/$tool-legacy$action"
  done
done

# iptables loads its matches and targets by name.
extensions=$(cd "$tree" && find usr/lib -type d -name xtables)
mkdir -p "$root/$(dirname "$extensions")"
cp -r "$tree/$extensions" "$root/$(dirname "$extensions")/"

libraries=/$(dirname "$extensions")
put "$libraries/libstdc++.so.6"
pending="$deno $tree$libraries/libstdc++.so.6"
for program in $programs; do pending="$pending $tree$program"; done
while [ -n "$pending" ]; do
  needed=$(for file in $pending; do patchelf --print-needed "$file"; done | sort -u)
  pending=
  for library in $needed; do
    case $library in ld-linux*) continue ;; esac
    [ ! -e "$root$libraries/$library" ] || continue
    put "$libraries/$library"
    pending="$pending $tree$libraries/$library"
  done
done
# The loader: its package contains a link that only works on an installed system.
loader=$(patchelf --print-interpreter "$deno")
cp -L "$tree$libraries/$(basename "$loader")" "$root$loader"

mkdir -p "$root/tmp" "$root/etc" "$root/var/run" "$root/proc" "$root/sys" "$root/dev" "$root/run"
chmod 1777 "$root/tmp"
printf 'root:x:0:0:root:/:/sbin/nologin\nrolecall:x:65532:65532::/:/sbin/nologin\n' \
  > "$root/etc/passwd"
printf 'root:x:0:\nrolecall:x:65532:\n' > "$root/etc/group"
printf 'hosts: files dns\n' > "$root/etc/nsswitch.conf"
