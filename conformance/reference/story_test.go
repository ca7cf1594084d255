package reference_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/conformance/reference/provider"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestEveryCurrencyIsAuthorizedAndCaptured(t *testing.T) {
	b := newBench(t, provider.Options{})
	d, err := b.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, currency := range d.Manifest.Currencies {
		for _, minor := range []int64{1, 9, 99, 999, 1000, 123_456_789, 999_999_999_999} {
			amount := sdk.Money{Minor: minor, Currency: currency.Code}
			t.Run(amount.String(), func(t *testing.T) {
				h := b.held(amount)
				got, err := h.capture(minor, true)
				if err != nil || got.Outcome != sdk.OutcomeSucceeded || got.Amount == nil || *got.Amount != amount {
					t.Fatalf("capture: %+v, %v", got, err)
				}
				for _, m := range b.provider.Ledger("", string(h.reference)).Movements {
					if m.Minor != minor || m.Currency != string(currency.Code) {
						t.Errorf("the provider moved %d %s", m.Minor, m.Currency)
					}
				}
			})
		}
	}
}

func TestMoneyOfOnePayment(t *testing.T) {
	tests := map[string]struct {
		do    func(h held) error
		state sdk.State
		want  [4]int64 // authorized, captured, released, refunded
	}{
		"held":                {func(held) error { return nil }, sdk.StateAuthorized, [4]int64{1000, 0, 0, 0}},
		"captured in full":    {func(h held) error { return captures(h, 1000) }, sdk.StateCaptured, [4]int64{1000, 1000, 0, 0}},
		"captured in parts":   {func(h held) error { return captures(h, 300, 300) }, sdk.StatePartiallyCaptured, [4]int64{1000, 600, 0, 0}},
		"captured over":       {func(h held) error { return captures(h, 1150) }, sdk.StateCaptured, [4]int64{1000, 1150, 0, 0}},
		"a part, over":        {func(h held) error { return captures(h, 500, 650) }, sdk.StateCaptured, [4]int64{1000, 1150, 0, 0}},
		"a final part":        {func(h held) error { _, err := h.capture(300, true); return err }, sdk.StateCaptured, [4]int64{1000, 300, 700, 0}},
		"voided":              {func(h held) error { _, err := h.void(); return err }, sdk.StateVoided, [4]int64{1000, 0, 1000, 0}},
		"voided after a part": {func(h held) error { return after(captures(h, 400), h.void) }, sdk.StateCaptured, [4]int64{1000, 400, 600, 0}},
		"raised":              {func(h held) error { _, err := h.increment(500); return err }, sdk.StateAuthorized, [4]int64{1500, 0, 0, 0}},
		"raised and captured": {func(h held) error { _, err := h.increment(500); return join(err, captures(h, 1500)) }, sdk.StateCaptured, [4]int64{1500, 1500, 0, 0}},
		"refunded in parts": {func(h held) error {
			return join(captures(h, 1000), refunds(h, 300, 300))
		}, sdk.StateCaptured, [4]int64{1000, 1000, 0, 600}},
		"refunded between captures": {func(h held) error {
			return join(captures(h, 400), refunds(h, 400), captures(h, 600), refunds(h, 600))
		}, sdk.StateCaptured, [4]int64{1000, 1000, 0, 1000}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := newBench(t, provider.Options{}).held(eur(1000))
			if err := tt.do(h); err != nil {
				t.Fatal(err)
			}
			s := h.now()
			if s.State != tt.state || amounts(s) != tt.want {
				t.Errorf("%s %v, want %s %v", s.State, amounts(s), tt.state, tt.want)
			}
			var taken, returned int64
			for _, m := range s.Captures {
				taken += m.Amount.Minor
			}
			for _, m := range s.Refunds {
				returned += m.Amount.Minor
			}
			if taken != tt.want[1] || returned != tt.want[3] {
				t.Errorf("captures come to %d and refunds to %d, want %d and %d", taken, returned, tt.want[1], tt.want[3])
			}
		})
	}
}

func captures(h held, minors ...int64) error {
	for _, minor := range minors {
		if _, err := h.capture(minor, false); err != nil {
			return err
		}
	}
	return nil
}

func refunds(h held, minors ...int64) error {
	for _, minor := range minors {
		if _, err := h.refund(minor); err != nil {
			return err
		}
	}
	return nil
}

func after(err error, void func() (sdk.VoidResult, error)) error {
	if err == nil {
		_, err = void()
	}
	return err
}

