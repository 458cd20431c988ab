/** One replica: the product's server and its watches, in a process with simulated adapters. */
import { Registry } from "@prometheus-io/client";
import { createKubernetesApi } from "../../src/kubernetes/client/api.ts";
import { namespaces, pods, serviceAccounts } from "../../src/kubernetes/objects/objects.ts";
import type { Resource } from "../../src/kubernetes/objects/resource.ts";
import { createNamedObject } from "../../src/kubernetes/operations/named_object.ts";
import { createPodReads } from "../../src/kubernetes/operations/pod_reads.ts";
import { createTokenRequest } from "../../src/kubernetes/operations/token_request.ts";
import { createTokenReview } from "../../src/kubernetes/operations/token_review.ts";
import { Reflector, type ReflectorStatus } from "../../src/kubernetes/reflector/reflector.ts";
import { ServingCertificate } from "../../src/server/certificate/serving_certificate.ts";
import type { Sink } from "../../src/server/cluster/cluster_index.ts";
import { parseServerConfig, type ServerSettings } from "../../src/server/config.ts";
import type { WatchStatus } from "../../src/server/readiness.ts";
import { createServer, type Server } from "../../src/server/server.ts";
import { noReplicas } from "../../src/server/status/data/replicas.ts";
import type { Random } from "./random.ts";
import type { Sessions } from "./scenario.ts";
import {
  configMapName,
  readCertificate,
  secretName,
  serverNames,
  type SimulatedIssuer,
} from "./simulated_certificates.ts";
import type { SimulatedNetwork } from "./simulated_network.ts";
import type { SimulatedSts } from "./simulated_sts.ts";
import { type Trace, tracedLog } from "./trace.ts";
import { type Machine, Process, type VirtualClock } from "./virtual_clock.ts";

/** What all replicas share. */
export interface Around {
  readonly clock: VirtualClock;
  readonly network: SimulatedNetwork;
  readonly sts: SimulatedSts;
  readonly trace: Trace;
  readonly issuer: SimulatedIssuer;
  readonly sessions: Sessions;
}

export interface AroundServers extends Around {
  /** A server has said in a ping how old its watch is. */
  pinged(server: string, watchAgeSeconds: number): void;
  /** A server serves a certificate from now on. */
  certified(server: string, certificate: string): void;
}

/** Short sessions, so that a few hours see many renewals; low limits, so that they are reached. */
const usualFlags = [
  "--namespace=rolecall",
  "--role-base-arn=arn:aws:iam::111122223333:role/",
  "--session-duration=16m",
  "--container-credentials=169.254.170.23:80",
  "--external-id-permitted=ext/{namespace}/[0-9]+",
  "--assume-role-permitted=arn:aws:iam::111122223333:role/trust/{namespace}/[0-9]+",
  "--sts-rate=5",
  "--sts-burst=10",
  "--sts-concurrency=4",
];
const sessionFlags: Readonly<Record<Sessions, readonly string[]>> = {
  tags: [
    "--session-tags=kubernetes-namespace,kubernetes-service-account",
    "--transitive-tags=kubernetes-namespace",
  ],
  "source-identity": ["--source-identity={namespace}.{serviceAccount}"],
  plain: [],
};

interface Replica {
  readonly machine: Machine;
  readonly random: Random;
  readonly version: Version;
}

/** Which version of the server's program runs; agents are of this one. */
export type Version = "older" | "this" | "next";

/** Objects per page of a list, so that lists have pages. */
const pageObjects = 7;
const encoder = new TextEncoder();

function settingsOf(flags: readonly string[]): ServerSettings {
  const parsed = parseServerConfig(flags, {});
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("\n"));
  return parsed.settings;
}

export class SimulatedServer {
  readonly process: Process;
  readonly server: Server;
  readonly watchAgeSeconds: () => number;
  readonly #stop = new AbortController();
  readonly #registry = new Registry();
  readonly #ended: Promise<unknown>;

