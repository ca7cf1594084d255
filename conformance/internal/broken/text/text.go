// Package text holds connectors that do something to what people write: cut it, drop it,
// or make it what they think it should be.
package text

import (
	"context"
	"html"
	"strings"
	"sync"
	"unicode"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/wrong"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists them.
func Mutants() []broken.Mutant { return append(inside(), outside()...) }

type mutation = func(*reference.Connector) sdk.Connector

// billed changes the person and address that is billed.
func billed(change func(*sdk.Contact, *sdk.Address)) mutation {
	return wrong.Asked(func(r *sdk.AuthorizeRequest) {
		if r.Billing == nil || r.Billing.Address == nil {
			return
		}
		who, where := *r.Billing, *r.Billing.Address
		change(&who, &where)
		who.Address = &where
		r.Billing = &who
	})
}

// cut cuts a text after so many characters.
func cut(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n])
	}
	return text
}

// noted changes metadata.
func noted(change func(name, value string, n int) (string, string, bool)) mutation {
	return wrong.Asked(func(r *sdk.AuthorizeRequest) {
		kept := map[string]string{}
		for name, value := range r.Metadata {
			if name, value, keep := change(name, value, len(kept)); keep {
				kept[name] = value
			}
		}
		r.Metadata = kept
	})
}

// inside are mutants that a connector in Go can be.
func inside() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "truncate-kanji", Fault: "It cuts first names after 60 bytes, which is 20 kanji.",
			Killer: "text/long-kanji", Reason: "expected it to arrive as it is, or to be refused, got it arrived as",
			Collateral: []string{"text/longest"},
			Connector: billed(func(who *sdk.Contact, _ *sdk.Address) {
				if len(who.FirstName) > 60 {
					who.FirstName = strings.ToValidUTF8(who.FirstName[:60], "")
				}
			}),
		},
		{
			ID: "latin-only", Fault: "It writes a question mark for whatever is beyond the basic plane.",
			Killer: "text/scripts", Reason: "expected it to arrive as it is, or to be refused",
			Collateral: []string{"text/longest"},
			Connector: billed(func(_ *sdk.Contact, where *sdk.Address) {
				where.Line1 = strings.Map(func(r rune) rune {
					if r > 0xffff {
						return '?'
					}
					return r
				}, where.Line1)
			}),
		},
		{
			ID: "html-escapes", Fault: "It escapes names for HTML.",
			Killer: "text/significant", Reason: "expected it to arrive as it is, or to be refused",
			Connector: billed(func(who *sdk.Contact, _ *sdk.Address) { who.LastName = html.EscapeString(who.LastName) }),
		},
		{
			ID: "zeros-dropped", Fault: "It drops the leading zeros of a postal code.",
			Killer: "text/postal-codes", Reason: "expected it to arrive as it is, or to be refused",
			Connector: billed(func(_ *sdk.Contact, where *sdk.Address) {
				where.PostalCode = strings.TrimLeft(where.PostalCode, "0")
			}),
		},
		{
			ID: "long-lines-cut", Fault: "It cuts lines of an address after a hundred characters.",
			Killer: "text/longest", Reason: "at /billing/address/line1: expected it to arrive whole",
			Connector: billed(func(_ *sdk.Contact, where *sdk.Address) { where.Line1 = cut(where.Line1, 100) }),
		},
		{
			ID: "bytes-counted", Fault: "It counts a description in bytes, and refuses what the manifest allows.",
			Killer: "text/longest-description", Reason: "expected it to be taken, got",
			Collateral: []string{"text/longest", "limit/description-at", "schema/authorize-valid"},
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
					if len(req.Description) > 255 {
						return sdk.AuthorizeResult{}, &sdk.Error{Op: "reference.Authorize", Code: sdk.CodeFieldTooLong,
							Fields: []sdk.FieldError{{Pointer: "/description", Message: "must have at most 255 bytes"}}}
					}
					return d.Connector.Authorize(ctx, req)
				}
			}),
		},
		{
			ID: "notes-dropped", Fault: "It drops the metadata beyond fifty entries.",
			Killer: "text/metadata-entries", Reason: "expected all of it to arrive, got 50 entries missing or changed",
			Connector: noted(func(name, value string, n int) (string, string, bool) { return name, value, n < 50 }),
		},
		{
			ID: "note-names-cut", Fault: "It cuts names in the metadata after forty characters.",
			Killer: "text/metadata-keys", Reason: "expected all of it to arrive, got 1 entries missing or changed",
			Connector: noted(func(name, value string, _ int) (string, string, bool) { return cut(name, 40), value, true }),
		},
		{
			ID: "notes-cut", Fault: "It cuts values in the metadata after five hundred characters.",
			Killer: "text/metadata-values", Reason: "expected all of it to arrive, got 1 entries missing or changed",
			Collateral: []string{"text/longest"},
			Connector:  noted(func(name, value string, _ int) (string, string, bool) { return name, cut(value, 500), true }),
		},
		{
			ID: "references-without-zeros", Fault: "It looks up without the zeros that a reference begins with.",
			Killer: "text/references", Reason: "expected it to be found, got not found",
			Connector: wrong.In(func(d *wrong.Double) {
				d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
					if strings.HasPrefix(string(req.Call.Reference), "01") { // as the first of all characters do
						req.Call.Reference = req.Call.Reference[1:]
					}
					return d.Connector.FindPayment(ctx, req)
				}
			}),
		},
		{
			ID: "references-without-case", Fault: "It takes references that differ in case for one.",
			Killer: "text/references-by-case", Reason: ": order: expected pay_", Connector: withoutCase(),
		},
	}
}

