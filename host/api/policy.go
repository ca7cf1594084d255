package api

import (
	"context"
	"slices"
	"strings"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// judge lists what a well-formed request asks for that cannot be had. It is about
// what the host and its connectors offer; whether this payment can be made is the
// engine's and its gate's to say.
//
// What is accepted although nothing comes of it: async_capture, since a redirect
// payment is captured after its buyer's approval anyway; allow_partial_authorization,
// which is a permission; payment_source, which is kept and shown; and whatever the
// contract has for card payments.
func (s *server) judge(ctx context.Context, account string, t transactionCreate) []detail {
	var found []detail
	refuse := func(pointer string, code sdk.Code, message string) {
		found = append(found, detail{inBody, pointer, message, string(code)})
	}
	unsupported := func(asked bool, pointer, message string) {
		if asked {
			refuse(pointer, sdk.CodeOperationUnsupported, message)
		}
	}
	unsupported(len(t.GiftCards) > 0, "/gift_cards", "must be left out: gift cards are not offered")
	unsupported(t.BuyerID != "", "/buyer_id", "must be left out: buyers are not stored here; give buyer instead")
	unsupported(t.ShippingDetailsID != "", "/shipping_details_id",
		"must be left out: shipping details are not stored here; give buyer/shipping_details instead")
	unsupported(t.AccountFundingTransaction, "/account_funding_transaction",
		"must be false: account funding is not offered")
	if t.PaymentMethod == nil {
		refuse("/payment_method", sdk.CodeMissingField, "is required")
		return found
	}
	found = append(found, t.contradictions()...)
	if strings.HasPrefix(t.PaymentMethod.RedirectURL, "data:") {
		refuse("/payment_method/redirect_url", sdk.CodeInvalidField,
			"must be the URL of a page: posting the result to a window is not offered")
	}
	able := s.pick(ctx, t)
	if len(able) == 0 && (t.PaymentServiceID != "" || s.serves(ctx, account, t.PaymentMethod.Method)) {
		return found // its connector is not there at the moment: the engine says so
	}
	if len(able) == 0 {
		refuse("/payment_method/method", sdk.CodePaymentMethodUnsupported, s.methods(t.PaymentMethod.Method))
		return found
	}
	for _, c := range []struct {
		asked           bool
		feature         feature
		pointer, prefix string
	}{
		{t.Store, tokenization, "/store", "must be false"},
		{t.Amount == 0 && t.Intent != intentCapture, zeroAuth, "/amount", "must be greater than zero"},
		{t.MerchantInitiated, tokenization, "/merchant_initiated", "must be false"},
		{t.IsSubsequentPayment, tokenization, "/is_subsequent_payment", "must be false"},
	} {
		unsupported(c.asked && !anyHas(able, c.feature), c.pointer, c.prefix+": "+lacks(able, c.feature))
	}
	return found
}

// serves reports whether an active payment service takes a method, or may: a store that
// cannot be asked has said nothing against it.
func (s *server) serves(ctx context.Context, account, method string) bool {
	services, err := s.Store.Services(ctx, account, false)
	return err != nil || slices.ContainsFunc(services, func(svc store.PaymentService) bool {
		return svc.Active && !svc.Deleted && svc.Method == method
	})
}

// contradictions are what the payment method says otherwise than the transaction. A
// payment method that leaves country or currency out, or empty, has the transaction's.
func (t transactionCreate) contradictions() []detail {
	var found []detail
	if own := t.PaymentMethod.Currency; own != "" && own != t.Currency {
		found = append(found, detail{inBody, "/payment_method/currency",
			"must be equal to /currency, or left out", string(sdk.CodeInvalidField)})
	}
	own := t.PaymentMethod.Country
	switch {
	case own != "" && t.Country != "" && own != t.Country:
		found = append(found, detail{inBody, "/payment_method/country",
			"must be equal to /country, or left out", string(sdk.CodeInvalidField)})
	case own == "" && t.Country == "":
		found = append(found, detail{inBody, "/country",
			"is required, here or as /payment_method/country", string(sdk.CodeMissingField)})
	}
	return found
}

// methods says which payment methods there are. Those of stored instruments are
// named for what they are.
func (s *server) methods(asked string) string {
	if asked == "id" {
		return "must not be id: payment methods are not stored here"
	}
	var names []string
	for _, c := range s.Connectors.List() {
		for _, m := range c.Description.Manifest.Methods {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return "cannot be served: this host has no connector"
	}
	return "must be one that a connector of this host offers: " + strings.Join(names, ", ")
}

// A feature is a capability under the name that merchants read in a definition.
type feature string

const (
	tokenization feature = "payment_method_tokenization"
	zeroAuth     feature = "zero_auth"
)

// unrouted are the features that this host has no way to ask a connector for yet, so
// that no definition may promise them, whatever the connector has.
var unrouted = map[feature]bool{tokenization: true, zeroAuth: true}

// features says of a connector's description what merchants can use of it. Features
// of the contract that are about cards are absent, which means false.
func features(d sdk.Description) map[feature]bool {
	has, f, m := d.Operations.Has, d.Manifest.Features, d.Manifest
	all := map[feature]bool{
		"delayed_capture":            has(sdk.OpCapture) && slices.Contains(m.CaptureModes, sdk.CaptureManual),
		"partial_capture":            has(sdk.OpCapture) && f.PartialCapture,
		"multi_capture":              has(sdk.OpCapture) && f.MultipleCapture,
		"over_capture":               has(sdk.OpCapture) && f.OverCapture,
		"partial_authorization":      f.PartialAuthorization,
		"void":                       has(sdk.OpVoid),
		"refunds":                    has(sdk.OpRefund),
		"partial_refunds":            has(sdk.OpRefund) && f.PartialRefund,
		"settlement_reporting":       f.SettlementReporting,
		"transaction_sync":           has(sdk.OpFindPayment),
		"verify_credentials":         has(sdk.OpCheckCredentials),
		"custom_approval_expiration": m.Limits.ApprovalTime > 0,
		// The host sets the webhook up by itself where the connector can register one.
		"requires_webhook_setup": m.Webhook != nil,
		tokenization:             has(sdk.OpTokenize),
		zeroAuth:                 has(sdk.OpZeroAuthorize),
	}
	for name := range unrouted {
		all[name] = false
	}
	return all
}

func anyHas(able []Connector, f feature) bool {
	return slices.ContainsFunc(able, func(c Connector) bool { return features(c.Description)[f] })
}

// lacks says who does not offer a feature.
func lacks(able []Connector, f feature) string {
	words := strings.ReplaceAll(string(f), "_", " ")
	has := map[feature]sdk.Operation{tokenization: sdk.OpTokenize, zeroAuth: sdk.OpZeroAuthorize}
	for _, c := range able {
		if c.Description.Operations.Has(has[f]) {
			return "this host does not offer " + words + " yet"
		}
	}
	if len(able) == 1 {
		return "the connector " + able[0].Description.Manifest.Name + " does not offer " + words
	}
	return "no connector offers " + words + " here"
}
