package smartpay

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

// machine is where a payment at Smartpay may go, as lookups show it.
var machine = map[sdk.State][]sdk.State{
	sdk.StateRequiresAction:    {sdk.StateRequiresAction, sdk.StateAuthorized, sdk.StateCaptured, sdk.StateDeclined},
	sdk.StateAuthorized:        {sdk.StateAuthorized, sdk.StatePartiallyCaptured, sdk.StateCaptured, sdk.StateVoided, sdk.StateExpired},
	sdk.StatePartiallyCaptured: {sdk.StatePartiallyCaptured, sdk.StateCaptured},
	sdk.StateCaptured:          {sdk.StateCaptured},
	sdk.StateDeclined:          {sdk.StateDeclined},
	sdk.StateVoided:            {sdk.StateVoided},
	sdk.StateExpired:           {sdk.StateExpired},
}

// A walker takes one payment through whatever may happen to it.
type walker struct {
	*bench
	t      *rapid.T
	ref    sdk.Reference
	order  sdk.OrderRef
	amount int64
	mode   sdk.CaptureMode
	seen   *sdk.Snapshot
	late   bool      // the page has run out
	next   sdk.State // where the step must have led; "" if not known beforehand
}

// Whatever is done to a payment, in whatever order, the books balance after each step,
// agree with the provider's, and a step that is refused changes nothing.
func TestBooksBalanceWhateverHappens(t *testing.T) {
	b := newBench(t)
	b.unguarded()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := &walker{
			bench: b, t: rt, ref: sdk.Reference(fmt.Sprint("Rwalk", n)), amount: rapid.SampledFrom([]int64{1, 2, 1000, 123456789}).Draw(rt, "amount"),
			mode: rapid.SampledFrom([]sdk.CaptureMode{sdk.CaptureManual, sdk.CaptureManual, sdk.CaptureAutomatic}).Draw(rt, "mode"),
		}
		w.order = b.authorize(w.ref, w.amount, w.mode).Order
		w.look("started")
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			w.step()
		}
	})
}

func (w *walker) step() {
	what := rapid.SampledFrom([]string{"approve", "approve", "decline", "capture", "capture", "refund", "refund", "void", "wait"}).Draw(w.t, "step")
	before := *w.seen
	w.next = ""
	var err error
	switch what {
	case "approve":
		if before.State == sdk.StateRequiresAction && !w.late {
			w.decide(w.ref, "approve", "")
		}
	case "decline":
		if before.State == sdk.StateRequiresAction && !w.late && rapid.Bool().Draw(w.t, "really") {
			w.decide(w.ref, "decline", rapid.SampledFrom([]string{"", `{"soft":true}`}).Draw(w.t, "how"))
		}
	case "capture":
		err = w.take(before)
	case "refund":
		err = w.giveBack(before)
	case "void":
		_, err = w.Void(context.Background(), sdk.VoidRequest{Call: w.call(w.ref), Order: w.order})
		open := before.State == sdk.StateAuthorized || before.State == sdk.StatePartiallyCaptured || before.State == sdk.StateVoided ||
			before.State == sdk.StateExpired // cancelling again is no error at Smartpay
		w.judge("void", err, open)
	case "wait":
		pause := rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 7*24*time.Hour + time.Second}).Draw(w.t, "how long")
		w.advance(pause)
		w.late = w.late || pause > time.Hour
	}
	w.look(what)
	if err != nil && (w.seen.State != before.State || !sameMoney(*w.seen, before)) {
		w.t.Errorf("a %s that was refused (%v) made %+v of %+v", what, err, w.seen, before)
	}
}

// take captures some of what is left, or too much.
func (w *walker) take(before sdk.Snapshot) error {
	left := w.amount - minor(before.Captured)
	amount := rapid.SampledFrom([]int64{1, max(1, left/2), max(1, left-1), max(1, left), left + 1}).Draw(w.t, "amount to capture")
	final := rapid.Bool().Draw(w.t, "final")
	result, err := w.Capture(context.Background(), sdk.CaptureRequest{
		Call: w.call(w.ref), Order: w.order, Amount: sdk.JPY(amount), Final: final,
	})
	open := before.State == sdk.StateAuthorized || before.State == sdk.StatePartiallyCaptured
	w.judge("capture", err, open && amount <= left)
	if err == nil && (result.Amount == nil || *result.Amount != sdk.JPY(amount)) {
		w.t.Errorf("captured %v, asked for %d", result.Amount, amount)
	}
	switch {
	case err == nil && (final || amount == left):
		w.next = sdk.StateCaptured
	case err == nil:
		w.next = sdk.StatePartiallyCaptured
	}
	return err
}

