import assert from "node:assert/strict";
import { test } from "node:test";
import { flag } from "./flags.ts";
import { strayVariables } from "./stray_variables.ts";

const tables = [
  { "interface": flag.text("", "x"), "imdsv2": flag.text("", "x") },
  { "region": flag.text("", "x") },
];

// variable, value, problem
const cases = [
  ["ROLECALL_INTERFACE", "cni0", null],
  ["ROLECALL_REGION", "eu-west-1", null],
  ["ROLECALL_INTERFACES", "cni0", "did you mean ROLECALL_INTERFACE?"],
  ["ROLECALL_IMDSV2_", "required", "did you mean ROLECALL_IMDSV2?"],
  ["ROLECALL_imdsv2", "required", "did you mean ROLECALL_IMDSV2?"],
  ["ROLECALL_COLOUR", "red", "see --help for the list"],
  ["ROLECALL_IMDSV2_", "", null],
  ["ROLECALLED", "x", null],
  // Kubernetes' own, of Services rolecall, rolecall-server and the like.
  ["ROLECALL_SERVICE_HOST", "10.0.0.1", null],
  ["ROLECALL_SERVER_SERVICE_HOST", "10.0.0.1", null],
  ["ROLECALL_SERVER_SERVICE_PORT", "8443", null],
  ["ROLECALL_SERVER_SERVICE_PORT_HTTPS", "8443", null],
  ["ROLECALL_PORT", "tcp://10.0.0.1:8443", null],
  ["ROLECALL_SERVER_PORT", "tcp://10.0.0.1:8443", null],
  ["ROLECALL_SERVER_PORT_8443_TCP", "tcp://10.0.0.1:8443", null],
  ["ROLECALL_SERVER_PORT_8443_TCP_PORT", "8443", null],
  ["ROLECALL_SERVER_PORT_53_UDP_PROTO", "udp", null],
  ["ROLECALL_SERVER_PORT_8443_TCP_ADDR", "10.0.0.1", null],
  ["ROLECALL_ADMIN_PORT", "9620", "see --help for the list"],
  ["ROLECALL_SERVER_PORT_X_TCP", "1", "see --help for the list"],
] as const;

for (const [variable, value, problem] of cases) {
  test(`strayVariables() ${variable}=${value}: ${problem}`, () => {
    const expected = problem === null ? [] : [`${variable}: unknown variable; ${problem}`];
    assert.deepEqual(strayVariables({ [variable]: value, PATH: "/bin" }, tables), expected);
  });
}
