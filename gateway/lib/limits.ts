/**
 * How long what people type may be, in UTF-16 code units, which `maxlength` of a form counts as well. The modules refuse by these, the
 * contract of the API tells them, and the forms of the dashboard stop at them (a test compares).
 */
export const limits = { name: 30, email: 254, teamTitle: 60, clientName: 80 } as const;