func join(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestAnswersSayWhatTheProviderProcessed(t *testing.T) {
	b := newBench(t, provider.Options{})
	h := b.held(eur(1000))
	part, err := h.capture(300, false)
	if err != nil || part.Amount.Minor != 300 || part.Released.Minor != 0 || part.Capture == "" {
		t.Errorf("part: %+v, %v", part, err)
	}
	last, err := h.capture(200, true)
	if err != nil || last.Amount.Minor != 200 || last.Released.Minor != 500 || last.Capture == part.Capture {
		t.Errorf("last: %+v, %v", last, err)
	}
	back, err := h.refund(100)
	if err != nil || back.Amount.Minor != 100 || back.Refund == "" {
		t.Errorf("refund: %+v, %v", back, err)
	}
	found, err := b.FindRefund(t.Context(), sdk.FindRefundRequest{Call: b.read(""), Refund: back.Refund})
	if err != nil || !found.Found || found.Refund.Status != sdk.MoveSucceeded || found.Refund.Amount.Minor != 100 {
		t.Errorf("found: %+v, %v", found, err)
	}
	byOperation := b.read("")
	byOperation.OperationID = back.Payment.Refunds[0].Operation
	again, err := b.FindRefund(t.Context(), sdk.FindRefundRequest{Call: byOperation, Order: h.order})
	if err != nil || again.Refund == nil || again.Refund.Ref != back.Refund {
		t.Errorf("found by operation: %+v, %v", again, err)
	}
	whole, err := b.held(eur(1000)).void()
	if err != nil || whole.Released.Minor != 1000 {
		t.Errorf("void: %+v, %v", whole, err)
	}
	raised, err := b.held(eur(1000)).increment(1)
	if err != nil || raised.Amount.Minor != 1001 {
		t.Errorf("increment: %+v, %v", raised, err)
	}
}

func TestPartialAuthorization(t *testing.T) {
	b := newBench(t, provider.Options{})
	for _, mode := range []sdk.CaptureMode{sdk.CaptureManual, sdk.CaptureAutomatic} {
		res, err := b.Authorize(t.Context(), b.terms(eur(provider.HalfApproved), mode))
		if err != nil || res.Outcome != sdk.OutcomeSucceeded || res.Amount.Minor != provider.HalfApproved/2 {
			t.Errorf("%s: %+v, %v", mode, res, err)
		}
		if want := int64(len(res.Payment.Captures)) * (provider.HalfApproved / 2); res.Payment.Captured.Minor != want {
			t.Errorf("%s: captured %s, want %d", mode, res.Payment.Captured, want)
		}
	}
}

func TestBuyerDecides(t *testing.T) {
	tests := map[string]struct {
		amount int64
		method string
		word   string
		later  time.Duration
		state  sdk.State
	}{
		"a wallet's owner approves":       {1000, "wallet", "approve", 0, sdk.StateAuthorized},
		"a wallet's owner declines":       {1000, "wallet", "decline", 0, sdk.StateDeclined},
		"a wallet's owner cancels":        {1000, "wallet", "cancel", 0, sdk.StateCanceled},
		"nobody comes":                    {1000, "wallet", "", 30 * time.Minute, sdk.StateExpired},
		"somebody comes too late":         {1000, "wallet", "approve", 31 * time.Minute, sdk.StateExpired},
		"a card's bank wants to know":     {provider.Challenged, "card", "approve", 0, sdk.StateAuthorized},
		"approved, and the bank declines": {provider.FirstDeclined, "wallet", "approve", 0, sdk.StateDeclined},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, provider.Options{})
			req := b.terms(eur(tt.amount), sdk.CaptureManual)
			req.Method = tt.method
			res, err := b.Authorize(t.Context(), req)
			if err != nil || res.Outcome != sdk.OutcomeRequiresAction || res.Next == nil {
				t.Fatalf("%+v, %v", res, err)
			}
			b.provider.Advance(tt.later)
			if tt.word != "" {
				b.provider.Decide(string(res.Order), tt.word)
			}
			h := held{b, req.Call.Reference, res.Order, "EUR"}
			if s := h.now(); s.State != tt.state {
				t.Errorf("%s, want %s", s.State, tt.state)
			}
		})
	}
}

func TestAutomaticCaptureWaitsForApproval(t *testing.T) {
	b := newBench(t, provider.Options{})
	req := b.terms(eur(1000), sdk.CaptureAutomatic)
	req.Method = "wallet"
	res, err := b.Authorize(t.Context(), req)
	if err != nil || amounts(res.Payment) != [4]int64{} {
		t.Fatalf("%+v, %v", res, err)
	}
	to, ok := b.provider.Decide(string(res.Order), "approve")
	if !ok || to != req.ReturnURL {
		t.Errorf("the buyer goes to %q, want %q", to, req.ReturnURL)
	}
	h := held{b, req.Call.Reference, res.Order, "EUR"}
	if s := h.now(); s.State != sdk.StateCaptured || len(s.Captures) != 1 || amounts(s) != [4]int64{1000, 1000, 0, 0} {
		t.Errorf("%+v", s)
	}
}

