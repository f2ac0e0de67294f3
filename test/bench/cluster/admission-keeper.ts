/** Admission of a gateway in a process of its own, for as long as its channel is open; tells the port once it is in force. */
import { createAdmission } from '../../../gateway/admission/index.ts';
import { openKube } from '../../../gateway/kube/index.ts';
import { silentLog, systemClock } from '../../../gateway/lib/index.ts';

const [kubeconfig = '', port = '', clientCa = ''] = process.argv.slice(2);
process.on('disconnect', () => process.exit());
const kube = await openKube({ kubeconfig }, { clock: systemClock });
const admission = createAdmission({
  kube,
  settings: {
    rules: { gatewayNamespace: 'knot', servicesDomain: 'example.org', csiDrivers: [], ephemeralContainers: false },
    listen: { host: '127.0.0.1', port: Number(port) },
    url: `https://127.0.0.1:${port}`,
    clientCa,
    clientNames: ['kube-apiserver'],
  },
  findGrant: async (namespace) => ({
    namespace,
    owner: { name: namespace.replace('knot-', '') },
    claims: [
      { claim: 'knot-private', path: '/files/private', area: 'own' },
      { claim: 'knot-shared', path: '/files/shared', area: 'shared' },
      ...['one', 'two', 'three'].map(
        (team) => ({ claim: `knot-team-${team}`, path: `/files/team/${team}`, area: 'team' }) as const,
      ),
    ],
  }),
  clock: systemClock,
  log: silentLog,
});
await admission.look();
process.send!('in force');
