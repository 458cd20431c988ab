/** boto3 as in a pod: its default chain, with the STS endpoint set. */
import { join } from "node:path";
import type { TestPod } from "../pod.ts";
import { stsUrl } from "../sts.ts";

const script = `
import boto3, json, sys
from botocore.config import Config
session = boto3.Session()
credentials = session.get_credentials()
if credentials is None:
    print(json.dumps({"method": None}))
    sys.exit(0)
sts = session.client("sts", config=Config(retries={"max_attempts": 1}))
print(json.dumps({
    "method": credentials.method,
    "accessKeyId": credentials.access_key,
    "secretAccessKey": credentials.get_frozen_credentials().secret_key,
    "arn": sts.get_caller_identity()["Arn"],
}))
`;

interface BotoAnswer {
  /** Which part of boto3's chain found credentials; null for none. */
  readonly method: string | null;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly arn?: string;
}

/** Who STS says the pod is. */
export async function requestWithBoto(
  pod: Pick<TestPod, "run">,
  bin: string,
  env: Readonly<Record<string, string>> = {},
): Promise<BotoAnswer> {
  const outcome = await pod.run([join(bin, "python"), "-c", script], {
    AWS_DEFAULT_REGION: "eu-west-1",
    AWS_ENDPOINT_URL_STS: stsUrl,
    ...env,
  });
  if (outcome.code !== 0) throw new Error(`boto3: ${outcome.stderr.slice(-800)}`);
  return JSON.parse(outcome.stdout) as BotoAnswer;
}
