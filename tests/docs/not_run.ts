/** Commands of the documentation that no test runs from its page, and why. */

const dev = "runs on: the blocks that ask it are run against it";
const gate = "it is what runs this test, or holds it";
const registry = "needs a registry; tests/cluster builds the image from the Dockerfile";
const release = "tests/release runs it, from the workflow, in a fork of its own";
const verify = "needs a release that GitHub has signed; tests/release verifies one signed by a key";
const chart =
  "tests/release compares its objects, and in tests/cluster the API server accepts them";
const bench = "takes minutes, and its figures are the machine's";

const host = "on a node, by hand; tests/system/boot_guard_test.ts removes the same rules";
const bucket = "publishes a cluster's keys in a bucket, which no test has";
const ec2 = "changes an EC2 instance, which no test has";

/** Reasons by the command as written, without the comment behind it. */
export const notRun: Readonly<Record<string, string>> = {
  "npx -y deno@2.9.6 task -q dev": `${dev}; by .ci/run itself`,
  "deno task dev": dev,
  "npm ci && npm run dev": `${dev}; on Node by tests/runtime/dev_test.ts`,
  "npx -y deno@2.9.6 task -q test": `${gate}; by .ci/run itself`,
  "deno task test": gate,
  "deno task ok": gate,
  "docker build -t registry.example.com/rolecall:0.1.0 .": registry,
  "docker push registry.example.com/rolecall:0.1.0": registry,
  "deno task install:cluster": "changes a cluster; tests/release runs it on stand-ins",
  "deno task install:cluster --overlay=my-cluster --push=registry.example.com/rolecall": registry,
  "deno run -A release/notes.ts v0.1.0": release,
  "deno run -A release/images.ts build": release,
  "deno run -A release/images.ts push": release,
  "deno run -A release/sbom.ts": release,
  "COSIGN_KEY=cosign.key deno run -A release/sign.ts": release,
  "deno run -A release/manifests.ts": release,
  "deno run -A release/plugin.ts": release,
  "cosign verify --certificate-identity-regexp='^REPOSITORY/.github/workflows/release.yml@refs/tags/v' \\\n    --certificate-oidc-issuer=https://token.actions.githubusercontent.com IMAGE:VERSION":
    verify,
  "cosign verify-attestation --type=slsaprovenance1 \\\n    --certificate-identity-regexp='^REPOSITORY/.github/workflows/release.yml@refs/tags/v' \\\n    --certificate-oidc-issuer=https://token.actions.githubusercontent.com IMAGE:VERSION":
    verify,
  "deno task chart my-chart": chart,
  "helm install rolecall my-chart --values my-values.yaml": chart,
  "deno task bench": bench,
  "deno task bench all": bench,
  "deno task bench check": bench,
  "deno task bench check cold outage": bench,
  "deno task bench scale": bench,
  "deno task bench list": bench,
  "deno task bench cold": bench,
  "deno task bench outage": bench,
  "deno task bench proof": bench,
  "node bench/main.ts": bench,
  "rm /etc/systemd/system/rolecall-boot-guard.service": host,
  "rm /etc/systemd/system/multi-user.target.d/rolecall-boot-guard.conf": host,
  "rm /etc/systemd/networkd.conf.d/rolecall-boot-guard.conf": host,
  "for family in -4 -6; do while ip $family rule del protocol 82 2> /dev/null; do :; done; done":
    host,
  "for family in -4 -6; do ip $family route flush table 82; done": host,
  "kubectl rolecall revoke pod/cart-0 -n shop --renew":
    "needs a leak; src/revoke/command_test.ts evaluates what it prints",
  "kubectl get --raw /.well-known/openid-configuration > openid-configuration": bucket,
  "kubectl get --raw /openid/v1/jwks > jwks": bucket,
  "aws s3 cp openid-configuration s3://BUCKET/.well-known/openid-configuration --content-type application/json":
    bucket,
  "aws s3 cp jwks s3://BUCKET/openid/v1/jwks --content-type application/json": bucket,
  "aws iam create-open-id-connect-provider --url https://BUCKET.s3.REGION.amazonaws.com --client-id-list sts.amazonaws.com":
    bucket,
  "aws ec2 modify-instance-metadata-options --instance-id i-0123456789abcdef0 \\\n    --http-tokens required --http-put-response-hop-limit 1":
    ec2,
};
