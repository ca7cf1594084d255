// Drives a running host with Gr4vy's official client, as a merchant would.
// argv: API URL, private key file.
import { Gr4vy, verifyWebhook, withToken } from "@gr4vy/sdk";
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";

const [url, keyFile] = process.argv.slice(2);
const client = new Gr4vy({
  serverURL: url,
  id: "self-hosted",
  merchantAccountId: "default",
  bearerAuth: withToken({ privateKey: fs.readFileSync(keyFile, "utf8") }),
});
const { transactions, refunds } = client;

const contact = {
  firstName: "花子",
  lastName: "山田",
  emailAddress: "hanako@example.com",
  address: { country: "JP", postalCode: "105-0011", state: "東京都", city: "港区", line1: "芝公園4-2-8" },
};

const create = (changes = {}, key) =>
  transactions.create(
    {
      amount: 1299,
      currency: "JPY",
      country: "JP",
      paymentMethod: { method: "smartpay", country: "JP", currency: "JPY", redirectUrl: "https://shop.example/x?a=1" },
      buyer: { billingDetails: contact, shippingDetails: contact },
      metadata: { Order_Id: "七" },
      ...changes,
    },
    undefined,
    key,
  );

async function approved(changes) {
  const made = await create(changes);
  assert.equal(made.status, "buyer_approval_pending");
  await fetch(made.paymentMethod.approvalUrl + "?auto=approve", { redirect: "manual" });
  await transactions.sync(made.id);
  return made.id;
}

const capture = (transactionId, body) => transactions.capture({ transactionId, transactionCaptureCreate: body });

async function rejectedWith(name, pointer, promise) {
  await assert.rejects(promise, (e) => {
    assert.equal(e.constructor.name, name);
    if (pointer) assert.equal(e.details[0].pointer, pointer);
    return true;
  });
}