// giveBack refunds some of one capture, or too much.
func (w *walker) giveBack(before sdk.Snapshot) error {
	if len(before.Captures) == 0 {
		return nil
	}
	capture := rapid.SampledFrom(before.Captures).Draw(w.t, "capture")
	left := capture.Amount.Minor
	for _, r := range before.Refunds {
		if r.Capture == capture.Ref {
			left -= r.Amount.Minor
		}
	}
	amount := rapid.SampledFrom([]int64{1, max(1, left/2), max(1, left), left + 1}).Draw(w.t, "amount to refund")
	_, err := w.Refund(context.Background(), sdk.RefundRequest{
		Call: w.call(w.ref), Order: w.order, Capture: capture.Ref, Amount: sdk.JPY(amount), Reason: sdk.RefundRequested,
	})
	w.judge("refund", err, amount <= left)
	return err
}

// judge checks that a legal step succeeds and an illegal one is refused for its state.
func (w *walker) judge(what string, err error, legal bool) {
	switch {
	case legal && err != nil:
		w.t.Errorf("a legal %s after %+v: %v", what, w.seen, err)
	case !legal && err == nil:
		w.t.Errorf("an illegal %s after %+v succeeds", what, w.seen)
	case !legal && sdk.AsError(err).Category() != sdk.CategoryState:
		w.t.Errorf("an illegal %s: %v is %s", what, err, sdk.AsError(err).Category())
	}
}

// look looks the payment up and checks everything that must always hold.
func (w *walker) look(after string) {
	s := w.find(w.order)
	if w.seen != nil && !slices.Contains(machine[w.seen.State], s.State) {
		w.t.Errorf("after %s: from %s to %s", after, w.seen.State, s.State)
	}
	if w.seen != nil && s.Revision < w.seen.Revision {
		w.t.Errorf("after %s: revision went from %d to %d", after, w.seen.Revision, s.Revision)
	}
	if w.next != "" && s.State != w.next {
		w.t.Errorf("after %s: %s, want %s", after, s.State, w.next)
	}
	var captured, refunded int64
	for _, c := range s.Captures {
		captured += c.Amount.Minor
	}
	for _, r := range s.Refunds {
		refunded += r.Amount.Minor
	}
	authorized, released := minor(s.Authorized), minor(s.Released)
	book := w.ledgerOf("?limit=0&reference=" + string(w.ref)).ByReference[string(w.ref)]
	if authorized != book.Authorized || captured != book.Captured || released != book.Released || refunded != book.Refunded {
		w.t.Errorf("after %s: %+v, Smartpay's books say %+v", after, s, book)
	}
	if minor(s.Captured) != captured || minor(s.Refunded) != refunded || captured > authorized || refunded > captured {
		w.t.Errorf("after %s: %d held, %v captured, %v refunded; captures come to %d, refunds to %d",
			after, authorized, s.Captured, s.Refunded, captured, refunded)
	}
	if want := derived(authorized, captured, released, s.State); s.State != want {
		w.t.Errorf("after %s: %s of %d, %d captured, %d released; want %s", after, s.State, authorized, captured, released, want)
	}
	w.seen = s
}

// derived is the state that the amounts leave room for; where nothing is held they do not
// tell, nor whether what was let go was let go by us.
func derived(authorized, captured, released int64, told sdk.State) sdk.State {
	switch {
	case authorized == 0 && (told == sdk.StateRequiresAction || told == sdk.StateDeclined):
		return told
	case authorized == 0:
		return sdk.StateRequiresAction
	case captured == 0 && released == 0:
		return sdk.StateAuthorized
	case captured == 0 && told == sdk.StateExpired:
		return told
	case captured == 0:
		return sdk.StateVoided
	case captured+released < authorized:
		return sdk.StatePartiallyCaptured
	}
	return sdk.StateCaptured
}

func minor(m *sdk.Money) int64 {
	if m == nil {
		return 0
	}
	return m.Minor
}

func sameMoney(a, b sdk.Snapshot) bool {
	return minor(a.Authorized) == minor(b.Authorized) && minor(a.Captured) == minor(b.Captured) &&
		minor(a.Released) == minor(b.Released) && minor(a.Refunded) == minor(b.Refunded)
}

// Sale ends captured, authorization alone never does.
func TestWhatAModeEndsIn(t *testing.T) {
	b := newBench(t)
	for mode, want := range map[sdk.CaptureMode]sdk.State{sdk.CaptureAutomatic: sdk.StateCaptured, sdk.CaptureManual: sdk.StateAuthorized} {
		order := b.approved(sdk.Reference("R"+mode), 1000, mode)
		if got := b.find(order); got.State != want {
			t.Errorf("%s ends in %s, want %s", mode, got.State, want)
		}
	}
}

