package errors

import (
	"testing"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestSet(t *testing.T) {
	req := sdk.AuthorizeRequest{
		Call: sdk.Call{Key: "k", Account: sdk.Account{Secrets: map[string]sdk.Secret{"key": sdk.NewSecret("s")}}},
		Cart: []sdk.CartItem{{Name: "cup", Quantity: 1}}, Method: "wallet",
	}
	got, err := set(req, map[string]any{"/method": "card", "/billing/address/city": "Bonn", "/cart_items/0/quantity": 3})
	if err != nil {
		t.Fatal(err)
	}
	if got.Method != "card" || got.Billing.Address.City != "Bonn" || got.Cart[0].Quantity != 3 || got.Cart[0].Name != "cup" {
		t.Errorf("%+v", got)
	}
	if got.Call.Account.Secrets["key"].Reveal() != "s" {
		t.Error("the secret is gone")
	}
	if req.Method != "wallet" || req.Cart[0].Quantity != 1 {
		t.Errorf("the request itself has changed: %+v", req)
	}
	for _, pointer := range []string{"/method/x", "/cart_items/1/name", "/cart_items/x"} {
		if _, err := set(req, map[string]any{pointer: "x"}); err == nil {
			t.Errorf("%s is taken", pointer)
		}
	}
}

func TestSays(t *testing.T) {
	tests := map[string]struct {
		body, text string
		want       bool
	}{
		"in JSON":          {`{"error":{"code":"a\u0026b"}}`, "a&b", true},
		"a number":         {`{"code":51}`, "51", true},
		"part of a number": {`{"code":510}`, "51", false},
		"a key":            {`{"code":"x"}`, "code", false},
		"plain":            {"code=51", "51", true},
		"not there":        {`{"code":"x"}`, "y", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := says([]byte(tt.body), tt.text); got != tt.want {
				t.Errorf("says is %t", got)
			}
		})
	}
}

func TestUnknownOf(t *testing.T) {
	odd := unknownOf([]suite.ErrorFixture{
		{Status: 409, Provider: "taken", Body: `{"code":"taken"}`}, {Status: 409, Provider: "gone", Body: `{"code":"gone"}`},
		{Status: 401, Provider: "key", Body: `{"code":"key"}`}, {Status: 400, Body: `{}`},
	})
	if len(odd) != 1 || odd[0].Provider != strange || odd[0].Body != `{"code":"`+strange+`"}` {
		t.Errorf("%+v", odd)
	}
}
