package smartpay

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
	"github.com/connectorhost/connectorhost/sdk"
)

func TestOneKeyMeansOneEffectAndOneResult(t *testing.T) {
	for kind, prepare := range deeds {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			d := prepare(b, "Ronce")
			first, _, err := d.do(t.Context(), b)
			if err != nil {
				t.Fatalf("first: %v", err)
			}
			for i := range 5 {
				d.call.Attempt = i + 2
				again, _, err := d.do(t.Context(), b)
				if err != nil {
					t.Fatalf("again: %v", err)
				}
				if diff := differing(first, again); diff != "" {
					t.Errorf("the same write again (-first +again):\n%s", diff)
				}
			}
			if n := d.effects(); n != 1 {
				t.Errorf("six sends had %d effects", n)
			}
		})
	}
}

func TestOneKeyManyAtOnce(t *testing.T) {
	for kind, prepare := range deeds {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			d := prepare(b, "Ronce")
			results := make([]any, 32)
			var all sync.WaitGroup
			for i := range results {
				all.Go(func() {
					var err error
					if results[i], _, err = d.do(t.Context(), b); err != nil {
						t.Errorf("%v", err)
					}
				})
			}
			all.Wait()
			for _, r := range results {
				if diff := differing(results[0], r); diff != "" {
					t.Errorf("two results under one key:\n%s", diff)
				}
			}
			if n := d.effects(); n != 1 {
				t.Errorf("32 sends had %d effects", n)
			}
		})
	}
}

func TestOneKeyTwoBodiesIsAConflict(t *testing.T) {
	for kind, prepare := range deeds {
		if kind == "void" {
			continue // says nothing but the order, which is in the address
		}
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			d := prepare(b, "Rconflict")
			if _, _, err := d.do(t.Context(), b); err != nil {
				t.Fatalf("first: %v", err)
			}
			_, _, err := d.send(t.Context(), b, d.call, d.amount-1)
			if e := refused(t, err); e.Code != sdk.CodeKeyConflict || e.Outcome() != sdk.OutcomeNotAttempted {
				t.Errorf("another amount under the key: %v", e)
			}
			if n := d.effects(); n != 1 {
				t.Errorf("%d effects", n)
			}
		})
	}
}

func TestTwoKeysMeanTwoEffects(t *testing.T) {
	for kind, prepare := range deeds {
		if kind == "void" {
			continue // what is let go cannot be let go again
		}
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			d := prepare(b, "Rtwice")
			for range 2 {
				if _, _, err := d.do(t.Context(), b); err != nil {
					t.Fatalf("%v", err)
				}
				d.call.Key += "b"
				d.call.OperationID += "b"
			}
			if n := d.effects(); n != 2 {
				t.Errorf("two keys had %d effects", n)
			}
		})
	}
}

// Nothing that a connector remembers takes part in keeping a write from happening twice.
func TestLostAnswerThenTheSameKey(t *testing.T) {
	for kind, prepare := range deeds {
		for life, next := range map[string]func(*testing.T, *bench) operator{
			"same process":    func(_ *testing.T, b *bench) operator { return b },
			"process started": func(t *testing.T, _ *bench) operator { return restarted(t) },
		} {
			t.Run(kind+", "+life, func(t *testing.T) {
				b := newBench(t)
				d := prepare(b, "Rlost")
				b.arm(`{"on":"` + d.endpoint + `","nth":1,"do":"act_then_drop_response"}`)
				_, answer, err := d.do(t.Context(), b)
				if sdk.OutcomeOf(answer, err) != sdk.OutcomeUnknown {
					t.Fatalf("a lost answer: %+v, %v", answer, err)
				}
				d.call.Attempt++
				_, answer, err = d.do(t.Context(), next(t, b))
				if outcome := sdk.OutcomeOf(answer, err); outcome != sdk.OutcomeSucceeded && outcome != sdk.OutcomeRequiresAction {
					t.Errorf("the same key again: %+v, %v", answer, err)
				}
				if n := d.effects(); n != 1 {
					t.Errorf("%d effects", n)
				}
			})
		}
	}
}

func TestErrorKeptUnderAKey(t *testing.T) {
	for kind, prepare := range deeds {
		t.Run(kind, func(t *testing.T) {
			b := newBench(t)
			d := prepare(b, "Rkept")
			b.arm(`{"on":"` + d.endpoint + `","nth":1,"do":"store_error_on_key"}`)
			for range 3 {
				_, answer, err := d.do(t.Context(), b)
				if e := refused(t, err); e.Code != sdk.CodeHTTP5xx || sdk.OutcomeOf(answer, err) != sdk.OutcomeUnknown {
					t.Errorf("a 5xx that is kept: %v", e)
				}
			}
			if n := d.effects(); n != 0 {
				t.Errorf("errors had %d effects", n)
			}
			old := d.call
			d.call.Key, d.call.OperationID = "fresh-key", "op-fresh"
			if _, _, err := d.do(t.Context(), b); err != nil {
				t.Errorf("a new key: %v", err)
			}
			d.call = old
			if _, _, err := d.do(t.Context(), b); err == nil {
				t.Error("the old key succeeds now")
			}
			if n := d.effects(); n != 1 {
				t.Errorf("%d effects", n)
			}
		})
	}
}

