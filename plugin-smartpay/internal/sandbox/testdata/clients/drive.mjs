// Drives the sandbox with Smartpay's own client for Node: every method it has.
// Fails on the first thing that client would not accept, and when a method of
// the client was left out. The world comes in as BASE (…/api.smartpay/v1), ROOT
// (the sandbox itself) and KEY.
import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import Smartpay, { isValidCheckoutSessionId, isValidOrderId, isValidPaymentId } from '@smartpay/sdk-node';

const { BASE, ROOT, KEY } = process.env;
const used = new Set();

// watched notes which methods have been called.
const watched = (target) => new Proxy(target, {
  get(object, name) {
    const value = Reflect.get(object, name);
    if (typeof value === 'function') used.add(String(name));
    return typeof value === 'function' ? value.bind(object) : value;
  },
});
const client = watched(new Smartpay(KEY, { apiPrefix: BASE }));
const statics = watched(Smartpay);

const cart = (more = {}) => ({
  items: [
    { name: 'マグカップ', amount: 1000, currency: 'JPY', quantity: 1 },
    { kind: 'discount', name: '割引', amount: 100, currency: 'JPY' },
    { kind: 'tax', name: '税', amount: 250, currency: 'JPY' },
  ],
  customerInfo: { emailAddress: 'a+test@example.com', firstName: '太郎', email: 'x', gender: 'male' },
  shippingInfo: {
    address: { line1: '1-1', locality: '港区', postalCode: '105', country: 'JP', subLocality: '' },
    feeAmount: 100, feeCurrency: 'JPY',
  },
  successUrl: 'https://shop.example/ok', cancelUrl: 'https://shop.example/no', reference: 'node', ...more,
});

// refused expects an error of the client's own kind.
const refused = async (promise, statusCode, errorCode) => {
  const error = await promise.then(() => null, (e) => e);
  assert.ok(error, `no error where ${errorCode} was expected`);
  assert.equal(error.statusCode, statusCode);
  assert.equal(error.errorCode, errorCode);
};

const login = async () => {
  const answer = await fetch(`${ROOT}/consumers/auth/login`, {
    method: 'POST', body: JSON.stringify({ emailAddress: 'a+test@example.com', password: 'x' }),
  });
  return (await answer.json()).accessToken;
};
const bearer = { Authorization: `Bearer ${await login()}` };
const authorize = async (order) => {
  const answer = await fetch(`${ROOT}/orders/${order}/authorizations`, {
    method: 'POST', headers: bearer,
    body: JSON.stringify({ paymentMethod: 'pm_test_visaApproved', paymentPlan: 'pay_in_three' }),
  });
  assert.ok(answer.ok, `authorization answered ${answer.status}`);
};

const lists = async (name, params = {}) => {
  const page = await client[name]({ maxResults: 1, ...params });
  assert.equal(page.object, 'collection');
  assert.equal(page.maxResults, 1);
  assert.equal(page.data.length, page.results);
  if (page.nextPageToken) {
    const next = await client[name]({ maxResults: 1, pageToken: page.nextPageToken, ...params });
    assert.equal(next.pageToken, page.nextPageToken);
    assert.notEqual(next.data[0].id, page.data[0].id);
  }
  return page.data[0];
};

// A receiver built from the client's own middleware and verifier.
let secret;
const received = [];
const middleware = statics.expressWebhookMiddleware((subscription) => { received.subscription = subscription; return secret; });
const receiver = http.createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const raw = Buffer.concat(chunks);
  middleware(req, res, raw);
  received.push({ headers: req.headers, raw: raw.toString('utf8') });
  res.statusCode = received.length === 1 ? 500 : 200; // the first try is refused
  res.end();
  receiver.emit('webhook');
});
receiver.listen(0, '127.0.0.1');
await once(receiver, 'listening');

