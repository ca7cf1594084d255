"""Drives the sandbox with Smartpay's own client for Python: every method it has.

Fails on the first thing that client would not accept, and when a method of the
client was left out. The world comes in as BASE (…/api.smartpay/v1), ROOT (the
sandbox itself) and KEY.
"""
import inspect
import os

import requests
from smartpay import Smartpay

BASE, ROOT, KEY = os.environ["BASE"], os.environ["ROOT"], os.environ["KEY"]
used = set()


class Watched(Smartpay):
    """Notes which methods have been called."""

    def __getattribute__(self, name):
        if name in methods:
            used.add(name)
        return super().__getattribute__(name)


methods = {name for name, _ in inspect.getmembers(Smartpay, inspect.isfunction) if not name.startswith("__")}
client = Watched(KEY, api_prefix=BASE)


def cart(**more):
    return {
        "items": [
            {"name": "マグカップ", "amount": 1000, "currency": "JPY", "quantity": 1},
            {"name": "皿", "amount": 75, "currency": "JPY", "quantity": 2},
        ],
        "customerInfo": {"emailAddress": "a+test@example.com", "firstName": "太郎"},
        "shippingInfo": {
            "address": {"line1": "1-1", "locality": "港区", "postalCode": "105", "country": "JP"},
            "feeAmount": 100,
            "feeCurrency": "JPY",
        },
        "successUrl": "https://shop.example/ok",
        "cancelUrl": "https://shop.example/no",
        "reference": "python",
        **more,
    }


def refused(call, part):
    try:
        call()
    except Exception as error:  # the client raises nothing more particular
        assert part in str(error), f"{part} is not in {error}"
        return
    raise AssertionError(f"no error where {part} was expected")


def authorize(order):
    token = requests.post(f"{ROOT}/consumers/auth/login", json={"emailAddress": "a+test@example.com", "password": "x"}).json()["accessToken"]
    answer = requests.post(
        f"{ROOT}/orders/{order}/authorizations",
        headers={"Authorization": f"Bearer {token}"},
        json={"paymentMethod": "pm_test_visaApproved", "paymentPlan": "pay_in_three"},
    )
    assert answer.ok, answer.text


client.normalize_checkout_session_payload(cart())
session = client.create_checkout_session(cart(captureMethod="manual", promotionCode="A B"))
order = session["order"]["id"]
assert session["order"]["amount"] == 1250 and "promotion-code=" in session["url"], session
assert "promotion-code=X" in client.get_session_url(session, {"promotionCode": "X"})
refused(lambda: client.cancel_order(id=order), '"errorCode":"order.cannot-cancel"')
refused(lambda: client.create_payment(order=order, amount=1, currency="JPY"), '"errorCode":"order.cannot-capture"')
authorize(order)
page = client.get_orders(max_results=1, expand="all")
assert page["object"] == "collection" and page["data"][0]["id"] == order, page
assert client.get_order(id=order)["status"] == "requires_capture"
payment = client.create_payment(order=order, amount=400, currency="JPY", cancel_remainder="manual", metadata={"a": "b"})
client.capture(order=order, amount=100, currency="JPY", cancel_remainder="manual")
refused(lambda: client.capture(order=order, amount=5000, currency="JPY"), '"errorCode":"payment.excessive-amount"')
assert client.get_payment(id=payment["id"], expand="all")["order"] == order
refund = client.create_refund(payment=payment["id"], amount=150, currency="JPY", reason=Smartpay.REJECT_REQUEST_BY_CUSTOMER)
client.refund(payment=payment["id"], amount=250, currency="JPY", reason=Smartpay.REJECT_FRAUDULENT)
refused(lambda: client.refund(payment=payment["id"], amount=1, currency="JPY", reason="fraudulent"), '"errorCode":"amount.insufficient"')
assert client.get_refund(id=refund["id"])["amount"] == 150
assert client.cancel_order(id=order)["status"] == "succeeded"
client.set_public_key("pk_test_x")
assert client.request("/payments", params={"maxResults": 2})["results"] == 2
refused(lambda: client.get_order(id="order_test_1"), '"errorCode":"order.not-found"')
refused(lambda: Smartpay("sk_test_invalid", api_prefix=BASE).get_orders(), "401")

left_out = methods - used
assert not left_out, f"methods that were not driven: {left_out}"
print(f"drove {len(methods)} methods")
