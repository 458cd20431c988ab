#!/bin/sh
# Runs a program in a container inside this pod, as Docker makes one: on a network of its own, which
# the pod translates.
set -e
unshare -n sleep 1000 < /dev/null > /dev/null 2>&1 &
inner=$!
trap 'kill $inner' EXIT
while [ "$(readlink /proc/$inner/ns/net)" = "$(readlink /proc/$$/ns/net)" ]; do :; done
ip link add docker0 type veth peer name inner0 netns $inner
ip addr add 172.17.0.1/24 dev docker0
ip link set docker0 up
nsenter -t $inner -n ip addr add 172.17.0.2/24 dev inner0
nsenter -t $inner -n ip link set inner0 up
nsenter -t $inner -n ip route add default via 172.17.0.1
echo 1 > /proc/sys/net/ipv4/ip_forward
nft add table ip docker
nft add chain ip docker post '{ type nat hook postrouting priority srcnat; }'
nft add rule ip docker post ip saddr 172.17.0.0/24 masquerade
nsenter -t $inner -n "$@"