// While a key is in use, another use of it is told so and has no effect.
func TestKeyInUse(t *testing.T) {
	for kind, prepare := range deeds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.unguarded()
			d := prepare(b, "Rbusy")
			b.arm(`{"on":"` + d.endpoint + `","nth":1,"do":"key_in_progress","ms":2000}`)
			done := make(chan error, 1)
			go func() {
				_, _, err := d.do(t.Context(), b)
				done <- err
			}()
			for d.effects() == 0 { // it acts before its answer is held back
				if t.Context().Err() != nil {
					t.Fatal("the first use never acts")
				}
			}
			_, answer, err := d.do(t.Context(), b)
			if e := refused(t, err); e.Code != sdk.CodeKeyInProgress || sdk.OutcomeOf(answer, err) != sdk.OutcomePending {
				t.Errorf("a key in use: %v", e)
			}
			if err := <-done; err != nil {
				t.Errorf("the first use: %v", err)
			}
			if n := d.effects(); n != 1 {
				t.Errorf("%d effects", n)
			}
		})
	}
}

func TestKeyIsHandedOnAsItIs(t *testing.T) {
	const whole = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
	for kind, write := range writes {
		server := badnet.Start(t, badnet.Reply(200, write.answer))
		for _, key := range []string{whole, whole[:63] + "a", whole[:63] + "b", "-", "0"} {
			b := &bench{t: t, account: account(server.URL()), Remote: connect(t, Options{})}
			b.keyed = sdk.IdempotencyKey(key)
			if _, err := write.ask(t.Context(), b); err != nil {
				t.Errorf("%s with key %s: %v", kind, key, err)
			}
			seen := server.Seen()
			if got := seen[len(seen)-1].Header.Values("Idempotency-Key"); !slices.Equal(got, []string{key}) {
				t.Errorf("%s with key %s sent %q", kind, key, got)
			}
		}
		before := len(server.Seen())
		for _, key := range []string{whole + "a", "a b", "a\r\nX: y", "鍵"} {
			b := &bench{t: t, account: account(server.URL()), Remote: connect(t, Options{})}
			b.keyed = sdk.IdempotencyKey(key)
			_, err := write.ask(t.Context(), b)
			if e := refused(t, err); e.Outcome() != sdk.OutcomeNotAttempted || len(e.Fields) == 0 {
				t.Errorf("%s with key %q: %v", kind, key, e)
			}
		}
		if n := len(server.Seen()) - before; n > 0 {
			t.Errorf("%s: %d requests with keys that are none", kind, n)
		}
	}
}

// The manifest's word on how long a key lasts is what hosts rely on when they send again:
// within it there is no second effect, and Smartpay promises nothing beyond.
func TestKeysLastAsLongAsTheManifestSays(t *testing.T) {
	for kind, prepare := range deeds {
		t.Run(kind, func(t *testing.T) {
			fact := New(Options{}).Describe().Idempotency[sdk.Operation(kind)]
			if fact.Mode != sdk.IdempotencyNative || fact.KeyLifetime <= 0 {
				t.Fatalf("the manifest says %+v", fact)
			}
			b := newBench(t)
			d := prepare(b, "Rlong")
			for range 2 {
				if _, _, err := d.do(t.Context(), b); err != nil {
					t.Fatalf("%v", err)
				}
				b.advance(time.Duration(fact.KeyLifetime) - time.Minute)
			}
			if n := d.effects(); n != 1 {
				t.Errorf("%d effects within the life of the key", n)
			}
			for _, r := range b.ledger().Requests {
				if r.Method == "GET" && r.Key != "" {
					t.Errorf("%s %s carries a key", r.Method, r.Path)
				}
			}
		})
	}
}

func TestLookupsChangeNothing(t *testing.T) {
	b := newBench(t)
	order := b.approved("Rread", 1000, sdk.CaptureManual)
	capture := b.captured(order, 400, false)
	if _, err := b.refund(order, capture, 100); err != nil {
		t.Fatal(err)
	}
	before := b.ledger()
	first := b.find(order)
	for range 100 {
		if diff := differing(first, b.find(order)); diff != "" {
			t.Fatalf("looked up again (-first +again):\n%s", diff)
		}
	}
	for kind, read := range lookups {
		if kind == "cancel" {
			continue // of an approved order: refused
		}
		if err := read(t.Context(), b); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	after := b.ledger()
	if got, want := after.ByReference["Rread"], before.ByReference["Rread"]; got.Movements != want.Movements {
		t.Errorf("lookups moved money: %+v, was %+v", got, want)
	}
	for _, r := range after.Requests[len(before.Requests):] {
		if r.Method != "GET" || r.Key != "" {
			t.Errorf("a lookup sent %s %s with key %q", r.Method, r.Path, r.Key)
		}
	}
}

// What is sent is a function of what is asked and nothing else, so that golden files and
// the provider's own comparison of bodies hold.
func TestRequestsAreWrittenTheSameWayForEver(t *testing.T) {
	var got strings.Builder
	for _, kind := range []string{"authorize", "capture", "void", "refund"} {
		bodies := map[string]bool{}
		for range 5 {
			b, server := broken(t, badnet.Reply(200, writes[kind].answer))
			if _, err := writes[kind].ask(t.Context(), b); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			seen := server.Seen()[0]
			bodies[seen.Method+" "+seen.Path+"\nIdempotency-Key: "+seen.Header.Get("Idempotency-Key")+"\n\n"+seen.Body+"\n"] = true
		}
		if len(bodies) != 1 {
			t.Errorf("%s is written in %d ways", kind, len(bodies))
		}
		for text := range bodies {
			got.WriteString("-- " + kind + " --\n" + text)
		}
	}
	golden(t, "testdata/requests.txt", got.String(), "RequestsAreWritten")
}
