// The operations: each asks, fails, and translates. At most one write to the provider a
// call, never a second; the host decides whether to ask again.
import type {
  AuthorizeRequest, AuthorizeResponse, Call, CartItem, CheckCredentialsRequest, CheckCredentialsResponse, Contact,
  FindPaymentRequest, FindPaymentResponse, FindRefundRequest, FindRefundResponse, MoneyAsked, RefundRequest, RefundResponse,
} from './contract';
import { Failed } from './failure';
import { decimal, minor } from './money';
import { ask, forms, type Merchant, type Move, type Payment } from './provider';
import { moveOf, refundOf, rfc3339, sameMoney, sameName, snapshotOf, timestamp } from './snapshot';

/** merchantOf is whom a call is made for. A connector keeps nothing between calls: credentials come with each. */
export function merchantOf(call: Call | null | undefined): Merchant {
  const apiKey = call?.account?.secrets?.api_key ?? '';
  if (call?.account?.mode !== 'test' || !apiKey.startsWith('key_test_')) {
    throw new Failed('environment_mismatch', 'mode and API key must both be for test: there is no live provider');
  }
  return { url: call.account.config?.provider_url ?? '', apiKey };
}

const unauthenticated = new Set([
  'credentials_invalid', 'credentials_expired', 'permission_denied', 'account_inactive', 'environment_mismatch',
]);

/** checkCredentials asks who the API key belongs to, which creates nothing. */
export async function checkCredentials(request: CheckCredentialsRequest, signal: AbortSignal): Promise<CheckCredentialsResponse> {
  try {
    await ask(merchantOf(request.call), { method: 'GET', path: '/v1/account' }, forms.account, signal);
    return { valid: true };
  } catch (err) {
    if (err instanceof Failed && unauthenticated.has(err.code)) return { valid: false, reason: `${err.code}: ${err.message}` };
    throw err;
  }
}

/** authorize takes a payment. Automatic capture is the provider's "immediate". */
export async function authorize(request: AuthorizeRequest, signal: AbortSignal): Promise<AuthorizeResponse> {
  let payment: Payment;
  try {
    payment = await ask(merchantOf(request.call), {
      method: 'POST', path: '/v1/payments', key: request.call?.idempotency_key, body: termsOf(request),
    }, forms.payment, signal);
  } catch (err) {
    if (err instanceof Failed && err.details.also) throw withPayment(err, err.details.also as Payment);
    throw err;
  }
  try {
    return authorized(request, payment);
  } catch (err) {
    if (err instanceof Failed) throw withPayment(err, payment);
    throw err;
  }
}

// withPayment says of a failed authorization which payment it is about, if that can be said.
function withPayment(err: Failed, p: Payment): Failed {
  try {
    const seen = snapshotOf(p);
    return new Failed(err.code, err.message, {
      ...err.details, also: { answer: { payment: seen, provider: seen.provider }, order: p.id },
    });
  } catch {
    return new Failed(err.code, err.message, { ...err.details, also: undefined }); // the failure itself stands
  }
}

function authorized(request: AuthorizeRequest, p: Payment): AuthorizeResponse {
  const seen = snapshotOf(p), asked = request.amount as MoneyAsked;
  sameName('reference_mismatch', request.call?.reference, p.reference);
  sameMoney(asked, p.amount);
  sameMoney(asked, p.authorized, true); // less is a partial authorization
  const answer = { payment: seen, provider: seen.provider };
  switch (seen.state) {
    case 'STATE_AUTHORIZED': case 'STATE_PARTIALLY_CAPTURED': case 'STATE_CAPTURED':
      return { order: p.id, answer: { ...answer, outcome: 'OUTCOME_SUCCEEDED', amount: minor(p.authorized) } };
    case 'STATE_PROCESSING':
      return { order: p.id, answer: { ...answer, outcome: 'OUTCOME_PENDING' } };
    case 'STATE_REQUIRES_ACTION':
      return { order: p.id, answer: { ...answer, outcome: 'OUTCOME_REQUIRES_ACTION' }, next: nextOf(merchantOf(request.call), p) };
    default:
      throw unmapped(seen.state === 'STATE_DECLINED' ? 'unmapped_decline' : 'unmapped_error', p.status);
  }
}

// nextOf is where the buyer goes: the page as the provider gives it, if it is on the host
// of its API and a browser can be sent there safely. A forged answer must not lead to a
// forged page.
function nextOf(merchant: Merchant, p: Payment) {
  const api = new URL(merchant.url), url = URL.canParse(p.page ?? '') ? new URL(p.page as string) : undefined;
  const here = ['localhost', '127.0.0.1', '[::1]'].includes(api.hostname);
  const safe = url?.protocol === 'https:' || (url?.protocol === 'http:' && here);
  const expires = timestamp(p.page_ends);
  if (!safe || url?.hostname !== api.hostname || url.username !== '' || !expires) {
    throw new Failed('unparseable_success', 'the buyer must act, and the answer has no page for that');
  }
  return { redirect_url: p.page, expires_at: expires };
}

// termsOf is the request in the provider's words. It depends on nothing but the
// request, so that one sent again is the one that was sent.
function termsOf(r: AuthorizeRequest): object {
  return {
    reference: r.call?.reference, amount: decimal(r.amount?.minor ?? '', r.amount?.currency ?? ''), country: r.country,
    capture: 'immediate', method: r.method, instrument: r.token,
    buyer: r.buyer ? { id: r.buyer.external_identifier, name: r.buyer.display_name } : undefined,
    billing: personOf(r.billing), shipping: personOf(r.shipping), items: r.cart_items?.map(itemOf),
    return_url: r.return_url, cancel_url: r.cancel_url, locale: r.locale, description: r.description, metadata: r.metadata,
    approve_before: rfc3339(r.approval_expires_at),
  };
}