// One word of Smartpay's means one state, whether it comes in an answer, a lookup or an
// event, and a word that nobody knows means that we do not know.
func TestOneWordOneStateOnEveryPath(t *testing.T) {
	for _, status := range append([]string{"on_hold", "SUCCEEDED", ""}, documentedOrderStatuses...) {
		order := with(orderBody, `{"status":"`+status+`"}`)
		b, _ := broken(t, badnet.Reply(200, order))
		found, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: b.read("R1"), Order: anOrder})
		if err != nil {
			t.Fatalf("%q: %v", status, err)
		}
		event := deliver(t, signedAt(t, eventOf("order.authorized", order), time.UnixMilli(vectorTime)))
		b, _ = broken(t, badnet.Reply(200, with(sessionBody, `{"order":`+order+`}`)))
		made, err := b.Authorize(t.Context(), b.order("R1", 1000, sdk.CaptureManual))
		if made.Payment == nil || len(event.Observations) != 1 {
			t.Fatalf("%q: %+v, %v; %+v", status, made, err, event)
		}
		for path, s := range map[string]sdk.Snapshot{"answer": *made.Payment, "event": event.Observations[0]} {
			if s.State != found.Payment.State || s.Provider.Status != status {
				t.Errorf("%q means %s in the %s, %s in a lookup; kept as %q", status, s.State, path, found.Payment.State, s.Provider.Status)
			}
		}
		if !slices.Contains(documentedOrderStatuses, status) {
			if found.Payment.State != sdk.StateUnknown || sdk.OutcomeOf(made.Answer, err) != sdk.OutcomeUnknown {
				t.Errorf("%q means %s, outcome %s", status, found.Payment.State, sdk.OutcomeOf(made.Answer, err))
			}
		}
	}
}

// A number that a double cannot hold is not rounded on the way: it is refused.
func TestAmountsBeyondDoubles(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rbig", 1000, sdk.CaptureManual)
	capture := b.captured(order, 500, false)
	before := b.ledger()
	for _, amount := range []int64{1<<53 - 1, 1 << 53, 1<<53 + 1, 1<<63 - 1, -1, 0} {
		for what, ask := range map[string]func() error{
			"authorize": func() error {
				_, err := b.Authorize(t.Context(), b.order("Rbigger", amount, sdk.CaptureManual))
				return err
			},
			"capture": func() error { _, err := b.capture(order, amount, false); return err },
			"refund":  func() error { _, err := b.refund(order, capture, amount); return err },
		} {
			if e := refused(t, ask()); e.Outcome() != sdk.OutcomeNotAttempted {
				t.Errorf("%s of %d: %v", what, amount, e)
			}
		}
	}
	after := b.ledger()
	if after.ByReference["Rbig"].Movements != before.ByReference["Rbig"].Movements || after.ByReference["Rbigger"].Movements > 0 {
		t.Errorf("money has moved: %+v", after.ByReference)
	}
	for _, body := range []string{
		with(paymentBody, `{"amount":9007199254740993}`), with(paymentBody, `{"amount":200.5}`), with(paymentBody, `{"amount":"200"}`),
		with(paymentBody, `{"amount":2e2}`), with(paymentBody, `{"amount":-200}`), with(paymentBody, `{"amount":1e400}`),
	} {
		b, _ := broken(t, badnet.Reply(200, body))
		answer, err := writes["capture"].ask(t.Context(), b)
		if sdk.OutcomeOf(answer, err) != sdk.OutcomeUnknown || answer.Amount != nil && *answer.Amount == sdk.JPY(200) {
			t.Errorf("%s is read as %v, %v", body, answer.Amount, err)
		}
	}
}

// The buyer need not come back: what they did, or did not do, is at Smartpay.
func TestBuyerWhoNeverComesBack(t *testing.T) {
	b := newBench(t)
	for verb, want := range map[string]sdk.State{
		"approve": sdk.StateAuthorized, "decline": sdk.StateDeclined, "cancel": sdk.StateRequiresAction, "": sdk.StateRequiresAction,
	} {
		reference := sdk.Reference("Rgone" + verb)
		made := b.authorize(reference, 1000, sdk.CaptureManual)
		if made.Next == nil || !usable(made.Next.RedirectURL, b.url) || !made.Next.ExpiresAt.After(time.Now()) {
			t.Errorf("the buyer is sent to %+v", made.Next)
		}
		for range 2 { // doing it twice is doing it once
			if verb != "" {
				b.decide(reference, verb, "")
			}
		}
		if verb == "" {
			b.advance(24 * time.Hour)
		}
		if got := b.find(made.Order); got.State != want {
			t.Errorf("after %q: %s, want %s", verb, got.State, want)
		}
	}
}
