/** Tries what no command of the program needs, and prints a line of JSON: what was let through. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import process from "node:process";

const attempts = {
  "read /etc/passwd": () => readFileSync("/etc/passwd"),
  "read the program": () => readFileSync("/app/server/main.js"),
  "read /proc/self/environ": () => readFileSync("/proc/self/environ"),
  "write /tmp": () => writeFileSync("/tmp/attempt", ""),
  "write /etc/rolecall": () => writeFileSync("/etc/rolecall/attempt", ""),
  "run deno": () => ran("/usr/bin/deno"),
  "run iptables": () => ran("iptables"),
  "read SECRET_OF_OTHERS": () => process.env["SECRET_OF_OTHERS"] ?? "unset",
  "read the user": () => userInfo(),
  "read the host's name": () => hostname(),
  "load native code": () => Deno.dlopen("/usr/lib/libc.so.6", {}),
};

/** Deno returns no status for a program that it isn't allowed to start. */
function ran(program) {
  const { status } = spawnSync(program, ["--version"], { env: { PATH: "/usr/sbin:/usr/bin" } });
  if (status !== 0) throw Object.assign(new Error(`${program} didn't run`), { code: "EPERM" });
}

const through = [];
for (const [what, attempt] of Object.entries(attempts)) {
  try {
    attempt();
    through.push(what);
  } catch (error) {
    if (error.name !== "NotCapable" && error.code !== "EACCES" && error.code !== "EPERM") {
      through.push(`${what}: ${error.name} ${error.message}`);
    }
  }
}
try {
  await import("data:text/javascript,export default 1");
  await import("https://169.254.169.254/x.js");
  through.push("import from the network");
} catch { /* refused */ }
console.log(JSON.stringify(through));
