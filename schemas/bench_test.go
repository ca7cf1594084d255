package schemas_test

import (
	"encoding/json"
	"fmt"
	"testing"
)

// narrowed asks for about what a provider of deferred payments asks for.
const narrowed = `{
	"required": ["buyer", "billing", "shipping", "cart_items"],
	"properties": {
		"country": {"const": "JP"}, "amount": {"properties": {"currency": {"const": "JPY"}}},
		"billing": {"$ref": "#/$defs/person"}, "shipping": {"$ref": "#/$defs/person"},
		"cart_items": {"minItems": 1, "maxItems": 249}
	},
	"$defs": {"person": {"required": ["first_name", "last_name", "address"], "properties": {
		"address": {"required": ["country", "city", "line1", "postal_code", "state"]}}}}
}`

func benchmarkDocument(items int) map[string]any {
	person := map[string]any{"first_name": "花子", "last_name": "山田",
		"email_address": "hanako@shop.example", "phone_number": "+81312345678",
		"address": map[string]any{"country": "JP", "postal_code": "150-0001", "state": "東京都", "city": "渋谷区",
			"line1": "神宮前 1-2-3"}}
	number := func(n int) json.Number { return json.Number(fmt.Sprint(n)) }
	var cart []any
	for i := range items {
		cart = append(cart, map[string]any{"name": fmt.Sprintf("ティーカップ %d", i),
			"quantity": number(2), "unit_amount": number(500),
			"tax_amount": number(100), "sku": "cup", "product_type": "physical"})
	}
	return map[string]any{
		"call": map[string]any{"operation_id": "op-1", "idempotency_key": "k-1", "attempt": number(1),
			"payment_id": "p-1", "reference": "7jZXl4gBUNl0CnaLEnfXbt",
			"account": map[string]any{"id": "ps-1", "revision": number(1), "mode": "test"}},
		"amount": map[string]any{"minor": number(items * 1100), "currency": "JPY"}, "country": "JP",
		"capture_mode": "manual", "method": "smartpay",
		"buyer": map[string]any{"external_identifier": "customer-81"}, "billing": person, "shipping": person,
		"cart_items": cart,
		"return_url": "https://host.example/return/p-1/done", "cancel_url": "https://host.example/return/p-1/cancel",
	}
}

// BenchmarkValidate is what a fast path that only says yes would have to beat.
func BenchmarkValidate(b *testing.B) {
	s := compile(b, "authorize.request", narrowed)
	for _, items := range []int{1, 25, 249} {
		b.Run(fmt.Sprintf("%d-items", items), func(b *testing.B) {
			doc := benchmarkDocument(items)
			b.ReportAllocs()
			for b.Loop() {
				if found := s.Validate(doc); found != nil {
					b.Fatal(found)
				}
			}
		})
	}
	b.Run("refused", func(b *testing.B) {
		doc := benchmarkDocument(1)
		delete(doc, "shipping")
		for b.Loop() {
			if found := s.Validate(doc); len(found) != 1 {
				b.Fatal(found)
			}
		}
	})
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		compile(b, "authorize.request", narrowed)
	}
}
