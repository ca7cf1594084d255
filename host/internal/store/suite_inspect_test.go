package store

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// checked are the differences that an inspector finds.
func checked(t *testing.T, s *Store) []string {
	t.Helper()
	var found []string
	n, err := (&Inspector{s.db}).Check(t.Context(), func(d Difference) error {
		found = append(found, d.What+": "+d.Is+", want "+d.Want)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 3 {
		t.Errorf("%d payments were checked, want 3", n)
	}
	return found
}

// threePayments are one that was refunded in part, one that waits and one in doubt.
func threePayments(t *testing.T, s *Store) *Record {
	t.Helper()
	rec := create(t, s, newPayment())
	update(t, s, rec.Payment.ID, func(r *Record) {
		r.Metadata = map[string]string{"basket": "17"}
		r.Operations[0].Outcome, r.Operations[0].Processed = sdk.OutcomeSucceeded, new(sdk.JPY(1000))
		r.Truth.Fold(sdk.Snapshot{Order: "order_1", State: sdk.StateAuthorized, Authorized: new(sdk.JPY(1000))}, time.Unix(1, 0))
		r.Operations = append(r.Operations, []ledger.Operation{
			{ID: "take", Kind: sdk.OpCapture, Amount: sdk.JPY(700), Outcome: sdk.OutcomeSucceeded, Processed: new(sdk.JPY(700)), Ref: "payment_1", Attempt: 1},
			{ID: "give", Kind: sdk.OpRefund, Amount: sdk.JPY(300), Outcome: sdk.OutcomeSucceeded, Ref: "refund_1", Capture: "payment_1", Attempt: 1},
		}...)
		r.Added = []Event{{ID: "e1", Name: "captured", Context: []byte(`{}`)}, {ID: "e2", Name: "refunded"}}
	})
	waits := newPayment()
	waits.Operations[0].Outcome = sdk.OutcomeRequiresAction
	create(t, s, waits)
	create(t, s, newPayment())
	return rec
}

func findsWhatDoesNotFollow(t *testing.T, open opener) {
	for what, damage := range map[string]struct {
		query string
		want  string // of what is found
	}{
		"nothing":                {"", ""},
		"a status":               {`UPDATE payments SET status = 'processing' WHERE order_ref <> ''`, "status: processing, want capture_succeeded"},
		"a sum":                  {`UPDATE payments SET captured = 1000 WHERE order_ref <> ''`, "captured: 1000, want 700"},
		"a sum of refunds":       {`UPDATE payments SET refunded = 0 WHERE order_ref <> ''`, "refunded: 0, want 300"},
		"a doubt that is gone":   {`UPDATE payments SET unsettled = 0`, "unsettled: 0, want 1"},
		"a wait that is gone":    {`UPDATE payments SET unapproved = 0`, "unapproved: 0, want 1"},
		"a name":                 {`UPDATE payments SET order_ref = 'another' WHERE order_ref <> ''`, "order_ref: another, want order_1"},
		"a capture nobody finds": {`DELETE FROM captures`, "captures: none, want payment_1 of smartpay"},
		"a pair nobody finds":    {`DELETE FROM metadata`, "metadata: none, want basket = 17"},
		"an event that is lost":  {`DELETE FROM events WHERE position = 1`, "events: 1, want 2"},
		"an event in the middle": {`DELETE FROM events WHERE position = 0`, "events: 1, want 2"},
		"all events":             {`DELETE FROM events`, "events: 0, want 2"},
		"an operation between":   {`UPDATE operations SET position = 5 WHERE id = 'give'`, "operations up to: 6, want 3"},
		"more than was held":     {`UPDATE operations SET amount = 5000, processed = NULL, processed_currency = NULL WHERE id = 'give'`, "refunded: 5000, want at most 700"},
	} {
		t.Run(what, func(t *testing.T) {
			s := open(t, newClock().now)
			threePayments(t, s)
			err := s.write(t.Context(), func(c *changes) {
				if damage.query != "" {
					c.add(damage.query)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			found := checked(t, s)
			switch all := strings.Join(found, "\n"); {
			case damage.want == "" && len(found) > 0:
				t.Errorf("found %s, want nothing", all)
			case !strings.Contains(all, damage.want):
				t.Errorf("found %q, want %q", all, damage.want)
			}
		})
	}
}

func exportsEverything(t *testing.T, open opener) {
	s := open(t, newClock().now)
	rec := threePayments(t, s)
	service := PaymentService{
		ID: "service-1", MerchantAccount: "default", Connector: "smartpay", Method: "smartpay", Active: true,
		Config: map[string]string{"api_url": "https://api.example"}, Secrets: map[string]sdk.Secret{"secret_key": sdk.NewSecret("hush")},
		Webhook: &Webhook{RegistrationID: "w", Secrets: []sdk.SigningSecret{{Secret: sdk.NewSecret("hush too")}}},
	}
	if err := s.SaveService(t.Context(), &service); err != nil {
		t.Fatal(err)
	}
	if err := s.AppendJournal(t.Context(), JournalEntry{Connector: "smartpay", Name: "serving", Context: []byte(`{"to":"serving"}`)}); err != nil {
		t.Fatal(err)
	}
	var payments []ExportedPayment
	var text strings.Builder
	counts := map[string]int{}
	err := (&Inspector{s.db}).Export(t.Context(), func(e Export) error {
		switch {
		case e.Payment != nil:
			payments = append(payments, *e.Payment)
			counts["payment"]++
		case e.Service != nil:
			counts["service"]++
		case e.Journal != nil:
			counts["journal"]++
		}
		line, err := json.Marshal(e)
		text.Write(line)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "what was exported", counts, map[string]int{"payment": 3, "service": 1, "journal": 1})
	first := payments[0]
	if first.ID != rec.Payment.ID || first.Captured != 700 || first.Refunded != 300 || len(first.Operations) != 3 {
		t.Errorf("first payment = %+v, want the oldest, with 700 captured, 300 refunded and 3 operations", first)
	}
	if len(first.Events) != 2 || first.Events[0].ID != "e1" {
		t.Errorf("events = %v, want both, the oldest first", first.Events)
	}
	if strings.Contains(text.String(), "hush") {
		t.Error("a secret was exported")
	}
	if !strings.Contains(text.String(), "https://api.example") {
		t.Error("a service's configuration was not exported")
	}
}
