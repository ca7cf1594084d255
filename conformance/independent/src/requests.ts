// Requests are judged before anything is sent, by the contract's own JSON Schemas and
// the manifest's: the host judges by the same, but a connector does not rely on that.
// A refusal names every field at fault by its JSON Pointer, and no value.
import Ajv2020, { type ErrorObject, type ValidateFunction } from 'ajv/dist/2020';
import schemas from '../gen/schemas.json';
import type { AuthorizeRequest, Call, CartItem, FieldError } from './contract';
import { Failed } from './failure';
import { accountSchema, requestSchemas } from './manifest';

const base = 'https://connectorhost.dev/schemas/v1/';
const ajv = new Ajv2020({
  allErrors: true, strict: false, verbose: true, schemas: schemas as object[],
  meta: false, validateSchema: false, // npm test does, and a start takes half as long
  formats: { int64: { type: 'number', validate: Number.isInteger }, 'date-time': true, 'json-pointer': true },
});
const judges = new Map(Object.entries(requestSchemas).map(([op, narrowing]): [string, ValidateFunction[]] => [
  op, [ajv.compile({ $ref: `${base}${op}.request.schema.json` }), ajv.compile(narrowing)],
]));
const judgeAccount = ajv.compile(accountSchema);

interface Fault extends FieldError { pointer: string; message: string; reason: string }

/** judge throws unless the request is one that the connector takes. */
export function judge(op: string, request: { call?: Call | null }): void {
  const form = jsonOf(request);
  let faults = (judges.get(op) ?? []).flatMap((valid) => (valid(form) ? [] : explain(valid.errors)));
  if (op === 'authorize') faults = faults.concat(judgeCart(request as AuthorizeRequest, faults));
  faults = faults.concat(judgeConfig(request.call));
  if (faults.length === 0) return;
  const code = strongest.find((reason) => faults.some((f) => f.reason === reason)) ?? 'schema_violation';
  const fields = [...new Map(faults.map((f) => [f.pointer + f.message, { pointer: f.pointer, message: f.message }])).values()];
  throw new Failed(code, 'the request is outside what this connector takes', { fields });
}

// What this connector can never do comes before what a better request could.
const strongest = [
  'payment_method_unsupported', 'capture_method_unsupported', 'country_unsupported', 'unsupported_currency',
  'amount_out_of_range', 'missing_field', 'field_too_long', 'invalid_field', 'schema_violation',
];

// Fields that are numbers and, at zero, do not travel. Those of the second line are
// asked for in JSON, so that a zero has to be said there.
const numbers = new Set([
  'minor', 'quantity', 'unit_amount', 'revision', 'discount_amount', 'tax_amount', 'attempt',
]);
const needed: Record<string, string[]> = {
  amount: ['minor'], cart_items: ['quantity', 'unit_amount'], account: ['revision'],
};

// jsonOf is a message in JSON: names are the same, a 64-bit number is a number and a
// time is text. A number too large to be exact is beyond every limit anyway. Secrets
// have no JSON form.
function jsonOf(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, name));
  if (typeof value !== 'object' || value === null) return numbers.has(name) ? Number(value) : value;
  if (name === 'created_at' || name === 'approval_expires_at') return '2006-01-02T15:04:05Z'; // any time will do
  if (name === 'metadata' || name === 'config') return { ...value };
  const form: Record<string, unknown> = {};
  for (const field of needed[name] ?? []) form[field] = 0;
  if (name === 'account') form.id = '';
  for (const [field, inner] of Object.entries(value)) {
    if (inner !== undefined && inner !== null && field !== 'secrets') form[field] = jsonOf(inner, field);
  }
  return form;
}

const containers = new Set(['if', 'anyOf', 'oneOf', 'allOf', 'propertyNames']); // what is wrong inside is told by itself

function explain(errors: ErrorObject[] | null | undefined): Fault[] {
  return (errors ?? []).filter((e) => !containers.has(e.keyword)).map((e) => {
    const child: string | undefined = e.params.missingProperty ?? e.params.additionalProperty ?? e.propertyName;
    const escaped = child?.replaceAll('~', '~0').replaceAll('/', '~1');
    const pointer = escaped === undefined ? e.instancePath : `${e.instancePath}/${escaped}`;
    return { pointer, message: messageOf(e), reason: reasonOf(e, pointer) };
  });
}

function messageOf(e: ErrorObject): string {
  if (e.keyword === 'required') return 'is required';
  if (e.keyword === 'false schema') return 'must not be given';
  if (e.keyword === 'enum') return `must be one of ${(e.schema as string[]).slice(0, 20).join(', ')}`;
  const expected = e.parentSchema?.['x-expected'] as string | undefined;
  return e.keyword === 'pattern' && expected ? `must be ${expected}` : (e.message ?? `must satisfy ${e.keyword}`);
}

function reasonOf(e: ErrorObject, pointer: string): string {
  const said = e.parentSchema?.['x-reason'] as string | undefined;
  if (said) return said;
  const field = pointer.slice(pointer.lastIndexOf('/') + 1);
  switch (e.keyword) {
    case 'required': return 'missing_field';
    case 'maxLength': return 'field_too_long';
    case 'enum': return field === 'currency' ? 'unsupported_currency' : 'invalid_field';
    case 'minimum': case 'maximum':
      return field === 'minor' || field.endsWith('_amount') ? 'amount_out_of_range' : 'invalid_field';
    case 'additionalProperties': case 'false schema': return 'schema_violation';
    default: return 'invalid_field';
  }
}

// judgeConfig judges configuration and secrets as the one object that the config schema
// describes. A pointer leads to where in the request the field belongs.
function judgeConfig(call: Call | null | undefined): Fault[] {
  const config = call?.account?.config ?? {}, secrets = call?.account?.secrets ?? {};
  const found = judgeAccount({ ...config, ...secrets }) ? [] : explain(judgeAccount.errors);
  const isSecret = (name: string) =>
    Object.hasOwn(secrets, name) || 'writeOnly' in (accountSchema.properties[name as 'api_key'] ?? {});
  const placed = found.map((f) => ({
    ...f, pointer: `/call/account/${isSecret(f.pointer.split('/')[1] ?? '') ? 'secrets' : 'config'}${f.pointer}`,
  }));
  const misplaced = Object.keys(config).filter((name) => isSecret(name) && !Object.hasOwn(secrets, name));
  return placed.concat(misplaced.map((name) => ({
    pointer: `/call/account/config/${name}`, message: 'must be among the secrets', reason: 'invalid_field',
  })));
}

// judgeCart judges what a schema cannot: a cart comes to the amount.
function judgeCart(request: AuthorizeRequest, already: Fault[]): Fault[] {
  const cart = request.cart_items ?? [];
  const blamed = already.some((f) => f.pointer.startsWith('/cart_items') || f.pointer.startsWith('/amount'));
  if (cart.length === 0 || blamed) return [];
  if (cart.reduce((sum, item) => sum + lineOf(item), 0n) === BigInt(request.amount?.minor ?? 0)) return [];
  return [{ pointer: '/cart_items', message: 'must add up to /amount/minor', reason: 'invalid_field' }];
}

function lineOf(item: CartItem): bigint {
  const n = (value: string | undefined) => BigInt(value ?? 0);
  const line = n(item.quantity) * n(item.unit_amount) - n(item.discount_amount) + n(item.tax_amount);
  return item.product_type === 'discount' ? -line : line;
}
