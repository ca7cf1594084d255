package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"unicode/utf8"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

const (
	keyHeader = "Idempotency-Key"
	maxKey    = 255 // characters
)

// A move is a write that happens at most once for one key of the merchant's.
type move struct {
	// scope keeps apart the keys of different operations and payments.
	scope string
	body  []byte // canonical
	// begin carries it out and returns the payment and the operation that it became.
	begin func(idem *store.Idempotency) (store.Record, sdk.OperationID, error)
	// show makes the answer. The operation is empty if none was begun.
	show func(rec store.Record, op sdk.OperationID) (answer, error)
}

// once carries out m, or gives the answer that it had when it was first asked for.
//
// What is stored is the answer to what was executed, whatever it was. A request that
// was refused, and one that met another under way, leave their key unused. A key
// whose first use was cut off, by a crash of this process, of the one before or of another
// host, is answered from what is known of the payment; that answer is kept as the first
// once nothing about the payment is in doubt. Until it is sure that it was cut off, which
// where hosts share a database takes as long as a call can, it counts as under way.
func (s *server) once(c *call, m move) (answer, error) {
	key, err := idempotencyKey(c.Header)
	if err != nil {
		return answer{}, err
	}
	if key == "" {
		rec, op, err := m.begin(nil)
		if err != nil {
			return answer{}, err
		}
		return m.show(rec, op)
	}
	idem := store.Idempotency{
		MerchantAccount: c.account, Scope: m.scope, Key: key,
		Fingerprint: fingerprint(c.Request, m.body), Host: s.Host,
	}
	leave, ok := s.flights.enter(flight{c.account, m.scope, key})
	if !ok {
		return answer{}, concurrent("A request with this Idempotency-Key is being processed")
	}
	defer leave()
	earlier, err := s.Store.Idempotency(c.ctx, c.account, m.scope, key)
	switch {
	case err == nil:
		return s.repeat(c.ctx, m, idem, earlier)
	case !errors.Is(err, store.ErrNotFound):
		return answer{}, fmt.Errorf("looking up an idempotency key: %w", err)
	}
	rec, op, err := m.begin(&idem)
	if used, ok := errors.AsType[*store.KeyUsedError](err); ok {
		return s.repeat(c.ctx, m, idem, used.Earlier)
	}
	if err != nil {
		return answer{}, err
	}
	a, err := m.show(rec, op)
	if err != nil {
		return answer{}, err
	}
	s.finish(c.ctx, idem, a)
	return a, nil
}

// repeat answers a request whose key was used before.
func (s *server) repeat(ctx context.Context, m move, now, earlier store.Idempotency) (answer, error) {
	if earlier.Fingerprint != now.Fingerprint {
		p := newProblem(http.StatusConflict, "duplicate_record",
			"This Idempotency-Key was used for another request; a key is for one request and its repetitions",
			detail{inHeader, "/" + keyHeader, "must be new for a new request", string(sdk.CodeKeyConflict)})
		p.ResourceID = string(earlier.Payment)
		return answer{}, p
	}
	if earlier.Status != 0 {
		return answer{earlier.Status, earlier.Body}, nil
	}
	rec, err := s.Store.Payment(ctx, earlier.Payment)
	if err != nil {
		return answer{}, fmt.Errorf("resuming what an idempotency key began: %w", err)
	}
	if op := rec.Operation(earlier.Operation); op != nil && op.Outcome == "" && s.Engine.UnderWay(&rec) > 0 {
		return answer{}, concurrent("A request with this Idempotency-Key is being processed")
	}
	a, err := m.show(rec, earlier.Operation)
	if err != nil {
		return answer{}, err
	}
	if known(rec) {
		s.finish(ctx, earlier, a)
	}
	return a, nil
}

// known reports whether it is known what became of every operation: done, refused, or
// accepted and under way at the provider.
func known(rec store.Record) bool {
	for _, id := range rec.View().Unsettled {
		if rec.Operation(id).Outcome != sdk.OutcomePending {
			return false
		}
	}
	return true
}

// finish keeps the answer. The write has happened, so a failure here is not the
// merchant's: a repetition is then answered from what is known of the payment.
func (s *server) finish(ctx context.Context, idem store.Idempotency, a answer) {
	idem.Status, idem.Body = a.status, a.body
	if err := s.Store.FinishIdempotency(context.WithoutCancel(ctx), idem); err != nil {
		s.Logger.ErrorContext(ctx, "answer to an idempotency key could not be kept",
			"request_id", noteOf(ctx).id, "scope", idem.Scope, "error", err)
	}
}

// idempotencyKey is the merchant's key, or "" if there is none.
func idempotencyKey(h http.Header) (string, error) {
	values := h.Values(keyHeader)
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || !utf8.ValidString(key) || utf8.RuneCountInString(key) > maxKey {
		return "", invalid(detail{inHeader, "/" + keyHeader,
			fmt.Sprintf("must be one text of 1 to %d characters", maxKey), string(sdk.CodeInvalidField)})
	}
	return key, nil
}

// fingerprint says what a key is for.
func fingerprint(r *http.Request, canonical []byte) string {
	h := sha256.New()
	h.Write([]byte(r.Method + "\n" + r.URL.Path + "\n"))
	h.Write(canonical)
	return hex.EncodeToString(h.Sum(nil))
}

// A flight is one use of a key that is under way in this process.
type flight struct{ account, scope, key string }

// flights are the uses under way. A key that is stored as unfinished and not under
// way here was cut off.
type flights struct {
	mu    sync.Mutex
	under map[flight]bool
}

// enter begins a use, unless one is under way. leave ends it.
func (f *flights) enter(use flight) (leave func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.under[use] {
		return nil, false
	}
	f.under[use] = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.under, use)
	}, true
}
