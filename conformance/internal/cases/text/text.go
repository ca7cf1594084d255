// Package text holds the cases about what people write: that names, addresses and notes
// in any script, at any length and with any content reach the provider as they are, or
// are refused by the name of their field. Nothing is cut, dropped or made pretty.
//
// What has arrived is read in the connector's own requests, in whichever way these
// encode text. A field that a connector does not send at all is none of its cases.
package text

import (
	"context"
	"errors"
	"fmt"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// Cases lists the cases.
func Cases() []suite.Case {
	return []suite.Case{
		scripts, significant, controlCharacters, notUnicode, longNames, longestOfEach, longestDescription,
		postalCodes, phones, metadataEntries, metadataKeys, metadataValues,
		references, referenceTooLong, referencesByCase,
	}
}

// A field is a text of an authorization.
type field struct {
	pointer string
	set     func(*sdk.AuthorizeRequest, string)
}

// noteKey is the metadata entry that cases write to.
const noteKey = "conformance"

var fields = []field{
	{"/billing/first_name", func(r *sdk.AuthorizeRequest, s string) { billing(r).FirstName = s }},
	{"/billing/last_name", func(r *sdk.AuthorizeRequest, s string) { billing(r).LastName = s }},
	{"/billing/address/line1", func(r *sdk.AuthorizeRequest, s string) { billing(r).Address.Line1 = s }},
	{"/billing/address/line2", func(r *sdk.AuthorizeRequest, s string) { billing(r).Address.Line2 = s }},
	{"/billing/address/city", func(r *sdk.AuthorizeRequest, s string) { billing(r).Address.City = s }},
	{"/billing/address/state", func(r *sdk.AuthorizeRequest, s string) { billing(r).Address.State = s }},
	{"/description", func(r *sdk.AuthorizeRequest, s string) { r.Description = s }},
	{"/cart_items/0/name", func(r *sdk.AuthorizeRequest, s string) { cart(r).Name = s }},
	{"/metadata/" + noteKey, func(r *sdk.AuthorizeRequest, s string) { r.Metadata = map[string]string{noteKey: s} }},
}

var (
	postalCode = field{"/billing/address/postal_code", func(r *sdk.AuthorizeRequest, s string) { billing(r).Address.PostalCode = s }}
	phone      = field{"/billing/phone_number", func(r *sdk.AuthorizeRequest, s string) { billing(r).Phone = s }}
)

func billing(r *sdk.AuthorizeRequest) *sdk.Contact {
	if r.Billing == nil {
		r.Billing = &sdk.Contact{}
	}
	if r.Billing.Address == nil {
		r.Billing.Address = &sdk.Address{Country: r.Country}
	}
	return r.Billing
}

func cart(r *sdk.AuthorizeRequest) *sdk.CartItem {
	if len(r.Cart) == 0 {
		r.Cart = []sdk.CartItem{{Quantity: 1, UnitAmount: r.Amount.Minor}}
	}
	return &r.Cart[0]
}

// asked is the fixtures' request, ready to be written to.
func asked(l *suite.Lane) (suite.Cell, sdk.AuthorizeRequest, error) {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return cell, sdk.AuthorizeRequest{}, err
	}
	req, err := l.Authorization(cell, l.Amount())
	return cell, req, err
}

// send authorizes with a text in a field and returns what the provider was asked.
func send(ctx context.Context, l *suite.Lane, f field, text string) ([]proxy.Exchange, error) {
	cell, req, err := asked(l)
	if err != nil {
		return nil, err
	}
	f.set(&req, text)
	mark := l.Mark()
	_, err = l.OpenAs(ctx, cell, req)
	return l.Wrote(mark), err
}

// sentFields are those of the fields that the connector sends at all, each found out by
// a word in it that is nowhere else.
func sentFields(ctx context.Context, l *suite.Lane, of []field) ([]field, error) {
	var sent []field
	for _, f := range of {
		word := string(l.NewCall().Reference)[:12]
		writes, err := send(ctx, l, f, word)
		if err != nil {
			return nil, suite.Blocking("authorizing with a word at "+f.pointer, err)
		}
		if arrived(writes, word) {
			sent = append(sent, f)
		}
	}
	return sent, nil
}

// asItIs checks that a text arrives as it is, or is refused by its field's name before
// the provider hears of it.
func asItIs(ctx context.Context, l *suite.Lane, f field, text string) error {
	step := fmt.Sprintf("authorizing with %s at %s", shown(text), f.pointer)
	mark := l.Mark()
	writes, err := send(ctx, l, f, text)
	if err != nil {
		return errors.Join(suite.Named(step, err, f.pointer), l.Nothing(step, mark))
	}
	if !arrived(writes, text) {
		return suite.Brokenf(step, "it to arrive as it is, or to be refused", "%s", nearest(writes, text))
	}
	return nil
}

// shown is a text for people: quoted, and not endless.
func shown(text string) string {
	const most = 24
	if runes := []rune(text); len(runes) > most {
		return fmt.Sprintf("%+q… (%d characters)", string(runes[:most]), len(runes))
	}
	return fmt.Sprintf("%+q", text)
}

// each checks texts in every field that the connector sends.
func each(ctx context.Context, l *suite.Lane, of []field, texts []string) error {
	sent, err := sentFields(ctx, l, of)
	if err != nil {
		return err
	}
	var wrong []error
	for _, f := range sent {
		for _, text := range texts {
			wrong = append(wrong, asItIs(ctx, l, f, text))
		}
	}
	return errors.Join(wrong...)
}
