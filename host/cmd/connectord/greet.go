package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// examplePayment is a complete request for a payment of ¥2,500.
func examplePayment(redirectURL string) map[string]any {
	person := func() map[string]any {
		return map[string]any{
			"first_name": "花子", "last_name": "山田", "email_address": "hanako@example.com",
			"address": map[string]any{
				"country": "JP", "postal_code": "105-0011", "state": "東京都", "city": "港区", "line1": "芝公園4-2-8",
			},
		}
	}
	return map[string]any{
		"amount": 2500, "currency": "JPY", "country": "JP", "intent": "authorize",
		"payment_method": map[string]any{
			"method": "smartpay", "country": "JP", "currency": "JPY", "redirect_url": redirectURL,
		},
		"buyer":      map[string]any{"billing_details": person(), "shipping_details": person()},
		"cart_items": []any{map[string]any{"name": "湯呑み", "quantity": 2, "unit_amount": 1250}},
	}
}

// greet prints where everything is, a payment to approve in a browser, and a request
// to paste.
func (d *dev) greet(out io.Writer) error {
	if d.connector != smartpay {
		return d.greetOther(out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	returned := d.host.ConsoleURL() + "/returned"
	var made struct {
		ID            string `json:"id"`
		PaymentMethod struct {
			ApprovalURL string `json:"approval_url"`
		} `json:"payment_method"`
	}
	if err := d.merchant.call(ctx, http.MethodPost, "/transactions", examplePayment(returned), &made); err != nil {
		return fmt.Errorf("creating the example payment: %w", err)
	}
	body, err := json.Marshal(examplePayment(returned))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `Ready to take a payment. Ctrl-C stops everything.

  merchants' API   %[1]s
  console          %[2]s
  sandbox          %[3]s
  private key      %[4]s
  certification    %[10]s

An API token, good for %[5]s:

export TOKEN='%[6]s'

A payment of ¥2,500 waits for you. Approve it in a browser:

  %[7]s

then look at it, capture ¥2,000 of it and give ¥500 back:

curl -s %[1]s/transactions/%[8]s -H "Authorization: Bearer $TOKEN"
curl -s %[1]s/transactions/%[8]s/capture -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"amount":2000}'
curl -s %[1]s/transactions/%[8]s/refunds -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"amount":500}'

To create another; payment_method.approval_url in the answer is its page:

curl -s %[1]s/transactions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '%[9]s'

`, d.host.APIURL(), d.host.ConsoleLink(), d.sandboxURL, d.keyFile(), tokenLife, d.merchant.token,
		made.PaymentMethod.ApprovalURL, made.ID, body, d.certified())
	return err
}
