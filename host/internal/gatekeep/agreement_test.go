package gatekeep_test

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/sdktest"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// ask sends req to the operation of remote that takes it.
func ask(ctx context.Context, remote sdk.Remote, req any) *sdk.Error {
	var err error
	switch req := req.(type) {
	case sdk.CheckCredentialsRequest:
		_, err = remote.CheckCredentials(ctx, req)
	case sdk.AuthorizeRequest:
		_, err = remote.Authorize(ctx, req)
	case sdk.FindPaymentRequest:
		_, err = remote.FindPayment(ctx, req)
	case sdk.CaptureRequest:
		_, err = remote.Capture(ctx, req)
	case sdk.VoidRequest:
		_, err = remote.Void(ctx, req)
	case sdk.CancelRequest:
		_, err = remote.Cancel(ctx, req)
	case sdk.RefundRequest:
		_, err = remote.Refund(ctx, req)
	case sdk.FindRefundRequest:
		_, err = remote.FindRefund(ctx, req)
	case sdk.WebhookRequest:
		_, err = remote.ReadWebhook(ctx, req)
	case sdk.RegisterWebhookRequest:
		_, err = remote.RegisterWebhook(ctx, req)
	case sdk.TokenizeRequest:
		_, err = remote.Tokenize(ctx, req)
	case sdk.DeleteTokenRequest:
		_, err = remote.DeleteToken(ctx, req)
	case sdk.ZeroAuthorizeRequest:
		_, err = remote.ZeroAuthorize(ctx, req)
	case sdk.IncrementRequest:
		_, err = remote.Increment(ctx, req)
	}
	return sdk.AsError(err)
}

// For each operation, its good request with each of its fields emptied in turn: the
// gate and the SDK on the connector's side say the same, and what they refuse never
// reaches the connector.
func TestGateAndSDKRefuseTheSameOfEveryOperation(t *testing.T) {
	connector := &willing{}
	remote, g := sdktest.Connect(t, connector), newGate(t)
	requests := good()
	for _, op := range sdk.AllOperations() {
		t.Run(string(op), func(t *testing.T) {
			for name, req := range emptied(requests[op]) {
				before := connector.asked
				refused := g.Check(op, req)
				if d := cmp.Diff(say(refused), say(ask(t.Context(), remote, req))); d != "" {
					t.Errorf("%s (-gate +sdk):\n%s", name, d)
				}
				if reached := connector.asked > before; reached != (refused == nil) {
					t.Errorf("%s: refused %v, yet reached is %v", name, say(refused), reached)
				}
			}
		})
	}
}

// emptied returns req as it is, and with each field of it and of its call emptied.
func emptied(req any) map[string]any {
	all := map[string]any{"as it is": req}
	original := reflect.ValueOf(req)
	for _, f := range reflect.VisibleFields(original.Type()) {
		changed := reflect.New(original.Type()).Elem()
		changed.Set(original)
		changed.FieldByIndex(f.Index).SetZero()
		all["without "+f.Name] = changed.Interface()
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[sdk.Call]()) {
		changed := reflect.New(original.Type()).Elem()
		changed.Set(original)
		changed.FieldByName("Call").FieldByIndex(f.Index).SetZero()
		all["without Call."+f.Name] = changed.Interface()
	}
	return all
}

// wrong lists the pointers that must be blamed in a generated request, as people
// would work them out from the manifest. It shares nothing with the schemas.
func wrong(r sdk.AuthorizeRequest) []string {
	var pointers []string
	blame := func(fine bool, pointer string) {
		if !fine {
			pointers = append(pointers, pointer)
		}
	}
	blame(r.Amount.Currency == "JPY", "/amount/currency")
	blame(10 <= r.Amount.Minor && r.Amount.Minor <= 5000, "/amount/minor")
	blame(r.Country == "JP", "/country")
	blame(r.CaptureMode == sdk.CaptureManual, "/capture_mode")
	blame(r.Method == "konbini", "/method")
	blame(len([]rune(r.Description)) <= 5 && !strings.Contains(r.Description, "\x00"), "/description")
	for pointer, person := range map[string]*sdk.Contact{"/billing": r.Billing, "/shipping": r.Shipping} {
		if person == nil {
			blame(false, pointer)
			continue
		}
		blame(person.FirstName != "" && !strings.ContainsAny(person.FirstName, "\x00\n"), pointer+"/first_name")
		blame(pointer == "/shipping" || person.Email != "", pointer+"/email_address")
		if person.Address == nil {
			blame(false, pointer+"/address")
			continue
		}
		blame(person.Address.City != "", pointer+"/address/city")
		blame(person.Address.Country == "JP", pointer+"/address/country")
	}
	return append(pointers, wrongCart(r)...)
}

