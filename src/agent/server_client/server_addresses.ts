/** The addresses of the server's Service in random order, so that agents spread over replicas. */
import { withoutBrackets } from "../../net/host_port.ts";
import { ServerFault } from "./server_fault.ts";

interface AddressOptions {
  /** `--server` */
  readonly server: string;
  readonly resolve: (name: string) => Promise<readonly string[]>;
  /** 0 up to 1. */
  readonly random: () => number;
}

/** Every address but `avoid`. @throws {ServerFault} the name has none. */
export async function serverAddresses(
  { server, resolve, random }: AddressOptions,
  avoid: string | null,
): Promise<readonly string[]> {
  const name = withoutBrackets(new URL(server).hostname);
  const found = await resolve(name).catch((cause) => {
    throw new ServerFault("unreachable", `${name}: no address found for it`, cause);
  });
  if (found.length === 0) throw new ServerFault("unreachable", `${name}: no address found for it`);
  return shuffled(found.filter((address) => address !== avoid), random);
}

/** Fisher and Yates. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const drawn = [...items];
  for (let last = drawn.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [drawn[last], drawn[other]] = [drawn[other]!, drawn[last]!];
  }
  return drawn;
}
