import type { Store } from '../store/index.ts';
import type { Address } from './address.ts';
import * as records from './records.ts';

/** What is known of addresses made by hand, by everybody who has the store. */
export type Addresses = {
  of(owners: readonly { id: string }[]): Promise<Address[]>;
  all(): Promise<Address[]>;
};

export const createAddresses = ({ store }: { store: Store }): Addresses => ({
  of: (owners) =>
    records.addressesOf(
      store.db,
      owners.map(({ id }) => id),
    ),
  all: () => records.allAddresses(store.db),
});
