/** Reads a procfs: its files have no length, and processes may end while they are read. */
import { open, readdir, readlink, stat } from "node:fs/promises";
import type { ProcFile, ProcFiles } from "./runtime.ts";

/** The most that the kernel returns at once. */
const chunkBytes = 4096;
const maxTextBytes = 65_536;

export function procFiles(root: string): ProcFiles {
  const at = (path: string) => path === "" ? root : `${root}/${path}`;
  const openAt = async (path: string): Promise<ProcFile> => {
    const file = await open(at(path));
    return {
      async scan(maxBytes, take) {
        try {
          const chunk = new Uint8Array(chunkBytes);
          for (let total = 0;;) {
            const { bytesRead } = await file.read(chunk, 0, chunkBytes, null);
            if (bytesRead === 0) return;
            total += bytesRead;
            if (total > maxBytes) throw new RangeError(`${path}: longer than ${maxBytes} bytes`);
            take(latin1.decode(chunk.subarray(0, bytesRead)));
          }
        } finally {
          // Nobody waits for it: on a busy node each step costs a wait for the processor.
          file.close().catch(() => {});
        }
      },
    };
  };
  return {
    list: (path) => readdir(at(path)),
    link: (path) => readlink(at(path)),
    inode: async (path) => (await stat(at(path))).ino,
    text: async (path) => {
      let text = "";
      await (await openAt(path)).scan(maxTextBytes, (piece) => text += piece);
      return text;
    },
    open: openAt,
  };
}

/** Byte for byte: a piece may end anywhere. */
const latin1 = new TextDecoder("latin1");
