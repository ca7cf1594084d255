package main

import (
	"maps"
	"net/http"
)

// fields is a JSON object.
type fields = map[string]any

// script is what the demo plays. Each story begins with a payment of its own.
func script() []scene {
	var all []scene
	for _, story := range [][]scene{
		approvedAndRefunded(), capturedInParts(), capturedAtOnce(), voided(), declined(), canceled(), notOffered(), badInput(), strangers(),
	} {
		all = append(all, story...)
	}
	return all
}

const shop = "https://shop.example/thanks"

// order is the example payment with some fields changed; a nil value takes one away.
func order(changes fields) fields {
	made := examplePayment(shop)
	for name, value := range changes {
		if value == nil {
			delete(made, name)
			continue
		}
		made[name] = value
	}
	return made
}

func create(title string, changes fields) scene {
	return scene{title: title, method: http.MethodPost, path: "/transactions", body: order(changes), status: 201, begins: true,
		want: fields{"status": "buyer_approval_pending", "amount": 2500, "authorized_amount": 0}}
}

func buyer(title, does, status string) scene {
	return scene{title: title, path: "?auto=" + does, want: fields{"transaction_status": status}}
}

func look(want fields) scene {
	return scene{title: "Look at it", method: http.MethodGet, path: "/transactions/{id}", status: 200, want: want, silent: true}
}

func refused(title, path string, body any, pointer string) scene {
	return scene{title: title, method: http.MethodPost, path: path, body: body, status: 400, silent: true,
		want: fields{"code": "bad_request", "details.0.pointer": pointer}}
}

func capture(title string, amount, total int) scene {
	return scene{title: title, method: http.MethodPost, path: "/transactions/{id}/capture", body: fields{"amount": amount},
		status: 200, want: fields{"status": "capture_succeeded", "captured_amount": total}}
}

func refund(title string, amount int) scene {
	return scene{title: title, method: http.MethodPost, path: "/transactions/{id}/refunds", body: fields{"amount": amount},
		status: 201, want: fields{"status": "succeeded", "amount": amount}}
}

func approvedAndRefunded() []scene {
	return []scene{
		create("A shop asks for ¥2,500, to be captured later", nil),
		buyer("The buyer approves", "approve", "authorization_succeeded"),
		look(fields{"status": "authorization_succeeded", "authorized_amount": 2500, "captured_amount": 0}),
		refused("Capture more than is held: refused", "/transactions/{id}/capture", fields{"amount": 2501}, "/amount"),
		capture("Capture ¥2,000 of it; the rest is let go", 2000, 2000),
		refund("Refund ¥500 of that", 500),
		refused("Refund more than is left: refused", "/transactions/{id}/refunds", fields{"amount": 1501}, "/amount"),
		refund("Refund the other ¥1,500", 1500),
		look(fields{"status": "capture_succeeded", "captured_amount": 2000, "refunded_amount": 2000}),
		{title: "Ask the provider: it agrees", method: http.MethodPost, path: "/transactions/{id}/sync", status: 200,
			want: fields{"status": "capture_succeeded", "captured_amount": 2000, "refunded_amount": 2000}},
	}
}

func capturedInParts() []scene {
	return []scene{
		create("A shop that sends in two parcels asks for ¥2,500", nil),
		buyer("The buyer approves", "approve", "authorization_succeeded"),
		{title: "Capture ¥1,000 for the first parcel; the rest stays held", method: http.MethodPost, path: "/transactions/{id}/capture",
			body: fields{"amount": 1000, "final": false}, status: 200, want: fields{"status": "capture_succeeded", "captured_amount": 1000}},
		capture("Capture ¥800 for the second", 800, 1800),
		refund("Refund ¥1,200, which takes from both captures", 1200),
		look(fields{"captured_amount": 1800, "refunded_amount": 1200}),
	}
}

func capturedAtOnce() []scene {
	return []scene{
		create("A shop asks for ¥2,500, to be captured at once", fields{"intent": "capture"}),
		buyer("The buyer approves", "approve", "capture_succeeded"),
		look(fields{"status": "capture_succeeded", "captured_amount": 2500}),
	}
}

func voided() []scene {
	return []scene{
		create("Another payment", nil),
		buyer("The buyer approves", "approve", "authorization_succeeded"),
		{title: "Void it", method: http.MethodPost, path: "/transactions/{id}/void", status: 200,
			want: fields{"status": "authorization_voided", "captured_amount": 0}},
		{title: "Capture after void: refused", method: http.MethodPost, path: "/transactions/{id}/capture",
			body: fields{}, status: 400, want: fields{"code": "bad_request"}, silent: true},
	}
}

