/**
 * The AWS SDK's STS client as we use it: loaded when first needed, one attempt a call (the queue
 * tries again), each bounded in time. What its answers and errors mean is said elsewhere.
 */
import type { STSClient } from "@aws-sdk/client-sts";
import type { Clock } from "../time/clock.ts";
import { withDeadline } from "../time/deadline.ts";
import { regionFault, serverCredentialsFault } from "./sts_fault.ts";

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
  readonly connectMs: number;
  /** From the request to the end of its answer. */
  readonly requestMs: number;
  /** For the server's own credentials to be found. */
  readonly credentialsMs: number;
}

export interface StsClientOptions {
  readonly clock: Pick<Clock, "after">;
  /** Undefined leaves it to the SDK: AWS_REGION, or the profile's. */
  readonly region: string | undefined;
  /** Undefined is the SDK's own: the region's, FIPS or dual-stack where its settings say so. */
  readonly endpoint: string | undefined;
  /** Undefined is the SDK's default chain. */
  readonly credentials: Provider | undefined;
  readonly timeouts: StsTimeouts;
}

/** One connection pool and one correction of the clock, both kept from call to call. */
export class StsClient {
  readonly #options: StsClientOptions;
  #loading: Promise<{ sdk: Sdk; client: STSClient }> | undefined;
  #region = "region not known yet";
  /** Clients that sign with the credentials of a trust role. */
  readonly #signingAs = new WeakMap<OwnCredentials, STSClient>();
  /** STS has refused what the SDK still takes for good. */
  #credentialsRefused = false;

  constructor(options: StsClientOptions) {
    this.#options = options;
  }

  /**
   * Sends one command, signed `as` the given credentials or else the server's own. Those are found
   * first, so that an error in finding them isn't mistaken for one about the requested role.
   * @throws {StsFault} no region, or no credentials of the server's own. @throws the SDK's error.
   */
  async send<T>(
    request: (sdk: Sdk, client: STSClient, options: { abortSignal: AbortSignal }) => Promise<T>,
    signal?: AbortSignal,
    as?: OwnCredentials,
  ): Promise<T> {
    const { sdk, client: own } = await this.#load();
    const { clock, timeouts } = this.#options;
    const client = as === undefined ? own : this.#clientAs(as, sdk, own);
    const finding = { clock, signal, ms: timeouts.credentialsMs };
    await withDeadline(finding, () => this.#findCredentials(client)).catch((error) => {
      throw signal?.aborted ? error : serverCredentialsFault(error);
    });
    const sending = { clock, signal, ms: timeouts.requestMs };
    return await withDeadline(sending, (abortSignal) => request(sdk, client, { abortSignal }));
  }

  /** The next call asks the SDK for fresh credentials, though the old ones look good. */
  credentialsRefused(): void {
    this.#credentialsRefused = true;
  }

  /** For people; known once a call has been sent. */
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
    const { endpoint } = this.#options;
    const { accessKeyId, secretAccessKey, sessionToken = "" } = credentials;
    const client = new sdk.STSClient({
      region: this.#region,
      maxAttempts: 1,
      requestHandler: own.config.requestHandler,
      systemClockOffset: own.config.systemClockOffset,
      credentials: { accessKeyId, secretAccessKey, sessionToken },
      ...(endpoint === undefined ? {} : { endpoint }),
    });
    this.#signingAs.set(credentials, client);
    return client;
  }

  async #findCredentials(client: STSClient): Promise<void> {
    const forceRefresh = this.#credentialsRefused;
    this.#credentialsRefused = false;
    await client.config.credentials({ forceRefresh });
  }

  #load(): Promise<{ sdk: Sdk; client: STSClient }> {
    this.#loading ??= this.#create().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #create(): Promise<{ sdk: Sdk; client: STSClient }> {
    const sdk = await import("@aws-sdk/client-sts");
    const { endpoint, credentials, timeouts } = this.#options;
    const region = this.#options.region ?? await this.#regionOf(sdk);
    this.#region = region;
    const client = new sdk.STSClient({
      region,
      maxAttempts: 1,
      requestHandler: {
        connectionTimeout: timeouts.connectMs,
        requestTimeout: timeouts.requestMs,
        throwOnRequestTimeout: true,
      },
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
    });
    return { sdk, client };
  }

  /** An endpoint of one's own needs a region only to sign for; `us-east-1` is what such ones take. */
  async #regionOf(sdk: Sdk): Promise<string> {
    const probe = new sdk.STSClient({});
    try {
      return await probe.config.region();
    } catch (error) {
      if (this.#options.endpoint !== undefined) return "us-east-1";
      throw regionFault(error);
    } finally {
      probe.destroy();
    }
  }
}
