import { test } from "node:test";
import assert from "node:assert/strict";
import { listen } from "../runtime/http/listener.ts";
import { createClusterIssuer } from "./cluster_issuer.ts";
import { startEmbeddedAws } from "./embedded_aws.ts";

test("startEmbeddedAws() serves STS and metadata on ports of their own", async () => {
  const aws = await startEmbeddedAws({
    runtime: { listen },
    now: Date.now,
    region: "eu-west-1",
    issuer: createClusterIssuer(Date.now),
  });
  try {
    const headers = { "x-aws-ec2-metadata-token-ttl-seconds": "60" };
    const put = await fetch(`${aws.imdsUrl}/latest/api/token`, { method: "PUT", headers });
    const own = { "x-aws-ec2-metadata-token": await put.text() };
    const region = await fetch(`${aws.imdsUrl}/latest/meta-data/placement/region`, {
      headers: own,
    });
    assert.equal(await region.text(), "eu-west-1");
    const caller = await fetch(aws.stsUrl, {
      method: "POST",
      headers: { authorization: "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/x" },
      body: new URLSearchParams({ Action: "GetCallerIdentity", Version: "2011-06-15" }),
    });
    assert.match(await caller.text(), /<Account>123456789012<\/Account>/);
  } finally {
    await aws.close();
  }
});
