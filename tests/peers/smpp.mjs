// A message centre made of the npm package `smpp`, for the route `smpp`: it does what the number asks for.
//
//   npm install smpp@0.5.1          in a folder of its own
//   node smpp.mjs PORT [RECORD]     writes each PDU with its direction to RECORD, as hex
//
// The last digit of the destination says what becomes of a message:
//   0 nothing special           4 answers to the parts of one message in reverse   8 a receipt before the answer, another
//   1 throttled at first        5 answered after 3 s                                 after it, one of an unknown message
//   2 part 2 is refused, 0x0B   6 the connection ends instead of the answer        9 asked by enquire_link, then answered
//   3 the queue is full         7 an answer that is no SMPP
// A bind as `stranger` is refused with 0x0E.
import { createRequire } from 'node:module';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

const smpp = createRequire(join(process.cwd(), 'index.js'))('smpp');
const [port, record] = process.argv.slice(2);
const note = (direction, octets) => record && appendFileSync(record, `${direction}\t${octets.toString('hex')}\n`);
const say = (what) => console.log(JSON.stringify(what));
let next = 0x7a00;

function segment(pdu) {
  const { udh, message } = pdu.short_message;
  const parts = (udh ?? []).map((element) => element.toString('hex'));
  const part = (udh ?? []).find((element) => element[0] === 0)?.[4] ?? 1;
  return { to: pdu.destination_addr, esm_class: pdu.esm_class, data_coding: pdu.data_coding, udh: parts, part,
    octets: (pdu.message_payload?.message ?? message)?.toString('hex') ?? '' };
}

function receipt(session, pdu, id, state) {
  const text = `id:${id} sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:${state} err:000 text:`;
  session.deliver_sm({ source_addr: pdu.destination_addr, destination_addr: pdu.source_addr, esm_class: 4,
    short_message: text, receipted_message_id: id, message_state: state === 'DELIVRD' ? 2 : 5 },
    (answer) => say({ receipt: id, status: answer.command_status }));
}

const server = smpp.createServer((session) => {
  const held = [];
  const throttled = new Set();
  const write = session.socket.write.bind(session.socket);
  session.socket.write = (octets, ...rest) => { note('centre', octets); return write(octets, ...rest); };
  const read = session.socket.read.bind(session.socket);
  session.socket.read = (...size) => { const octets = read(...size); if (octets) note('impskit', octets); return octets; };
  session.on('error', (error) => say({ error: error.message }));
  session.on('close', () => say({ closed: true }));
  session.on('pdu', (pdu) => say({ command: pdu.command, length: pdu.command_length }));
  session.on('bind_transceiver', (pdu) => {
    const status = pdu.system_id === 'stranger' ? smpp.ESME_RINVPASWD : smpp.ESME_ROK;
    session.send(pdu.response({ system_id: 'peer', command_status: status, sc_interface_version: 0x34 }));
  });
  session.on('unbind', (pdu) => { session.send(pdu.response()); session.close(); });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('submit_sm', (pdu) => {
    const got = segment(pdu);
    say(got);
    const id = (next++).toString(16).toUpperCase();
    const answer = (command_status = 0) =>
      session.send(pdu.response(command_status ? { command_status } : { message_id: id }));
    const key = `${got.to}/${got.part}`;
    switch (got.to.at(-1)) {
      case '1': {
        const isFirst = got.part > 1 && !throttled.has(key);
        throttled.add(key);
        return answer(isFirst ? smpp.ESME_RTHROTTLED : 0);
      }
      case '2': return answer(got.part === 2 ? smpp.ESME_RINVDSTADR : 0);
      case '3': return answer(smpp.ESME_RMSGQFUL);
      case '4':
        held.push(answer);
        if (held.length === 2) held.splice(0).reverse().forEach((late) => late());
        return undefined;
      case '5': return setTimeout(answer, 3000);
      case '6': return session.socket.destroy();
      case '7': return session.socket.write(Buffer.from('ERROR: no service here\r\n'));
      case '8':
        receipt(session, pdu, id, 'DELIVRD');
        answer();
        receipt(session, pdu, id, 'DELIVRD');
        return receipt(session, pdu, 'FFFF', 'UNDELIV');
      case '9': return session.enquire_link({}, () => answer());
      default: return answer();
    }
  });
});
server.listen(Number(port), '127.0.0.1', () => say({ listening: server.address().port }));
