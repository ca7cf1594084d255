// The provider's HTTP API, in the provider's own words. Each request is sent once, no
// redirect is followed, nothing is kept between calls but connections, and every call
// that fails says whether the provider can have received it.
import * as http from 'node:http';
import Ajv from 'ajv';
import { NotConnected, Pool } from './egress';
import { Failed, fieldOf, isValidation, refusalCode } from './failure';
import type { Amount } from './money';

const maxAnswer = 4 << 20;
const pools = { 'http:': new Pool(false), 'https:': new Pool(true) };

export interface Payment {
  id: string; reference?: string; status: string; revision?: number;
  amount?: Amount | null; authorized?: Amount | null; captured?: Amount | null;
  released?: Amount | null; refunded?: Amount | null;
  captures?: Move[] | null; refunds?: Move[] | null;
  reason?: string; page?: string; page_ends?: string; held_until?: string;
}
export interface Move {
  id: string; payment?: string; amount?: Amount | null; status: string; operation?: string; created_at?: string;
}

const text = { type: 'string' };
const list = (items: object) => ({ type: 'array', nullable: true, items });
const amount = { type: 'object', nullable: true, required: ['value', 'currency'], properties: { value: text, currency: text } };
const name = { type: 'string', minLength: 1 };
const move = {
  type: 'object', required: ['id', 'status'],
  properties: { id: name, payment: text, amount, status: name, operation: text, created_at: text },
};
const payment = {
  type: 'object', required: ['id', 'status'],
  properties: {
    id: name, reference: text, status: name, revision: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    amount, authorized: amount, captured: amount, released: amount, refunded: amount,
    captures: list(move), refunds: list(move), reason: text, page: text, page_ends: text, held_until: text,
  },
};
const listOf = (items: object) => ({ type: 'object', required: ['items'], properties: { items: { type: 'array', items } } });
const ajv = new Ajv({ strict: false, meta: false, validateSchema: false });
const compile = <T>(schema: object) => ajv.compile<T>(schema);

/** The forms of the provider's answers. A success in any other form is in doubt. */
export const forms = {
  account: compile<object>({ type: 'object' }),
  payment: compile<Payment>(payment),
  payments: compile<{ items: Payment[] }>(listOf(payment)),
  move: compile<Move>(move),
  moves: compile<{ items: Move[] }>(listOf(move)),
  refunded: compile<{ refund: Move; payment: Payment }>({
    type: 'object', required: ['refund', 'payment'], properties: { refund: move, payment },
  }),
};

/** Merchant is one account at the provider. */
export interface Merchant { url: string; apiKey: string }

interface Ask { method: 'GET' | 'POST'; path: string; key?: string; body?: object }
interface Raw { status: number; headers: http.IncomingHttpHeaders; text: string; broken?: 'truncated' | 'too long' }

/** ask sends one request and reads its answer. The signal ends it: a deadline, or a caller who is gone. */
export async function ask<T extends object>(
  merchant: Merchant, what: Ask, form: { (answer: unknown): answer is T }, signal: AbortSignal,
): Promise<T> {
  const raw = await send(merchant, what, signal);
  const answer = parse(raw.text);
  if (raw.status < 200 || raw.status > 299) throw refusal(raw, answer, what.method === 'GET');
  const provider = { http_status: raw.status, request_id: requestId(raw) };
  const where = `${what.method} ${what.path}`;
  if (raw.broken === 'truncated') throw new Failed('truncated_body', `${where}: the answer ended early`, { provider });
  if (raw.broken || !form(answer)) {
    throw new Failed('unparseable_success', `${where}: the answer cannot be read`, { provider });
  }
  return answer;
}

