// The provider's answers in the contract's words, whatever path they came by, and
// whether they are about what was asked. An answer about something else is a failure of
// integrity, and in doubt.
import type { MoneyAsked, MoveStatus, RefundSnapshot, Snapshot, State, Timestamp } from './contract';
import { Failed, own } from './failure';
import { minor, type Amount } from './money';
import type { Move, Payment } from './provider';

type Names<T> = Extract<T, string>;

const states: Record<string, Names<State>> = {
  awaiting_buyer: 'STATE_REQUIRES_ACTION', in_review: 'STATE_PROCESSING', authorized: 'STATE_AUTHORIZED',
  partly_captured: 'STATE_PARTIALLY_CAPTURED', capturing: 'STATE_PROCESSING', captured: 'STATE_CAPTURED',
  voided: 'STATE_VOIDED', canceled: 'STATE_CANCELED', declined: 'STATE_DECLINED',
  lapsed: 'STATE_EXPIRED', expired: 'STATE_EXPIRED',
};
const moves: Record<string, Names<MoveStatus>> = {
  accepted: 'MOVE_STATUS_PENDING', succeeded: 'MOVE_STATUS_SUCCEEDED', failed: 'MOVE_STATUS_FAILED',
  reversed: 'MOVE_STATUS_REVERSED',
};

/** stateOf maps the provider's word; one that it did not have when this was written is UNKNOWN. */
export const stateOf = (status: string): Names<State> => own(states, status) ?? 'STATE_UNKNOWN';
export const moveOf = (status: string): Names<MoveStatus> => own(moves, status) ?? 'MOVE_STATUS_UNKNOWN';

export function snapshotOf(p: Payment): Snapshot {
  return {
    order: p.id, reference: p.reference, state: stateOf(p.status),
    authorized: minor(p.authorized), captured: minor(p.captured), released: minor(p.released), refunded: minor(p.refunded),
    captures: p.captures?.map((m) => ({ ref: m.id, ...moved(m) })),
    refunds: p.refunds?.map(refundOf),
    expires_at: timestamp(p.held_until), revision: String(p.revision ?? 0),
    provider: { status: p.status, code: p.reason },
  };
}

export const refundOf = (m: Move): RefundSnapshot => ({ ref: m.id, ...moved(m) });

const moved = (m: Move) => ({
  operation: m.operation, amount: minor(m.amount), status: moveOf(m.status), at: timestamp(m.created_at),
  provider: { status: m.status },
});

/** sameName refuses an answer that carries another name. Where either is missing, nothing can be told. */
export function sameName(code: 'id_mismatch' | 'reference_mismatch', ours: string | undefined, theirs: string | undefined): void {
  if (ours && theirs && ours !== theirs) throw new Failed(code, `asked about ${ours}, the provider answered about ${theirs}`);
}

/** sameMoney refuses another amount or currency than asked for; less may pass. What is absent differs in nothing. */
export function sameMoney(asked: MoneyAsked, amount: Amount | null | undefined, lessPasses = false): void {
  const got = minor(amount);
  if (!got) return;
  const said = `asked for ${asked.minor} ${asked.currency}, the provider answered ${got.minor} ${got.currency}`;
  if (got.currency !== asked.currency) throw new Failed('currency_mismatch', said);
  const more = BigInt(String(got.minor)) - BigInt(asked.minor ?? 0);
  if (lessPasses ? more > 0n : more !== 0n) throw new Failed('amount_mismatch', said);
}

/** timestamp reads RFC 3339 to the nanosecond. */
export function timestamp(text: string | undefined): Timestamp | undefined {
  if (!text) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new Failed('unparseable_success', 'the answer has a time that cannot be read');
  const fraction = /\.([0-9]{1,9})/.exec(text)?.[1] ?? '';
  return { seconds: String(Math.floor(ms / 1000)), nanos: Number(fraction.padEnd(9, '0')) };
}

/** rfc3339 writes what timestamp reads. */
export function rfc3339(t: { seconds?: string; nanos?: number } | null | undefined): string | undefined {
  if (!t) return undefined;
  const whole = new Date(Number(t.seconds ?? 0) * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(t.nanos ?? 0).padStart(9, '0')}Z`;
}
