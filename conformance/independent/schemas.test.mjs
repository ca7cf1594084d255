// That the contract's JSON Schemas mean the same to a validator in another language:
// ajv judges every example in schemas/v1 as the host's validator does, and blames the
// same field. Run by `node --test` after npm ci.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import Ajv2020 from 'ajv/dist/2020.js';

const folder = '../../schemas/v1/';
const base = 'https://connectorhost.dev/schemas/v1/';
const read = (name) => JSON.parse(readFileSync(folder + name, 'utf8'));
const names = readdirSync(folder).filter((name) => name.endsWith('.schema.json')).map((name) => name.slice(0, -'.schema.json'.length));
const ajv = new Ajv2020.default({
  allErrors: true, strict: false, schemas: names.map((name) => read(`${name}.schema.json`)),
  formats: {
    int64: { type: 'number', validate: Number.isInteger },
    'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
    'json-pointer': /^(\/([^~]|~[01])*)*$/,
  },
});

// How a number is written is lost to JSON.parse. Requests come as protobuf, which has
// no such thing.
const written = new Set([
  'authorize.request.amount-beyond-int64', 'authorize.request.amount-written-as-float',
  'http.transaction-create.amount-written-as-float', 'positive-money.exponent-notation',
]);

const judge = (example) => {
  const name = names.filter((n) => example.startsWith(`${n}.`)).sort((a, b) => b.length - a.length)[0];
  assert.ok(name, `${example} is an example of no schema`);
  return ajv.getSchema(`${base}${name}.schema.json`);
};

function pointers(errors) {
  return errors.map((e) => {
    const child = e.params.missingProperty ?? e.params.additionalProperty ?? e.propertyName;
    return child === undefined ? e.instancePath : `${e.instancePath}/${child.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  });
}

for (const file of readdirSync(`${folder}valid`)) {
  test(`valid ${file}`, () => {
    const accepts = judge(file);
    assert.ok(accepts(read(`valid/${file}`)), ajv.errorsText(accepts.errors));
  });
}

for (const file of readdirSync(`${folder}invalid`)) {
  test(`invalid ${file}`, () => {
    const { rule, pointer, document } = read(`invalid/${file}`);
    const accepts = judge(file);
    assert.equal(accepts(document), written.has(file.slice(0, -'.json'.length)), rule);
    if (accepts.errors) assert.ok(pointers(accepts.errors).includes(pointer), `${rule}: blames ${pointers(accepts.errors)}, want ${pointer}`);
  });
}
