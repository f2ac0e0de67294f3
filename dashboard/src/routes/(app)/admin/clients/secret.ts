/** A client whose secret can be seen now and never again. */
export type ShownSecret = {
  title: string;
  clientId: string;
  /** Undefined for a public client. */
  clientSecret?: string | undefined;
  /** Until when the secret of before works as well, milliseconds. */
  previousSecretUntil?: number | null;
};