  constructor(name: string, { machine, random, version }: Replica, around: AroundServers) {
    const { clock, network, sts, trace, issuer, sessions } = around;
    const process = new Process(name, machine, clock);
    this.process = process;
    const log = tracedLog(trace, name);
    const api = createKubernetesApi({
      connection: {
        server: "https://api",
        namespace: "rolecall",
        access: () => Promise.resolve({ tls: {}, headers: { Authorization: "Bearer server" } }),
      },
      httpClient: () => ({
        fetch: (url, init = {}) => {
          const from = { process, host: name, trusted: new Set(["cluster"]) };
          const { method = "GET", headers = {}, body, signal } = init;
          return network.fetch(from, "api", url, {
            method,
            headers,
            ...typeof body === "string" && { body },
            ...signal && { signal },
          });
        },
        close: () => {},
      }),
      clock: process,
      userAgent: "rolecall/simulated",
    });
    const reachesSts = () => network.isWhole(name, "sts");
    const settings = settingsOf([...usualFlags, ...sessionFlags[sessions]]);
    const { stsRate, stsBurst, stsConcurrency } = settings;
    const limits = { perSecond: stsRate, burst: stsBurst, concurrency: stsConcurrency };
    this.server = createServer({
      settings,
      about: { version: "1", runtime: "simulated", replica: name },
      clock: process,
      random: () => random.next(),
      log,
      registry: this.#registry,
      assumeRole: sts.for(process, limits, reachesSts),
      readCallerArns: sts.callerArns(process, reachesSts),
      requestToken: createTokenRequest(api),
      tokenFenceProblem: () => Promise.resolve(null),
      reviewToken: createTokenReview(api),
      reviewAccess: () => Promise.resolve(false),
      ownPod: null,
      readPodsByAddress: createPodReads(api).podsByAddress,
      eventSink: ({ subject, reason, message }) => {
        log.info({}, `event ${reason} on ${subject.namespace}/${subject.name}: ${message}`);
        return Promise.resolve();
      },
      watches: () => watches.map(({ plural, reflector }) => statusOf(plural, reflector)),
      certificate: () => ({
        expiresAt: certificates.certificateExpiresAt(),
        problem: certificates.problem(),
      }),
      ownUsername: () => Promise.resolve(null),
      replicas: noReplicas,
      agentReady: () => {},
    });
    const { index } = this.server;
    const reflect = <T>(resource: Resource<T>, sink: Sink<T>) => ({
      plural: resource.plural,
      reflector: new Reflector({
        api,
        resource,
        sink,
        clock: process,
        random: () => random.next(),
        log,
        limit: pageObjects,
      }),
    });
    const watches = [
      reflect(pods, index.pods),
      reflect(namespaces, index.namespaces),
      reflect(serviceAccounts, index.serviceAccounts),
    ];
    this.watchAgeSeconds = () =>
      Math.max(...watches.map(({ reflector }) => reflector.watchAgeSeconds()));
    let certificate: string | null = null;
    const shared = { api, namespace: "rolecall", writer: name };
    const certificates = new ServingCertificate({
      secret: createNamedObject({ ...shared, kind: "Secret", name: secretName }),
      configMap: createNamedObject({ ...shared, kind: "ConfigMap", name: configMapName }),
      issuer,
      names: serverNames,
      clock: process,
      random: () => random.next(),
      log,
      changed: ({ cert }) => {
        certificate = cert;
        around.certified(name, cert);
      },
    });
    network.listen(name, {
      process,
      answer: async (request, peer) => {
        const answer = await this.server.app.fetch(request, { peer });
        return changed(answer, (text) => {
          for (const [, age] of text.matchAll(/"watchAgeSeconds":([\d.]+)/g)) {
            around.pinged(name, Number(age));
          }
          return written[version](text);
        });
      },
      distrust: (client) => distrusted(certificate, client),
    });
    const { signal } = this.#stop;
    this.#ended = Promise.all([
      this.server.run(signal),
      certificates.run(signal),
      ...watches.map(({ reflector }) => reflector.run(signal)),
    ]);
  }

  /** SIGTERM; settles once it has let go of everything. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  /** The value of one of its metrics. */
  async metric(name: string): Promise<number> {
    return await metricOf(this.#registry, name);
  }
}

/** Fields that frames of older versions lack. */
const added = new Set([
  "configHash",
  "createdAt",
  "leftSeconds",
  "sentAfterSeconds",
  "terminating",
]);

/** Frames as that version of the server writes them. */
const written: Readonly<Record<Version, (frames: string) => string>> = {
  older: (frames) =>
    asFrames(
      linesOf(frames).map((line) =>
        JSON.parse(line, (key, value) => added.has(key) ? undefined : value)
      ),
    ),
  this: (frames) => frames,
  // Fields and types that this version has never seen.
  next: (frames) =>
    asFrames([
      ...linesOf(frames).map((line) => ({ ...JSON.parse(line), next: { version: 2 } })),
      { type: "hint", of: "the next version" },
    ]),
};

function linesOf(frames: string): readonly string[] {
  return frames.trimEnd().split("\n");
}

function asFrames(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

/** The answer, with frames as `change` makes them. */
function changed(
  { body, status, headers }: Response,
  change: (frames: string) => string,
): Response {
  const isFrames = headers.get("content-type") === "application/x-ndjson";
  if (body === null || !isFrames) return new Response(body, { status, headers });
  const reader = body.getReader();
  const frames = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      controller.enqueue(encoder.encode(change(new TextDecoder().decode(value))));
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return new Response(frames, { status, headers });
}

/** Why the client doesn't accept the certificate that is shown to it. */
function distrusted(
  certificate: string | null,
  { process, trusted }: { readonly process: Process; readonly trusted: ReadonlySet<string> },
): string | null {
  if (certificate === null) return "connection refused";
  const { authority, expired } = readCertificate(certificate, process.now());
  if (expired) return "certificate has expired";
  return trusted.has(authority) ? null : "certificate signed by unknown authority";
}

function statusOf(resource: string, reflector: { status(): ReflectorStatus }): WatchStatus {
  const { synced, watchAgeSeconds, restarts, lastError } = reflector.status();
  return { resource, synced, ageSeconds: watchAgeSeconds, restarts, lastError };
}

/** The sum over all labels. */
export async function metricOf(registry: Registry, name: string): Promise<number> {
  const lines = (await registry.metrics()).split("\n");
  return lines.filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}
