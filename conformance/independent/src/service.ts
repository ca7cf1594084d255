// The gRPC service: every call is bounded, judged, and answered in the contract's
// words. A status of gRPC other than OK would mean that nobody knows what happened.
import type { ServerUnaryCall, handleUnaryCall } from '@grpc/grpc-js';
import type { Answer, Call, ConnectorHandlers, WireError } from './contract';
import { Failed } from './failure';
import { log } from './log';
import { description } from './manifest';
import { authorize, checkCredentials, findPayment, findRefund, refund } from './operations';
import { judge } from './requests';

// Time kept back from the caller's deadline, so that what is known is said before the
// caller stops listening, and the patience with a caller who has more than enough.
const maxReserve = 500, reservePart = 10, longest = 60_000;

type Asked = { call?: Call | null };
type Handler<Req, Res> = handleUnaryCall<Req, Res>;
type Run<Req, Res> = (request: Req, signal: AbortSignal) => Promise<Res>;

/** read serves an operation that changes nothing. */
function read<Req extends Asked, Res extends { error?: WireError | null }>(op: string, run: Run<Req, Res>): Handler<Req, Res> {
  return serve(op, run, (failed) => ({ error: failed.wire(op) }) as Res);
}

/** write serves an operation whose Answer says what became of it, also where it failed. */
function write<Req extends Asked, Res extends { answer?: Answer | null }>(op: string, run: Run<Req, Res>): Handler<Req, Res> {
  return serve(op, run, (failed) => {
    const known = (failed.details.also ?? {}) as Res;
    return { ...known, answer: { ...known.answer, error: failed.wire(op) } };
  });
}

function serve<Req extends Asked, Res>(op: string, run: Run<Req, Res>, wrong: (failed: Failed) => Res): Handler<Req, Res> {
  return (call, done) => {
    const { signal, end } = bounded(call);
    answer(op, call.request, signal, run)
      .catch((err: unknown) => wrong(err instanceof Failed ? err : surprised(op, call.request, err)))
      .then((response) => { end(); done(null, masked(response, secretsOf(call.request)) as Res); });
  };
}

const secretsOf = (request: Asked): string[] => Object.values(request.call?.account?.secrets ?? {}).filter((s) => s !== '');

// masked takes the call's secrets out of an answer: a server that echoes a header, in a
// body or a header of its own, must not have us tell what it was.
function masked(value: unknown, secrets: string[]): unknown {
  if (typeof value === 'string') return secrets.reduce((text, secret) => text.replaceAll(secret, '[secret]'), value);
  if (Array.isArray(value)) return value.map((item) => masked(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, masked(inner, secrets)]));
}

async function answer<Req extends Asked, Res>(op: string, request: Req, signal: AbortSignal, run: Run<Req, Res>): Promise<Res> {
  if (signal.aborted) throw new Failed('expired_in_queue', 'the deadline had passed before the provider was asked');
  judge(op, request);
  return run(request, signal);
}

// bounded gives a signal that ends a little before the caller's patience, and with it.
function bounded(call: ServerUnaryCall<Asked, unknown>): { signal: AbortSignal; end: () => void } {
  const deadline = Number(call.getDeadline());
  const left = Math.min(deadline - Date.now(), longest); // without a deadline it is infinite
  const controller = new AbortController();
  const stop = () => controller.abort();
  if (left <= 0 || call.cancelled) stop();
  const timer = setTimeout(stop, left - Math.min(maxReserve, left / reservePart));
  call.once('cancelled', stop);
  return { signal: controller.signal, end: () => { clearTimeout(timer); call.off('cancelled', stop); } };
}

// surprised turns a mistake of ours into an error in doubt: nobody knows how far the
// code got. Its words are left out, for they may hold anything.
function surprised(op: string, request: Asked, err: unknown): Failed {
  log('ERROR', 'the connector has a mistake', { op, kind: err instanceof Error ? err.name : typeof err }, request.call ?? undefined);
  return new Failed('panic', 'the connector has a mistake');
}

// An operation that the description does not list is refused, and sends nothing.
const unsupported = (op: string): WireError => new Failed('operation_unsupported', `this connector does not offer ${op}`).wire(op);
const noRead = <Req>(op: string): Handler<Req, { error: WireError }> => (_, done) => done(null, { error: unsupported(op) });
const noWrite = <Req>(op: string): Handler<Req, { answer: Answer }> => (_, done) =>
  done(null, { answer: { outcome: 'OUTCOME_NOT_ATTEMPTED', error: unsupported(op) } });

/** service is connector.v1.Connector. */
export const service: ConnectorHandlers = {
  Describe: (_, done) => done(null, description),
  Health: (_, done) => done(null, { serving: true }),
  CheckCredentials: read('check_credentials', checkCredentials),
  Authorize: write('authorize', authorize),
  FindPayment: read('find_payment', findPayment),
  Refund: write('refund', refund),
  FindRefund: read('find_refund', findRefund),
  Capture: noWrite('capture'),
  Void: noWrite('void'),
  Cancel: noWrite('cancel'),
  ReadWebhook: noRead('read_webhook'),
  RegisterWebhook: noRead('register_webhook'),
  Tokenize: noWrite('tokenize'),
  DeleteToken: noWrite('delete_token'),
  ZeroAuthorize: noWrite('zero_authorize'),
  Increment: noWrite('increment'),
};
