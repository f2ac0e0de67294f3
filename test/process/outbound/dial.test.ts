import type { lookup } from 'node:dns';
import { createServer } from 'node:net';
import { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import t from 'tap';
import { closedNetworks } from '../../../gateway/lib/index.ts';
import { createOutboundDial } from '../../../gateway/process/index.ts';

/** Every name is at these addresses. */
const namesAt = (...addresses: string[]) =>
  createOutboundDial({
    lookup: ((_name: string, _options: unknown, callback: (error: null, found: unknown[]) => void) =>
      callback(
        null,
        addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      )) as unknown as typeof lookup,
  });

t.test('addresses inside are closed, however they are spelled and whatever a name says', async (t) => {
  for (const address of [
    ...['127.0.0.1', '127.8.8.8', '::1', '0.0.0.0', '::', '::ffff:127.0.0.1', '::ffff:10.0.0.1'],
    ...['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '224.0.0.1', '255.255.255.255', 'ff02::1'],
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '198.18.0.1', 'fc00::1', 'fd12::1'],
    ...['64:ff9b::7f00:1', '2002:7f00:1::1', '::7f00:1', '2001:0:1::1'],
    ...['192.88.99.1', '100::1', 'fec0::1', '5f00::1', '::ffff:0:10.0.0.1', '::ffff:0:7f00:1'],
  ]) {
    await t.rejects(createOutboundDial()(address, 443, false), { code: 'KNOT_PROCESS_OUTBOUND_CLOSED' }, address);
    await t.rejects(
      namesAt(address)('a.example', 443, false),
      { code: 'KNOT_PROCESS_OUTBOUND_CLOSED' },
      `by name: ${address}`,
    );
    await t.rejects(
      namesAt('1.1.1.1', address)('a.example', 443, false),
      { code: 'KNOT_PROCESS_OUTBOUND_CLOSED' },
      `among others: ${address}`,
    );
  }
});

t.test('it is closed to every network that programs in a cluster are shut out of', async (t) => {
  for (const network of closedNetworks) {
    const [address] = network.split('/');
    await t.rejects(createOutboundDial()(address!, 443, false), { code: 'KNOT_PROCESS_OUTBOUND_CLOSED' }, network);
  }
});

t.test('what an administrator names is never on this machine', async (t) => {
  const own = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  for (const address of ['127.0.0.1', '::1', '169.254.169.254', '0.0.0.0', ...own.map(({ address }) => address)])
    await t.rejects(namesAt(address)('mirror.internal', 443, true), { code: 'KNOT_PROCESS_OUTBOUND_CLOSED' }, address);
  // Though somebody listens there.
  const server = createServer().listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await t.rejects(createOutboundDial()('127.0.0.1', port, true), { code: 'KNOT_PROCESS_OUTBOUND_CLOSED' });
});