func TestApprovalCanBeCalledOff(t *testing.T) {
	b := newBench(t, provider.Options{})
	req := b.terms(eur(1000), sdk.CaptureManual)
	req.Method = "wallet"
	res, err := b.Authorize(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	h := held{b, req.Call.Reference, res.Order, "EUR"}
	canceled, err := h.cancel()
	if err != nil || canceled.Outcome != sdk.OutcomeSucceeded || canceled.ApprovalPossible {
		t.Errorf("%+v, %v", canceled, err)
	}
	b.provider.Decide(string(res.Order), "approve")
	if s := h.now(); s.State != sdk.StateCanceled || amounts(s) != [4]int64{} {
		t.Errorf("%s %v after an approval that came too late", s.State, amounts(s))
	}
}

// A buyer who approves by himself does so too late, once the payment was called off.
func TestCalledOffBeforeTheBuyerCame(t *testing.T) {
	b := newBench(t, provider.Options{ApproveAfter: time.Minute})
	req := b.terms(eur(1000), sdk.CaptureAutomatic)
	req.Method = "wallet"
	res, err := b.Authorize(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	h := held{b, req.Call.Reference, res.Order, "EUR"}
	if _, err := h.cancel(); err != nil {
		t.Fatal(err)
	}
	b.provider.Advance(time.Hour)
	if s := h.now(); s.State != sdk.StateCanceled || amounts(s) != [4]int64{} {
		t.Errorf("%s %v", s.State, amounts(s))
	}
}

func TestTimeDecides(t *testing.T) {
	tests := map[string]struct {
		amount int64
		do     func(h held) error
		later  time.Duration
		before sdk.MoveStatus // of the last capture or refund; "" if there is none
		after  sdk.MoveStatus
		state  sdk.State
	}{
		"a hold runs out":       {1000, nil, 7 * 24 * time.Hour, "", "", sdk.StateExpired},
		"a rest runs out":       {1000, func(h held) error { return captures(h, 1) }, 7 * 24 * time.Hour, sdk.MoveSucceeded, sdk.MoveSucceeded, sdk.StateCaptured},
		"a slow capture":        {provider.SlowMove, func(h held) error { return captures(h, provider.SlowMove) }, time.Minute, sdk.MovePending, sdk.MoveSucceeded, sdk.StateCaptured},
		"a failing capture":     {provider.FailingMove, func(h held) error { return captures(h, provider.FailingMove) }, time.Minute, sdk.MovePending, sdk.MoveFailed, sdk.StateAuthorized},
		"a slow refund":         {100_000, func(h held) error { return join(captures(h, 100_000), refunds(h, provider.SlowMove)) }, time.Minute, sdk.MovePending, sdk.MoveSucceeded, sdk.StateCaptured},
		"a failing refund":      {100_000, func(h held) error { return join(captures(h, 100_000), refunds(h, provider.FailingMove)) }, time.Minute, sdk.MovePending, sdk.MoveFailed, sdk.StateCaptured},
		"a refund that bounces": {100_000, func(h held) error { return join(captures(h, 100_000), refunds(h, provider.BouncingRefund)) }, time.Hour, sdk.MoveSucceeded, sdk.MoveReversed, sdk.StateCaptured},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, provider.Options{})
			h := b.held(eur(tt.amount))
			if tt.do != nil {
				if err := tt.do(h); err != nil {
					t.Fatal(err)
				}
			}
			first := h.now()
			b.provider.Advance(tt.later)
			second := h.now()
			if last(first) != tt.before || last(second) != tt.after || second.State != tt.state {
				t.Errorf("%q, then %q and %s; want %q, then %q and %s",
					last(first), last(second), second.State, tt.before, tt.after, tt.state)
			}
			if second.Revision <= first.Revision && tt.before != tt.after {
				t.Errorf("revision %d after %d", second.Revision, first.Revision)
			}
		})
	}
}

func last(s *sdk.Snapshot) sdk.MoveStatus {
	if n := len(s.Refunds); n > 0 {
		return s.Refunds[n-1].Status
	}
	if n := len(s.Captures); n > 0 {
		return s.Captures[n-1].Status
	}
	return ""
}