{
  const id = await approved();
  const got = await transactions.get(id);
  assert.equal(got.status, "authorization_succeeded");
  assert.equal(got.authorizedAmount, 1299);
  assert.deepEqual(got.metadata, { Order_Id: "七" });
  await rejectedWith("Error400", "/amount", capture(id, { amount: 1300 }));
  const captured = await capture(id, { amount: 1000 });
  assert.equal(captured.status, "capture_succeeded");
  assert.equal(captured.capturedAmount, 1000);
  const part = await transactions.refunds.create({ amount: 300 }, id);
  assert.equal(part.status, "succeeded");
  assert.equal((await refunds.get(part.id)).amount, 300);
  const rest = await transactions.refunds.all.create(id);
  assert.deepEqual(rest.items.map((r) => r.amount), [700]);
  assert.equal((await transactions.refunds.list(id)).items.length, 2);
  assert.equal((await transactions.get(id)).refundedAmount, 1000);
  assert.ok((await transactions.events.list(id)).result.items.length > 3);
}
{
  const voided = await transactions.void(await approved(), ["resource=transaction-void"]);
  assert.equal(voided.type, "transaction-void");
  assert.equal(voided.status, "succeeded");
}
{
  const canceled = await transactions.cancel((await create()).id);
  assert.equal(canceled.status, "succeeded");
}
{
  const first = await create({}, "one key");
  assert.equal((await create({}, "one key")).id, first.id);
}
{
  await rejectedWith("Error400", "/store", create({ store: true }));
  const { shippingDetails, ...noAddress } = { billingDetails: contact, shippingDetails: contact };
  await rejectedWith("Error400", "/buyer/shipping_details", create({ buyer: noAddress }));
  await rejectedWith("Error404", undefined, transactions.get("00000000-0000-4000-8000-000000000000"));
}
{
  for await (const page of await transactions.list({ limit: 2 })) {
    assert.equal(page.result.items.length, 2);
    break;
  }
  for await (const page of await client.paymentServiceDefinitions.list()) {
    const [smartpay] = page.result.items;
    assert.equal(smartpay.id, "smartpay-smartpay");
    assert.equal(smartpay.supportedFeatures.partial_capture, true);
    assert.equal(smartpay.supportedFeatures.zero_auth, false);
    break;
  }
  const options = await client.paymentOptions.list({ country: "JP", currency: "JPY", amount: 1299 });
  assert.deepEqual(options.items.map((o) => o.method), ["smartpay"]);
}
{
  // The client has no methods for subscriptions, so these are made as its documentation
  // says; what is delivered is for its own verifier to judge.
  const token = await withToken({ privateKey: fs.readFileSync(keyFile, "utf8") })();
  const ask = async (method, path, body) => {
    const answer = await fetch(url + "/webhook-subscriptions" + path, {
      method,
      headers: { Authorization: "Bearer " + token, "Content-Type": "application/json" },
      body: body && JSON.stringify(body),
    });
    return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
  };
  const heard = [];
  let refusals = 1; // the first attempt at whatever comes first
  const shop = http.createServer(async (request, response) => {
    let body = "";
    for await (const part of request.setEncoding("utf8")) body += part;
    heard.push({ headers: request.headers, body, refused: refusals > 0 });
    response.writeHead(refusals-- > 0 ? 500 : 204).end();
  });
  await new Promise((listening) => shop.listen(0, "127.0.0.1", listening));
  const address = `http://127.0.0.1:${shop.address().port}/hooks`;
  const made = await ask("POST", "", { url: address, authentication: { kind: "basic", username: "host", password: "word" } });
  assert.equal(made.status, 201);
  assert.equal(made.body.authentication.password, "********");
  const rotated = await ask("POST", `/${made.body.id}/rotate-secret`);
  assert.equal(rotated.status, 200);
  assert.equal(rotated.body.rotating, true);

  const id = await approved();
  await capture(id, {});
  const refund = await transactions.refunds.create({ amount: 300 }, id);
  const delivered = () => heard.filter((h) => !h.refused).map((h) => JSON.parse(h.body));
  const names = ["transaction.authorized", "transaction.captured", "capture.succeeded", "refund.succeeded"];
  const deadline = Date.now() + 60_000;
  while (delivered().length < names.length && Date.now() < deadline) await new Promise((later) => setTimeout(later, 50));
  assert.deepEqual(delivered().map((e) => e.name).sort(), names.sort());
  for (const { headers, body } of heard) {
    const signatures = headers["x-gr4vy-webhook-signatures"];
    const timestamp = headers["x-gr4vy-webhook-timestamp"];
    for (const secret of [made.body.secret, rotated.body.secret]) verifyWebhook(body, secret, signatures, timestamp, 60);
    assert.throws(() => verifyWebhook(body + " ", rotated.body.secret, signatures, timestamp, 60), /No matching signature/);
    assert.throws(() => verifyWebhook(body, "another", signatures, timestamp, 60), /No matching signature/);
    assert.equal(headers["x-gr4vy-webhook-id"], JSON.parse(body).id);
    assert.equal(headers.authorization, "Basic " + btoa("host:word"));
  }
  const again = heard.filter((h) => h.body === heard[0].body);
  assert.deepEqual(again.map((h) => h.refused), [true, false]);
  assert.equal(delivered().find((e) => e.name === "refund.succeeded").target.id, refund.id);
  assert.equal(delivered().find((e) => e.name === "transaction.captured").target.captured_amount, 1299);

  assert.equal((await ask("PUT", "/" + made.body.id, { active: false })).body.active, false);
  assert.deepEqual((await ask("GET", "")).body.items.map((s) => s.id), [made.body.id]);
  assert.equal((await ask("DELETE", "/" + made.body.id)).status, 204);
  assert.equal((await ask("GET", "/" + made.body.id)).status, 404);
  shop.close();
  shop.closeAllConnections();
}
console.log("ok");
