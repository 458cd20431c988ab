/** Serves a certificate from files (such as cert-manager's) and follows their changes. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { instant } from "../../time/instant.ts";
import { aborted, pause } from "../../time/pause.ts";
import { messageOf } from "../../telemetry/fault.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Clock } from "../../time/clock.ts";

const retryMs = 2_000;

interface CertificateFilesOptions {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  readonly readTextFile: (path: string) => Promise<string>;
  /** Calls back when the file changes; returns a stop. */
  readonly watchFile: (path: string, changed: () => void) => () => void;
  readonly clock: Clock;
  readonly log: Log;
  /** At the first certificate and at each new one. */
  readonly changed: (tls: { readonly cert: string; readonly key: string }) => void;
}

export class CertificateFiles {
  readonly #options: CertificateFilesOptions;
  #served = "";
  #expiresAt: number | null = null;
  #problem: string | null = "not read yet";

  constructor(options: CertificateFilesOptions) {
    this.#options = options;
  }

  /** When the served certificate expires, milliseconds since the epoch; null before the first. */
  certificateExpiresAt(): number | null {
    return this.#expiresAt;
  }

  /** What is wrong, with the file's name; null if nothing is. */
  problem(): string | null {
    return this.#problem;
  }

  /** Follows the files until `signal` aborts; waits for files that can't be read yet. */
  async run(signal: AbortSignal): Promise<void> {
    const { cert, key, watchFile, clock } = this.#options;
    const stops = [cert, key].map((path) => watchFile(path, () => void this.refresh()));
    while (!signal.aborted && !await this.refresh()) await pause(clock, retryMs, signal);
    await aborted(signal);
    for (const stop of stops) stop();
  }

  /** Reads both files, and serves them if they are new and belong together. */
  async refresh(): Promise<boolean> {
    const { cert: certPath, key: keyPath, changed, log } = this.#options;
    try {
      const cert = await this.#read(certPath);
      const key = await this.#read(keyPath);
      const expiresAt = expiryOf(cert, key, certPath, keyPath);
      this.#problem = null;
      if (this.#served === cert + key) return true;
      this.#served = cert + key;
      this.#expiresAt = expiresAt;
      changed({ cert, key });
      log.info({ expiresAt: instant(expiresAt), file: certPath }, "certificate served");
      return true;
    } catch (fault) {
      this.#problem = messageOf(fault);
      log.warn({ error: this.#problem }, "certificate files not served");
      return false;
    }
  }

  async #read(path: string): Promise<string> {
    try {
      return await this.#options.readTextFile(path);
    } catch (fault) {
      throw new CertificateFilesFault(`${path}: can't be read`, { cause: fault });
    }
  }
}

/** The files contain no usable certificate; the message names them, never their contents. */
class CertificateFilesFault extends Error {
  readonly code = "certificate_files_unusable";
  override readonly name = "CertificateFilesFault";
}

function expiryOf(cert: string, key: string, certPath: string, keyPath: string): number {
  const certificate = parsed(certPath, "PEM certificate", () => new X509Certificate(cert));
  const privateKey = parsed(keyPath, "unencrypted PEM key", () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CertificateFilesFault(`${keyPath}: not the key of ${certPath}`);
  }
  return Date.parse(certificate.validTo);
}

function parsed<T>(path: string, expected: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new CertificateFilesFault(`${path}: contains no ${expected}`);
  }
}
