// The gRPC service: every call is bounded, judged, and answered in the contract's
// words. A status of gRPC other than OK would mean that nobody knows what happened.
import type { ServerUnaryCall, UntypedServiceImplementation, sendUnaryData } from '@grpc/grpc-js';
import type { Call } from './contract';
import { Failed } from './failure';
import { log } from './log';
import { description } from './manifest';
import { authorize, checkCredentials, findPayment, findRefund, refund } from './operations';
import { judge } from './requests';

// Time kept back from the caller's deadline, so that what is known is said before the
// caller stops listening, and the patience with a caller who has none.
const maxReserve = 500, reservePart = 10, ownPatience = 30_000;

type Asked = { call?: Call | null };
type Handler = (call: ServerUnaryCall<Asked, object>, done: sendUnaryData<object>) => void;

/** serve makes a handler of an operation. inAnswer is whether its error travels in an Answer, as a write's does. */
function serve<Req extends Asked>(op: string, inAnswer: boolean, run: (request: Req, signal: AbortSignal) => Promise<object>): Handler {
  const wrong = (err: Failed) => (inAnswer
    ? { ...err.details.also, answer: { ...(err.details.also as { answer?: object } | undefined)?.answer, error: err.wire(op) } }
    : { error: err.wire(op) });
  return (call, done) => {
    const request = call.request as Req;
    const { signal, end } = bounded(call);
    answer(op, request, signal, run)
      .catch((err: unknown) => wrong(err instanceof Failed ? err : surprised(op, request, err)))
      .then((response) => { end(); done(null, response); });
  };
}

async function answer<Req extends Asked>(
  op: string, request: Req, signal: AbortSignal, run: (request: Req, signal: AbortSignal) => Promise<object>,
): Promise<object> {
  if (signal.aborted) throw new Failed('expired_in_queue', 'the deadline had passed before the provider was asked');
  judge(op, request);
  return run(request, signal);
}

// bounded gives a signal that ends a little before the caller's patience, and with it.
function bounded(call: ServerUnaryCall<Asked, object>): { signal: AbortSignal; end: () => void } {
  const deadline = Number(call.getDeadline());
  const left = Number.isFinite(deadline) ? deadline - Date.now() : ownPatience;
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

// refused answers an operation that the description does not list.
function refused(op: string, inAnswer: boolean): Handler {
  const error = new Failed('operation_unsupported', `this connector does not offer ${op}`).wire(op);
  return (_, done) => done(null, inAnswer ? { answer: { outcome: 'OUTCOME_NOT_ATTEMPTED', error } } : { error });
}

/** service is connector.v1.Connector. */
export const service = {
  Describe: (_: unknown, done: sendUnaryData<object>) => done(null, description),
  Health: (_: unknown, done: sendUnaryData<object>) => done(null, { serving: true }),
  CheckCredentials: serve('check_credentials', false, checkCredentials),
  Authorize: serve('authorize', true, authorize),
  FindPayment: serve('find_payment', false, findPayment),
  Refund: serve('refund', true, refund),
  FindRefund: serve('find_refund', false, findRefund),
  Capture: refused('capture', true),
  Void: refused('void', true),
  Cancel: refused('cancel', true),
  ReadWebhook: refused('read_webhook', false),
  RegisterWebhook: refused('register_webhook', false),
  Tokenize: refused('tokenize', true),
  DeleteToken: refused('delete_token', true),
  ZeroAuthorize: refused('zero_authorize', true),
  Increment: refused('increment', true),
} as unknown as UntypedServiceImplementation;
