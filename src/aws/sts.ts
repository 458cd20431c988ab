/**
 * AssumeRole for the pods' role identities, and the server's own identity. Each call is made once:
 * callers decide when to call and what to do about a failure.
 */
import type { AssumeRoleCommandInput } from "@aws-sdk/client-sts";
import type { RoleIdentity } from "../policy/facts.ts";
import { environmentProxy, proxyProblems } from "../net/environment_proxy.ts";
import type { HttpClient, HttpClientOptions } from "../runtime/http/types.ts";
import type { Clock } from "../time/clock.ts";
import { chainedCredentials, firstSessionSeconds } from "./chained_credentials.ts";
import { switchProblems } from "./sdk_configuration.ts";
import {
  type CallerIdentity,
  callerOf,
  credentialsOf,
  type StsCredentials,
} from "./sts_answers.ts";
import { type OwnCredentials, StsClient, type StsTimeouts } from "./sts_client.ts";
import {
  assumeRoleFault,
  callerIdentityFault,
  firstRoleFault,
  type StsFault,
} from "./sts_fault.ts";

export interface StsOptions {
  /** `--region`; undefined is the SDK's (AWS_REGION, the profile's). */
  readonly region?: string | undefined;
  /** `--sts-endpoint`; undefined is the region's. */
  readonly endpoint?: string | undefined;
  /** `--assume-role-arn`: assumed first, and then used to assume the pods' roles. */
  readonly assumeRoleArn?: string | undefined;
  /** The server's own; undefined is the SDK's default chain. */
  readonly credentials?: (() => Promise<OwnCredentials>) | undefined;
  readonly clock: Pick<Clock, "now" | "after">;
  readonly runtime: {
    readonly env: Readonly<Record<string, string | undefined>>;
    httpClient(options: HttpClientOptions): HttpClient;
  };
  readonly timeouts?: StsTimeouts;
  /** Called with the AWS SDK's warnings, one line each. */
  readonly warn?: (problem: string) => void;
}

/** What a call is authenticated with; neither: the server's own credentials. */
interface AssumeRoleBy {
  /** The credentials of the identity's trust role. */
  readonly assumedBy?: StsCredentials | undefined;
  /** A token of its ServiceAccount. */
  readonly webIdentityToken?: string | undefined;
}

export interface Sts {
  /**
   * Rejects with a `StsFault`, immediately when `signal` aborts.
   * @throws {TypeError} the identity has a trust role or a web identity, and `by` lacks what goes with
   * it: the server's own credentials must not stand in for them.
   */
  assumeRole(
    identity: RoleIdentity,
    signal: AbortSignal,
    by?: AssumeRoleBy,
  ): Promise<StsCredentials>;
  /** The principal that assumes the pods' roles. Rejects with a `StsFault`. */
  callerIdentity(signal?: AbortSignal): Promise<CallerIdentity>;
  /**
   * The ARN of that principal and, with `--assume-role-arn`, of the one that assumes it: no pod may
   * have their roles. Rejects with a `StsFault`.
   */
  callerArns(signal?: AbortSignal): Promise<readonly [string, ...string[]]>;
  /** Why no call can be sent with these settings, a line each for the operator. Sends nothing. */
  configurationProblems(): Promise<readonly string[]>;
  close(): Promise<void>;
}

const defaultTimeouts: StsTimeouts = { requestMs: 5000, credentialsMs: 10_000 };

/** Loads and sends nothing before the first call. */
export function createSts(options: StsOptions): Sts {
  const { clock, runtime, assumeRoleArn, region, endpoint } = options;
  const { timeouts = defaultTimeouts, warn = () => {} } = options;
  const proxyFor = environmentProxy(runtime.env);
  const http = runtime.httpClient({ connectTimeoutMs: 1000, proxyFor });
  const now = () => clock.now();
  const shared = { clock, http, region, endpoint, timeouts, warn };
  const base = new StsClient({ ...shared, credentials: options.credentials });
  const client = assumeRoleArn === undefined ? base : new StsClient({
    ...shared,
    credentials: chainedCredentials(() => assumeFirst(base, assumeRoleArn, now), now),
  });
  let principal = assumeRoleArn;
  const caller = () => ({ principal, region: client.region });

  const callerIdentity = async (signal?: AbortSignal) => {
    const identity = await whoIs(client, signal);
    principal ??= principalOf(identity);
    return identity;
  };

  return {
    assumeRole: async (identity, signal, by = {}) => {
      checkAuthentication(identity, by);
      try {
        const answer = await send(client, identity, { signal, ...by });
        return credentialsOf(answer, now());
      } catch (fault) {
        throw noted(client, assumeRoleFault(fault, identity, caller()));
      }
    },
    callerIdentity,
    callerArns: async (signal) => {
      const { arn } = await callerIdentity(signal);
      return client === base ? [arn] : [arn, (await whoIs(base, signal)).arn];
    },
    configurationProblems: async () => {
      const problem = await base.configurationProblem();
      return [...proxyProblems(runtime.env), ...switchProblems(runtime.env), problem]
        .filter((one) => one !== null);
    },
    close: async () => {
      await base.close();
      if (client !== base) await client.close();
      http.close();
    },
  };
}

