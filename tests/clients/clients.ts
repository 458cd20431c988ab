/**
 * Real AWS clients as pods use them, each with the command that prints what its default chain
 * found. The system test decides who runs them, and where.
 */
import { join } from "node:path";
import {
  type Client,
  goClient,
  inPython,
  javaClient,
  jsScript,
  onDeno,
  onNode,
  plainPython,
  pythonScript,
  rustClient,
} from "./client.ts";

/** Time enough for any of them to start on a busy machine. */
const startSeconds = 20;
const fiveMinutes = 300;
const quarterHour = 900;

/** `windowSeconds` before their end the client renews its credentials. */
function renewing(windowSeconds: number, client: Client): Client {
  return { ...client, renewsLifeSeconds: windowSeconds + startSeconds };
}

/** Its script moves the client's clock, since it keeps what it has for longer than a test lasts. */
function ageing(client: Client): Client {
  return { ...client, renewsLifeSeconds: 3600 };
}

export const clients: readonly Client[] = [
  ageing(pythonScript("boto3", "boto3", "boto3_chain.py")),
  ageing(pythonScript("boto3 1.20 (2022)", "boto3_old", "boto3_chain.py")),
  ageing(pythonScript("aiobotocore 3", "aiobotocore", "aiobotocore_chain.py")),
  inPython(
    "awscli 1",
    "awscli",
    (bin) => [join(bin, "aws"), "configure", "list"],
    (found) => found.AccessKeyId.slice(-4),
  ),
  renewing(fiveMinutes, pythonScript("boto 2 (IMDSv1)", "boto2", "boto2.py")),
  renewing(10, pythonScript("minio-py", "minio", "minio_chain.py")),
  renewing(fiveMinutes, pythonScript("aws-crt", "awscrt", "awscrt_chain.py")),
  ageing(pythonScript("AWS SDK for C++ (pyarrow)", "pyarrow", "s3_chain.py", "pyarrow")),
  renewing(
    fiveMinutes,
    pythonScript("object_store for Rust (obstore)", "obstore", "s3_chain.py", "obstore"),
  ),
  renewing(120, pythonScript("reqsign for Rust (opendal)", "opendal", "s3_chain.py", "opendal")),
  renewing(10, rustClient("AWS SDK for Rust")),
  renewing(fiveMinutes, jsScript("AWS SDK for JavaScript v3", "js_v3.cjs")),
  renewing(fiveMinutes, jsScript("AWS SDK for JavaScript v3 on Deno", "js_v3.cjs", onDeno)),
  renewing(15, jsScript("AWS SDK for JavaScript v2", "js_v2.cjs")),
  renewing(10, jsScript("minio-js", "minio_js.cjs", onNode, (found) => found.SecretAccessKey)),
  // Five minutes before their end, but at their end where there was less than a quarter of an hour.
  renewing(0, goClient("AWS SDK for Go v2", "v2")),
  renewing(fiveMinutes, goClient("AWS SDK for Go v1", "v1")),
  // Once four fifths of their life are gone.
  { ...goClient("minio-go", "minio"), renewsLifeSeconds: startSeconds / 0.8 },
  renewing(fiveMinutes, plainPython("rclone", "s3_chain.py", "rclone")),
  renewing(quarterHour, javaClient("AWS SDK for Java v1", "v1")),
  // At their end, where that is less than an hour ahead.
  renewing(0, javaClient("AWS SDK for Java v2", "v2")),
  javaClient("JDK HttpClient", "jdk"),
  javaClient("Apache HttpClient 5", "apache"),
  plainPython("Fluent Bit", "fluent_bit.py"),
];
