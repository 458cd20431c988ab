/**
 * The AWS SDK's STS client as we use it: loaded when first needed, one attempt a call (the queue
 * retries), each limited in time. `sts_fault.ts` says what its errors mean.
 */
import type { STSClient, STSClientConfig } from "@aws-sdk/client-sts";
import type { HttpClient } from "../runtime/http/types.ts";
import type { Clock } from "../time/clock.ts";
import { withDeadline } from "../time/deadline.ts";
import { configurationProblem, isRegionMissing, sdkLogger } from "./sdk_configuration.ts";
import { sdkRequestHandler } from "./sdk_http.ts";
import { serverCredentialsFault, unsentFault } from "./sts_fault.ts";

type Sdk = typeof import("@aws-sdk/client-sts");
type Provider = () => Promise<OwnCredentials>;

/** What the SDK signs with. */
export interface OwnCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export interface StsTimeouts {
  /** From the request to the end of its answer. */
  readonly requestMs: number;
  /** For the server's own credentials to be found. */
  readonly credentialsMs: number;
}

interface StsClientOptions {
  readonly clock: Pick<Clock, "after">;
  readonly http: Pick<HttpClient, "fetch">;
  /** Undefined leaves it to the SDK: AWS_REGION, or the profile's. */
  readonly region: string | undefined;
  /**
   * Used as it is, whatever the SDK's settings say about FIPS and dual stack. Undefined leaves it to
   * the SDK: the region's, FIPS or dual-stack if its settings say so.
   */
  readonly endpoint: string | undefined;
  /** Undefined is the SDK's default chain. */
  readonly credentials: Provider | undefined;
  readonly timeouts: StsTimeouts;
  /** Called with the SDK's warnings, one line each. */
  readonly warn: (problem: string) => void;
}

interface Loaded {
  readonly sdk: Sdk;
  readonly client: STSClient;
}

/** The SDK has got as far as sending a request. */
class Reached extends Error {}

/** Keeps one correction of the clock from call to call. */
export class StsClient {
  readonly #options: StsClientOptions;
  /** The signals of calls whose requests were handed to the HTTP client. */
  readonly #sent = new WeakSet<WeakKey>();
  #loading: Promise<Loaded> | undefined;
  #region = "region not known yet";
  /** Clients that sign with the credentials of a trust role. */
  readonly #signingAs = new WeakMap<OwnCredentials, STSClient>();
  /** STS has refused what the SDK still considers valid. */
  #credentialsRefused = false;

  constructor(options: StsClientOptions) {
    this.#options = options;
  }

  /** Why the SDK would refuse every call before sending it, or null. Sends nothing to STS. */
  async configurationProblem(): Promise<string | null> {
    const handle = () => Promise.reject(new Reached());
    const credentials = { accessKeyId: "none", secretAccessKey: "none" };
    try {
      const { sdk, client } = await this.#create({ requestHandler: { handle }, credentials });
      await client.send(new sdk.GetCallerIdentityCommand({}));
      return null;
    } catch (fault) {
      return fault instanceof Reached ? null : configurationProblem(fault);
    }
  }

  /**
   * Sends one command, signed with the given credentials, the server's own, or none. The server's own
   * are found first, so that an error in finding them isn't mistaken for one about the requested role.
   * @throws {StsFault} no region, no credentials of the server's own, or settings that the SDK
   * refuses
   * @throws the SDK's error
   */
  async send<T>(
    request: (sdk: Sdk, client: STSClient, options: { abortSignal: AbortSignal }) => Promise<T>,
    signal?: AbortSignal,
    as: OwnCredentials | "own" | "unsigned" = "own",
  ): Promise<T> {
    const { sdk, client: own } = await this.#load().catch((error) => {
      throw unsentFault(error);
    });
    const { clock, timeouts } = this.#options;
    const client = typeof as === "string" ? own : this.#clientAs(as, sdk, own);
    if (as === "own") {
      const finding = { clock, signal, ms: timeouts.credentialsMs };
      await withDeadline(finding, () => this.#findCredentials(own)).catch((error) => {
        throw signal?.aborted ? error : serverCredentialsFault(error);
      });
    }
    const sending = { clock, signal, ms: timeouts.requestMs };
    return await withDeadline(
      sending,
      (abortSignal) =>
        request(sdk, client, { abortSignal }).catch((error) => {
          throw this.#sent.has(abortSignal) || abortSignal.aborted ? error : unsentFault(error);
        }),
    );
  }

  /** The next call gets fresh credentials from the SDK, though the old ones seem valid. */
  credentialsRefused(): void {
    this.#credentialsRefused = true;
  }

  /** For messages; known after the first call. */
  get region(): string {
    return this.#region;
  }

  async close(): Promise<void> {
    if (this.#loading !== undefined) (await this.#loading).client.destroy();
  }

  /** Shares the connections and the clock correction of the server's own client. */
  #clientAs(credentials: OwnCredentials, sdk: Sdk, own: STSClient): STSClient {
    const known = this.#signingAs.get(credentials);
    if (known !== undefined) return known;
    const { accessKeyId, secretAccessKey, sessionToken = "" } = credentials;
    const client = new sdk.STSClient({
      ...this.#place(),
      requestHandler: own.config.requestHandler,
      systemClockOffset: own.config.systemClockOffset,
      credentials: { accessKeyId, secretAccessKey, sessionToken },
    });
    this.#signingAs.set(credentials, client);
    return client;
  }

  async #findCredentials(client: STSClient): Promise<void> {
    const forceRefresh = this.#credentialsRefused;
    this.#credentialsRefused = false;
    await client.config.credentials({ forceRefresh });
  }

  #load(): Promise<Loaded> {
    const { http, clock, credentials, timeouts } = this.#options;
    const requestHandler = sdkRequestHandler(http, { clock, ms: timeouts.requestMs }, (signal) => {
      if (signal instanceof AbortSignal) this.#sent.add(signal);
    });
    const config = { requestHandler, ...(credentials === undefined ? {} : { credentials }) };
    this.#loading ??= this.#create(config).catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #create(config: Partial<STSClientConfig>): Promise<Loaded> {
    const sdk = await import("@aws-sdk/client-sts");
    this.#region = await this.#realRegion(sdk, config);
    return { sdk, client: new sdk.STSClient({ ...this.#place(), ...config }) };
  }

  /** What all clients have in common. */
  #place(): Partial<STSClientConfig> {
    const { region, endpoint, warn } = this.#options;
    const once = { maxAttempts: 1, logger: sdkLogger(warn) };
    if (endpoint === undefined) return region === undefined ? once : { ...once, region };
    const noVariant = { useFipsEndpoint: false, useDualstackEndpoint: false };
    return { ...once, endpoint, region: this.#region, ...noVariant };
  }

  /** `us-east-1` for `us-east-1-fips`; a custom endpoint needs a region only to sign for. */
  async #realRegion(sdk: Sdk, config: Partial<STSClientConfig>): Promise<string> {
    const { region, endpoint } = this.#options;
    const probe = new sdk.STSClient(region === undefined ? config : { ...config, region });
    try {
      return await probe.config.region();
    } catch (fault) {
      if (endpoint === undefined || !isRegionMissing(fault)) throw fault;
      return "us-east-1";
    } finally {
      probe.destroy();
    }
  }
}