function personOf(c: Contact | null | undefined): object | undefined {
  const a = c?.address;
  return c ? {
    given_name: c.first_name, family_name: c.last_name, email: c.email_address, phone: c.phone_number,
    address: a ? {
      country: a.country, postcode: a.postal_code, region: a.state, region_code: a.state_code, town: a.city,
      line_1: a.line1, line_2: a.line2, house: a.house_number_or_name, organization: a.organization,
    } : undefined,
  } : undefined;
}

// itemOf writes numbers, which are exact: the manifest's schema bounds them.
function itemOf(i: CartItem): object {
  const n = (value: string | undefined) => (value === undefined ? undefined : Number(value));
  return {
    name: i.name, quantity: n(i.quantity), unit: n(i.unit_amount ?? '0'), discount: n(i.discount_amount), tax: n(i.tax_amount),
    kind: i.product_type,
  };
}

/** findPayment looks up by the provider's name, or by ours alone. */
export async function findPayment(request: FindPaymentRequest, signal: AbortSignal): Promise<FindPaymentResponse> {
  const merchant = merchantOf(request.call), ours = request.call?.reference;
  let found: Payment[];
  if (request.order) {
    const path = `/v1/payments/${encodeURIComponent(request.order)}`;
    found = await unlessMissing(ask(merchant, { method: 'GET', path }, forms.payment, signal));
  } else {
    const path = `/v1/payments?${new URLSearchParams({ reference: ours ?? '' })}`;
    found = (await ask(merchant, { method: 'GET', path }, forms.payments, signal)).items;
  }
  const payment = only(found, `the reference ${ours}`);
  if (!payment) return { found: false, authoritative: true };
  sameName('id_mismatch', request.order, payment.id);
  sameName('reference_mismatch', ours, payment.reference);
  return { found: true, authoritative: true, payment: snapshotOf(payment) };
}

const reasons: Record<string, string> = { requested_by_customer: 'asked_for', fraudulent: 'fraud', duplicate: 'duplicate' };

/** refund returns money. Refunds hang on the payment, so a capture that is named is not passed on. */
export async function refund(request: RefundRequest, signal: AbortSignal): Promise<RefundResponse> {
  const { refund: made, payment } = await ask(merchantOf(request.call), {
    method: 'POST', path: `/v1/payments/${encodeURIComponent(request.order ?? '')}/refunds`, key: request.call?.idempotency_key,
    body: {
      amount: decimal(request.amount?.minor ?? '', request.amount?.currency ?? ''), operation: request.call?.operation_id,
      reason: reasons[request.reason ?? ''], note: request.description,
    },
  }, forms.refunded, signal);
  sameName('id_mismatch', request.order, payment.id);
  sameName('reference_mismatch', request.call?.reference, payment.reference);
  sameName('id_mismatch', request.order, made.payment);
  sameName('reference_mismatch', request.call?.operation_id, made.operation);
  sameMoney(request.amount as MoneyAsked, made.amount);
  const seen = snapshotOf(payment);
  const answer = { payment: seen, provider: seen.provider, amount: minor(made.amount) };
  switch (moveOf(made.status)) {
    case 'MOVE_STATUS_SUCCEEDED': return { refund: made.id, answer: { ...answer, outcome: 'OUTCOME_SUCCEEDED' } };
    case 'MOVE_STATUS_PENDING': return { refund: made.id, answer: { ...answer, outcome: 'OUTCOME_PENDING' } };
    case 'MOVE_STATUS_FAILED': throw unmapped('unmapped_decline', made.status);
    default: throw unmapped('unmapped_error', made.status);
  }
}

/** findRefund looks up by the provider's name, or by our operation, which the provider keeps on every refund. */
export async function findRefund(request: FindRefundRequest, signal: AbortSignal): Promise<FindRefundResponse> {
  const merchant = merchantOf(request.call), operation = request.call?.operation_id;
  let found: Move[];
  if (request.refund) {
    const path = `/v1/refunds/${encodeURIComponent(request.refund)}`;
    found = await unlessMissing(ask(merchant, { method: 'GET', path }, forms.move, signal));
  } else {
    const path = `/v1/refunds?${new URLSearchParams({ operation: operation ?? '' })}`;
    found = (await ask(merchant, { method: 'GET', path }, forms.moves, signal)).items;
  }
  const refund = only(found, `the operation ${operation}`);
  if (!refund) return { found: false, authoritative: true };
  sameName('id_mismatch', request.refund, refund.id);
  sameName('id_mismatch', request.order, refund.payment);
  return { found: true, authoritative: true, refund: refundOf(refund) };
}

// unlessMissing is a list of what was found. Only the provider's own word says that there is nothing.
async function unlessMissing<T>(asked: Promise<T>): Promise<T[]> {
  try {
    return [await asked];
  } catch (err) {
    if (err instanceof Failed && err.code === 'not_found') return [];
    throw err;
  }
}

function only<T>(found: T[], what: string): T | undefined {
  if (found.length > 1) throw new Failed('reference_mismatch', `${found.length} things carry ${what}`);
  return found[0];
}

function unmapped(code: 'unmapped_decline' | 'unmapped_error', status: string): Failed {
  return new Failed(code, `the provider reports the status "${status}"`, { provider: { status } });
}
