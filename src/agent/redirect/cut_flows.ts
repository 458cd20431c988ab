/**
 * Cuts connections to the metadata service that began before the redirect: their next packet starts
 * a new flow, which is redirected. Flows that were redirected answer from the agent's address, so
 * selecting flows answered by the metadata address itself spares them.
 */
import { redirectFault } from "./redirect_fault.ts";
import { type Family, metadataAddress } from "./redirect_rules.ts";
import type { RunProgram } from "../ports.ts";

/** How many flows were cut. @throws {RedirectFault} conntrack isn't there or not permitted. */
export async function cutFlows(run: RunProgram, hasIpv6: boolean): Promise<number> {
  const families: readonly Family[] = hasIpv6 ? [4, 6] : [4];
  let cut = 0;
  for (const family of families) cut += await cutFamily(run, family);
  return cut;
}

async function cutFamily(run: RunProgram, family: Family): Promise<number> {
  const address = metadataAddress[family];
  const args = ["-D", "-f", family === 4 ? "ipv4" : "ipv6", "-p", "tcp"];
  const result = await run("conntrack", [
    ...args,
    "--orig-dst",
    address,
    "--reply-src",
    address,
  ], { timeoutMs: 20_000 });
  const count = /(\d+) flow entries have been deleted/.exec(result.stderr)?.[1];
  // conntrack exits 1 where there was nothing to delete.
  if (count === undefined) throw redirectFault("conntrack", result);
  return Number(count);
}
