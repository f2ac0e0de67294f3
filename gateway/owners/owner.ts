/** A person or a team. The id never changes; names are unique among both and never given out twice. */
export type Owner = { kind: 'user' | 'team'; id: string; name: string; title: string };
