// Drives a running host with Gr4vy's official client, as a merchant would.
// argv: API URL, private key file.
import { Gr4vy, withToken } from "@gr4vy/sdk";
import assert from "node:assert/strict";
import fs from "node:fs";

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
console.log("ok");
