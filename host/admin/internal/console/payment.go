package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/host/admin/internal/story"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// storyLength is the most events that a page tells.
const storyLength = 500

// payment is everything about one payment.
type payment struct {
	paymentRow
	MerchantAccount string
	Method, Country string
	Intent          string
	ErrorCode       string
	Reason          string // why it was closed, by whom
	UpdatedAt       time.Time
	ExpiresAt       time.Time // of the approval, while it is waited for
	ApprovalURL     string    // the buyer's page, while it is waited for
	Sums            []sum
	Asked           asked
	Operations      []operation
	Truth           truth
	Metadata        []fact
	Story           []story.Line // oldest first
	Cut             bool         // the beginning of the story is left out
}

// A fact has a name.
type fact struct{ Name, Value string }

// A sum is an amount and its share of the payment, in percent.
type sum struct {
	Name, Amount string
	Share        int64
	Zero         bool
}

// asked is who the merchant said pays, and for what.
type asked struct {
	Buyer, Email string
	Cart         []cartLine
}

type cartLine struct {
	Name     string
	Quantity int64
	Unit     string
}

// An operation is one intent to move money.
type operation struct {
	ledger.Operation
	Name      string
	Amount    string
	Processed string // as the provider said; empty if it did not
	Outcome   string
	Tone      story.Tone
}

// truth is what the provider has been seen to hold.
type truth struct {
	ledger.Truth
	State                string
	Authorized, Released string
	Moves                []move
}

// A move is one capture or refund as the provider holds it.
type move struct {
	Kind, Ref, Amount, Status string
	Tone                      story.Tone
	At                        time.Time
}

func (s *console) payment(r *http.Request) (view, error) {
	id := sdk.PaymentID(r.PathValue("id"))
	rec, err := s.Store.Payment(r.Context(), id)
	if err != nil {
		return view{}, err
	}
	events, older, err := story.Newest(r.Context(), s.Store, id, storyLength)
	if err != nil {
		return view{}, err
	}
	scales := scalesOf(s.Host.Releases())
	p := paymentOf(rec, scales)
	p.Cut = older
	for _, e := range slices.Backward(events) {
		p.Story = append(p.Story, scales.Tell(e))
	}
	return view{"payment", "Payment " + p.Amount, p}, nil
}

func paymentOf(rec store.Record, scales story.Scales) payment {
	v := rec.View()
	p := payment{
		paymentRow: rowOf(rec, scales), MerchantAccount: rec.MerchantAccount, Method: rec.Method, Country: rec.Country,
		Intent: string(rec.Payment.Intent), ErrorCode: story.Words(v.Reason.ErrorCode()), UpdatedAt: rec.UpdatedAt,
		Sums: sumsOf(rec, v, scales), Asked: askedOf(rec, scales), Truth: truthOf(rec.Truth, scales),
	}
	if rec.Closing != nil {
		p.Reason = story.Words(string(rec.Closing.Reason))
	}
	if rec.Status(v) == ledger.StatusBuyerApprovalPending {
		p.ExpiresAt = rec.Payment.ApprovalExpiresAt
		if rec.Truth.Next != nil {
			p.ApprovalURL = rec.Truth.Next.RedirectURL
		}
	}
	for _, op := range rec.Operations {
		p.Operations = append(p.Operations, operationOf(op, scales))
	}
	for name, value := range rec.Metadata {
		p.Metadata = append(p.Metadata, fact{name, value})
	}
	slices.SortFunc(p.Metadata, func(a, b fact) int { return strings.Compare(a.Name, b.Name) })
	return p
}

// sumsOf are the payment's amounts.
func sumsOf(rec store.Record, v ledger.View, scales story.Scales) []sum {
	return []sum{
		sumOf("authorized", v.Authorized, rec, scales), sumOf("captured", v.Captured, rec, scales),
		sumOf("refunded", v.Refunded, rec, scales), sumOf("released", v.Released, rec, scales),
		sumOf("still open", v.Open(), rec, scales),
	}
}

