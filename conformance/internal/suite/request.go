package suite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// A Cell is one combination that a manifest offers: what is claimed is claimed for
// each of them.
type Cell struct {
	Method   sdk.PaymentMethod
	Currency sdk.CurrencyFact
	Country  string
	Mode     sdk.CaptureMode
}

// String names the cell.
func (c Cell) String() string {
	return fmt.Sprintf("%s %s %s %s", c.Method.Name, c.Currency.Code, c.Country, c.Mode)
}

// Cells lists every method, currency and capture mode of the manifest, each with the
// country that the fixtures pair with the currency, and every other country once.
func (l *Lane) Cells() []Cell {
	m := l.Description.Manifest
	var cells []Cell
	for _, method := range m.Methods {
		for _, currency := range m.Currencies {
			for _, mode := range m.CaptureModes {
				cells = append(cells, Cell{method, currency, l.countryOf(currency.Code), mode})
			}
		}
	}
	for _, country := range m.Countries {
		if !slices.ContainsFunc(cells, func(c Cell) bool { return c.Country == country }) && len(cells) > 0 {
			other := cells[0]
			other.Country = country
			cells = append(cells, other)
		}
	}
	return cells
}

// countryOf is the country of the fixtures for a currency.
func (l *Lane) countryOf(currency sdk.Currency) string {
	if country, ok := l.fixtures.Countries[currency]; ok {
		return country
	}
	if sample := l.fixtures.Authorize; sample != nil && sample.Amount.Currency == currency {
		return sample.Country
	}
	return l.Description.Manifest.Countries[0]
}

// Cell is the fixtures' own combination in a capture mode; where that mode is not
// offered, in the one that is.
func (l *Lane) Cell(mode sdk.CaptureMode) (Cell, error) {
	sample := l.fixtures.Authorize
	if sample == nil {
		return Cell{}, fmt.Errorf("%w: authorize is missing", ErrNotTestable)
	}
	m := l.Description.Manifest
	cell := Cell{Country: sample.Country, Mode: mode}
	for _, method := range m.Methods {
		if method.Name == sample.Method {
			cell.Method = method
		}
	}
	for _, currency := range m.Currencies {
		if currency.Code == sample.Amount.Currency {
			cell.Currency = currency
		}
	}
	if cell.Method.Name == "" || cell.Currency.Code == "" {
		return Cell{}, fmt.Errorf("%w: authorize is for method %q in %q, which the manifest does not offer",
			ErrNotTestable, sample.Method, sample.Amount.Currency)
	}
	if !slices.Contains(m.CaptureModes, mode) {
		cell.Mode = m.CaptureModes[0]
	}
	return cell, nil
}

// Amount is an amount that the provider takes, if it takes any: minor units, at least
// min and divisible by four, so that it can be halved twice.
func (l *Lane) Amount() int64 {
	limits := l.Description.Manifest.Limits
	amount := int64(2400)
	if limits.MinAmount > amount/4 {
		amount = limits.MinAmount * 4
	}
	if limits.MaxAmount > 0 && amount > limits.MaxAmount {
		amount = limits.MaxAmount / 4 * 4
	}
	return amount
}

// Authorization is the fixtures' request for the cell and amount, under a new call.
func (l *Lane) Authorization(cell Cell, minor int64) (sdk.AuthorizeRequest, error) {
	if l.fixtures.Authorize == nil {
		return sdk.AuthorizeRequest{}, fmt.Errorf("%w: authorize is missing", ErrNotTestable)
	}
	raw, err := json.Marshal(l.fixtures.Authorize)
	if err != nil {
		return sdk.AuthorizeRequest{}, fmt.Errorf("%w: %w", ErrSuite, err)
	}
	var req sdk.AuthorizeRequest
	if err := json.Unmarshal(raw, &req); err != nil {
		return sdk.AuthorizeRequest{}, fmt.Errorf("%w: %w", ErrSuite, err)
	}
	req.Call = l.NewCall()
	req.Amount = sdk.Money{Minor: minor, Currency: cell.Currency.Code}
	req.Country, req.Method, req.CaptureMode = cell.Country, cell.Method.Name, cell.Mode
	for _, contact := range []*sdk.Contact{req.Billing, req.Shipping} {
		if contact != nil && contact.Address != nil {
			contact.Address.Country = cell.Country
		}
	}
	if len(req.Cart) > 0 {
		req.Cart = []sdk.CartItem{{Name: req.Cart[0].Name, Quantity: 1, UnitAmount: minor}}
	}
	req.ApprovalExpiresAt = l.Now().Add(l.approvalTime())
	return req, nil
}

// approvalTime is how long a buyer gets: half an hour, or what the provider allows.
func (l *Lane) approvalTime() time.Duration {
	most := 30 * time.Minute
	if limit := time.Duration(l.Description.Manifest.Limits.ApprovalTime); limit > 0 {
		most = min(most, limit)
	}
	return most
}

// NewCall is the context of a new operation on a new payment: its ids and its key have
// never been used.
func (l *Lane) NewCall() sdk.Call {
	payment := l.uuid()
	return sdk.Call{
		OperationID: sdk.OperationID(l.uuid()), Key: sdk.IdempotencyKey(l.uuid()), Attempt: 1,
		PaymentID: sdk.PaymentID(payment), Reference: sdk.Reference(l.text(22)), Account: l.Account,
	}
}

// Next is the context of another operation on the same payment.
func (l *Lane) Next(call sdk.Call) sdk.Call {
	call.OperationID, call.Key, call.Attempt = sdk.OperationID(l.uuid()), sdk.IdempotencyKey(l.uuid()), 1
	return call
}

// Again is the context of the same operation, sent again.
func Again(call sdk.Call) sdk.Call {
	call.Attempt++
	return call
}

// Reading is the context of a lookup for the payment.
func Reading(call sdk.Call) sdk.Call {
	call.Key, call.OperationID = "", ""
	return call
}

// uuid is one that the seed decides, version 4.
func (l *Lane) uuid() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, b := l.rand.Uint64(), l.rand.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// text is a random word of n letters and digits.
func (l *Lane) text(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for range n {
		b.WriteByte(letters[l.rand.IntN(len(letters))])
	}
	return b.String()
}

// IntN is a random number that the seed decides, below n.
func (l *Lane) IntN(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rand.IntN(n)
}
