// Why an operation does not succeed: one of the contract's closed set of codes. The
// code decides the outcome, so none is said beside it, and none can contradict it.
import type { FieldError, WireError } from './contract';

interface Details {
  fields?: FieldError[];
  provider?: WireError['provider'];
  network?: WireError['network'];
  retryAfter?: number; // seconds
  also?: object; // what else of the answer is known
}

/** Failed ends an operation. Its message is for the operator and holds no secret. */
export class Failed extends Error {
  constructor(readonly code: string, message: string, readonly details: Details = {}) {
    super(message);
  }

  /** wire is the error in the contract's words. */
  wire(op: string): WireError {
    const { fields, provider, network, retryAfter } = this.details;
    return {
      op: `independent.${op}`, code: this.code, message: this.message, fields, provider, network,
      retry_after: retryAfter ? { seconds: String(retryAfter) } : undefined,
    };
  }
}

// What the provider's error codes mean. One that is not listed is unmapped, with the
// provider's word kept.
const errors: Record<string, string> = {
  malformed: 'schema_violation', invalid_field: 'invalid_field',
  key_unknown: 'credentials_invalid', key_revoked: 'credentials_expired', not_allowed: 'permission_denied',
  payment_not_found: 'not_found', refund_not_found: 'not_found', instrument_not_found: 'not_found',
  instrument_not_ready: 'invalid_state', not_authorized: 'invalid_state', not_captured: 'invalid_state',
  exceeds_refundable: 'amount_exceeds_refundable', already_refunded: 'already_refunded',
  already_captured: 'already_captured', already_voided: 'already_voided', authorization_expired: 'window_closed',
  key_reused: 'key_conflict', key_in_progress: 'key_in_progress', key_expired: 'key_expired', slow_down: 'rate_limited',
};

// The same for declines, which are those of HTTP status 402.
const declines: Record<string, string> = {
  insufficient_funds: 'insufficient_funds', over_limit: 'limit_exceeded', too_many_attempts: 'velocity_exceeded',
  issuer_unavailable: 'issuer_unavailable', try_again_later: 'try_again_later', do_not_honor: 'do_not_honor',
  account_closed: 'account_closed', lost_card: 'card_lost_or_stolen', stolen_card: 'card_lost_or_stolen',
  pick_up_card: 'pickup', restricted_card: 'restricted', not_permitted: 'not_permitted',
  expired_card: 'expired_instrument', invalid_card_number: 'invalid_number', wrong_security_code: 'incorrect_cvc',
  wrong_pin: 'incorrect_pin', address_mismatch: 'address_mismatch', authorization_revoked: 'revoked_authorization',
  authentication_required: 'authentication_required', authentication_failed: 'authentication_failed',
  fraud_suspected: 'suspected_fraud', blocked_by_provider: 'provider_rule', blocked_by_merchant: 'merchant_rule',
  sanctioned: 'sanctions', credit_refused: 'application_rejected', credit_limit: 'credit_limit',
  not_eligible: 'eligibility', order_refused: 'order_rejected',
};

/** refusalCode translates an answer other than success. reads is whether the request could change anything. */
export function refusalCode(status: number, code: string, reads: boolean): string {
  if (status >= 500 && reads) return 'maintenance'; // a read that fails has changed nothing
  if (status === 504) return 'gateway_timeout';
  if (status >= 500) return 'http_5xx'; // whatever it says, it may have acted
  if (status === 429) return 'rate_limited';
  if (status === 402 && code !== '') return own(declines, code) ?? 'unmapped_decline';
  if (status === 403 && code === 'account_closed') return 'account_inactive'; // the merchant's, not the buyer's
  return (status >= 400 && own(errors, code)) || 'unmapped_error';
}

/** isValidation is whether a code must name the fields at fault. */
export const isValidation = (code: string): boolean => code === 'invalid_field' || code === 'schema_violation';

// The provider's names of fields that the contract calls otherwise.
const fields: Record<string, string> = {
  '/reference': '/call/reference', '/operation': '/call/operation_id', '/capture': '/capture_mode', '/items': '/cart_items',
  '/approve_before': '/approval_expires_at', '/instrument': '/token',
};

/** fieldOf is a field of the contract's request, as a JSON Pointer; "" is the request as a whole. */
export const fieldOf = (pointer: string): string => own(fields, pointer) ?? pointer;

// own looks a provider's word up. A word may be the name of what every object inherits.
export function own<T>(table: Record<string, T>, word: string): T | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}
