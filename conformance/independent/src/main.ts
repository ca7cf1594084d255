// A payment connector as a process, by hand: what package serve of the Go SDK does for
// connectors in Go. See README.md for each step.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { newIdentity } from './certificate';
import { contract } from './contract';
import { log } from './log';
import { description } from './manifest';
import { service } from './service';

const cookie = 'c9f1b7d2-connector'; // no secret: it tells a host from a person
const contractVersion = 1, pluginProtocol = 1;
const maxRequest = 4 << 20;
const grace = 800; // for calls under way when the host asks to end; it waits a second before it kills

async function main(): Promise<void> {
  const { CONNECTOR_PLUGIN, PLUGIN_CLIENT_CERT, PLUGIN_UNIX_SOCKET_DIR, CONNECTOR_LIFELINE } = process.env;
  if (CONNECTOR_PLUGIN !== cookie) {
    const { operations, manifest } = description;
    process.stderr.write(`This is the payment connector ${manifest?.name} ${manifest?.version}, which offers: ${operations?.join(', ')}.
A host starts it; it is no program to run by hand.
`);
    process.exit(2);
  }
  if (!PLUGIN_CLIENT_CERT || !PLUGIN_UNIX_SOCKET_DIR) {
    throw new Error('the host must use AutoMTLS and name a directory for the socket');
  }
  const server = new Server({ 'grpc.max_receive_message_length': maxRequest });
  server.addService(contract.connector.v1.Connector.service, service);
  server.addService(contract.plugin.GRPCController.service, {
    Shutdown: (_: unknown, done: (err: null, empty: object) => void) => { done(null, {}); stop(server); },
  });
  follow(server, CONNECTOR_LIFELINE);

  const identity = await newIdentity();
  const socket = join(PLUGIN_UNIX_SOCKET_DIR, `s-${randomUUID().slice(0, 8)}`);
  const credentials = ServerCredentials.createSsl(
    Buffer.from(PLUGIN_CLIENT_CERT), // nobody but the host may call
    [{ private_key: identity.key, cert_chain: identity.certificate }], true,
  );
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, credentials, (err) => (err ? reject(err) : resolve()));
  });
  process.stdout.write(`${pluginProtocol}|${contractVersion}|unix|${socket}|grpc|${identity.handshake}\n`);
}

// follow ends this process with its host, and on SIGTERM.
function follow(server: Server, lifeline: string | undefined): void {
  process.on('SIGTERM', () => stop(server));
  if (lifeline === 'stdin') {
    const gone = () => process.exit(0); // at once: there is nobody left to answer
    process.stdin.on('end', gone).on('error', gone).resume();
    return;
  }
  const parent = process.ppid;
  setInterval(() => { if (process.ppid !== parent) process.exit(0); }, 1000).unref();
}

// stop lets the calls under way finish, for a moment.
function stop(server: Server): void {
  setTimeout(() => process.exit(0), grace);
  server.tryShutdown(() => process.exit(0));
}

main().catch((err: Error) => {
  log('ERROR', 'the connector cannot serve', { error: err.message });
  process.exitCode = 1;
  process.stderr.write('', () => process.exit(1));
});
