package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

func key(value string) option { return header("Idempotency-Key", value) }

func TestRepetitionIsAnsweredWithTheSameBytes(t *testing.T) {
	w := newShop(t)
	first := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	path := "/transactions/" + first.text("id")
	w.provider.decide(sdk.StateAuthorized)
	w.post(path+"/sync", nil).has(fields{"status": "authorization_succeeded"})
	again := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	if again.raw != first.raw {
		t.Errorf("repeated: %s, first: %s", again.raw, first.raw)
	}
	for _, move := range []struct {
		path   string
		body   any
		op     sdk.Operation
		status int
	}{
		{path + "/capture", fields{"amount": 900}, sdk.OpCapture, http.StatusOK},
		{path + "/refunds", fields{"amount": 100}, sdk.OpRefund, http.StatusCreated},
		{path + "/refunds/all", nil, sdk.OpRefund, http.StatusCreated},
	} {
		before := w.provider.asked(move.op)
		first := w.post(move.path, move.body, key("k")).want(move.status)
		again := w.post(move.path, move.body, key("k")).want(move.status)
		if again.raw != first.raw {
			t.Errorf("%s repeated: %s, first: %s", move.path, again.raw, first.raw)
		}
		if n := w.provider.asked(move.op) - before; n != 1 {
			t.Errorf("%s reached the provider %d times", move.path, n)
		}
	}
	w.get(path).has(fields{"captured_amount": 900, "refunded_amount": 900})
}

func TestRepeatedVoidAndCancel(t *testing.T) {
	for name, tt := range map[string]struct {
		state func(*world) string
		op    sdk.Operation
	}{
		"/void":   {func(w *world) string { return w.authorized(nil) }, sdk.OpVoid},
		"/cancel": {func(w *world) string { return w.opened(nil) }, sdk.OpCancel},
	} {
		w := newShop(t)
		path := tt.state(w) + name
		first := w.post(path, nil, key("k")).want(http.StatusOK)
		again := w.post(path, fields{}, key("k")).want(http.StatusOK)
		if again.raw != first.raw || w.provider.asked(tt.op) != 1 {
			t.Errorf("%s: %d calls; repeated %s, first %s", name, w.provider.asked(tt.op), again.raw, first.raw)
		}
	}
}

func TestRepetitionWrittenDifferently(t *testing.T) {
	w := newShop(t)
	first := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	var indented strings.Builder
	e := json.NewEncoder(&indented)
	e.SetIndent("", "    ")
	w.must(e.Encode(payment(nil)))
	if again := w.post("/transactions", indented.String(), key("k")); again.raw != first.raw {
		t.Errorf("repeated: %s, first: %s", again.raw, first.raw)
	}
}

func TestKeyOfAnotherRequest(t *testing.T) {
	w := newShop(t)
	first := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	w.post("/transactions", payment(fields{"amount": 1001, "cart_items": nil}), key("k")).
		refused(http.StatusConflict, "duplicate_record", "/Idempotency-Key").
		has(fields{"resource_id": first.text("id")})
	if n := w.provider.asked(sdk.OpAuthorize); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// One key may be used once for each operation on each payment, and by each merchant
// account.
func TestKeysAreForOneOperationOfOneAccount(t *testing.T) {
	w := newShop(t)
	other := header("X-GR4VY-MERCHANT-ACCOUNT-ID", "other")
	w.post("/payment-services", servicing(nil), other).want(http.StatusCreated)
	ids := map[string]bool{}
	for _, s := range []*sent{
		w.post("/transactions", payment(nil), key("k")), w.post("/transactions", payment(nil), key("k"), other),
		w.post("/transactions", payment(nil), key("K")), w.post("/transactions", payment(nil)), w.post("/transactions", payment(nil)),
	} {
		ids[s.want(http.StatusCreated).text("id")] = true
	}
	if len(ids) != 5 {
		t.Errorf("five requests made %d payments", len(ids))
	}
	w.provider.decide(sdk.StateAuthorized)
	for _, path := range []string{w.authorized(nil), w.authorized(nil)} {
		w.post(path+"/capture", nil, key("k")).want(http.StatusOK)
		w.post(path+"/refunds", nil, key("k")).want(http.StatusCreated)
	}
}

// What was refused was not executed: the key is still good.
func TestRefusalsAreNotStored(t *testing.T) {
	w := newShop(t)
	w.post("/transactions", payment(fields{"amount": -1}), key("k")).want(http.StatusBadRequest)
	w.post("/transactions", payment(fields{"store": true}), key("k")).want(http.StatusBadRequest)
	w.post("/transactions", payment(fields{"buyer": nil}), key("k")).want(http.StatusBadRequest)
	path := "/transactions/" + w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated).text("id")

	w.post(path+"/capture", nil, key("k")).want(http.StatusBadRequest)
	w.provider.decide(sdk.StateAuthorized)
	w.post(path+"/sync", nil)
	w.post(path+"/capture", fields{"amount": 1001}, key("k")).want(http.StatusBadRequest)
	w.post(path+"/capture", fields{"amount": 1000}, key("k")).want(http.StatusOK)
}

