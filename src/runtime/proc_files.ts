/** Reads a procfs: files that have no length, processes that go away while they are read. */
import { open, readdir, readlink, stat } from "node:fs/promises";

export interface ProcFiles {
  list(path: string): Promise<readonly string[]>;
  link(path: string): Promise<string>;
  inode(path: string): Promise<number>;
  /** A small file. @throws {RangeError} it is longer than 64 KiB */
  text(path: string): Promise<string>;
  /** A file of any size, piece by piece. @throws {RangeError} it is longer than `maxBytes` */
  scan(path: string, maxBytes: number, take: (text: string) => void): Promise<void>;
}

const chunkBytes = 65_536;

export function procFiles(root: string): ProcFiles {
  const at = (path: string) => path === "" ? root : `${root}/${path}`;
  const scan: ProcFiles["scan"] = async (path, maxBytes, take) => {
    const file = await open(at(path));
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
      await file.close();
    }
  };
  return {
    list: (path) => readdir(at(path)),
    link: (path) => readlink(at(path)),
    inode: async (path) => (await stat(at(path))).ino,
    text: async (path) => {
      let text = "";
      await scan(path, chunkBytes, (piece) => text += piece);
      return text;
    },
    scan,
  };
}

/** Byte for byte: a piece may end anywhere. */
const latin1 = new TextDecoder("latin1");
