/** The types of everything the API says, from the gateway's own schemas; nothing of them reaches the browser. */
export type * from '../../../gateway/api/contract.ts';
