/**
 * `/proc/PID/net/nf_conntrack` (`ct_seq_show` in nf_conntrack_standalone.c): connections that a pod
 * translates inside its own network namespace, as Docker in a pod does for its containers. Their
 * sockets are in a nested namespace; the pod's own tables don't show them, but the reply tuple, from
 * the metadata address back to the pod's address, has the two ends that the agent sees.
 */
import { endKey, type SocketRow } from "./socket_table.ts";

const tuple = "src=([0-9a-f.:]+) dst=([0-9a-f.:]+) sport=(\\d+) dport=(\\d+)";
const established = new RegExp(
  `^\\S+ +\\d+ +tcp +6 +\\d+ +ESTABLISHED ${tuple} (?:packets=\\d+ bytes=\\d+ )?${tuple}`,
);

/**
 * Collects established connections that are translated, from the file's text in pieces. They have no
 * inode; their two ends take its place.
 */
export class TupleCollector {
  readonly rows: SocketRow[] = [];
  #partial = "";

  push(text: string): void {
    const lines = (this.#partial + text).split("\n");
    this.#partial = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    const found = established.exec(line);
    if (found === null) return;
    const [, source, , sourcePort, , replySource, replyTarget, replySourcePort, replyPort] = found;
    // What isn't translated has a socket of its own in the pod's tables, or is another pod's.
    if (source === replyTarget && sourcePort === replyPort) return;
    const local = endKey({ address: replyTarget!, port: Number(replyPort) });
    const remote = endKey({ address: replySource!, port: Number(replySourcePort) });
    this.rows.push({ local, remote, inode: `${local} ${remote}` });
  }
}
