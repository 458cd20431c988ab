/**
 * All scenarios in their order, and the smaller sets that a second runtime and a server without rights
 * at AWS are tried with.
 */
import assert from "node:assert/strict";
import type { Scenario } from "../report.ts";
import type { Stage } from "../stage.ts";
import { admission } from "./admission.ts";
import { changes } from "./changes.ts";
import { containerCredentials } from "./container_credentials.ts";
import { credentials } from "./credentials.ts";
import { direct } from "./direct.ts";
import { droppedPackets } from "./dropped.ts";
import { federated } from "./federated.ts";
import { fence } from "./fence.ts";
import { floodScenarios } from "./floods.ts";
import { outages } from "./outages.ts";
import { redirect } from "./redirect.ts";
import { renewals } from "./renewals.ts";
import { replicas } from "./replicas.ts";
import { sdkClients } from "./sdk_clients.ts";
import { settings } from "./settings.ts";
import { stoppedProcesses } from "./stopped.ts";
import { strangers } from "./strangers.ts";
import { eventScenarios } from "./events.ts";
import { trust } from "./trust.ts";
import { webIdentity } from "./web_identity.ts";

/** Always the last: whatever happened before, no pod reached the node's own data. */
const nothingLeaked: Scenario<Stage> = {
  name: "nobody reached the node's own credentials or user data",
  run: (stage) => {
    assert.deepEqual(stage.metadata.leaks(), []);
    assert.ok(stage.metadata.requested.length > 0, "the fake received requests");
    return Promise.resolve();
  },
};

export const all: readonly Scenario<Stage>[] = [
  ...credentials,
  ...changes,
  ...strangers,
  ...fence,
  ...redirect,
  ...direct,
  ...containerCredentials,
  ...outages,
  ...replicas,
  ...stoppedProcesses,
  ...droppedPackets,
  ...eventScenarios,
  ...settings,
  ...trust,
  ...federated,
  ...floodScenarios,
  ...sdkClients,
  ...renewals,
  // After those that wait for Events: its hundred broken namespaces get theirs first.
  ...admission,
  nothingLeaked,
];

export const small: readonly Scenario<Stage>[] = [
  ...credentials,
  ...redirect,
  ...outages,
  ...settings,
  nothingLeaked,
];

/** On a stage where roles are assumed with ServiceAccounts' tokens. */
export const withoutRights: readonly Scenario<Stage>[] = [
  ...credentials,
  ...outages.filter(({ name }) => name.startsWith("the server is ")),
  ...webIdentity,
  nothingLeaked,
];
