/** open(2) on Linux: a descriptor that only names a place, and needs no right to read what is there. Node has no name for it. */
export const O_PATH = 0o10000000;
