import { type End, listen } from '../node/relay-end.ts';

/** The ways between the namespace of Argo and this machine, on the inner side: `node relays.ts '[{"from", "to"}, …]'`. */
for (const { from, to } of JSON.parse(process.argv[2]!) as { from: End; to: End }[]) await listen(from, to);
