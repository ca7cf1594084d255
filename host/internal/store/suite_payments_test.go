package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

func readsBackWhatWasWritten(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rapid.Check(t, func(rt *rapid.T) {
		rec := drawRecord(rt)
		if err := s.Create(t.Context(), rec, nil); err != nil {
			rt.Fatal(err)
		}
		if len(rec.Added) != 0 {
			rt.Errorf("%d events are still marked as added", len(rec.Added))
		}
		got, err := s.Payment(t.Context(), rec.Payment.ID)
		if err != nil {
			rt.Fatal(err)
		}
		same(t, "payment", got, *rec)
	})
}

func readsBackChanges(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	rapid.Check(t, func(rt *rapid.T) {
		rec, then := drawRecord(rt), drawRecord(rt)
		if err := s.Create(t.Context(), rec, nil); err != nil {
			rt.Fatal(err)
		}
		c.advance(time.Second)
		kept, err := s.Update(t.Context(), rec.Payment.ID, nil, func(r *Record) error {
			r.ExternalID, r.Metadata, r.Truth, r.Closing = then.ExternalID, then.Metadata, then.Truth, then.Closing
			for i := range min(len(r.Operations), len(then.Operations)) {
				was := r.Operations[i]
				r.Operations[i] = then.Operations[i]
				r.Operations[i].ID, r.Operations[i].Kind = was.ID, was.Kind
				r.Operations[i].Key, r.Operations[i].CreatedAt = was.Key, was.CreatedAt
			}
			r.Operations = append(r.Operations, then.Operations[min(len(r.Operations), len(then.Operations)):]...)
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
		if !kept.UpdatedAt.After(rec.UpdatedAt) {
			rt.Errorf("updated at %v, before it was at %v", kept.UpdatedAt, rec.UpdatedAt)
		}
		got, err := s.Payment(t.Context(), rec.Payment.ID)
		if err != nil {
			rt.Fatal(err)
		}
		same(t, "payment", got, kept)
		same(t, "metadata", got.Metadata, then.Metadata)
	})
}

// drawRecord draws a record with new ids and anything in its other fields, however odd.
func drawRecord(rt *rapid.T) *Record {
	rec := newPayment()
	rec.MerchantAccount, rec.Service = text.Draw(rt, "account"), text.Draw(rt, "service")
	rec.ExternalID, rec.ReturnURL = text.Draw(rt, "external id"), text.Draw(rt, "return url")
	if rapid.Bool().Draw(rt, "with metadata") {
		rec.Metadata = rapid.MapOfN(text, text, 0, 3).Draw(rt, "metadata")
	}
	if rapid.Bool().Draw(rt, "without request") {
		rec.Request = nil
	}
	rec.Payment.Amount, rec.Payment.CreatedAt = money.Draw(rt, "amount"), moment.Draw(rt, "created")
	rec.Payment.ApprovalExpiresAt = moment.Draw(rt, "approval expires")
	if rapid.Bool().Draw(rt, "closed") {
		rec.Closing = &ledger.Closing{Reason: ledger.ClosedByBuyer, At: moment.Draw(rt, "closed at")}
	}
	for i := range rapid.IntRange(0, 4).Draw(rt, "operations") {
		rec.Operations = append(rec.Operations, drawOperation(rt, fmt.Sprintf("%s/%d", rec.Payment.ID, i)))
	}
	for range rapid.IntRange(0, 3).Draw(rt, "snapshots") {
		rec.Truth.Fold(drawSnapshot(rt), moment.Draw(rt, "seen"))
	}
	if rapid.Bool().Draw(rt, "next") {
		rec.Truth.Next = &sdk.Next{RedirectURL: text.Draw(rt, "redirect"), ExpiresAt: moment.Draw(rt, "until")}
	}
	rec.Added = []Event{{ID: "e", Name: text.Draw(rt, "event"), Context: json.RawMessage(`{}`)}}
	return rec
}

var (
	text   = rapid.StringN(0, 20, 60)
	amount = rapid.Int64Range(0, 1<<53)
	money  = rapid.Custom(func(rt *rapid.T) sdk.Money { return sdk.JPY(amount.Draw(rt, "minor")) })
	// Moments finer than the store keeps, in a zone that it does not keep; sometimes never.
	moment = rapid.Custom(func(rt *rapid.T) time.Time {
		if rapid.IntRange(0, 4).Draw(rt, "never") == 0 {
			return time.Time{}
		}
		nanos := rapid.Int64Range(0, 4e18).Draw(rt, "nanoseconds")
		return time.Unix(0, nanos).In(time.FixedZone("JST", 9*60*60))
	})
	states = rapid.SampledFrom([]sdk.State{
		"", sdk.StateRequiresAction, sdk.StateAuthorized, sdk.StateCaptured, sdk.StateVoided, sdk.StateDeclined,
	})
	moves = rapid.SampledFrom([]sdk.MoveStatus{sdk.MovePending, sdk.MoveSucceeded, sdk.MoveFailed})
)

func drawOperation(rt *rapid.T, id string) ledger.Operation {
	op := ledger.Operation{
		ID: sdk.OperationID(id), Key: sdk.IdempotencyKey(text.Draw(rt, "key")), Amount: money.Draw(rt, "asked"),
		Kind:  rapid.SampledFrom([]sdk.Operation{sdk.OpCapture, sdk.OpVoid, sdk.OpRefund}).Draw(rt, "kind"),
		Final: rapid.Bool().Draw(rt, "final"), Attempt: rapid.IntRange(0, 9).Draw(rt, "attempt"),
		Capture: sdk.CaptureRef(text.Draw(rt, "of capture")), Ref: text.Draw(rt, "ref"),
		Code: sdk.CodeDoNotHonor, Reason: text.Draw(rt, "reason"), Release: text.Draw(rt, "release"),
		Outcome:    rapid.SampledFrom([]sdk.Outcome{"", sdk.OutcomePending, sdk.OutcomeSucceeded}).Draw(rt, "outcome"),
		ExternalID: text.Draw(rt, "its external id"), CreatedAt: moment.Draw(rt, "asked at"), UpdatedAt: moment.Draw(rt, "at"),
	}
	if rapid.Bool().Draw(rt, "processed") {
		op.Processed = new(money.Draw(rt, "processed amount"))
	}
	if rapid.Bool().Draw(rt, "provider spoke") {
		op.Provider = sdk.Provider{Code: text.Draw(rt, "code"), Message: text.Draw(rt, "message"), HTTPStatus: 402}
	}
	return op
}

func drawSnapshot(rt *rapid.T) sdk.Snapshot {
	s := sdk.Snapshot{
		Order: sdk.OrderRef(text.Draw(rt, "order")), State: states.Draw(rt, "state"),
		ExpiresAt: moment.Draw(rt, "hold lapses"), Revision: rapid.Int64Range(0, 3).Draw(rt, "revision"),
		Provider: sdk.Provider{Status: text.Draw(rt, "status")},
	}
	if rapid.Bool().Draw(rt, "held") {
		s.Authorized = new(money.Draw(rt, "authorized"))
	}
	for range rapid.IntRange(0, 2).Draw(rt, "captures") {
		s.Captures = append(s.Captures, sdk.CaptureSnapshot{
			Ref: sdk.CaptureRef(text.Draw(rt, "capture")), Amount: new(money.Draw(rt, "captured")),
			Status: moves.Draw(rt, "capture status"), At: moment.Draw(rt, "captured at"),
		})
		s.Refunds = append(s.Refunds, sdk.RefundSnapshot{
			Ref: sdk.RefundRef(text.Draw(rt, "refund")), Amount: new(money.Draw(rt, "refunded")),
			Status: moves.Draw(rt, "refund status"), At: moment.Draw(rt, "refunded at"),
		})
	}
	return s
}

// What merchants and providers write is no text that every database likes.
func keepsAnyText(t *testing.T, open opener) {
	s := open(t, newClock().now)
	texts := []string{
		"a\x00b", "\x00", "a\x00", "ab", "\xff", "a\xc3", "\xed\xa0\x80", "\uFDD0", "\uFDD000", "\uFDD0\uFDD0", "\uFDD0\x00\uFDD0",
		"\uFFFD", "\U0010FFFF", "'", "?", "$1", "%", "\\", "\\x00", "\r\n", "\u00e9", "e\u0301",
	}
	ids := make(map[string]sdk.PaymentID)
	for _, text := range texts {
		rec := newPayment()
		rec.ExternalID = text
		rec.Operations[0].Reason, rec.Operations[0].Code = text, sdk.CodeDoNotHonor
		rec.Truth.Order = sdk.OrderRef(text)
		rec.Operations = append(rec.Operations, ledger.Operation{ID: sdk.OperationID(rec.Payment.ID) + "/take", Kind: sdk.OpCapture, Ref: text})
		if err := s.Create(t.Context(), rec, &Idempotency{Scope: "create", Key: text, Payment: rec.Payment.ID, Fingerprint: text}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got := read(t, s, rec.Payment.ID)
		if got.ExternalID != text || got.Operations[0].Reason != text || got.Operations[1].Ref != text {
			t.Errorf("%q came back as %q, %q and %q", text, got.ExternalID, got.Operations[0].Reason, got.Operations[1].Ref)
		}
		ids[text] = rec.Payment.ID
	}
	for text, id := range ids {
		idem, err := s.Idempotency(t.Context(), "", "create", text)
		if err != nil || idem.Payment != id || idem.Fingerprint != text {
			t.Errorf("key %q: %+v, %v", text, idem, err)
		}
		page, err := s.List(t.Context(), Filter{ExternalID: text})
		if err != nil || len(page.Records) != 1 || page.Records[0].Payment.ID != id {
			t.Errorf("external id %q: found %d payments, %v", text, len(page.Records), err)
		}
		if found, err := s.PaymentByOrder(t.Context(), "smartpay", sdk.OrderRef(text)); err != nil || found.Payment.ID != id {
			t.Errorf("order %q: found %s, %v", text, found.Payment.ID, err)
		}
		if found, err := s.PaymentByCapture(t.Context(), "smartpay", sdk.CaptureRef(text)); err != nil || found.Payment.ID != id {
			t.Errorf("capture %q: found %s, %v", text, found.Payment.ID, err)
		}
	}
	if _, err := s.Payment(t.Context(), "no\x00body\xff"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an odd id: error = %v, want ErrNotFound", err)
	}
}

func findsByEveryName(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := create(t, s, newPayment())
	other := create(t, s, newPayment())
	create(t, s, newPayment())
	rec2 := update(t, s, rec.Payment.ID, func(r *Record) {
		r.Truth.Fold(sdk.Snapshot{Order: "order-1", Captures: []sdk.CaptureSnapshot{{Ref: "seen-1", Status: sdk.MoveSucceeded}}}, s.now())
		r.Operations = append(r.Operations,
			ledger.Operation{ID: "capture-1", Kind: sdk.OpCapture, Ref: "asked-1", Amount: sdk.JPY(1)},
			ledger.Operation{ID: "refund-1", Kind: sdk.OpRefund, Amount: sdk.JPY(1)},
			ledger.Operation{ID: "void-1", Kind: sdk.OpVoid})
	})
	// The same provider names, of another connector.
	update(t, s, other.Payment.ID, func(r *Record) { r.Operations[0].Ref = "seen-1" })
	ctx := t.Context()
	tests := map[string]struct {
		find func() (Record, error)
		want error
	}{
		"its id":                           {func() (Record, error) { return s.Payment(ctx, rec.Payment.ID) }, nil},
		"its reference":                    {func() (Record, error) { return s.PaymentByReference(ctx, rec.Payment.Reference) }, nil},
		"the provider's order":             {func() (Record, error) { return s.PaymentByOrder(ctx, "smartpay", "order-1") }, nil},
		"a capture seen at the provider":   {func() (Record, error) { return s.PaymentByCapture(ctx, "smartpay", "seen-1") }, nil},
		"a capture that was asked for":     {func() (Record, error) { return s.PaymentByCapture(ctx, "smartpay", "asked-1") }, nil},
		"a capture operation":              {func() (Record, error) { return s.PaymentByMove(ctx, "capture-1") }, nil},
		"a refund operation":               {func() (Record, error) { return s.PaymentByMove(ctx, "refund-1") }, nil},
		"an operation that moves no money": {func() (Record, error) { return s.PaymentByMove(ctx, "void-1") }, ErrNotFound},
		"another connector's order":        {func() (Record, error) { return s.PaymentByOrder(ctx, "other", "order-1") }, ErrNotFound},
		"no order":                         {func() (Record, error) { return s.PaymentByOrder(ctx, "smartpay", "") }, ErrNotFound},
		"another connector's capture":      {func() (Record, error) { return s.PaymentByCapture(ctx, "other", "seen-1") }, ErrNotFound},
		"an id that nobody has":            {func() (Record, error) { return s.Payment(ctx, "nobody") }, ErrNotFound},
		"a reference that nobody has":      {func() (Record, error) { return s.PaymentByReference(ctx, "nobody") }, ErrNotFound},
		"a reference in another letter case": {func() (Record, error) {
			return s.PaymentByReference(ctx, sdk.Reference(strings.ToUpper(string(rec.Payment.Reference))))
		}, ErrNotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.find()
			if !errors.Is(err, tt.want) {
				t.Fatalf("error = %v, want %v", err, tt.want)
			}
			if tt.want == nil {
				same(t, "payment", got, rec2)
			}
		})
	}
}

func refusesAmbiguousNames(t *testing.T, open opener) {
	s := open(t, newClock().now)
	for range 2 {
		rec := newPayment()
		rec.Truth.Fold(sdk.Snapshot{Order: "twice", Captures: []sdk.CaptureSnapshot{{Ref: "also twice"}}}, s.now())
		create(t, s, rec)
	}
	if _, err := s.PaymentByOrder(t.Context(), "smartpay", "twice"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("order: error = %v, want one that names both", err)
	}
	if _, err := s.PaymentByCapture(t.Context(), "smartpay", "also twice"); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("capture: error = %v, want one that names both", err)
	}
}

func createsOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	first := create(t, s, newPayment())
	sameID, sameReference := newPayment(), newPayment()
	sameID.Payment.ID = first.Payment.ID
	sameReference.Payment.Reference = first.Payment.Reference
	for what, rec := range map[string]*Record{"id": sameID, "reference": sameReference} {
		rec.Added = []Event{{ID: "x", Name: "must not be kept"}}
		idem := &Idempotency{MerchantAccount: "default", Scope: what, Key: "k"}
		if err := s.Create(t.Context(), rec, idem); !errors.Is(err, ErrExists) {
			t.Errorf("same %s: error = %v, want ErrExists", what, err)
		}
		if _, err := s.Idempotency(t.Context(), "default", what, "k"); !errors.Is(err, ErrNotFound) {
			t.Errorf("same %s: the key of a payment that was not created: error = %v, want ErrNotFound", what, err)
		}
	}
	same(t, "first payment", read(t, s, first.Payment.ID), *first)
	if events, _, err := s.Events(t.Context(), first.Payment.ID, 100, ""); err != nil || len(events) != 0 {
		t.Errorf("events = %v, %v, want none", events, err)
	}
	if _, err := s.Payment(t.Context(), sameReference.Payment.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("payment with a taken reference: error = %v, want ErrNotFound", err)
	}
}