func TestProvidersRefusalIsStored(t *testing.T) {
	w := newShop(t)
	w.provider.set(sdk.OpAuthorize, sdk.Errorf("testpay", sdk.CodeSuspectedFraud, "no"))
	first := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated).has(fields{"status": "authorization_declined"})
	w.provider.set(sdk.OpAuthorize, nil)
	if again := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated); again.raw != first.raw {
		t.Errorf("repeated: %s, first: %s", again.raw, first.raw)
	}
}

// A repetition that comes when its request would no longer be valid is a repetition.
func TestRepetitionOfWhatHasBecomeInvalid(t *testing.T) {
	w := newShop(t)
	body := payment(fields{"approval_expires_at": "2026-11-23T12:10:00Z"})
	first := w.post("/transactions", body, key("k")).want(http.StatusCreated)
	w.clock.advance(time.Hour - time.Second)
	w.send("DELETE", "/payment-services/"+w.service, nil).want(http.StatusNoContent)
	if again := w.post("/transactions", body, key("k")).want(http.StatusCreated); again.raw != first.raw {
		t.Errorf("repeated: %s, first: %s", again.raw, first.raw)
	}
}

func TestKeysAreForgottenAfterADay(t *testing.T) {
	w := newShop(t)
	first := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	w.clock.advance(store.KeyLifetime + time.Second)
	w.token = w.sign(w.key, "*.read", "*.write")
	again := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	if again.text("id") == first.text("id") {
		t.Error("a key of yesterday was remembered")
	}
}

func TestKeysThatAreNone(t *testing.T) {
	w := newShop(t)
	for name, options := range map[string][]option{
		"too long":  {key(strings.Repeat("é", 256))},
		"empty":     {key("")},
		"two":       {key("a"), key("b")},
		"not UTF-8": {key("\xff")},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.post("/transactions", payment(nil), options...).refused(http.StatusBadRequest, "bad_request", "/Idempotency-Key").
				has(fields{"details.0.location": "header"})
		})
	}
	w.t = t
	w.post("/transactions", payment(nil), key(strings.Repeat("é", 255))).want(http.StatusCreated)
}

func TestRepetitionWhileTheFirstIsUnderWay(t *testing.T) {
	w := newShop(t)
	hold := w.provider.pause(sdk.OpAuthorize)
	var first *sent
	var wg sync.WaitGroup
	wg.Go(func() { first = w.post("/transactions", payment(nil), key("k")) })
	<-hold.arrived
	w.post("/transactions", payment(nil), key("k")).refused(http.StatusConflict, "concurrent_request")
	close(hold.over)
	wg.Wait()
	first.want(http.StatusCreated)
	if again := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated); again.raw != first.raw {
		t.Errorf("repeated: %s, first: %s", again.raw, first.raw)
	}
}

func TestManyAtOnceMakeOnePayment(t *testing.T) {
	w := newShop(t)
	var made, conflicts atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch s := w.post("/transactions", payment(nil), key("k")); s.status {
			case http.StatusCreated:
				made.Add(1)
			case http.StatusConflict:
				conflicts.Add(1)
			default:
				t.Errorf("answered %d %s", s.status, s.raw)
			}
		})
	}
	wg.Wait()
	if made.Load() < 1 || made.Load()+conflicts.Load() != 16 {
		t.Errorf("%d created, %d conflicts", made.Load(), conflicts.Load())
	}
	if n := w.provider.asked(sdk.OpAuthorize); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
	w.get("/transactions").has(fields{"items.1": nil})
}

// forgetful loses the answers that it is to keep.
type forgetful struct {
	api.Store
	lost *atomic.Bool
}

func (f forgetful) FinishIdempotency(ctx context.Context, idem store.Idempotency) error {
	if f.lost.Load() {
		return errors.New("the disk is full")
	}
	return f.Store.FinishIdempotency(ctx, idem)
}

// The write has happened, so it is answered; and the repetition finds it.
func TestAnswerThatCouldNotBeKept(t *testing.T) {
	var lost atomic.Bool
	lost.Store(true)
	w := newShop(t, func(c *api.Config) { c.Store = forgetful{c.Store, &lost} })
	first := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	lost.Store(false)
	path := "/transactions/" + first.text("id")
	w.provider.decide(sdk.StateAuthorized)
	now := w.post(path+"/sync", nil).want(http.StatusOK)
	again := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated)
	if again.raw != now.raw {
		t.Errorf("repeated: %s, want the payment as it is: %s", again.raw, now.raw)
	}
	w.post(path+"/void", nil).want(http.StatusOK)
	if third := w.post("/transactions", payment(nil), key("k")); third.raw != again.raw {
		t.Errorf("repeated again: %s, want what was answered before: %s", third.raw, again.raw)
	}
	if n := w.provider.asked(sdk.OpAuthorize); n != 1 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// Of several captures, a repetition tells of the one that its key was for.
