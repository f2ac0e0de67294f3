export type TerminalSize = { columns: number; rows: number };

/** A shell on a terminal, somewhere. */
export type Shell = {
  /** What is typed. False when it takes no more for now: `onDrain`. */
  write(bytes: Buffer): boolean;
  onDrain(listener: () => void): void;
  onData(listener: (bytes: Buffer) => void): void;
  /** Reads on, or not: what it writes meanwhile makes it wait. */
  pause(): void;
  resume(): void;
  resize(size: TerminalSize): void;
  /** Its exit code, where it has one. */
  ended: Promise<number | undefined>;
  /** Ends it with everything that was started in it. */
  end(): Promise<void>;
};
