import { test } from "node:test";
import assert from "node:assert/strict";
import { FakeContainerRuntime } from "../../tests/fakes/container_runtime.ts";
import { containerRuntime, ContainerRuntimeFault } from "./container_runtime.ts";

async function withRuntime(
  run: (fake: FakeContainerRuntime, runtime: ReturnType<typeof containerRuntime>) => Promise<void>,
): Promise<void> {
  const fake = await FakeContainerRuntime.start();
  const runtime = containerRuntime(fake.socket);
  try {
    await run(fake, runtime);
  } finally {
    runtime.close();
    await fake.close();
  }
}

test("readySandboxes() returns only READY sandboxes, with the UID of their pod", async () => {
  await withRuntime(async (fake, runtime) => {
    fake.sandboxes.set("s1", { podUid: "a", ips: ["10.0.0.7"] });
    fake.sandboxes.set("s2", { podUid: "b", ips: ["10.0.0.8"], ready: false });
    assert.deepEqual(await runtime.readySandboxes(), [{
      id: "s1",
      podUid: "a",
      runtimeHandler: "runsc",
    }]);
  });
});

const addresses = [
  ["both families", { podUid: "a", ips: ["10.0.0.7", "fd00::7"] }, ["10.0.0.7", "fd00::7"]],
  ["none on the host network", { podUid: "a", ips: ["10.0.0.1"], hostNetwork: true }, []],
  ["null where there is none yet", { podUid: "a" }, null],
] as const;

for (const [what, sandbox, expected] of addresses) {
  test(`addresses(): ${what}`, async () => {
    await withRuntime(async (fake, runtime) => {
      fake.sandboxes.set("s1", sandbox);
      assert.deepEqual(await runtime.addresses("s1"), expected);
    });
  });
}

test("a sandbox that is gone and a runtime that isn't there are faults naming the socket", async () => {
  await withRuntime(async (fake, runtime) => {
    const fault = (error: unknown) =>
      error instanceof ContainerRuntimeFault && error.message.startsWith(`${fake.socket}: `);
    await assert.rejects(runtime.addresses("s9"), fault);
    await fake.kill();
    await assert.rejects(runtime.readySandboxes(), fault);
  });
});

test("a runtime that hangs is given up after a second", async () => {
  await withRuntime(async (fake, runtime) => {
    fake.hangs = true;
    await assert.rejects(runtime.readySandboxes(), /runtime\.sock: 4 DEADLINE_EXCEEDED: [\w ]+$/);
  });
});

test("a runtime that comes back on the same path is found again", async () => {
  await withRuntime(async (fake, runtime) => {
    assert.deepEqual(await runtime.readySandboxes(), []);
    await fake.kill();
    await assert.rejects(runtime.readySandboxes());
    await fake.listen();
    fake.sandboxes.set("s1", { podUid: "a" });
    const deadline = Date.now() + 60_000;
    for (;;) {
      const list = await runtime.readySandboxes().catch(() => null);
      if (list !== null) {
        return assert.deepEqual(list, [{ id: "s1", podUid: "a", runtimeHandler: "runsc" }]);
      }
      assert.ok(Date.now() < deadline, "not found again in a minute");
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
});