// withoutCase finds the latest payment whose reference is the same but for its case.
func withoutCase() mutation {
	return wrong.In(func(d *wrong.Double) {
		var latest sync.Map // reference in lower case -> reference
		d.OnOpen = func(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
			latest.Store(strings.ToLower(string(req.Call.Reference)), req.Call.Reference)
			return d.Connector.Authorize(ctx, req)
		}
		d.OnFind = func(ctx context.Context, req sdk.FindPaymentRequest) (sdk.PaymentFinding, error) {
			if r, ok := latest.Load(strings.ToLower(string(req.Call.Reference))); ok && req.Order == "" {
				req.Call.Reference, _ = r.(sdk.Reference)
			}
			return d.Connector.FindPayment(ctx, req)
		}
	})
}

// A mending is a connector without the checks that the SDK makes for those in Go, which
// mends what it should refuse.
type mending struct {
	sdk.Remote
	mend func(*sdk.AuthorizeRequest)
}

// Authorize implements [sdk.Authorizer].
func (m mending) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	m.mend(&req)
	return m.Remote.Authorize(ctx, req)
}

func mends(mend func(*sdk.AuthorizeRequest)) func(sdk.Remote) sdk.Remote {
	return func(r sdk.Remote) sdk.Remote { return mending{r, mend} }
}

// outside are mutants that mend what lies outside the contract.
func outside() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "control-characters-dropped", Fault: "It takes control characters out of descriptions.",
			Killer: "text/control-characters", Reason: "expected it to arrive as it is, or to be refused",
			Collateral: []string{"schema/authorize-ill"},
			Remote: mends(func(r *sdk.AuthorizeRequest) {
				r.Description = strings.Map(func(c rune) rune {
					if unicode.IsControl(c) && c != '\n' && c != '\t' && c != '\r' {
						return -1
					}
					return c
				}, r.Description)
			}),
		},
		{
			ID: "unicode-repaired", Fault: "It writes a question mark where a description is no Unicode.",
			Killer: "text/not-unicode", Reason: "at /description: expected a refusal, got accepted",
			Remote: mends(func(r *sdk.AuthorizeRequest) { r.Description = strings.ToValidUTF8(r.Description, "?") }),
		},
		{
			ID: "phones-mended", Fault: "It takes the blanks out of phone numbers.",
			Killer: "text/phones", Reason: `"+81 3 1234 5678": expected a refusal, got accepted`,
			Remote: mends(func(r *sdk.AuthorizeRequest) {
				if r.Billing != nil {
					who := *r.Billing
					who.Phone = strings.ReplaceAll(who.Phone, " ", "")
					r.Billing = &who
				}
			}),
		},
		{
			ID: "references-cut", Fault: "It cuts references to their greatest length.",
			Killer: "text/reference-too-long", Reason: "expected a refusal, got accepted",
			Collateral: []string{"schema/authorize-ill"},
			Remote:     mends(func(r *sdk.AuthorizeRequest) { r.Call.Reference = r.Call.Reference[:min(22, len(r.Call.Reference))] }),
		},
	}
}
