/**
 * Which pod a process belongs to, from `/proc/PID/cgroup` (cgroups(7)). The kubelet puts a pod below
 * the same root as every other pod, named `pod<UID>` (cgroupfs driver) or
 * `…kubepods…-pod<UID with _>.slice` (systemd driver); a static pod has its config hash, 32
 * hexadecimal digits, in place of the UID. What is below that belongs to the pod itself, which may
 * create any name there, so only the first pod in a path counts, and only where the kubelet puts it.
 */

const uid = "[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32}";
/** `:` where the kubelet's driver is systemd and the runtime's is cgroupfs. */
const end = "(?=[/:]|$)";
const cgroupfs = `(?:(?:besteffort|burstable)/)?pod(${uid})${end}`;
const qosSlice = "(?:[^/]+-)?kubepods-(?:besteffort|burstable)\\.slice/";
const systemd =
  `(?:${qosSlice})?(?:[^/]+-)?kubepods(?:-besteffort|-burstable)?-pod(${uid})\\.slice${end}`;

const belowRoot = new RegExp(`^/(?:${cgroupfs}|${systemd})`);
const absolute = new RegExp(`^(.*?)/(?:${cgroupfs}|${systemd})`);

export class PodCgroups {
  /** The cgroups that the kubelet creates pods in, seen from this process. */
  readonly #roots: ReadonlySet<string>;

  /** `own`: the cgroup file of this process itself, which runs in a pod of the same kubelet. */
  constructor(own: string) {
    const roots = pathsOf(own).map((path) =>
      isRelative(path) ? undefined : absolute.exec(path)?.[1]
    );
    this.#roots = new Set(roots.filter((root) => root !== undefined));
  }

  /** The UID or config hash of the process's pod; undefined if it is in none, or its lines differ. */
  podOf(text: string): string | undefined {
    const pods = new Set(pathsOf(text).map((path) => this.#podIn(path)));
    pods.delete(undefined);
    const [pod, ...others] = pods;
    return others.length === 0 ? pod : undefined;
  }

  /** In a cgroup namespace of our own, other pods' paths lead up from our cgroup: `/../..`. */
  #podIn(path: string): string | undefined {
    if (isRelative(path)) return podAt(path.replace(/^(?:\/\.\.)+/, ""));
    for (const root of this.#roots) {
      const pod = path.startsWith(`${root}/`) ? podAt(path.slice(root.length)) : undefined;
      if (pod !== undefined) return pod;
    }
    return undefined;
  }
}

function podAt(path: string): string | undefined {
  const [, ofCgroupfs, ofSystemd] = belowRoot.exec(path) ?? [];
  return (ofCgroupfs ?? ofSystemd)?.replaceAll("_", "-");
}

function isRelative(path: string): boolean {
  return path.startsWith("/../");
}

/** The path of each line, `hierarchy:controllers:path`; a path may contain colons. */
function pathsOf(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => /^\d+:[^:]*:(.*)$/.exec(line)?.[1] ?? "");
}