func TestReviewIsPending(t *testing.T) {
	for amount, want := range map[int64]sdk.State{
		provider.ReviewedThenApproved: sdk.StateAuthorized, provider.ReviewedThenDeclined: sdk.StateDeclined,
	} {
		b := newBench(t, provider.Options{})
		req := b.terms(eur(amount), sdk.CaptureManual)
		res, err := b.Authorize(t.Context(), req)
		if err != nil || res.Outcome != sdk.OutcomePending {
			t.Fatalf("%+v, %v", res, err)
		}
		h := held{b, req.Call.Reference, res.Order, "EUR"}
		if _, err := h.capture(1, true); err == nil {
			t.Error("captured before it was decided")
		}
		b.provider.Advance(time.Minute)
		if s := h.now(); s.State != want {
			t.Errorf("%s, want %s", s.State, want)
		}
	}
}

func TestTokens(t *testing.T) {
	b := newBench(t, provider.Options{})
	ctx := t.Context()
	card, err := b.Tokenize(ctx, sdk.TokenizeRequest{Call: b.call(""), Method: "card"})
	if err != nil || card.Outcome != sdk.OutcomeSucceeded {
		t.Fatalf("%+v, %v", card, err)
	}
	wallet, err := b.Tokenize(ctx, sdk.TokenizeRequest{
		Call: b.call(""), Method: "wallet", ReturnURL: "https://shop.example/r", CancelURL: "https://shop.example/c",
	})
	if err != nil || wallet.Outcome != sdk.OutcomeRequiresAction || wallet.Next == nil || wallet.Token == "" {
		t.Fatalf("%+v, %v", wallet, err)
	}
	pay := func(token sdk.TokenRef) error {
		req := b.terms(eur(100), sdk.CaptureManual)
		req.Token = token
		_, err := b.Authorize(ctx, req)
		return err
	}
	check := func(token sdk.TokenRef) error {
		_, err := b.ZeroAuthorize(ctx, sdk.ZeroAuthorizeRequest{
			Call: b.call(""), Currency: "JPY", Country: "JP", Method: "card", Token: token,
		})
		return err
	}
	if err := join(pay(card.Token), check(card.Token), check("ins_test_good"), check("")); err != nil {
		t.Error(err)
	}
	wantRefusal(t, pay(wallet.Token), sdk.CodeInvalidState)
	b.provider.Decide(string(wallet.Token), "approve")
	if err := pay(wallet.Token); err != nil {
		t.Errorf("after its owner approved: %v", err)
	}
	for range 2 {
		gone, err := b.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: b.call(""), Token: card.Token})
		if err != nil || gone.Outcome != sdk.OutcomeSucceeded {
			t.Errorf("%+v, %v", gone, err)
		}
	}
	if _, err := b.DeleteToken(ctx, sdk.DeleteTokenRequest{Call: b.call(""), Token: "ins_0000"}); err != nil {
		t.Errorf("of a token that never was: %v", err)
	}
	wantRefusal(t, pay(card.Token), sdk.CodeNotFound)
	wantRefusal(t, check(card.Token), sdk.CodeNotFound)
	if e := sdk.AsError(check("ins_test_expired_card")); e.Code != sdk.CodeExpiredInstrument {
		t.Errorf("an expired card is %v", e)
	}
	for _, m := range b.provider.Ledger("", "").Movements {
		if m.Reference == "" {
			t.Errorf("checking moved %+v", m)
		}
	}
}

// Both shapes of the provider are the same to the connector.
func TestOutsideIsAsInside(t *testing.T) {
	b := newBench(t, provider.Options{})
	outside := serveProvider(t, b.provider)
	for _, address := range []string{"", outside} {
		t.Run(fmt.Sprintf("outside is %t", address != ""), func(t *testing.T) {
			req := b.terms(eur(500), sdk.CaptureAutomatic)
			req.Method = "wallet"
			if address != "" {
				req.Call.Account.Config = map[string]string{"provider_url": address}
			}
			res, err := b.Authorize(t.Context(), req)
			if err != nil || res.Outcome != sdk.OutcomeRequiresAction {
				t.Fatalf("%+v, %v", res, err)
			}
			if address != "" {
				approve(t, res.Next.RedirectURL, req.ReturnURL)
			} else {
				b.provider.Decide(string(res.Order), "approve")
			}
			found, err := b.FindPayment(t.Context(), sdk.FindPaymentRequest{Call: req.Call, Order: res.Order})
			if err != nil || !found.Found || found.Payment.State != sdk.StateCaptured {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// approve is a buyer with a browser.
func approve(t *testing.T, page, want string) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(page + "?auto=approve")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || got != want {
		t.Errorf("the page answers %d and sends to %q, want %q", res.StatusCode, got, want)
	}
}
