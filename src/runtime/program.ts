/** Runs other programs: without a shell, by default with PATH alone, and with a time limit. */
import { execFile, type ExecFileException, spawn, type SpawnOptions } from "node:child_process";
import type { FollowProgram, ProgramResult, RunProgram } from "./runtime.ts";

const defaultTimeoutMs = 10_000;
const maxOutputBytes = 16 * 1024 * 1024;
/** Of a followed program, the end of what it printed to standard error. */
const maxErrorText = 4096;

/**
 * Runs programs found on `path`. Never rejects: 127 if the program isn't there or may not be
 * run, 124 if it took longer than `timeoutMs` (10 s by default) and was killed.
 */
export function createRunProgram(path: string): RunProgram {
  return (command, args, options = {}) =>
    new Promise((resolve) => {
      const settings = {
        env: options.env ?? { PATH: path },
        timeout: options.timeoutMs ?? defaultTimeoutMs,
        killSignal: "SIGKILL" as const,
        maxBuffer: maxOutputBytes,
      };
      if (options.terminal) return runOnTerminal(command, args, settings, resolve);
      const child = execFile(command, [...args], settings, (error, stdout, stderr) => {
        resolve({ code: exitCode(error), stdout, stderr: stderr || reasonOf(error) });
      });
      // A program that ends without reading its input is no fault of ours.
      child.stdin?.on("error", () => {});
      child.stdin?.end(options.stdin ?? "");
    });
}

/**
 * Follows the output of a program found on `path` until it ends or the signal aborts, which kills
 * it. Never rejects: 127 if the program isn't there or may not be run.
 */
export function createFollowProgram(path: string): FollowProgram {
  return (command, args, { output, signal, env = { PATH: path } }) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve({ code: 124, stderr: "" });
      const child = spawn(command, [...args], { env, stdio: ["ignore", "pipe", "pipe"] });
      const kill = () => child.kill("SIGKILL");
      let stderr = "";
      const ended = (code: number, reason = "") => {
        signal.removeEventListener("abort", kill);
        resolve({ code, stderr: stderr || reason });
      };
      signal.addEventListener("abort", kill, { once: true });
      child.stdout.setEncoding("utf8").on("data", output);
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr = (stderr + text).slice(-maxErrorText);
      });
      child.once(
        "error",
        (error: ExecFileException) => ended(exitCode(error), reasonOf(error)),
      );
      child.once("close", (code) => ended(code ?? 124));
    });
}

function runOnTerminal(
  command: string,
  args: readonly string[],
  settings: SpawnOptions,
  done: (result: ProgramResult) => void,
): void {
  const child = spawn(command, [...args], { ...settings, stdio: ["inherit", "pipe", "inherit"] });
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => stdout += text);
  child.once(
    "error",
    (error: ExecFileException) => done({ code: exitCode(error), stdout, stderr: error.message }),
  );
  child.once("close", (code) => done({ code: code ?? 124, stdout, stderr: "" }));
}

function exitCode(error: ExecFileException | null): ProgramResult["code"] {
  if (error === null) return 0;
  if (typeof error.code === "number") return error.code;
  if (error.code === "ENOENT" || error.code === "EACCES") return 127;
  return error.killed === true ? 124 : 1;
}

/** For a program that failed without printing an error. */
function reasonOf(error: ExecFileException | null): string {
  if (error === null) return "";
  const code = exitCode(error);
  if (code === 127) return "there is no such program, or it may not be run";
  return code === 124 ? "it took too long" : `it ended with code ${code}`;
}
