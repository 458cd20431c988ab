#!/bin/sh
# Copies the packet filter's programs and iproute2's ip, what they and the runtimes load, and what a
# C library expects to find in /etc, into the folder given: the root of the image.
set -eu
root=$1

mkdir -p "$root/tmp" "$root/etc" "$root/var/run" "$root/proc" "$root/sys" "$root/dev" "$root/run"
chmod 1777 "$root/tmp"
# Links in the way (/lib -> usr/lib) stay links, so that each file lies where it is looked for.
for link in /bin /sbin /lib /lib64; do
  if [ -L "$link" ]; then
    mkdir -p "$root/$(readlink "$link")"
    cp -P "$link" "$root$link"
  fi
done

put() {
  mkdir -p "$root$(dirname "$1")"
  cp -L "$1" "$root$1"
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
extensions=$(dirname "$(find /usr/lib -name libxt_conntrack.so)")
mkdir -p "$root$(dirname "$extensions")"
cp -r "$extensions" "$root$(dirname "$extensions")/"

standard=$(find /usr/lib -name libstdc++.so.6)
for program in $programs /usr/bin/deno "$standard"; do
  ldd "$program" | sed -nE 's/^(.* => |\t)(\/[^ ]+) .*/\2/p'
done | sort -u | while read -r library; do put "$library"; done
put "$standard"

printf 'root:x:0:0:root:/:/sbin/nologin\nrolecall:x:65532:65532::/:/sbin/nologin\n' \
  > "$root/etc/passwd"
printf 'root:x:0:\nrolecall:x:65532:\n' > "$root/etc/group"
printf 'hosts: files dns\n' > "$root/etc/nsswitch.conf"