func wrongCart(r sdk.AuthorizeRequest) []string {
	if len(r.Cart) > 3 {
		return []string{"/cart_items"}
	}
	var total int64
	for _, item := range r.Cart {
		if item.Quantity < 1 {
			return []string{"/cart_items/0/quantity"} // generated carts repeat one line
		}
		total += item.Quantity * item.UnitAmount
	}
	if 10 <= r.Amount.Minor && r.Amount.Minor <= 5000 && len(r.Cart) > 0 && total != r.Amount.Minor {
		return []string{"/cart_items"}
	}
	return nil
}

func authorizations() *rapid.Generator[sdk.AuthorizeRequest] {
	return rapid.Custom(func(t *rapid.T) sdk.AuthorizeRequest {
		r := authorize()
		r.Amount.Minor = rapid.OneOf(rapid.SampledFrom([]int64{900, 10, 9, 0, -1, 5000, 5001}), rapid.Int64()).Draw(t, "minor")
		r.Amount.Currency = rapid.SampledFrom([]sdk.Currency{"JPY", "JPY", "JPY", "USD", "jpy", ""}).Draw(t, "currency")
		r.Country = rapid.SampledFrom([]string{"JP", "JP", "JP", "US", "UK"}).Draw(t, "country")
		r.CaptureMode = rapid.SampledFrom([]sdk.CaptureMode{"manual", "manual", "manual", "automatic", "later"}).Draw(t, "mode")
		r.Method = rapid.SampledFrom([]string{"konbini", "konbini", "konbini", "card", "KONBINI"}).Draw(t, "method")
		texts := []string{"", "お茶碗と皿", "お茶碗とお皿", "a\nb", "a\x00b"}
		r.Description = rapid.SampledFrom(texts).Draw(t, "description")
		r.Billing, r.Shipping = people().Draw(t, "billing"), people().Draw(t, "shipping")
		line := sdk.CartItem{
			Name: "Cup", Quantity: rapid.Int64Range(0, 3).Draw(t, "quantity"),
			UnitAmount: rapid.SampledFrom([]int64{0, 300, 450, 900}).Draw(t, "unit"),
		}
		r.Cart = slices.Repeat([]sdk.CartItem{line}, rapid.IntRange(0, 4).Draw(t, "lines"))
		if len(r.Cart) > 1 && line.Quantity < 1 { // one fault of the cart at a time
			r.Cart = r.Cart[:1]
		}
		return r
	})
}

func people() *rapid.Generator[*sdk.Contact] {
	return rapid.Custom(func(t *rapid.T) *sdk.Contact {
		if rapid.IntRange(0, 9).Draw(t, "nobody") == 0 {
			return nil
		}
		c := &sdk.Contact{
			FirstName: rapid.SampledFrom([]string{"花子", "花子", "O'Brien", "", "a\x00", "a\nb"}).Draw(t, "first"),
			Email:     rapid.SampledFrom([]string{"a@b.example", "a@b.example", ""}).Draw(t, "email"),
		}
		if rapid.IntRange(0, 9).Draw(t, "homeless") > 0 {
			c.Address = &sdk.Address{
				Country: rapid.SampledFrom([]string{"JP", "JP", "JP", "US", ""}).Draw(t, "country"),
				City:    rapid.SampledFrom([]string{"渋谷区", "渋谷区", ""}).Draw(t, "city"),
			}
		}
		return c
	})
}

func TestGateRefusesWhatAPersonWould(t *testing.T) {
	g := newGate(t)
	rapid.Check(t, func(t *rapid.T) {
		r := authorizations().Draw(t, "request")
		var got []string
		if e := g.Check(sdk.OpAuthorize, r); e != nil {
			for _, f := range e.Fields {
				got = append(got, f.Pointer)
			}
		}
		want := wrong(r)
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, slices.Compact(got)); d != "" {
			t.Fatalf("(-person +gate):\n%s", d)
		}
	})
}

func TestGateAndSDKRefuseTheSameAuthorizations(t *testing.T) {
	connector := &willing{}
	remote, g := sdktest.Connect(t, connector), newGate(t)
	rapid.Check(t, func(rt *rapid.T) {
		r := authorizations().Draw(rt, "request")
		before := connector.asked
		refused := g.Check(sdk.OpAuthorize, r)
		if d := cmp.Diff(say(refused), say(ask(t.Context(), remote, r))); d != "" {
			rt.Fatalf("(-gate +sdk):\n%s", d)
		}
		if reached := connector.asked > before; reached != (refused == nil) {
			rt.Fatalf("refused %v, yet reached is %v", say(refused), reached)
		}
	})
}