// Sessions and orders.
statics.normalizeCheckoutSessionPayload(cart());
statics.normalizeFlatCheckoutSessionPayload(cart());
const first = await client.createCheckoutSession(cart());
const session = await client.createFlatCheckoutSession(cart({ captureMethod: 'manual', promotionCode: 'SUMMER 1' }));
assert.ok(isValidCheckoutSessionId(session.id) && isValidOrderId(session.order.id));
assert.equal(session.order.amount, 1250);
assert.equal(session.order.lineItems.length, 3);
assert.ok(session.order.lineItems.every((item) => item.kind));
assert.match(statics.getSessionUrl(session, { promotionCode: 'A B' }), /promotion-code=A(%20|\+)B/);
assert.equal(statics.getSessionURL(first), first.url);
assert.equal((await client.getCheckoutSession({ id: session.id })).order, session.order.id);
assert.equal((await client.getCheckoutSession({ id: session.id, expand: 'all' })).order.id, session.order.id);
assert.ok((await lists('listCheckoutSessions', { expand: 'all' })).order.id);
await lists('listOrders');
await refused(client.cancelOrder({ id: session.order.id }), 409, 'order.cannot-cancel');
await refused(client.capture({ order: session.order.id, amount: 1, currency: 'JPY' }), 409, 'order.cannot-capture');

// Webhooks.
const hook = await client.createWebhookEndpoint({
  url: `http://127.0.0.1:${receiver.address().port}/`, eventSubscriptions: ['order.authorized'], description: 'x', metadata: { a: 'b' },
});
secret = hook.signingSecret;
await authorize(session.order.id);
while (received.length < 1) await once(receiver, 'webhook');
await fetch(`${ROOT}/_sandbox/clock`, { method: 'POST', body: JSON.stringify({ advance_ms: 60000 }) });
while (received.length < 2) await once(receiver, 'webhook');
assert.equal(received[0].headers['smartpay-event-id'], received[1].headers['smartpay-event-id']);
assert.notEqual(received[0].headers['smartpay-signature-timestamp'], received[1].headers['smartpay-signature-timestamp']);
assert.equal(received.subscription, hook.id);
for (const { headers, raw } of received.slice(0, 2)) {
  const data = `${headers['smartpay-signature-timestamp']}.${raw}`;
  assert.equal(headers['smartpay-signature'], headers['calculated-signature']);
  assert.ok(statics.verifyWebhookSignature({ data, secret, signature: headers['smartpay-signature'] }));
  assert.equal(statics.calculateWebhookSignature({ data, secret }), headers['smartpay-signature']);
  assert.equal(JSON.parse(raw).eventData.data.id, session.order.id);
}
assert.equal((await client.getWebhookEndpoint({ id: hook.id })).signingSecret, secret);
assert.equal((await client.updateWebhookEndpoint({ id: hook.id, active: false })).active, false);
await lists('listWebhookEndpoints');
assert.equal(await client.deleteWebhookEndpoint({ id: hook.id }), '');
await refused(client.getWebhookEndpoint({ id: hook.id }), 404, 'webhook-endpoint.not-found');

// Captures and refunds.
const payment = await client.createPayment({ order: session.order.id, amount: 400, currency: 'JPY', cancelRemainder: 'manual', reference: 'p' });
assert.ok(isValidPaymentId(payment.id));
await client.capture({ order: session.order.id, amount: 100, currency: 'JPY', cancelRemainder: 'manual', idempotencyKey: 'one' });
await client.capture({ order: session.order.id, amount: 100, currency: 'JPY', cancelRemainder: 'manual', idempotencyKey: 'one' });
assert.equal((await client.getOrder({ id: session.order.id })).payments.length, 2);
await refused(client.createPayment({ order: session.order.id, amount: 2000, currency: 'JPY' }), 409, 'payment.excessive-amount');
assert.equal((await client.getPayment({ id: payment.id, expand: 'all' })).order, session.order.id);
assert.equal((await client.updatePayment({ id: payment.id, description: '説明', metadata: { a: 'b' } })).description, '説明');
await lists('listPayments');
const refund = await client.createRefund({ payment: payment.id, amount: 150, currency: 'JPY', reason: 'requested_by_customer' });
await client.refund({ payment: payment.id, amount: 250, currency: 'JPY', reason: 'fraudulent' });
await refused(client.refund({ payment: payment.id, amount: 1, currency: 'JPY', reason: 'fraudulent' }), 403, 'amount.insufficient');
assert.equal((await client.getRefund({ id: refund.id })).payment, payment.id);
assert.equal((await client.updateRefund({ id: refund.id, reference: 'r' })).reference, 'r');
await lists('listRefunds');
assert.equal((await client.cancelOrder({ id: session.order.id })).status, 'succeeded');
assert.equal((await client.getOrder({ id: session.order.id, expand: 'all' })).payments[0].status, 'refunded');

