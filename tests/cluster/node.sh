#!/usr/bin/env bash
# The first process of a node, in namespaces of its own: mounts what a node sees, joins the fabric,
# starts containerd, kubelet and kube-proxy, and stays. When it ends, everything in it ends.
#
#   NODE, NODE_IP, POD_CIDR   this node           ROUTES   "CIDR=ADDRESS ..." of the other nodes
#   CLUSTER_CIDR, GATEWAY     the cluster         DNS      the cluster's name server
#   KUBE                      multi-call program  KEYS     ca.crt, kubelet.kubeconfig, proxy.kubeconfig
#   DATA, LOGS                its folders         IMAGES   archives to import
#   MIGRATE                   connections outlive the listener that the kernel gave them to
set -euo pipefail
trap 'echo "node.sh: failed at line $LINENO"' ERR

hostname "$NODE"
mkdir -p "$DATA"/{containerd,kubelet,cni,bin,pods,containers,sysctl,systemd/system}

# --- what a node mounts: its own /sys, /run and /var folders, and the cgroups below its own
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
for controller in $CGROUPS; do
  folder=/sys/fs/cgroup/${controller#name=}
  mkdir "$folder"
  case $controller in
    name=*) mount -t cgroup -o "none,$controller" cgroup "$folder" ;;
    *) mount -t cgroup -o "$controller" cgroup "$folder" ;;
  esac
done
mount -t tmpfs -o mode=755 run /run
mkdir -p /run/lock /var/lib/containerd /var/lib/kubelet /var/log/pods /var/log/containers
mount --bind "$DATA/containerd" /var/lib/containerd
mount --bind "$DATA/kubelet" /var/lib/kubelet
mount --bind "$DATA/pods" /var/log/pods
mount --bind "$DATA/containers" /var/log/containers
: > "$DATA/resolv.conf"
printf '127.0.0.1 localhost\n%s %s\n' "$NODE_IP" "$NODE" > "$DATA/hosts"
mount --bind "$DATA/hosts" /etc/hosts
# kubelet would set these for the whole machine; it is shown the values that it wants.
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
  kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
  shown=$DATA/sysctl/${setting//\//_}
  echo "${setting#*=}" > "$shown"
  mount --bind "$shown" "/proc/sys/${setting%=*}"
done
mkdir -p /etc/systemd
mount --bind "$DATA/systemd" /etc/systemd
mount --make-rshared /

# --- network: the test puts eth0 here
for _ in $(seq 1200); do
  [ -e /sys/class/net/eth0 ] && break
  sleep 0.05
done
ip link set lo up
ip addr add "$NODE_IP/24" dev eth0
ip link set eth0 up
ip route add default via "$GATEWAY"
for route in $ROUTES; do ip route add "${route%=*}" via "${route#*=}"; done
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1 \
  net.ipv6.conf.all.disable_ipv6=1
[ -z "$MIGRATE" ] || sysctl -qw net.ipv4.tcp_migrate_req=1

# --- what systemd starts before the kubelet: units that an earlier boot of this node was given
for unit in /etc/systemd/system/*.service; do
  [ -e "$unit" ] || continue
  sed -n 's/^ExecStart=-//p' "$unit" | while read -r command; do $command || true; done
done

start() {
  local name=$1
  shift
  "$@" > "$LOGS/$name.log" 2>&1 < /dev/null &
}

# --- containerd; without CAP_SYS_RESOURCE an oom score can't be lowered
cat > "$DATA/containerd.toml" <<T
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/rolecall-test/tools:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$DATA/cni"
T
cat > "$DATA/cni/10-test.conflist" <<T
{"cniVersion": "1.0.0", "name": "test", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$POD_CIDR"}]],
            "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/cni-ipam"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
T
start containerd containerd -c "$DATA/containerd.toml"
for _ in $(seq 1200); do
  ctr version > /dev/null 2>&1 && break
  sleep 0.05
done
for archive in $IMAGES; do
  ctr -n k8s.io images import "$archive" > /dev/null
done

# --- kubelet and kube-proxy
for program in kubelet kube-proxy; do ln -sf "$KUBE" "$DATA/bin/$program"; done
cat > "$DATA/kubelet.yaml" <<T
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 0.0.0.0
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $KEYS/ca.crt}}
authorization: {mode: Webhook}
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
clusterDomain: cluster.local
clusterDNS: [$DNS]
resolvConf: $DATA/resolv.conf
evictionHard: {memory.available: 100Mi, nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%"}
imageGCHighThresholdPercent: 100
protectKernelDefaults: true
configMapAndSecretChangeDetectionStrategy: Watch
syncFrequency: 10s
shutdownGracePeriod: 0s
volumePluginDir: /var/lib/kubelet/volume-plugins
T
start kubelet "$DATA/bin/kubelet" --config "$DATA/kubelet.yaml" \
  --kubeconfig "$KEYS/kubelet.kubeconfig" --hostname-override "$NODE" --node-ip "$NODE_IP" \
  --node-labels "$NODE_LABELS"
cat > "$DATA/kube-proxy.yaml" <<T
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $KEYS/proxy.kubeconfig}
mode: iptables
clusterCIDR: $CLUSTER_CIDR
hostnameOverride: $NODE
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
iptables: {minSyncPeriod: 0s}
T
start kube-proxy "$DATA/bin/kube-proxy" --config "$DATA/kube-proxy.yaml"
touch "$DATA/started"
trap 'exit 0' TERM
while :; do
  sleep 3600 &
  wait $! || true
done
