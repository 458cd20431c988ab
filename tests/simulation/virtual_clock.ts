/**
 * Time of a simulation: a queue of events in the order of their time, then of their scheduling.
 * Before the next event, every promise that can settle has settled. Each process sees this time
 * through a clock of its own, which stands still, in effect, while the process is stopped.
 */

interface Event {
  readonly at: number;
  readonly sequence: number;
  run: (() => void) | null;
}

/** What a machine's wall clock showed when the simulation began. */
const epoch = Date.UTC(2026, 0, 1);
/** A real monotonic clock never shows 0 to a program. */
const bootMs = 1_000;
/** Far more than a cluster of ten nodes needs. */
const eventsPerSecond = 50_000;
/** How many macrotasks are queued at once: those of one turn of the event loop are cheapest. */
const eventsPerTurn = 16;

export class VirtualClock {
  /** Milliseconds since the simulation began. */
  time = 0;
  /** Events that have run. */
  events = 0;
  /** So much happened within a second that it wouldn't end. */
  isStuck = false;
  readonly #heap: Event[] = [];
  #sequence = 0;
  /** The second that it is in, and how many more events it may have. */
  #second = 0;
  #left = eventsPerSecond;

  /** Runs once after `ms`; the returned function cancels. */
  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.time + Math.max(0, ms), sequence: this.#sequence++, run };
    this.#push(event);
    return () => void (event.run = null);
  }

  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** The true time; milliseconds since the epoch. */
  now(): number {
    return epoch + this.time;
  }

  /** Runs what falls due until then, each event in a macrotask of its own. */
  runUntil(end: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const step = () => {
        if (isOver) return;
        try {
          isOver = !this.#runNext(end);
          if (isOver) resolve();
        } catch (fault) {
          isOver = true;
          reject(fault);
        }
      };
      const turn = () => {
        if (isOver) return;
        for (let n = 0; n < eventsPerTurn; n++) setImmediate(step);
        setImmediate(turn);
      };
      turn();
    });
  }

  /** False if nothing is left until `end`, which it is then, or if it is stuck. */
  #runNext(end: number): boolean {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      if (next.run === null) continue;
      this.time = next.at;
      this.events++;
      const second = Math.floor(this.time / 1_000);
      if (second === this.#second) this.#left--;
      else [this.#second, this.#left] = [second, eventsPerSecond];
      this.isStuck ||= this.#left < 0;
      if (this.isStuck) return false;
      next.run();
      return true;
    }
    this.time = end;
    return false;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

/** A machine's clocks: somebody may set its wall clock, and both may run fast or slow. */
export class Machine {
  readonly name: string;
  readonly #clock: VirtualClock;
  /** How much faster than the true time its clocks run: 0.001 gains a second in 1,000. */
  #drift = 0;
  /** How far its clocks were ahead when that was last changed. */
  #offsetMs = 0;
  #gainedMs = 0;
  #changedAt = 0;
  /** How often its wall clock was set ahead. */
  jumps = 0;
  /** When its wall clock was last set, by the simulation's. */
  setAt = -Infinity;

  constructor(name: string, clock: VirtualClock) {
    this.name = name;
    this.#clock = clock;
  }

  /** How far the wall clock is ahead of the true time. */
  get offsetMs(): number {
    return this.#offsetMs + this.#sinceChange();
  }

  set offsetMs(ms: number) {
    if (ms > this.offsetMs) this.jumps++;
    this.setAt = this.#clock.time;
    this.#rebase();
    this.#offsetMs = ms;
  }

  get drift(): number {
    return this.#drift;
  }

  set drift(drift: number) {
    this.#rebase();
    this.#drift = drift;
  }

  /** Milliseconds that its monotonic clock has counted since the simulation began. */
  monotonic(): number {
    return this.#clock.time + this.#gainedMs + this.#sinceChange();
  }

  #sinceChange(): number {
    return (this.#clock.time - this.#changedAt) * this.#drift;
  }

  #rebase(): void {
    const gained = this.#sinceChange();
    this.#offsetMs += gained;
    this.#gainedMs += gained;
    this.#changedAt = this.#clock.time;
  }
}

/** A process on a machine; its clock fits the `Clock` of agent and server. */
export class Process {
  readonly name: string;
  readonly machine: Machine;
  readonly #clock: VirtualClock;
  #state: "running" | "stopped" | "dead" = "running";
  #ranSince: number;
  /** What has arrived while it was stopped. */
  #missed: (() => void)[] = [];
  #timers = 0;
  readonly #atEnd = new Set<() => void>();

  constructor(name: string, machine: Machine, clock: VirtualClock) {
    this.name = name;
    this.machine = machine;
    this.#clock = clock;
    this.#ranSince = clock.time;
  }

  /** Since when it has run without a pause, by the simulation's clock; Infinity: it doesn't run. */
  get ranSince(): number {
    return this.#state === "running" ? this.#ranSince : Infinity;
  }

  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  get isStopped(): boolean {
    return this.#state === "stopped";
  }

  /** Timers that are set. */
  get timers(): number {
    return this.#timers;
  }

  now(): number {
    return Math.floor(this.#clock.now() + this.machine.offsetMs);
  }

  monotonic(): number {
    return bootMs + this.machine.monotonic();
  }

  after(ms: number, run: () => void): () => void {
    this.#timers++;
    let set = true;
    const unset = () => {
      if (set) this.#timers--;
      set = false;
    };
    const cancel = this.#clock.after(ms / (1 + this.machine.drift), () =>
      this.receive(() => {
        if (!set) return;
        unset();
        run();
      }));
    return () => {
      cancel();
      unset();
    };
  }

  /** Runs when the process runs: now, once it continues, or never. */
  receive(run: () => void): void {
    if (this.#state === "running") run();
    else if (this.#state === "stopped") this.#missed.push(run);
  }

  /** Called when the process dies; the returned function ends that. */
  atEnd(ended: () => void): () => void {
    this.#atEnd.add(ended);
    return () => this.#atEnd.delete(ended);
  }

  /** SIGSTOP */
  stop(): void {
    if (this.#state === "running") this.#state = "stopped";
  }

  /** SIGCONT: what it has missed happens now, in order, each thing by itself. */
  continue(): void {
    if (this.#state !== "stopped") return;
    this.#state = "running";
    this.#ranSince = this.#clock.time;
    for (const run of this.#missed.splice(0)) this.#clock.after(0, () => this.receive(run));
  }

  /** SIGKILL */
  die(): void {
    this.#state = "dead";
    this.#missed = [];
    for (const ended of [...this.#atEnd]) ended();
    this.#atEnd.clear();
  }
}
