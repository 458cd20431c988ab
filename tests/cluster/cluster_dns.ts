/** The cluster's name server: CoreDNS behind the Service kube-dns, as in any cluster. */
import { dnsAddress } from "./cluster_node.ts";
import { toolsImage } from "./images.ts";
import type { Kubectl } from "./kubectl.ts";

const namespace = "kube-system";
const metadata = { name: "coredns", namespace };
const labels = { app: "coredns" };

const corefile = `.:1053 {
  errors
  health :8080
  ready :8081
  kubernetes cluster.local in-addr.arpa {
    pods insecure
    ttl 2
  }
}
`;

const pod = {
  serviceAccountName: "coredns",
  terminationGracePeriodSeconds: 1,
  tolerations: [{ operator: "Exists" }],
  containers: [{
    name: "coredns",
    image: toolsImage,
    command: ["/tools", "-conf", "/etc/coredns/Corefile"],
    readinessProbe: { httpGet: { path: "/ready", port: 8081 }, periodSeconds: 1 },
    volumeMounts: [{ name: "config", mountPath: "/etc/coredns" }],
  }],
  volumes: [{ name: "config", configMap: { name: "coredns" } }],
};

export async function installClusterDns(kubectl: Kubectl): Promise<void> {
  await kubectl.apply(
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "coredns" },
      rules: [
        {
          apiGroups: [""],
          resources: ["services", "pods", "namespaces"],
          verbs: ["list", "watch"],
        },
        {
          apiGroups: ["discovery.k8s.io"],
          resources: ["endpointslices"],
          verbs: ["list", "watch"],
        },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "coredns" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "coredns" },
      subjects: [{ kind: "ServiceAccount", ...metadata }],
    },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { Corefile: corefile } },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "kube-dns", namespace },
      spec: {
        clusterIP: dnsAddress,
        selector: labels,
        ports: [
          { name: "dns", port: 53, targetPort: 1053, protocol: "UDP" },
          { name: "dns-tcp", port: 53, targetPort: 1053, protocol: "TCP" },
        ],
      },
    },
  );
  await kubectl.rolledOut(namespace, "deployment/coredns");
}