// Automatic capture, in the client's own misspelling.
const automatic = await client.createCheckoutSession(cart({ captureMethod: Smartpay.CAPTURE_METHOD_AUTOMATIC }));
await authorize(automatic.order.id);
assert.equal((await client.getOrder({ id: automatic.order.id })).status, Smartpay.ORDER_STATUS_SUCCEEDED);

// Tokens.
const tokenPayload = { mode: 'token', customerInfo: {}, successUrl: 'https://shop.example/ok', cancelUrl: 'https://shop.example/no' };
statics.normalizeTokenCheckoutSessionPayload(tokenPayload);
const { token } = await client.createTokenCheckoutSession(tokenPayload);
await refused(client.enableToken({ id: token.id }), 404, 'token.not-found');
const order = { token: token.id, amount: 1250, currency: 'JPY', ...cart() };
statics.normalizeOrderPayload(order);
await refused(client.createOrder(order), 400, 'token.invalid');
assert.ok((await fetch(`${ROOT}/tokens/${token.id}/approve`, { method: 'PUT', headers: bearer })).ok);
assert.equal((await client.getToken({ id: token.id })).status, 'active');
assert.equal((await client.createOrder(order)).tokenId, token.id);
assert.equal(await client.disableToken({ id: token.id }), '');
assert.equal(await client.enableToken({ id: token.id }), '');
await lists('listTokens');
assert.equal(await client.deleteToken({ id: token.id }), '');
await refused(client.getToken({ id: token.id }), 404, 'token.not-found');

// Coupons and promotion codes.
const coupon = await client.createCoupon({ name: '春', discountType: Smartpay.COUPON_DISCOUNT_TYPE_AMOUNT, discountAmount: 100, currency: 'JPY' });
assert.equal((await client.getCoupon({ id: coupon.id })).discountAmount, 100);
assert.equal((await client.updateCoupon({ id: coupon.id, name: '夏' })).name, '夏');
await lists('listCoupons');
const code = await client.createPromotionCode({ code: 'SUMMER 1', coupon: coupon.id });
await refused(client.createPromotionCode({ code: 'summer 1', coupon: coupon.id }), 409, 'promotion-code.exists');
assert.equal((await client.getPromotionCode({ id: code.id })).code, 'SUMMER 1');
assert.equal((await client.updatePromotionCode({ id: code.id, active: false })).active, false);
await lists('listPromotionCodes');

// What is left, and what a wrong key looks like.
client.setPublicKey('pk_test_x');
assert.equal((await client.request('/orders', { params: { maxResults: 1 } })).maxResults, 1);
await refused(new Smartpay('sk_test_invalid', { apiPrefix: BASE }).listOrders(), 401, undefined);

const methods = new Set();
for (let at = Smartpay.prototype; at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
  Object.getOwnPropertyNames(at).filter((name) => name !== 'constructor').forEach((name) => methods.add(name));
}
for (let at = Smartpay; at && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
  Object.getOwnPropertyNames(at).filter((name) => typeof at[name] === 'function' && name !== 'prototype').forEach((name) => methods.add(name));
}
assert.deepEqual([...methods].filter((name) => !used.has(name)), [], 'methods that were not driven');
receiver.close();
receiver.closeAllConnections();
console.log(`drove ${methods.size} methods`);