func sumOf(name string, minor int64, rec store.Record, scales story.Scales) sum {
	s, total := sum{Name: name, Zero: minor == 0}, rec.Payment.Amount
	s.Amount = scales.Show(sdk.Money{Minor: minor, Currency: total.Currency})
	switch {
	case total.Minor >= 100_000: // multiplying could overflow; this is close enough for a picture
		s.Share = min(100, minor/(total.Minor/100))
	case total.Minor > 0:
		s.Share = min(100, minor*100/total.Minor)
	}
	return s
}

// askedOf reads the stored request. One that cannot be read says nothing.
func askedOf(rec store.Record, scales story.Scales) asked {
	var stored settle.Request
	if err := json.Unmarshal(rec.Request, &stored); err != nil {
		return asked{}
	}
	request := stored.Authorize
	var a asked
	if request.Buyer != nil {
		a.Buyer = request.Buyer.DisplayName
	}
	if c := request.Billing; c != nil {
		a.Email = c.Email
		if name := c.LastName + " " + c.FirstName; name != " " {
			a.Buyer = name
		}
	}
	for _, item := range request.Cart {
		unit := sdk.Money{Minor: item.UnitAmount, Currency: request.Amount.Currency}
		a.Cart = append(a.Cart, cartLine{item.Name, item.Quantity, scales.Show(unit)})
	}
	return a
}

func operationOf(op ledger.Operation, scales story.Scales) operation {
	o := operation{
		Operation: op, Name: story.Words(string(op.Kind)), Amount: scales.Show(op.Amount),
		Outcome: story.Words(string(op.Outcome)), Tone: outcomeTone(op.Outcome),
	}
	if op.Outcome == "" {
		o.Outcome = "under way, or in doubt"
	}
	if op.Processed != nil {
		o.Processed = scales.Show(*op.Processed)
	}
	return o
}

func outcomeTone(o sdk.Outcome) story.Tone {
	switch o {
	case sdk.OutcomeSucceeded:
		return story.Good
	case sdk.OutcomePending, sdk.OutcomeRequiresAction:
		return story.Wait
	case sdk.OutcomeDeclined, sdk.OutcomeNotAttempted, sdk.OutcomeUnknown:
		return story.Bad
	}
	return story.Wait // it has no outcome yet
}

func truthOf(t ledger.Truth, scales story.Scales) truth {
	show := func(m *sdk.Money) string {
		if m == nil {
			return ""
		}
		return scales.Show(*m)
	}
	out := truth{Truth: t, State: story.Words(string(t.State)), Authorized: show(t.Authorized), Released: show(t.Released)}
	for _, c := range t.Captures {
		out.Moves = append(out.Moves, move{"capture", string(c.Ref), show(c.Amount), story.Words(string(c.Status)), moveTone(c.Status), c.At})
	}
	for _, r := range t.Refunds {
		out.Moves = append(out.Moves, move{"refund", string(r.Ref), show(r.Amount), story.Words(string(r.Status)), moveTone(r.Status), r.At})
	}
	return out
}

func moveTone(s sdk.MoveStatus) story.Tone {
	switch s {
	case sdk.MoveSucceeded:
		return story.Good
	case sdk.MovePending:
		return story.Wait
	case sdk.MoveCanceled:
		return story.Off
	case sdk.MoveFailed, sdk.MoveReversed, sdk.MoveUnknown:
		return story.Bad
	}
	return story.Plain
}

// settle asks the provider how the payment is.
func (s *console) settle(r *http.Request) (back, notice string, err error) {
	id := sdk.PaymentID(r.PathValue("id"))
	back = root + "/payments/" + url.PathEscape(string(id))
	settled, err := s.Payments.Settle(r.Context(), id)
	if err != nil {
		return back, "", fmt.Errorf("the provider could not be asked: %w", err)
	}
	if !settled {
		return back, "The provider was asked. It could not tell how every operation ended: the payment is still unsettled.", nil
	}
	return back, "The provider was asked. Nothing about this payment is in doubt.", nil
}
