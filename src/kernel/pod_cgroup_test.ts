import { test } from "node:test";
import assert from "node:assert/strict";
import { PodCgroups } from "./pod_cgroup.ts";

const agent = "aaaaaaaa-0000-4000-8000-000000000001";
const pod = "0e6c1f3a-2b4d-4c5e-8f90-123456789abc";
const other = "ffffffff-2b4d-4c5e-8f90-123456789abc";
const hash = "0123456789abcdef0123456789abcdef";
const slice = (uid: string) => uid.replaceAll("-", "_");

const owns = {
  cgroupfs:
    `12:memory:/kubepods/burstable/pod${agent}/c0\n1:name=systemd:/kubepods/burstable/pod${agent}/c0\n0::/\n`,
  systemd: `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${
    slice(agent)
  }.slice/cri-containerd-c0.scope\n`,
  namespaced: "0::/\n",
  kind: `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${
    slice(agent)
  }.slice/cri-containerd-c0.scope\n`,
} as const;

// name, how the agent sees itself, a process's cgroup file, its pod
const cases: readonly (readonly [string, keyof typeof owns, string, string | undefined])[] = [
  [
    "v1, cgroupfs",
    "cgroupfs",
    `12:memory:/kubepods/besteffort/pod${pod}/c1\n1:name=systemd:/kubepods/besteffort/pod${pod}/c1\n`,
    pod,
  ],
  [
    "v1, some controllers aren't the kubelet's",
    "cgroupfs",
    `13:misc:/\n12:memory:/kubepods/pod${pod}/c1\n0::/\n`,
    pod,
  ],
  [
    "v1, lines of two pods",
    "cgroupfs",
    `12:memory:/kubepods/pod${pod}/c1\n11:pids:/kubepods/pod${other}/c1\n`,
    undefined,
  ],
  [
    "v2, systemd",
    "systemd",
    `0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${
      slice(pod)
    }.slice/cri-containerd-c1.scope\n`,
    pod,
  ],
  [
    "v2, systemd, guaranteed, CRI-O",
    "systemd",
    `0::/kubepods.slice/kubepods-pod${slice(pod)}.slice/crio-c1.scope/container\n`,
    pod,
  ],
  [
    "v2, own cgroup namespace, other class",
    "namespaced",
    `0::/../../../kubepods-besteffort.slice/kubepods-besteffort-pod${
      slice(pod)
    }.slice/cri-containerd-c1.scope\n`,
    pod,
  ],
  [
    "v2, own cgroup namespace, same class",
    "namespaced",
    `0::/../../kubepods-burstable-pod${slice(pod)}.slice/cri-containerd-c1.scope\n`,
    pod,
  ],
  [
    "v2, own cgroup namespace, cgroupfs",
    "namespaced",
    `0::/../../../besteffort/pod${pod}/c1\n`,
    pod,
  ],
  [
    "kind",
    "kind",
    `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod${
      slice(pod)
    }.slice/cri-containerd-c1.scope\n`,
    pod,
  ],
  [
    "drivers of kubelet and runtime differ",
    "namespaced",
    `0::/../../kubepods-besteffort-pod${slice(pod)}.slice:cri-containerd:c1\n`,
    pod,
  ],
  ["a static pod", "cgroupfs", `4:memory:/kubepods/burstable/pod${hash}/c1\n`, hash],
  ["the agent itself, in its own cgroup namespace", "namespaced", "0::/\n", undefined],
  [
    "another container of the agent's pod",
    "namespaced",
    "0::/../cri-containerd-c2.scope\n",
    undefined,
  ],
  ["the node's own", "cgroupfs", "4:memory:/system.slice/kubelet.service\n", undefined],
  [
    "the node's own, above the agent",
    "namespaced",
    "0::/../../../../system.slice/kubelet.service\n",
    undefined,
  ],
  [
    "a child named after another pod",
    "cgroupfs",
    `4:memory:/kubepods/besteffort/pod${pod}/c1/pod${other}/x\n`,
    pod,
  ],
  [
    "a child named after another pod's slice",
    "namespaced",
    `0::/../../kubepods-burstable-pod${slice(pod)}.slice/c1.scope/kubepods-pod${
      slice(other)
    }.slice\n`,
    pod,
  ],
  [
    "the same below a container of no pod",
    "cgroupfs",
    `4:memory:/docker/c1/kubepods/pod${other}/x\n`,
    undefined,
  ],
  [
    "the same, above the agent",
    "namespaced",
    `0::/../../../../docker/c1/kubepods/pod${other}/x\n`,
    undefined,
  ],
  [
    "the same below a user's session",
    "namespaced",
    `0::/../../../../user.slice/user-1000.slice/kubepods-pod${slice(other)}.slice/x\n`,
    undefined,
  ],
  [
    "a name that only begins like a pod's",
    "cgroupfs",
    `4:memory:/kubepods/pod${pod}-x/c1\n`,
    undefined,
  ],
  ["no UID", "cgroupfs", "4:memory:/kubepods/podpod/c1\n", undefined],
  ["nothing", "cgroupfs", "", undefined],
  ["no cgroup file", "cgroupfs", "kubepods\n\0", undefined],
];

for (const [name, own, text, expected] of cases) {
  test(`PodCgroups.podOf() ${name}: ${expected ?? "none"}`, () => {
    assert.equal(new PodCgroups(owns[own]).podOf(text), expected);
  });
}
