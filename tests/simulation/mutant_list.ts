/** Faults that somebody could put into the product: each is a change of a few lines of `src/`. */

export interface Mutant {
  readonly name: string;
  /** The first run of seed `mutants` that fails with it; it is tried first, and then all from 1. */
  readonly run?: number;
  /** Below `src/`. */
  readonly file: string;
  /** Each occurs exactly once. */
  readonly changes: readonly (readonly [from: string, to: string])[];
}

export const mutants: readonly Mutant[] = [
  {
    name: "the agent forgets a revocation",
    run: 2,
    file: "agent/assignments/assignments.ts",
    changes: [["    this.#pods.remove(frame.uid);\n", ""]],
  },
  {
    name: "a snapshot removes nothing",
    run: 3,
    file: "agent/assignments/assignments.ts",
    changes: [["    this.#pods.retain(stream.snapshot);\n", ""]],
  },
  {
    name: "the grace counts from any ping, however old the server's data",
    file: "agent/assignments/assignments.ts",
    changes: [[
      "const asOf = this.#options.clock.monotonic() - lagMs;",
      "const asOf = this.#options.clock.monotonic() - 0 * lagMs;",
    ], [
      "stream.freshAt = fresh ? asOf : Math.min(asOf, stream.freshAt ?? this.#freshAt);",
      "stream.freshAt = asOf;",
    ]],
  },
  {
    name: "the grace never ends",
    run: 5,
    file: "agent/assignments/assignments.ts",
    changes: [["<= this.#options.graceMs;", ">= 0;"]],
  },
  {
    name: "credentials are kept for another identity",
    run: 2,
    file: "agent/assignments/held_pod.ts",
    changes: [[
      "before?.pod.uid !== uid || before.identity !== identity",
      "before?.pod.uid !== uid",
    ]],
  },
  {
    name: "the agent serves credentials after their end",
    run: 5,
    file: "agent/assignments/held_pod.ts",
    changes: [[
      "outcome.role.expiresAt > clock.now() && held.endsAt > clock.monotonic()",
      "clock.now() > 0",
    ]],
  },
  {
    name: "a proof outlives its connection",
    run: 5,
    file: "agent/identity/connection_proofs.ts",
    changes: [
      ["new WeakMap<ConnectionEnds, State>()", "new Map<string, State>()"],
      ["this.#states.get(connection)", "this.#states.get(connection.peer)"],
      ["this.#states.set(connection, state)", "this.#states.set(connection.peer, state)"],
    ],
  },
  {
    name: "a socket proves more than one connection",
    file: "kernel/connection_search.ts",
    changes: [["    this.#options.used.add(table, [inode]);\n", ""]],
  },
  {
    name: "the pod that the API expects needs no socket",
    run: 5,
    file: "kernel/kernel_identity.ts",
    changes: [[
      '    return { kind: "unproven", reason: found.kind };',
      '    return expected ? { kind: "proven", pod: expected } : ' +
      '{ kind: "unproven", reason: found.kind };',
    ]],
  },
  {
    name: "the agent doesn't connect again",
    file: "agent/server_client/server_client.ts",
    changes: [[
      "    while (!signal.aborted) {\n      const connection",
      "    for (let once = true; once; once = false) {\n      const connection",
    ]],
  },
  {
    name: "a server always says that its watch is fresh",
    file: "server/assignments/assignment_feed.ts",
    changes: [[
      "const age = Math.min(this.#options.watchAgeSeconds(), oldestWatchAgeSeconds);",
      "const age = 0 * Math.min(1, oldestWatchAgeSeconds);",
    ]],
  },
  {
    name: "a change of a namespace changes no assignment",
    file: "server/assignments/assigner.ts",
    changes: [["this.#redecide((pod) => pod.namespace === name)", "void name"]],
  },
  {
    name: "a pod that is gone keeps its assignment",
    run: 2,
    file: "server/assignments/assigner.ts",
    changes: [[
      "if (before !== undefined && movedOrGone) this.#revoke(before);",
      "if (before !== undefined && now !== undefined && movedOrGone) this.#revoke(before);",
    ]],
  },
  {
    name: "an identity that no pod needs any more is kept",
    file: "server/assignments/assigner.ts",
    changes: [["    this.#options.cache.release(key, pod.uid);\n", ""]],
  },
  {
    name: "the cache's key lacks the external ID",
    file: "policy/role_identity.ts",
    changes: [[
      "[arn, sessionName, externalId, durationSeconds",
      "[arn, sessionName, durationSeconds",
    ]],
  },
  {
    name: "the cache's key lacks the trust role",
    run: 4,
    file: "policy/role_identity.ts",
    changes: [["assumedBy === null ? null : fieldsOf(assumedBy)", "null"]],
  },
  {
    name: "a role is given though its namespace doesn't permit it",
    file: "policy/decide.ts",
    changes: [["if (refusal !== null) return denied(refusal);", ""]],
  },
  {
    name: "the server's own role is given to pods",
    file: "policy/decide.ts",
    changes: [["if (rules.isReserved(role)) return denied(reserved(request, role, runsAs));", ""]],
  },
  {
    name: "a renewal that failed isn't tried again",
    run: 2,
    file: "server/credentials/credential_entry.ts",
    changes: [[
      "this.#nextAttemptAt = now + this.#faults.next();",
      "this.#nextAttemptAt = Infinity;",
    ]],
  },
  {
    name: "all roles share one back-off",
    run: 2,
    file: "server/credentials/credential_entry.ts",
    changes: [
      ["readonly #faults: Backoff;", "get #faults() { return shared; }"],
      ["    this.#faults = new Backoff({ ...retryAfter, random });\n", ""],
      [
        "export class CredentialEntry {",
        "const shared = new Backoff({ ...retryAfter, " +
        "minMs: 2_000, maxMs: 4_000_000, jitter: 0, random: () => 0 });\n" +
        "export class CredentialEntry {",
      ],
    ],
  },
  {
    name: "credentials are renewed late",
    file: "server/credentials/session_life.ts",
    changes: [["(0.3 + 0.15 * random())", "(0.8 + 0.15 * random())"]],
  },
  {
    name: "STS is called without a limit on the rate",
    run: 3,
    file: "server/credentials/sts_pace.ts",
    changes: [["    if (this.#bucket.tokens < 1) return false;\n", ""]],
  },
  {
    name: "STS is called without a limit on calls at once",
    run: 2,
    file: "server/credentials/sts_queue.ts",
    changes: [
      ["this.#waiting.size > 0 && this.#inFlight < this.#concurrency", "this.#waiting.size > 0"],
      ["    if (this.#inFlight >= this.#concurrency) return;\n", ""],
    ],
  },
  {
    name: "an identity has two calls in flight",
    run: 6,
    file: "server/credentials/credential_entry.ts",
    changes: [['this.phase = "calling";', 'this.phase = "idle";']],
  },
  {
    name: "a 410 isn't followed by a list",
    file: "kubernetes/reflector/reflector.ts",
    changes: [['if (gone || doubtful(fault, inARow)) this.#resourceVersion = "";', ""]],
  },
  {
    name: "a list removes nothing",
    run: 15,
    file: "server/cluster/cluster_index.ts",
    changes: [["for (const key of [...items.keys()]) if (!listed.has(key)) remove(key);", ""]],
  },
  {
    name: "a list ends after its first page",
    file: "kubernetes/reflector/list_pages.ts",
    changes: [['if (next === "") return', 'if (next !== "x") return']],
  },
  {
    name: "deletions on a watch are ignored",
    file: "kubernetes/reflector/reflector.ts",
    changes: [["if (picked.key !== null) sink.remove(picked.key);", ""]],
  },
  {
    name: "a watch isn't given up after its time",
    run: 7,
    file: "kubernetes/reflector/reflector.ts",
    changes: [["const overdueMarginMs = 5_000;", "const overdueMarginMs = 5_000_000;"]],
  },
  {
    name: "a silent server isn't left",
    run: 8,
    file: "agent/server_client/connection.ts",
    changes: [["const silenceMs = 12_000;", "const silenceMs = 12_000_000;"]],
  },
  {
    name: "a snapshot removes pods before it is complete",
    file: "agent/assignments/assignments.ts",
    changes: [[
      "    stream.snapshot?.add(uid);\n",
      "    if (stream.snapshot?.size === 0) this.#pods.retain(new Set([uid]));\n    stream.snapshot?.add(uid);\n",
    ]],
  },
  {
    name: "the cache's key lacks the session name",
    file: "policy/role_identity.ts",
    changes: [["[arn, sessionName, externalId", "[arn, externalId"]],
  },
  {
    name: "the cache's key lacks the tags",
    run: 2,
    file: "policy/role_identity.ts",
    changes: [["[tags, transitiveTagKeys", "[transitiveTagKeys"]],
  },
  {
    name: "a request waits as long for its pod, whenever it arrived",
    run: 2,
    file: "agent/imds/caller.ts",
    changes: [["answerMs - (from - startedAt)", "answerMs + 0 * (from - startedAt)"]],
  },
  {
    name: "ServiceAccounts' tokens are used before the server's own roles are known",
    file: "server/reported_cache.ts",
    changes: [["webIdentity === null || !own.isOnDemand", "webIdentity === null"]],
  },
  {
    name: "a namespace that comes to require session tokens changes no assignment",
    run: 6,
    file: "server/assignments/assignment_frame.ts",
    changes: [["a.imdsv2 === b.imdsv2 && ", ""]],
  },
  {
    name: "a session token is good for ten seconds",
    file: "agent/imds/imdsv2_token.ts",
    changes: [["issuedAt + bytes.readUInt16BE(9) * 1000", "issuedAt + 0 * bytes.length + 10_000"]],
  },
  {
    name: "the log shows external IDs",
    file: "server/assignments/assignment_observer.ts",
    changes: [["{ externalIdSent: true }", "{ externalId }"]],
  },
  {
    name: "the cache's key lacks the source identity",
    run: 40,
    file: "policy/role_identity.ts",
    changes: [["externalId, durationSeconds, sourceIdentity],", "externalId, durationSeconds],"]],
  },
  {
    name: "the cache's key lacks the ServiceAccount",
    run: 30,
    file: "policy/role_identity.ts",
    changes: [[": [webIdentity.namespace, webIdentity.serviceAccount,", ": ["]],
  },
  {
    name: "the cache's key lacks the policies",
    run: 2,
    file: "policy/role_identity.ts",
    changes: [["transitiveTagKeys, policyArns, policy]", "transitiveTagKeys]"]],
  },
  {
    name: "the cache's key lacks the duration",
    run: 3,
    file: "policy/role_identity.ts",
    changes: [[
      "sessionName, externalId, durationSeconds, sourceIdentity],",
      "sessionName, externalId, sourceIdentity],",
    ]],
  },
  {
    name: "a server whose watch has stalled isn't left",
    file: "agent/server_client/server_client.ts",
    changes: [["this.#stalled(current) || await", "await"]],
  },
  {
    name: "late pings count as fresh",
    run: 9,
    file: "agent/server_client/connection.ts",
    changes: [[
      'const frame = decoded.type === "ping" ? this.#aged(decoded) : decoded;',
      "const frame = decoded;",
    ]],
  },
  {
    name: "a stream whose snapshot isn't in use lets the grace count",
    file: "agent/assignments/assignments.ts",
    changes: [[
      "if (stream.staged || stream.snapshot || stream.freshAt === undefined) return;",
      "if (stream.freshAt === undefined) return;",
    ]],
  },
  {
    name: "a server that knows less than the agent is followed",
    file: "agent/assignments/assignments.ts",
    changes: [[
      "return freshAt < this.#freshAt - maxBehindMs;",
      "return freshAt < 0 * maxBehindMs - Infinity;",
    ]],
  },
  {
    name: "only the wall clock ends credentials",
    run: 23,
    file: "agent/assignments/held_pod.ts",
    changes: [[
      "outcome.role.expiresAt > clock.now() && held.endsAt > clock.monotonic()",
      "outcome.role.expiresAt > clock.now()",
    ]],
  },
  {
    name: "a stream isn't replaced before its token expires",
    run: 4,
    file: "agent/server_client/server_client.ts",
    changes: [[
      "this.#stalled(current) || await this.#outlived(current, early)",
      "this.#stalled(current) || (await this.#outlived(current, early) && early < 0)",
    ]],
  },
  {
    name: "by token, a pod that no server confirms is answered",
    run: 5,
    file: "agent/identity/callers.ts",
    changes: [[
      'return pod && source.runs(uid, at) ? { kind: "pod", pod } : assignments.lookUp(uid);',
      'return pod && at > 0 ? { kind: "pod", pod } : source.runs(uid, at) ? assignments.lookUp(uid) : assignments.lookUp(uid);',
    ]],
  },
  {
    name: "every ping has the watch's age at the stream's beginning",
    file: "server/assignments/assignment_feed.ts",
    changes: [[
      "    this.#cancelPing = this.#pingLater();\n    this.body",
      "    this.#age = Math.min(options.watchAgeSeconds(), oldestWatchAgeSeconds);\n    this.#cancelPing = this.#pingLater();\n    this.body",
    ], [
      "const age = Math.min(this.#options.watchAgeSeconds(), oldestWatchAgeSeconds);",
      "const age = this.#age;",
    ], ["  #ended = false;\n\n  constructor", "  #ended = false;\n  #age = 0;\n\n  constructor"]],
  },
  {
    name: "a node's pods keep their credentials when its streams have ended",
    file: "server/assignments/assigner.ts",
    changes: [[
      "      for (const assignment of node.assignments.values()) this.#release(assignment);\n      this.#nodes.delete(nodeName);\n",
      "      this.#nodes.delete(nodeName);\n",
    ]],
  },
  {
    name: "throttling doesn't slow the calls of STS",
    run: 2,
    file: "server/credentials/sts_pace.ts",
    changes: [[
      "this.#perSecond = Math.max(Math.min(1, this.#full.perSecond), this.#perSecond / 2);\n    this.#bucket.tokens = 0;",
      "",
    ]],
  },
  {
    name: "the certificate isn't renewed",
    file: "server/certificate/certificate_plan.ts",
    changes: [[
      'if (leafIsDue(state.leaf, now)) return { kind: "issue"',
      'if (leafIsDue(state.leaf, now) && signer.expiresAt < 0) return { kind: "issue"',
    ]],
  },
  {
    name: "the next authority signs at once",
    run: 2,
    file: "server/certificate/certificate_plan.ts",
    changes: [[
      "return nothingValid || view.now - since >= view.terms.leadMs;",
      "return nothingValid || view.now - since >= 0;",
    ], [
      "sameTrust || nothingValid || now - since >= view.terms.leadMs",
      "sameTrust || nothingValid || now - since >= 0",
    ]],
  },
  {
    name: "the authority gets no successor",
    file: "server/certificate/certificate_plan.ts",
    changes: [[
      "if (left >= view.terms.successionMs || successorOf(state)) return null;",
      "if (left >= 0 || successorOf(state)) return null;",
    ]],
  },
];
