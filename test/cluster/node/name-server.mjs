/**
 * Runs in a pod: answers for the names of Services (`NAME.NAMESPACE.svc.cluster.local`, RFC 1035; "DNS for Services and Pods") and for those in
 * NAMES, a JSON object from name to address. Everything else does not exist, at once. Addresses are IPv4 only.
 */
import { readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { request } from 'node:https';

const account = '/var/run/secrets/kubernetes.io/serviceaccount';
const fixed = new Map(Object.entries(JSON.parse(process.env.NAMES ?? '{}')));
let services = new Map();

const list = (path) =>
  new Promise((resolve, reject) => {
    const asked = request(`https://10.96.0.1/${path}`, {
      ca: readFileSync(`${account}/ca.crt`),
      headers: { authorization: `Bearer ${readFileSync(`${account}/token`, 'utf8')}` },
    });
    asked.on('response', (answer) =>
      answer.toArray().then((parts) => resolve(JSON.parse(parts.join('')).items), reject),
    );
    asked.on('error', reject).end();
  });

/** A Service without an address (`clusterIP: None`) has that of a pod of it that is ready. */
async function readServices() {
  const [all, slices] = await Promise.all([list('api/v1/services'), list('apis/discovery.k8s.io/v1/endpointslices')]);
  const podOf = ({ metadata }) =>
    slices
      .filter((slice) => slice.metadata.namespace === metadata.namespace)
      .filter((slice) => slice.metadata.labels['kubernetes.io/service-name'] === metadata.name)
      .flatMap(({ endpoints }) => endpoints ?? [])
      .find(({ conditions }) => conditions.ready)?.addresses[0];
  const addressOf = (service) => (service.spec.clusterIP === 'None' ? podOf(service) : service.spec.clusterIP);
  services = new Map(
    all
      .map((service) => [service.metadata, addressOf(service)])
      .filter(([, address]) => /^\d/.test(address ?? ''))
      .map(([{ name, namespace }, address]) => [`${name}.${namespace}.svc.cluster.local`, address]),
  );
}
const read = () => readServices().catch(() => undefined);
read();
setInterval(read, 500);

/** The question of a message: where it ends, its name and type. */
function questionOf(message) {
  const labels = [];
  let at = 12;
  for (let length = message[at]; length > 0; length = message[at]) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}

const socket = createSocket('udp4');
socket.on('error', (error) => {
  console.error(error);
  process.exit(1);
});
socket.on('message', (message, from) => {
  const { name, type, end } = questionOf(message);
  const address = fixed.get(name) ?? services.get(name);
  const hasAnswer = address !== undefined && type === 1;
  const answer = Buffer.from(message.subarray(0, end));
  // Response, authoritative, recursion as asked; NXDOMAIN for what is not there.
  answer.writeUInt16BE(0x8400 | (message.readUInt16BE(2) & 0x0100) | 0x0080 | (address === undefined ? 3 : 0), 2);
  answer.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  answer.writeUInt32BE(0, 8);
  const record = Buffer.alloc(16);
  // A pointer to the name, type A, class IN, one second.
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(1, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(1, 6);
  record.writeUInt16BE(4, 10);
  if (hasAnswer) Buffer.from(address.split('.').map(Number)).copy(record, 12);
  socket.send(hasAnswer ? Buffer.concat([answer, record]) : answer, from.port, from.address);
});
socket.bind(53, '0.0.0.0');