async function whoIs(client: StsClient, signal?: AbortSignal): Promise<CallerIdentity> {
  try {
    const answer = await client.send(
      (sdk, sts, call) => sts.send(new sdk.GetCallerIdentityCommand({}), call),
      signal,
    );
    return callerOf(answer);
  } catch (fault) {
    throw noted(client, callerIdentityFault(fault, client.region));
  }
}

async function assumeFirst(base: StsClient, arn: string, now: () => number) {
  try {
    const answer = await base.send((sdk, sts, call) =>
      sts.send(
        new sdk.AssumeRoleCommand({
          RoleArn: arn,
          RoleSessionName: "rolecall",
          DurationSeconds: firstSessionSeconds,
        }),
        call,
      )
    );
    return credentialsOf(answer, now());
  } catch (fault) {
    throw noted(base, firstRoleFault(fault, { arn, durationSeconds: firstSessionSeconds }));
  }
}

function checkAuthentication(identity: RoleIdentity, by: AssumeRoleBy): void {
  const trustRole = (identity.assumedBy === null) === (by.assumedBy === undefined);
  const token = (identity.webIdentity === null) === (by.webIdentityToken === undefined);
  if (!trustRole || !token) throw new TypeError("the identity isn't authenticated as it must be");
}

function send(
  client: StsClient,
  identity: RoleIdentity,
  { signal, assumedBy, webIdentityToken }: AssumeRoleBy & { readonly signal: AbortSignal },
): Promise<unknown> {
  if (webIdentityToken === undefined) {
    return client.send(
      (sdk, sts, call) => sts.send(new sdk.AssumeRoleCommand(requestFor(identity)), call),
      signal,
      assumedBy ?? "own",
    );
  }
  const request = { ...sessionOf(identity), WebIdentityToken: webIdentityToken };
  return client.send(
    (sdk, sts, call) => sts.send(new sdk.AssumeRoleWithWebIdentityCommand(request), call),
    signal,
    "unsigned",
  );
}

/** What both calls take. */
function sessionOf({ arn, sessionName, durationSeconds, policyArns, policy }: RoleIdentity) {
  return {
    RoleArn: arn,
    RoleSessionName: sessionName,
    DurationSeconds: durationSeconds,
    ...(policyArns.length > 0 && { PolicyArns: policyArns.map((arn) => ({ arn })) }),
    ...(policy !== null && { Policy: policy }),
  };
}

function requestFor(identity: RoleIdentity): AssumeRoleCommandInput {
  const { externalId, sourceIdentity, tags, transitiveTagKeys } = identity;
  return {
    ...sessionOf(identity),
    ...(externalId !== null && { ExternalId: externalId }),
    ...(sourceIdentity !== null && { SourceIdentity: sourceIdentity }),
    ...(tags.length > 0 && { Tags: tags.map(([Key, Value]) => ({ Key, Value })) }),
    ...(transitiveTagKeys.length > 0 && { TransitiveTagKeys: [...transitiveTagKeys] }),
  };
}

/** Without this, the SDK would keep using credentials that STS refuses until they expire. */
function noted(client: StsClient, fault: StsFault): StsFault {
  if (fault.code === "server_credentials") client.credentialsRefused();
  return fault;
}

/** `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION` names a role without its path. */
function principalOf({ account, arn }: CallerIdentity): string {
  const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  return role === undefined ? arn : `role ${role} of account ${account}`;
}
