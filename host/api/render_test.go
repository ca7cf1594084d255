package api

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/schemas"
	"github.com/connectorhost/connectorhost/sdk"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var began = time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.FixedZone("JST", 9*60*60))

const kept = `{"authorize":{},"body":{
  "amount":1299,"currency":"JPY","payment_source":"moto","async_capture":true,"description":"Two cups",
  "statement_descriptor":{"name":"CUPS"},
  "buyer":{"display_name":"Hanako","account_number":null,
    "billing_details":{"first_name":"花子","tax_id":{"value":"1","kind":"jp.cn"},"address":{"city":"渋谷区"}},
    "shipping_details":{"last_name":"<山田>"}},
  "cart_items":[{"name":"ティーカップ","quantity":2,"unit_amount":500,"upc":"4900000000000"}]}}`

// record is a payment that waits for its buyer, with some things changed.
func record(changes ...func(*store.Record)) store.Record {
	rec := store.Record{
		Ledger: ledger.Ledger{
			Payment: ledger.Payment{
				ID: "fe26475d-ec3e-4884-9553-f7356683f7f9", Reference: "7jZXl4gBUNl0CnaLEnfXbt",
				Amount: sdk.JPY(1299), Intent: sdk.CaptureManual, ApprovalExpiresAt: began.Add(30 * time.Minute), CreatedAt: began,
			},
			Operations: []ledger.Operation{{
				ID: "00000000-0000-4000-8000-00000000000a", Kind: sdk.OpAuthorize, Amount: sdk.JPY(1299), Attempt: 1,
				Outcome: sdk.OutcomeRequiresAction, CreatedAt: began, UpdatedAt: began.Add(time.Second),
			}},
			Truth: ledger.Truth{
				Order: "order_1", State: sdk.StateRequiresAction,
				Next: &sdk.Next{RedirectURL: "https://provider.example/s?a=1&b=%2F"},
			},
		},
		MerchantAccount: "default", Service: "00000000-0000-4000-8000-00000000000b", Connector: "testpay", Method: "testpay",
		Country: "JP", ExternalID: "order-7", Metadata: map[string]string{"b": "2", "a": "<1>"},
		Request: json.RawMessage(kept), UpdatedAt: began.Add(time.Minute),
	}
	for _, change := range changes {
		change(&rec)
	}
	return rec
}

func holding(rec *store.Record) {
	all := sdk.JPY(1299)
	rec.Truth.Fold(sdk.Snapshot{State: sdk.StateAuthorized, Authorized: &all, Revision: 1}, began.Add(2*time.Minute))
}

// moved adds an operation to a payment.
func moved(kind sdk.Operation, id string, yen int64, outcome sdk.Outcome, more ...func(*ledger.Operation)) func(*store.Record) {
	return func(rec *store.Record) {
		op := ledger.Operation{
			ID: sdk.OperationID("00000000-0000-4000-8000-0000000000" + id), Kind: kind, Amount: sdk.JPY(yen), Final: true,
			Attempt: 1, Outcome: outcome, CreatedAt: began.Add(3 * time.Minute), UpdatedAt: began.Add(4 * time.Minute),
		}
		for _, m := range more {
			m(&op)
		}
		rec.Operations = append(rec.Operations, op)
	}
}

func because(code sdk.Code, provider sdk.Provider) func(*ledger.Operation) {
	return func(op *ledger.Operation) { op.Code, op.Provider = code, provider }
}

func closed(reason ledger.ClosingReason) func(*store.Record) {
	return func(rec *store.Record) {
		rec.Closing = &ledger.Closing{Reason: reason, At: began.Add(40 * time.Minute)}
	}
}

func named(ref, external, reason string) func(*ledger.Operation) {
	return func(op *ledger.Operation) { op.Ref, op.ExternalID, op.Reason = ref, external, reason }
}

