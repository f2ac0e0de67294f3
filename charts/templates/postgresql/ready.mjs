/** Ends with 0 when the database lets somebody in: a start-up message is answered by anything but a refusal (PostgreSQL, "Message Flow"). */
import { connect } from 'node:net';

const user = process.env.KNOT_USERNAME;
const facts = Buffer.from(`user\0${user}\0database\0${user}\0\0`);
const head = Buffer.alloc(8);
head.writeUInt32BE(head.length + facts.length, 0);
head.writeUInt32BE(3 << 16, 4);
const socket = connect(process.argv[2]);
socket.write(Buffer.concat([head, facts]));
socket.once('data', (answer) => process.exit(answer[0] === 'R'.charCodeAt(0) ? 0 : 1));
socket.on('error', () => process.exit(1));
socket.on('close', () => process.exit(1));
