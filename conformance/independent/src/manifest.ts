// What the connector says of itself: facts, the same in every process, for every
// account, without I/O. The host enforces them, and so does requests.ts.
import type { DescribeResponse } from './contract';
import { currencies } from './money';

const dialect = 'https://json-schema.org/draft/2020-12/schema';
const countries = ['BH', 'DE', 'FR', 'GB', 'JP', 'KR', 'KW', 'US'];
const methods = [{ name: 'card', flow: 'direct' }, { name: 'wallet', flow: 'redirect' }];
const limits = { cart_items: 100, min_amount: 1, max_amount: 999_999_999_999, description_length: 255 };

/** An account's fields. What has writeOnly is a secret. */
export const accountSchema = {
  $schema: dialect, type: 'object', required: ['api_key', 'provider_url'], additionalProperties: false,
  properties: {
    api_key: {
      title: 'API key', type: 'string', writeOnly: true, maxLength: 100, pattern: '^key_(test|live)_[0-9A-Za-z]{8,}$',
      'x-expected': 'an API key: key_test_ and at least eight letters and digits',
    },
    provider_url: {
      title: "Provider's address", type: 'string', maxLength: 2048,
      pattern: '^(https://[^\\s/?#@\\\\]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]{1,5})?)(/[^\\s?#]*)?$',
      'x-expected': 'an https URL, or an http URL of this machine such as http://127.0.0.1:8090',
    },
  },
};

// A schema's x-reason is the code of a refusal.
const offered = (values: string[], reason: string) => ({ enum: values, 'x-reason': reason });
const currency = offered(Object.keys(currencies), 'unsupported_currency');
const counted = { maximum: limits.max_amount }; // beyond it nothing could be counted exactly in JSON
const reference = (prefix: string, what: string) => ({
  pattern: `^${prefix}_[0-9a-z]+$`, 'x-expected': `the name of a ${what} at the provider`,
});
const order = reference('pay', 'payment');

/** What a request must be beyond what the contract asks of everybody, by operation. */
export const requestSchemas: Record<string, object> = {
  check_credentials: { $schema: dialect },
  authorize: {
    $schema: dialect,
    properties: {
      amount: { properties: { currency, minor: { minimum: limits.min_amount, maximum: limits.max_amount } } },
      country: offered(countries, 'country_unsupported'),
      capture_mode: offered(['automatic'], 'capture_method_unsupported'),
      method: offered(methods.map((m) => m.name), 'payment_method_unsupported'),
      token: false, // this connector stores no instruments
      description: { maxLength: limits.description_length },
      cart_items: {
        maxItems: limits.cart_items,
        items: { properties: { quantity: counted, unit_amount: counted, discount_amount: counted, tax_amount: counted } },
      },
    },
    if: { required: ['method'], properties: { method: { const: 'wallet' } } },
    then: { required: ['return_url', 'cancel_url'] }, // whoever may be sent to a page must be able to come back
  },
  find_payment: { $schema: dialect, properties: { order } },
  refund: { $schema: dialect, properties: { order, amount: { properties: { currency, minor: counted } } } },
  find_refund: { $schema: dialect, properties: { order, refund: reference('ref', 'refund') } },
};

const seconds = (n: number) => ({ seconds: String(n) });
const json = (schema: object) => Buffer.from(JSON.stringify(schema));
const native = { mode: 'native', key_lifetime: seconds(24 * 3600) };

/** description answers Describe. */
export const description: DescribeResponse = {
  operations: Object.keys(requestSchemas),
  manifest: {
    name: 'independent', version: '0.1.0', contract_min: 1, contract_max: 1, display_name: 'Independent',
    methods, countries, capture_modes: ['automatic'],
    currencies: Object.entries(currencies).map(([code, exponent]) => ({ code, exponent })),
    features: {
      partial_authorization: true, partial_refund: true, multiple_refund: true,
      cart_matches_amount: true, not_found_authoritative: true,
    },
    limits: {
      cart_items: limits.cart_items, min_amount: String(limits.min_amount), max_amount: String(limits.max_amount),
      description_length: limits.description_length, approval_time: seconds(30 * 60),
    },
    config_schema: json(accountSchema),
    request_schemas: Object.fromEntries(Object.entries(requestSchemas).map(([op, schema]) => [op, json(schema)])),
    idempotency: { authorize: native, refund: native },
    refund_scope: 'payment',
    visibility_delay: seconds(5),
    egress: [], // wherever the account says
  },
};
