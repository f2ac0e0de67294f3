/** Longer lines are cut into several, in characters. */
export const longestLine = 8192;

export type Cutter = {
  write(text: string): void;
  /** What stands on the line that is not ended yet becomes a line. */
  flush(): void;
};

/**
 * Makes lines of what a program writes, the same however it is cut into pieces. A carriage return without a line feed begins the line
 * anew, as on a terminal: of a progress bar the last state is what stays. Memory is bounded whatever is written.
 */
export function createCutter(take: (line: string) => void): Cutter {
  let pending = '';
  let isAtStart = false;

  function add(text: string): void {
    if (text === '') return;
    pending = isAtStart ? text : pending + text;
    isAtStart = false;
    while (pending.length > longestLine) {
      const end = isHighSurrogate(pending.charCodeAt(longestLine - 1)) ? longestLine - 1 : longestLine;
      take(pending.slice(0, end));
      pending = pending.slice(end);
    }
  }

  function addOverwritten(text: string): void {
    let from = 0;
    for (let at = text.indexOf('\r'); at !== -1; at = text.indexOf('\r', from)) {
      add(text.slice(from, at));
      isAtStart = true;
      from = at + 1;
    }
    add(text.slice(from));
  }

  function endLine(): void {
    const line = pending;
    pending = '';
    isAtStart = false;
    take(line);
  }

  return {
    write(text) {
      const addPart = text.includes('\r') ? addOverwritten : add;
      let from = 0;
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
        addPart(text.slice(from, at));
        endLine();
        from = at + 1;
      }
      addPart(text.slice(from));
    },
    flush() {
      if (pending !== '') endLine();
    },
  };
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff;