// send says of a request without an answer whether it was sent: Node writes a request
// as soon as it has a connection, and not before.
function send(merchant: Merchant, what: Ask, signal: AbortSignal): Promise<Raw> {
  const base = new URL(merchant.url);
  const body = what.body === undefined ? undefined : Buffer.from(JSON.stringify(what.body));
  const headers: http.OutgoingHttpHeaders = {
    Host: base.host, Authorization: `Bearer ${merchant.apiKey}`, Accept: 'application/json',
  };
  if (body) Object.assign(headers, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  if (what.key) headers['Idempotency-Key'] = what.key;
  return new Promise((resolve, reject) => {
    let sent = false;
    const fail = (err: Error) => reject(unanswered(`${what.method} ${what.path}`, err, sent, signal));
    if (signal.aborted) return fail(new Error('the call is over'));
    const request = http.request({
      agent: pools[base.protocol as keyof typeof pools], method: what.method, headers, signal,
      host: base.hostname.replace(/^\[(.*)\]$/, '$1'), port: base.port || (base.protocol === 'https:' ? 443 : 80),
      path: base.pathname.replace(/\/$/, '') + what.path,
    });
    request.once('socket', () => { sent = true; });
    request.once('error', fail);
    request.once('response', (answer) => receive(answer, signal).then(resolve, fail));
    request.end(body);
  });
}

async function receive(answer: http.IncomingMessage, signal: AbortSignal): Promise<Raw> {
  const chunks: Buffer[] = [];
  const raw: Raw = { status: answer.statusCode ?? 0, headers: answer.headers, text: '' };
  let length = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxAnswer) {
        raw.broken = 'too long';
        answer.destroy();
        break;
      }
    }
  } catch (err) {
    const success = raw.status >= 200 && raw.status < 300;
    if (signal.aborted && success) throw err;
    raw.broken = 'truncated'; // a refusal is an answer, however its body ends
  }
  raw.text = Buffer.concat(chunks).toString('utf8');
  return raw;
}

function unanswered(where: string, err: Error, sent: boolean, signal: AbortSignal): Failed {
  if (sent) return new Failed(signal.aborted ? 'read_timeout' : 'connection_reset', `${where}: no answer: ${err.message}`);
  if (signal.aborted) return new Failed('expired_in_queue', `${where}: not sent: ${err.message}`);
  return new Failed(err instanceof NotConnected ? err.code : 'connect_refused', `${where}: not sent: ${err.message}`);
}

interface Said {
  error?: { code?: unknown; message?: unknown; field?: unknown; network?: Record<string, unknown> | null };
  payment?: unknown;
}

// refusal translates an answer other than success. A body that is not the provider's
// own leaves the code empty: somebody on the way has answered.
function refusal(raw: Raw, answer: unknown, reads: boolean): Failed {
  const said = (typeof answer === 'object' && answer !== null ? answer : {}) as Said;
  const e = typeof said.error === 'object' && said.error !== null ? said.error : {};
  const code = str(e.code), message = str(e.message), field = str(e.field);
  const ours = refusalCode(raw.status, code, reads);
  const waits = ours === 'rate_limited' || ours === 'key_in_progress';
  return new Failed(ours, message || `the provider answers ${raw.status}`, {
    provider: { code, message, http_status: raw.status, request_id: requestId(raw) },
    network: e.network ? {
      scheme: str(e.network.scheme), decline_code: str(e.network.decline_code), advice_code: str(e.network.advice_code),
    } : undefined,
    fields: field || isValidation(ours) ? [{ pointer: fieldOf(field), message: message || 'is refused by the provider' }] : undefined,
    retryAfter: waits ? secondsOf(raw.headers['retry-after']) : undefined,
    also: raw.status === 402 && forms.payment(said.payment) ? said.payment : undefined,
  });
}

// secondsOf reads a Retry-After header: seconds, or a date.
function secondsOf(header: string | undefined): number | undefined {
  if (!header) return undefined;
  if (/^[0-9]{1,9}$/.test(header)) return Number(header);
  const until = Date.parse(header) - Date.now();
  return until > 0 ? Math.ceil(until / 1000) : undefined;
}

const requestId = (raw: Raw) => str(raw.headers['x-request-id']);
const str = (value: unknown): string => (typeof value === 'string' ? value : '');

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined; // which is in no form
  }
}
