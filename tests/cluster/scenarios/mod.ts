/** All scenarios, in the order in which a cluster lives through them. */
import type { Scenario } from "../../system/report.ts";
import type { Site } from "../site.ts";
import { attacks } from "./attacks.ts";
import { badInput } from "./bad_input.ts";
import { certificates } from "./certificates.ts";
import { components } from "./components.ts";
import { credentials } from "./credentials.ts";
import { documentation } from "./documentation.ts";
import { identity } from "./identity.ts";
import { images } from "./images.ts";
import { installation } from "./installation.ts";
import { manifests } from "./manifests.ts";
import { permissions } from "./permissions.ts";
import { plugin } from "./plugin.ts";
import { rebootScenarios } from "./reboots.ts";
import { removal } from "./removal.ts";
import { startRace } from "./start_race.ts";
import { startupTaint } from "./startup_taint.ts";
import { upgrades } from "./upgrades.ts";
import { waiting } from "./waiting.ts";

export interface ClusterScenario extends Scenario<Site> {
  /** Without it the others have nothing to stand on. */
  readonly essential?: boolean;
  /** Needs nodes whose insides can be looked at. */
  readonly ownNodes?: boolean;
}

export const scenarios: readonly ClusterScenario[] = [
  ...images,
  ...manifests,
  ...installation,
  ...credentials,
  ...plugin,
  ...startRace,
  ...waiting,
  ...identity,
  ...permissions,
  ...upgrades,
  ...attacks,
  ...certificates,
  ...components,
  ...startupTaint,
  ...rebootScenarios,
  ...badInput,
  ...removal,
  ...documentation,
];
