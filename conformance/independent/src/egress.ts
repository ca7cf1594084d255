// The way to the provider. A confined connector has no network: the host gives it a
// Unix socket on which an HTTP proxy answers, and what follows its answer to CONNECT is
// the connection.
import * as http from 'node:http';
import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Duplex } from 'node:stream';

const patience = 10_000; // for one connection, whatever the call allows

/** NotConnected is why there is no connection: nothing of a request has left this process. */
export class NotConnected extends Error {
  constructor(readonly code: 'connect_refused' | 'dns_failure' | 'tls_failure', message: string) {
    super(message);
  }
}

/** Pool keeps connections to providers, over TLS or, on this machine, in clear. */
export class Pool extends http.Agent {
  constructor(private readonly secure: boolean) {
    super({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64, timeout: 30_000 });
  }

  // Node asks for a connection here, and writes the request once done is called: a
  // request without a connection was not sent.
  override createConnection(
    to: http.ClientRequestArgs, done?: (err: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const host = String(to.host), port = Number(to.port);
    connect(host, port, this.secure).then(
      (socket) => done?.(null, socket),
      (err: Error) => done?.(err, undefined as unknown as Duplex),
    );
    return undefined;
  }
}

async function connect(host: string, port: number, secure: boolean): Promise<net.Socket> {
  const gate = process.env.CONNECTOR_EGRESS;
  const socket = gate ? await through(gate, host, port) : await directly(host, port);
  return secure ? await encrypted(socket, host) : socket;
}

// through asks the gate. It resolves the name, and refuses what the manifest and the
// operator do not allow.
function through(gate: string, host: string, port: number): Promise<net.Socket> {
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    const ask = http.request({ socketPath: gate, method: 'CONNECT', path: address, headers: { host: address }, agent: false });
    const refuse = (why: string) => {
      ask.destroy();
      reject(new NotConnected('connect_refused', `connecting to ${address}: ${why}`));
    };
    ask.setTimeout(patience, () => refuse('the host answers too late'));
    ask.once('error', (err) => refuse(err.message));
    ask.once('connect', (answer, socket: net.Socket, head) => {
      if (answer.statusCode !== 200) return refuse(`refused with ${answer.statusCode}`);
      socket.setTimeout(0);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    ask.end();
  });
}

function directly(host: string, port: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, timeout: patience });
    const fail = (err: NodeJS.ErrnoException) => {
      socket.destroy();
      const name = err.code === 'ENOTFOUND' || err.code === 'EAI_AGAIN';
      reject(new NotConnected(name ? 'dns_failure' : 'connect_refused', err.message));
    };
    socket.once('error', fail);
    socket.once('timeout', () => fail(new Error(`connecting to ${host}: no answer`)));
    socket.once('connect', () => {
      socket.off('error', fail).removeAllListeners('timeout').setTimeout(0);
      resolve(socket);
    });
  });
}

let trusted: string[] | undefined; // what Node trusts, and what this machine's administrator does

function encrypted(plain: net.Socket, host: string): Promise<net.Socket> {
  trusted ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])];
  return new Promise((resolve, reject) => {
    const socket = tls.connect({
      socket: plain, servername: net.isIP(host) ? '' : host, host, ca: trusted, ALPNProtocols: ['http/1.1'],
    });
    const fail = (err: Error) => {
      socket.destroy();
      plain.destroy();
      reject(new NotConnected('tls_failure', `TLS with ${host}: ${err.message}`));
    };
    socket.setTimeout(patience, () => fail(new Error('no answer')));
    socket.once('error', fail);
    socket.once('secureConnect', () => {
      socket.off('error', fail).removeAllListeners('timeout').setTimeout(0);
      resolve(socket);
    });
  });
}