// What merchants are shown is compared with files that people have read. After a
// change that is meant: go test ./host/api -run TestRendering -update
func TestRendering(t *testing.T) {
	no := sdk.Provider{Code: "E_42", Message: "limit reached", Status: "rejected"}
	tests := map[string]store.Record{
		"waiting_for_the_buyer": record(),
		"bare": record(func(rec *store.Record) {
			rec.Request, rec.ExternalID, rec.Metadata, rec.Country = json.RawMessage(`{"body":{"buyer":null,"cart_items":null}}`), "", nil, ""
		}),
		"buyer_by_external_identifier": record(func(rec *store.Record) {
			rec.Request = json.RawMessage(`{"body":{"buyer_external_identifier":"buyer-1"}}`)
		}),
		"authorized": record(holding),
		"declined": record(func(rec *store.Record) {
			op := &rec.Operations[0]
			op.Outcome, op.Code, op.Provider, rec.Truth = sdk.OutcomeDeclined, sdk.CodeSuspectedFraud, no, ledger.Truth{}
		}),
		"in_doubt": record(func(rec *store.Record) {
			rec.Operations[0].Outcome, rec.Operations[0].Code, rec.Truth = sdk.OutcomeUnknown, sdk.CodeReadTimeout, ledger.Truth{}
		}),
		"timed_out": record(closed(ledger.ClosedExpired)),
		"canceled":  record(closed(ledger.ClosedByMerchant)),
		"voided":    record(holding, moved(sdk.OpVoid, "0c", 1299, sdk.OutcomeSucceeded)),
		"captured_and_refunded": record(holding,
			moved(sdk.OpCapture, "0c", 900, sdk.OutcomeDeclined, because(sdk.CodeDoNotHonor, no)),
			moved(sdk.OpCapture, "0d", 900, sdk.OutcomeSucceeded, named("cap_1", "shipment-1", "")),
			moved(sdk.OpRefund, "0e", 100, sdk.OutcomeSucceeded, named("ref_1", "return-1", "a cup was broken")),
			moved(sdk.OpRefund, "0f", 200, sdk.OutcomeUnknown, because(sdk.CodeHTTP5xx, sdk.Provider{})),
			moved(sdk.OpRefund, "10", 300, sdk.OutcomeNotAttempted, because(sdk.CodeDNSFailure, sdk.Provider{}))),
		"captured_and_refunded_elsewhere": record(func(rec *store.Record) {
			all, part := sdk.JPY(1299), sdk.JPY(99)
			rec.Payment.Intent = sdk.CaptureAutomatic
			rec.Truth.Fold(sdk.Snapshot{
				State: sdk.StateCaptured, Authorized: &all, Revision: 2,
				Captures: []sdk.CaptureSnapshot{{Ref: "pay_1", Amount: &all, Status: sdk.MoveSucceeded, At: began.Add(5 * time.Minute)}},
				Refunds: []sdk.RefundSnapshot{
					{Ref: "rf_1", Capture: "pay_1", Amount: &part, Status: sdk.MoveSucceeded, At: began.Add(6 * time.Minute)},
					{Ref: "rf_2", Capture: "pay_1", Amount: &part, Status: sdk.MoveCanceled, Provider: no},
				},
			}, began.Add(7*time.Minute))
		}),
	}
	for name, rec := range tests {
		t.Run(name, func(t *testing.T) {
			shown, err := renderTransaction(rec, "Our Testpay")
			if err != nil {
				t.Fatal(err)
			}
			all := map[string]any{"transaction": shown}
			satisfies(t, "http.transaction", shown)
			var captures []capture
			for _, m := range rec.View().Captures {
				captures = append(captures, renderCapture(rec, m))
			}
			var refunds []refund
			for _, m := range rec.View().Refunds {
				refunds = append(refunds, renderRefund(rec, m))
				satisfies(t, "http.refund", refunds[len(refunds)-1])
			}
			all["captures"], all["refunds"] = captures, refunds
			golden(t, name, all)
		})
	}
}

func satisfies(t *testing.T, schema string, v any) {
	t.Helper()
	s, err := schemas.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range s.ValidateValue(v) {
		t.Errorf("%s: %s %s", schema, broken.Pointer, broken.Message)
	}
}

// golden compares v with the file of that name.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; to make it: go test ./host/api -run TestRendering -update", err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text.String(), "\n")); diff != "" {
		t.Errorf("%s is not what it was (-want +got); if that is meant: go test ./host/api -run TestRendering -update\n%s", file, diff)
	}
}

// The 22 fields that clients insist on are there in every state, and not null.
func TestFieldsThatClientsInsistOn(t *testing.T) {
	insisted := []string{
		"id", "reconciliation_id", "merchant_account_id", "currency", "amount", "status", "authorized_amount",
		"captured_amount", "refunded_amount", "settled_amount", "settled", "intent", "gift_card_redemptions", "created_at",
		"updated_at", "disputed", "payment_source", "merchant_initiated", "is_subsequent_payment", "intent_outcome",
		"multi_tender", "account_funding_transaction",
	}
	if len(insisted) != 22 {
		t.Fatalf("%d fields", len(insisted))
	}
	for name, rec := range map[string]store.Record{
		"full": record(), "bare": record(func(rec *store.Record) {
			*rec = store.Record{Ledger: rec.Ledger, Request: json.RawMessage(`{}`)}
		}),
	} {
		shown, err := renderTransaction(rec, "")
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(shown)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		for _, field := range insisted {
			if got[field] == nil {
				t.Errorf("%s: %s is missing or null", name, field)
			}
		}
	}
}

func TestInstantIsWrittenInUTCWithMicroseconds(t *testing.T) {
	text, err := json.Marshal(instant(began))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(text), `"2026-01-01T18:04:05.678900+00:00"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
