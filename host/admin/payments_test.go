package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestPaymentsAreListedNewestFirst(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 3; n++ {
		w.paid(n)
		w.clock.advance(1e9)
	}
	w.paid(4, func(rec *store.Record) { rec.MerchantAccount = "other" })
	first := w.send("GET", "/v1/payments?limit=2", nil).want(http.StatusOK).object()
	if dig(first, "items", 0, "reference") != "ref3" || dig(first, "items", 1, "reference") != "ref2" {
		t.Errorf("first page is %v", first)
	}
	cursor, _ := dig(first, "next_cursor").(string)
	second := w.send("GET", "/v1/payments?limit=2&cursor="+cursor, nil).want(http.StatusOK).object()
	if dig(second, "items", 0, "reference") != "ref1" || len(dig(second, "items").([]any)) != 1 {
		t.Errorf("second page is %v", second)
	}
	row := dig(second, "items", 0)
	for key, want := range map[string]any{"status": "capture_succeeded", "captured": 2000.0, "refunded": 0.0, "unsettled": 0.0} {
		if dig(row, key) != want {
			t.Errorf("%s is %v, want %v", key, dig(row, key), want)
		}
	}
	w.send("GET", "/v1/payments?merchant_account_id=other", nil).want(http.StatusOK).says("ref4").silent("ref1")
	w.send("GET", "/v1/payments?search=shop-2", nil).want(http.StatusOK).says("ref2").silent("ref1")
	w.send("GET", "/v1/payments?status=capture_succeeded", nil).want(http.StatusOK).says("ref2")
	w.send("GET", "/v1/payments?status=buyer_approval_pending", nil).want(http.StatusOK).silent("ref")
	w.send("GET", "/v1/payments?status=captured", nil).want(http.StatusBadRequest).says(`no status \"captured\"`)
	w.send("GET", "/v1/payments?unsettled=true", nil).want(http.StatusOK).silent("ref")
	w.paid(5, func(rec *store.Record) {
		rec.MerchantAccount = "other"
		rec.Operations[len(rec.Operations)-1].Outcome, rec.Truth = sdk.OutcomeUnknown, ledger.Truth{}
	})
	w.send("GET", "/v1/payments?unsettled=true", nil).want(http.StatusOK).says("ref5").silent("ref1", "ref4")
	w.send("GET", "/v1/payments?cursor=made-up", nil).want(http.StatusBadRequest).says("cursor")
}

func TestAStoryIsWholeHoweverLong(t *testing.T) {
	w := newWorld(t)
	many := func(n int) func(*store.Record) {
		return func(rec *store.Record) {
			rec.Added = nil
			for i := range n {
				rec.Added = append(rec.Added, happened(n, i, "transaction-sync-event", fmt.Sprintf(`{"n":%d}`, i)))
			}
		}
	}
	for name, tt := range map[string]struct {
		events, told int
		older        any
	}{
		"three":                   {3, 3, nil},
		"more than a page":        {250, 250, nil},
		"all that is ever told":   {1000, 1000, nil},
		"more than is ever told":  {1001, 1000, true},
		"a full page and no more": {100, 100, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			id := w.paid(tt.events, many(tt.events))
			story := w.send("GET", "/v1/payments/"+string(id), nil).want(http.StatusOK).object()
			events := dig(story, "events").([]any)
			if len(events) != tt.told || story["older_events"] != tt.older {
				t.Fatalf("%d events are told, older is %v; want %d, %v", len(events), story["older_events"], tt.told, tt.older)
			}
			for i, e := range events {
				if want := float64(tt.events - 1 - i); dig(e, "context", "n") != want {
					t.Fatalf("event %d is %v, want %v: newest first, each once", i, dig(e, "context", "n"), want)
				}
			}
		})
	}
}

func TestSettlingAsksOnceAndTellsTheStory(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1, inDoubt)
	for _, settled := range []bool{false, true} {
		w.payments.settled = settled
		answer := w.send("POST", "/v1/payments/"+string(id)+"/settle", nil).want(http.StatusOK).object()
		if answer["settled"] != settled || answer["id"] != string(id) || answer["unsettled"] != 1.0 || len(answer["events"].([]any)) != 3 {
			t.Errorf("answer is %v", answer)
		}
	}
	if len(w.payments.asked) != 2 || w.payments.asked[0] != id {
		t.Errorf("settled %v", w.payments.asked)
	}
}

func TestSettlingInVain(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1, inDoubt)
	for name, tt := range map[string]struct {
		err    error
		status int
	}{
		"no such payment":      {fmt.Errorf("payment x: %w", store.ErrNotFound), http.StatusNotFound},
		"another one is at it": {&settle.BusyError{Payment: id, Operation: sdk.OpCapture}, http.StatusConflict},
		"nobody serves":        {fmt.Errorf("asking: %w", sdk.Errorf("host", sdk.CodePluginUnavailable, "no process")), http.StatusServiceUnavailable},
		"the provider is down": {sdk.Errorf("acme.FindPayment", sdk.CodeConnectRefused, "503"), http.StatusBadGateway},
		"the store is busy":    {store.ErrBusy, http.StatusServiceUnavailable},
		"ours":                 {errors.New("no idea"), http.StatusInternalServerError},
	} {
		t.Run(name, func(t *testing.T) {
			w.t, w.payments.fail = t, tt.err
			w.send("POST", "/v1/payments/"+string(id)+"/settle", nil).want(tt.status)
		})
	}
}

func TestAStoryTellsWhatIsGoingToHappen(t *testing.T) {
	w := newWorld(t)
	id := w.paid(1, inDoubt)
	due := w.clock.Now().Add(10 * time.Minute)
	w.jobs.waiting = map[string][]jobs.Waiting{string(id): {{Kind: "settle", Due: due, Tries: 3, Error: "no answer"}}}
	looks := w.send("GET", "/v1/payments/"+string(id), nil).want(http.StatusOK).object()["next_looks"]
	want := []any{map[string]any{"kind": "settle", "due_at": due.UTC().Format(time.RFC3339Nano), "tries": 3.0, "error": "no answer"}}
	if diff := cmp.Diff(want, looks); diff != "" {
		t.Error(diff)
	}
}
