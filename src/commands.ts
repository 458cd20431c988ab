/** The table of commands: what help, completion and the configuration reference say of each. */
import { agentFlags, bootGuardFlags, uninstallFlags } from "./agent/flags.ts";
import { checkFlags } from "./check/flags.ts";
import type { Commands } from "./cli/command.ts";
import { flag } from "./cli/flags.ts";
import { devFlags } from "./dev/flags.ts";
import { explainFlags } from "./explain/flags.ts";
import { migrateFlags } from "./migrate/flags.ts";
import { revokeFlags } from "./revoke/flags.ts";
import { serverFlags } from "./server/flags.ts";
import { statusFlags, versionFlags } from "./status/flags.ts";
import { waitFlags } from "./wait/flags.ts";

const onNodes = "In the cluster";
const forOperators = "At a workstation";
const untilStopped = { 0: "stopped by SIGTERM or SIGINT", 1: "a fault while running" };
const completionFlags = {
  "program": flag.text("kubectl-rolecall", "the name that the program is called by"),
};

export const commands: Commands = {
  agent: {
    group: onNodes,
    usage: "[flags]",
    summary: "answers the pods of this node in place of the metadata service",
    flags: agentFlags,
    examples: ["agent --host-ip=10.0.0.5 --interface=cali+", "agent --redirect=none"],
    exitCodes: untilStopped,
    load: async () => (await import("./agent/main.ts")).runAgent,
  },
  server: {
    group: onNodes,
    usage: "[flags]",
    summary: "watches pods, assumes their roles and pushes credentials to the agents",
    flags: serverFlags,
    examples: [
      "server --role-base-arn=arn:aws:iam::111122223333:role/",
      "server --kubeconfig=FILE",
    ],
    exitCodes: untilStopped,
    load: async () => (await import("./server/main.ts")).runServer,
  },
  wait: {
    group: onNodes,
    usage: "[flags]",
    summary: "waits until this pod gets credentials, for an init container",
    flags: waitFlags,
    examples: ["wait", "wait --timeout=5m"],
    exitCodes: { 0: "credentials", 3: "denied, or no role", 4: "none within --timeout" },
    load: async () => (await import("./wait/command.ts")).runWait,
  },
  "boot-guard": {
    group: onNodes,
    usage: "[flags]",
    summary: "writes the systemd unit that closes this node from boot",
    flags: bootGuardFlags,
    examples: ["boot-guard --unit-dir=/host/systemd"],
    exitCodes: { 0: "done, or the problem is reported" },
    load: async () => (await import("./agent/boot_guard/command.ts")).runBootGuard,
  },
  uninstall: {
    group: onNodes,
    usage: "[flags]",
    summary: "removes what the agent leaves on this node: rules, addresses, token keys, boot guard",
    flags: uninstallFlags,
    examples: ["uninstall"],
    exitCodes: { 0: "nothing of ours is left", 1: "that can't be determined" },
    load: async () => (await import("./agent/uninstall.ts")).uninstall,
  },
  dev: {
    group: forOperators,
    usage: "[flags] [MANIFEST…]",
    summary: "runs agent and server in one process, without a cluster, an AWS account or root",
    flags: devFlags,
    examples: [
      "dev",
      "dev --manifests pods.yaml",
      "dev --kubeconfig ~/.kube/config --as shop/cart --aws",
    ],
    exitCodes: untilStopped,
    load: async () => (await import("./dev/main.ts")).runDevelopment,
  },
  explain: {
    group: forOperators,
    usage: "NAMESPACE/POD | pod/NAME | --all [flags]",
    summary: "explains why a pod gets its credentials or not, and names the one thing to change",
    flags: explainFlags,
    examples: [
      "explain shop/cart-0",
      "explain pod/cart-0 -n shop --context=prod",
      "explain -A -o json",
      "explain shop/cart-0 --kubeconfig=FILE",
    ],
    exitCodes: {
      0: "the pod gets credentials; with --all: no pod is denied",
      1: "no server or cluster answers",
      3: "the pod is denied, has no role, or has to wait",
      4: "there is no such pod",
    },
    load: async () => (await import("./explain/command.ts")).runExplain,
  },
  status: {
    group: forOperators,
    usage: "[flags]",
    summary:
      "shows servers, agents, redirect and denied pods on one screen, and what to look at next",
    flags: statusFlags,
    examples: ["status", "status --watch", "status --context=prod -o json"],
    exitCodes: { 0: "healthy", 1: "not healthy, or no server answers" },
    load: async () => (await import("./status/command.ts")).runStatus,
  },
  version: {
    group: forOperators,
    usage: "[flags]",
    summary: "prints this program's version, and those of servers and agents if a server answers",
    flags: versionFlags,
    examples: ["version", "version --context=prod -o json", "version --client"],
    exitCodes: {
      0: "printed",
      1: "the server given by --server-status or --context doesn't answer",
      3: "versions of servers and agents differ",
    },
    load: async () => (await import("./status/version_command.ts")).runVersion,
  },
  revoke: {
    group: forOperators,
    usage: "pod/NAME | node/NAME | role/ARN [flags]",
    summary: "prints the policies that deny leaked credentials in AWS, and who else they affect; " +
      "applies none",
    flags: revokeFlags,
    examples: [
      "revoke pod/cart-0 -n shop --renew",
      "revoke node/ip-10-0-0-5.ec2.internal",
      "revoke role/arn:aws:iam::111122223333:role/cart -o json",
    ],
    exitCodes: {
      0: "printed; with --renew: the servers renew",
      1: "no server answers, or not every replica does",
      3: "the pod, or every pod of the node, has no role",
      4: "there is no such pod, or no pod on such a node",
    },
    load: async () => (await import("./revoke/command.ts")).runRevoke,
  },
  check: {
    group: forOperators,
    usage: "FILE…|FOLDER…|- [flags]",
    summary: "lists the pods in manifests that would be denied, and why, before they are applied",
    flags: checkFlags,
    examples: [
      "check namespaces.yaml k8s/ --role-base-arn=arn:aws:iam::111122223333:role/",
      "check k8s/ --trust=roles.json --server-role=arn:aws:iam::111122223333:role/rolecall",
      "check - --output=sarif",
    ],
    exitCodes: {
      0: "no pod would be denied",
      1: "the cluster can't be read",
      3: "some pod would be denied",
      5: "none would be denied, but something couldn't be evaluated",
    },
    load: async () => (await import("./check/command.ts")).runCheck,
  },
  migrate: {
    group: forOperators,
    usage: "check|generate [FILE…|FOLDER…|-] [flags]",
    summary:
      "check: lists the pods that would get a different answer than under kiam or kube2iam; " +
      "generate: prints what IRSA or EKS Pod Identity needs so that pods keep their roles",
    flags: migrateFlags,
    words: ["check", "generate"],
    examples: [
      "migrate check --role-base-arn=arn:aws:iam::111122223333:role/",
      "migrate check --from=kiam-v4 --kubeconfig=FILE -o json",
      "migrate check namespaces.yaml deployments.yaml",
      "migrate generate --to=irsa --context=prod",
      "migrate generate --to=pod-identity --cluster-name=prod -o terraform > roles.tf",
    ],
    exitCodes: {
      0: "no answer differs; every role is migrated",
      1: "the cluster can't be read",
      3: "answers differ, or a pod's can't be judged; some pod isn't migrated",
      5: "otherwise 0, but something couldn't be compared or evaluated",
    },
    load: async () => (await import("./migrate/command.ts")).runMigrate,
  },
  completion: {
    group: forOperators,
    usage: "bash|zsh|fish [flags]",
    summary: "prints a completion script for a shell",
    flags: completionFlags,
    words: ["bash", "zsh", "fish"],
    examples: [
      "completion bash > /etc/bash_completion.d/kubectl-rolecall",
      "completion zsh > ~/.zfunc/_kubectl-rolecall",
      "completion fish > ~/.config/fish/completions/kubectl-rolecall.fish",
    ],
    exitCodes: { 0: "printed" },
    load: async () => {
      const { printCompletion } = await import("./cli/completion.ts");
      return (runtime, args) => printCompletion(runtime, args, completionFlags);
    },
  },
};
