package supervise_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestLost(t *testing.T) {
	tests := map[string]struct {
		change func(*sdk.Description)
		want   []string
	}{
		"nothing changed":     {func(*sdk.Description) {}, nil},
		"only more":           {func(d *sdk.Description) { d.Operations = append(d.Operations, sdk.OpTokenize) }, nil},
		"an operation":        {func(d *sdk.Description) { d.Operations = d.Operations[:3] }, []string{"operation void"}},
		"a country":           {func(d *sdk.Description) { d.Manifest.Countries = []string{"NL"} }, []string{"country JP"}},
		"a capture mode":      {func(d *sdk.Description) { d.Manifest.CaptureModes = d.Manifest.CaptureModes[:1] }, []string{"capture mode manual"}},
		"a payment method":    {func(d *sdk.Description) { d.Manifest.Methods = nil }, []string{"payment method {Name:acme Flow:direct}"}},
		"decimals of the yen": {func(d *sdk.Description) { d.Manifest.Currencies = []sdk.CurrencyFact{{Code: "JPY", Exponent: 2}} }, []string{"currency {Code:JPY Exponent:0}"}},
		"the refund scope":    {func(d *sdk.Description) { d.Manifest.RefundScope = sdk.RefundCapture }, []string{"refund scope payment"}},
		"a feature":           {func(d *sdk.Description) { d.Manifest.Features.PartialCapture = false }, []string{"feature partial_capture"}},
		"a new duty":          {func(d *sdk.Description) { d.Manifest.Features.CartMatchesAmount = true }, []string{"freedom from cart_matches_amount"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := release("1.0.0").Description, release("1.1.0").Description
			after.Operations = slices.Clone(after.Operations)
			tt.change(&after)
			if diff := cmp.Diff(tt.want, supervise.Lost(before, after)); diff != "" {
				t.Errorf("lost (-want +got):\n%s", diff)
			}
		})
	}
}

// Lost reads every feature as a flag; one of another type needs a thought there.
func TestFeaturesAreFlags(t *testing.T) {
	features := reflect.TypeFor[sdk.Features]()
	for i := range features.NumField() {
		if f := features.Field(i); f.Type.Kind() != reflect.Bool || f.Tag.Get("json") == "" {
			t.Errorf("sdk.Features.%s is a %s without or with a JSON name", f.Name, f.Type)
		}
	}
}
