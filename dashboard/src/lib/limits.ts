/** How long what people type may be: those of gateway/lib/limits.ts, which refuses what is longer; a test compares. */
export const limits = { name: 30, email: 254, teamTitle: 60, clientName: 80 } as const;
