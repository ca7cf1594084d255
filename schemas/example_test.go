package schemas_test

import (
	"encoding/json"
	"fmt"

	"github.com/connectorhost/connectorhost/schemas"
)

// A connector whose provider needs a billing city narrows the generic request.
func ExampleCompile() {
	needsCity := json.RawMessage(`{
		"required": ["billing"],
		"properties": {"billing": {"required": ["address"], "properties": {
			"address": {"required": ["city"]}}}}
	}`)
	s, err := schemas.Compile("authorize.request", needsCity)
	if err != nil {
		fmt.Println(err)
		return
	}
	violations := s.ValidateValue(map[string]any{
		"call": map[string]any{
			"operation_id": "op-1", "idempotency_key": "k-1", "reference": "7jZXl4gBUNl0CnaLEnfXbt",
			"account": map[string]any{"id": "ps-1", "revision": 1, "mode": "test"},
		},
		"amount":  map[string]any{"minor": 0, "currency": "JPY"},
		"country": "JP", "capture_mode": "manual", "method": "smartpay",
		"billing": map[string]any{"address": map[string]any{"country": "JP"}},
	})
	for _, v := range violations {
		fmt.Println(v.Pointer, v.Message)
	}
	fmt.Println(schemas.ReasonFor(violations))
	// Output:
	// /amount/minor must be at least 1
	// /billing/address/city is required
	// amount_out_of_range
}