func declined() []scene {
	return []scene{
		create("Another payment", nil),
		buyer("Smartpay declines it", "decline", "authorization_declined"),
		look(fields{"status": "authorization_declined", "authorized_amount": 0}),
	}
}

func canceled() []scene {
	return []scene{
		create("Another payment", nil),
		buyer("The buyer gives up", "cancel", "authorization_failed"),
		look(fields{"status": "authorization_failed", "error_code": "cancelled_buyer_approval"}),
		create("Another payment", nil),
		{title: "The shop cancels it before approval", method: http.MethodPost, path: "/transactions/{id}/cancel", status: 200,
			want: fields{"type": "transaction-cancel", "status": "succeeded", "transaction.error_code": "canceled"}},
	}
}

// notOffered asks for what Smartpay does not have.
func notOffered() []scene {
	return []scene{
		refused("Store the buyer's method (tokenization): refused", "/transactions", order(fields{"store": true}), "/store"),
		refused("Authorize nothing (zero auth): refused", "/transactions", order(fields{"amount": 0, "cart_items": nil}), "/amount"),
	}
}

func badInput() []scene {
	withoutCity := order(nil)
	address := maps.Clone(examplePayment(shop)["buyer"].(fields)["billing_details"].(fields)["address"].(fields)) //nolint:forcetypeassert // our own literal
	delete(address, "city")
	withoutCity["buyer"].(fields)["billing_details"].(fields)["address"] = address //nolint:forcetypeassert // as above
	many := make([]any, 250)
	for i := range many {
		many[i] = fields{"name": "pin", "quantity": 1, "unit_amount": 10}
	}
	emptyName := order(nil)
	person := maps.Clone(examplePayment(shop)["buyer"].(fields)["billing_details"].(fields)) //nolint:forcetypeassert // as above
	person["last_name"] = ""
	emptyName["buyer"].(fields)["billing_details"] = person //nolint:forcetypeassert // as above
	method := func(changes fields) fields {
		m := maps.Clone(examplePayment(shop)["payment_method"].(fields)) //nolint:forcetypeassert // as above
		maps.Copy(m, changes)
		return m
	}
	return []scene{
		refused("A city is missing: refused, and named", "/transactions", withoutCity, "/buyer/billing_details/address/city"),
		refused("A last name of nothing: refused, and named", "/transactions", emptyName, "/buyer/billing_details/last_name"),
		refused("Dollars: refused", "/transactions",
			order(fields{"currency": "USD", "payment_method": method(fields{"currency": "USD"})}), "/currency"),
		refused("A currency that does not exist: refused", "/transactions",
			order(fields{"currency": "XYZ", "payment_method": method(fields{"currency": "XYZ"})}), "/currency"),
		refused("A buyer in the United States: refused", "/transactions",
			order(fields{"country": "US", "payment_method": method(fields{"country": "US"})}), "/country"),
		refused("250 items: refused", "/transactions", order(fields{"cart_items": many}), "/cart_items"),
		refused("Nothing to be captured at once: refused", "/transactions",
			order(fields{"amount": 0, "intent": "capture", "cart_items": nil}), "/amount"),
		refused("A negative amount: refused", "/transactions", order(fields{"amount": -1}), "/amount"),
		{title: "Half a request: refused", method: http.MethodPost, path: "/transactions", body: []byte(`{"amount":2500,`), status: 400,
			want: fields{"code": "bad_request"}, silent: true},
	}
}

func strangers() []scene {
	return []scene{
		{title: "A token that nobody signed: refused", method: http.MethodPost, path: "/transactions", body: order(nil),
			header: http.Header{"Authorization": {"Bearer eyJhbGciOiJFUzUxMiJ9.e30.AAAA"}}, status: 401,
			want: fields{"code": "unauthorized"}, silent: true},
		{title: "A token of yesterday: refused", method: http.MethodPost, path: "/transactions", body: order(nil), expired: true,
			status: 401, want: fields{"code": "unauthorized"}, silent: true},
		{title: "A payment that does not exist", method: http.MethodGet, path: "/transactions/00000000-0000-4000-8000-000000000000",
			status: 404, want: fields{"code": "not_found"}, silent: true},
	}
}
