/** Calls of the C library, for what neither runtime offers. */
import process from "node:process";

/** Only on Deno for Linux, with the permissions for foreign functions and for /proc. */
export function mayCallLibc(): boolean {
  if (!("deno" in process.versions) || process.platform !== "linux") return false;
  const granted = (name: "ffi" | "read") =>
    Deno.permissions.querySync({ name }).state === "granted";
  return granted("ffi") && granted("read");
}