func TestRepetitionTellsOfItsOwnOperation(t *testing.T) {
	var lost atomic.Bool
	w := newShop(t, func(c *api.Config) { c.Store = forgetful{c.Store, &lost} })
	path := w.authorized(nil) + "/capture"
	prefer := header("Prefer", "resource=transaction-capture")
	w.provider.set(sdk.OpCapture, sdk.Errorf("testpay", sdk.CodeDoNotHonor, "no"))
	lost.Store(true)
	first := w.post(path, nil, key("k"), prefer).want(http.StatusOK).has(fields{"status": "declined"})
	lost.Store(false)
	w.provider.set(sdk.OpCapture, nil)
	w.post(path, nil, prefer).want(http.StatusOK).has(fields{"status": "succeeded"})
	w.post(path, nil, key("k"), prefer).want(http.StatusOK).has(fields{
		"status": "declined", "capture_id": first.text("capture_id"), "transaction.status": "capture_succeeded",
	})
}

// A host that was killed between writing the intent and hearing the answer left a
// payment in doubt and a key without an answer.
func TestRepetitionAfterACrash(t *testing.T) {
	w := newShop(t)
	sample := w.post("/transactions", payment(nil), key("sample")).want(http.StatusCreated)
	rec, err := w.store.Payment(t.Context(), sdk.PaymentID(sample.text("id")))
	w.must(err)
	used, err := w.store.Idempotency(t.Context(), "default", "create", "sample")
	w.must(err)

	id := uuid.New()
	crashed := rec
	crashed.Payment.ID, crashed.Payment.Reference = sdk.PaymentID(id.String()), settle.Reference(id)
	op := rec.Operations[0]
	op.ID, op.Key, op.Outcome, op.Ref = sdk.OperationID(uuid.NewString()), "key-of-the-crash", "", ""
	crashed.Operations, crashed.Truth = []ledger.Operation{op}, ledger.Truth{}
	w.must(w.store.Create(t.Context(), &crashed, &store.Idempotency{
		MerchantAccount: "default", Scope: "create", Key: "k", Fingerprint: used.Fingerprint,
		Payment: crashed.Payment.ID, Operation: op.ID, Host: "the run before",
	}))

	w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated).has(fields{
		"id": id.String(), "status": "processing", "payment_method.approval_url": nil,
	})
	w.post("/transactions", payment(fields{"amount": 999, "cart_items": nil}), key("k")).refused(http.StatusConflict, "duplicate_record")

	engine := w.config.Engine.(*settle.Engine)
	w.clock.advance(time.Second)
	if done, err := engine.Settle(t.Context(), crashed.Payment.ID); err != nil || !done {
		t.Fatalf("Settle = %v, %v", done, err)
	}
	// Now that it is known what became of it, this is the answer, and stays it.
	settled := w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated).has(fields{
		"id": id.String(), "status": "buyer_approval_pending",
	})
	w.post("/transactions/"+id.String()+"/cancel", nil).want(http.StatusOK)
	if again := w.post("/transactions", payment(nil), key("k")); again.raw != settled.raw {
		t.Errorf("repeated: %s, want %s", again.raw, settled.raw)
	}
}

// Where hosts share a database, another one may be executing the first use of a key.
func TestRepetitionWhileAnotherHostIsAtIt(t *testing.T) {
	w := newShop(t)
	w.config.Engine.(*settle.Engine).Shared = true
	w.post("/transactions", payment(nil), key("sample")).want(http.StatusCreated)
	used, err := w.store.Idempotency(t.Context(), "default", "create", "sample")
	w.must(err)
	rec, err := w.store.Payment(t.Context(), used.Payment)
	w.must(err)
	id := uuid.New()
	rec.Payment.ID, rec.Payment.Reference = sdk.PaymentID(id.String()), settle.Reference(id)
	op := rec.Operations[0]
	op.ID, op.Key, op.Outcome, op.Ref, op.UpdatedAt = sdk.OperationID(uuid.NewString()), "of-the-other", "", "", w.clock.Now()
	rec.Operations, rec.Truth = []ledger.Operation{op}, ledger.Truth{}
	w.must(w.store.Create(t.Context(), &rec, &store.Idempotency{
		MerchantAccount: "default", Scope: "create", Key: "k", Fingerprint: used.Fingerprint,
		Payment: rec.Payment.ID, Operation: op.ID, Host: "another host",
	}))
	w.clock.advance(14 * time.Second)
	w.post("/transactions", payment(nil), key("k")).want(http.StatusConflict)
	w.clock.advance(2 * time.Second) // no call takes that long: it was cut off
	w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated).has(fields{"id": id.String(), "status": "processing"})
}

// A merchant who hangs up has not undone the payment.
func TestMerchantHangsUp(t *testing.T) {
	w := newShop(t)
	hold := w.provider.pause(sdk.OpAuthorize)
	ctx, hangUp := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		w.post("/transactions", payment(nil), key("k"), func(r *http.Request) { *r = *r.WithContext(ctx) }).want(http.StatusCreated)
	})
	<-hold.arrived
	hangUp()
	close(hold.over)
	wg.Wait()
	w.post("/transactions", payment(nil), key("k")).want(http.StatusCreated).has(fields{"status": "buyer_approval_pending"})
}
