// Package keys holds the mutants whose idempotency does not hold: one key with two effects,
// two keys with one.
package keys

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/broken"
	"github.com/connectorhost/connectorhost/conformance/internal/broken/bend"
	"github.com/connectorhost/connectorhost/conformance/reference"
	"github.com/connectorhost/connectorhost/sdk"
)

// Mutants lists the mutants.
func Mutants() []broken.Mutant {
	var all []broken.Mutant
	for _, some := range [][]broken.Mutant{doubling(), merging(), resending(), telling(), side()} {
		all = append(all, some...)
	}
	return all
}

// resent are the cases in which a write is sent again with its key.
var resent = []string{
	"keys/sent-again", "keys/sent-by-another-process", "keys/sent-at-once", "keys/other-amount",
	"keys/answer-lost", "keys/answer-cut", "keys/answer-replaced", "keys/answer-lost-to-another-process",
	"keys/busy", "keys/stored-failure", "keys/within-its-lifetime", "keys/after-its-lifetime",
	"keys/same-request", "keys/cancel-again", "keys/token-again", "doubt/late-success",
	"resilience/killed-before-the-provider", "resilience/killed-after-the-provider", "resilience/killed-between-calls",
	"resilience/restarted-between-steps", "resilience/walk",
	"resilience/two-processes", "resilience/stale-connections", "resilience/outage",
	"walk/*", "hooks/before-answer", "redirect/same-page", "tokens/one-key-one-token", "increment/once",
}

// doubling have two effects under one key.
func doubling() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "double-charge", Fault: "asks under a new key with every attempt",
			Killer: "keys/sent-again", Reason: "effects in the provider's books", Collateral: resent,
			Connector: bend.Keying(func(_ sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
				return derived(call)
			}),
		},
		{
			ID: "key-on-authorize-only", Fault: "sends its key with authorizations, and a random one with everything else",
			Killer: "keys/answer-lost", Reason: "expected", Collateral: resent,
			Connector: bend.Keying(func(op sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
				if op == sdk.OpAuthorize {
					return call.Key
				}
				return sdk.IdempotencyKey(rand.Text())
			}),
		},
		{
			ID: "refund-twice", Fault: "asks for a refund under a new key when it is sent again",
			Killer: "keys/sent-again", Reason: "refund: sending it a second time", Collateral: resent,
			Connector: bend.Keying(func(op sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
				if op != sdk.OpRefund {
					return call.Key
				}
				return derived(call)
			}),
		},
		{
			ID: "key-at-random-under-load", Fault: "makes a key of its own for a write that another one overtakes",
			Killer: "keys/sent-at-once", Reason: "sending it 32 times at once",
			Collateral: []string{"resilience/two-processes"}, Connector: overtaken,
		},
		{
			ID: "keys-in-memory", Fault: "remembers in its process which key of its own stands for the host's",
			Killer: "keys/sent-by-another-process", Reason: "effects in the provider's books",
			Collateral: []string{
				"keys/answer-lost-to-another-process", "resilience/killed-before-the-provider",
				"resilience/killed-after-the-provider", "resilience/killed-between-calls",
				"resilience/restarted-between-steps", "resilience/walk", "resilience/two-processes",
				"process/same-in-same-out",
			},
			Connector: func(c *reference.Connector) sdk.Connector {
				var own sync.Map
				return bend.Keying(func(_ sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
					key, _ := own.LoadOrStore(call.Key, sdk.IdempotencyKey(rand.Text()))
					return key.(sdk.IdempotencyKey) //nolint:forcetypeassert // nothing else is stored
				})(c)
			},
		},
		{
			ID: "lifetime-overstated", Fault: "says that keys hold for twice as long as they do",
			Killer: "keys/within-its-lifetime", Reason: "a minute before its key ends",
			Connector: func(c *reference.Connector) sdk.Connector { return overstated{c} },
		},
	}
}

// derived is a key of its own for each attempt.
func derived(call sdk.Call) sdk.IdempotencyKey {
	return sdk.IdempotencyKey(fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s %d", call.Key, call.Attempt))))
}

// overtaken notices in a shared field which write is under way.
func overtaken(c *reference.Connector) sdk.Connector {
	var mu sync.Mutex
	under := map[sdk.IdempotencyKey]int{}
	b := &bend.Bent{Connector: c}
	b.Call = func(ctx context.Context, _ sdk.Operation, call sdk.Call) (context.Context, sdk.Call) {
		mu.Lock()
		defer mu.Unlock()
		key := call.Key
		if under[key]++; under[key] > 1 {
			call.Key = sdk.IdempotencyKey(rand.Text())
		}
		context.AfterFunc(ctx, func() { // the call is over
			mu.Lock()
			defer mu.Unlock()
			under[key]--
		})
		return ctx, call
	}
	return b
}

type overstated struct{ *reference.Connector }

// Describe implements [sdk.Connector].
func (o overstated) Describe() sdk.Manifest {
	m := o.Connector.Describe()
	for op, fact := range m.Idempotency {
		fact.KeyLifetime *= 2
		m.Idempotency[op] = fact
	}
	return m
}

// merging make one write of two.
func merging() []broken.Mutant {
	keys := []string{"keys/two-keys", "keys/last-character", "keys/longest", "keys/case-and-punctuation"}
	return []broken.Mutant{
		{
			ID: "key-reuse", Fault: "has one key for all increments of a payment",
			Killer: "keys/two-keys", Reason: "asking for the same under another key",
			Collateral: append([]string{"keys/new-key-after-stored-failure", "increment/raises"}, keys...),
			Connector: bend.Keying(func(op sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
				if op != sdk.OpIncrement {
					return call.Key
				}
				return sdk.IdempotencyKey(fmt.Sprintf("%s-%s", op, call.Reference))
			}),
		},
		{
			ID: "key-cut", Fault: "cuts keys off after 35 characters",
			Killer: "keys/last-character", Reason: "differs in its last character",
			Collateral: []string{"keys/longest", "keys/case-and-punctuation"},
			Connector: bend.Keying(func(_ sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
				return call.Key[:min(len(call.Key), 35)]
			}),
		},
		{
			ID: "key-cut-at-63", Fault: "cuts keys off after 63 characters",
			Killer: "keys/longest", Reason: "asking under a key of 64 characters",
			Connector: bend.Keying(func(_ sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
				return call.Key[:min(len(call.Key), 63)]
			}),
		},
		{
			ID: "key-folded", Fault: "sends keys in lower case",
			Killer: "keys/case-and-punctuation", Reason: "asking under a key that differs in case",
			Connector: bend.Keying(func(_ sdk.Operation, call sdk.Call) sdk.IdempotencyKey {
				return sdk.IdempotencyKey(strings.ToLower(string(call.Key)))
			}),
		},
		{
			ID: "idem-param-blind", Fault: "answers a known key with the old success, whatever is asked",
			Killer: "keys/other-amount", Reason: "expected key_conflict",
			Collateral: []string{"keys/same-request"},
			Connector:  paramBlind,
		},
	}
}

// paramBlind remembers what a key came to.
func paramBlind(c *reference.Connector) sdk.Connector { return &memory{Connector: c} }

type memory struct {
	*reference.Connector
	captures sync.Map
}

// Capture implements [sdk.Capturer].
func (m *memory) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	key := req.Call.Account.Field("provider_url") + string(req.Call.Key)
	if known, ok := m.captures.Load(key); ok {
		a := known.(sdk.CaptureResult) //nolint:forcetypeassert // nothing else is stored
		a.Amount, a.Payment = &req.Amount, nil
		return a, nil
	}
	a, err := m.Connector.Capture(ctx, req)
	if err == nil {
		m.captures.Store(key, a)
	}
	return a, err
}

// telling say of a key what is not so.
func telling() []broken.Mutant {
	return []broken.Mutant{
		{
			ID: "stored-failure-as-refusal", Fault: "takes a server error that a key keeps for a refusal",
			Killer: "keys/stored-failure", Reason: "expected outcome [UNKNOWN], got NOT_ATTEMPTED",
			Connector: bend.Saying(func(_ sdk.Operation, _ *sdk.Answer, err error) error {
				if e := sdk.AsError(err); e != nil && e.Provider.Code == "internal" {
					return bend.Recode(err, sdk.CodeInvalidState, sdk.CodeHTTP5xx)
				}
				return err
			}),
		},
		{
			ID: "failure-kept-for-the-operation", Fault: "goes on failing under any key once the provider has failed",
			Killer: "keys/new-key-after-stored-failure", Reason: "asking under a new key",
			Connector: failingOn,
		},
		{
			ID: "busy-as-refusal", Fault: "takes a key that is under way for a refusal",
			Killer: "keys/busy", Reason: "expected a failure with [key_in_progress], got invalid_state",
			Collateral: []string{"errors/documented-codes"},
			Connector:  bend.Coding(sdk.CodeInvalidState, sdk.CodeKeyInProgress),
		},
		{
			ID: "expired-as-unsent", Fault: "invites to send a key again that has ended",
			Killer: "keys/after-its-lifetime", Reason: "expected RECONCILE_FIRST, or NEVER, got SAME_KEY",
			Collateral: []string{"errors/documented-codes"},
			Connector:  bend.Coding(sdk.CodeConnectRefused, sdk.CodeKeyExpired),
		},
		{
			ID: "attempt-in-the-request", Fault: "tells the provider which attempt it is, in the body",
			Killer: "keys/same-request", Reason: "authorize, sent again", Collateral: append([]string{"process/same-in-same-out"}, resent...),
			Connector: func(c *reference.Connector) sdk.Connector { return counting{c} },
		},
	}
}

// failingOn remembers the failures of a payment's operation.
func failingOn(c *reference.Connector) sdk.Connector {
	var failed sync.Map
	b := &bend.Bent{Connector: c}
	b.Call = func(ctx context.Context, op sdk.Operation, call sdk.Call) (context.Context, sdk.Call) {
		where := fmt.Sprintf("%s %s", op, call.Reference)
		if old, known := failed.Load(where); known {
			call.Key = old.(sdk.IdempotencyKey) //nolint:forcetypeassert // nothing else is stored
		}
		return ctx, call
	}
	return &remembering{Bent: b, failed: &failed}
}

// remembering keeps the key of a capture that met a server error.
type remembering struct {
	*bend.Bent
	failed *sync.Map
}

// Capture implements [sdk.Capturer].
func (r *remembering) Capture(ctx context.Context, req sdk.CaptureRequest) (sdk.CaptureResult, error) {
	a, err := r.Bent.Capture(ctx, req)
	if e := sdk.AsError(err); e != nil && e.Provider.Code == "internal" {
		r.failed.Store(fmt.Sprintf("%s %s", sdk.OpCapture, req.Call.Reference), req.Call.Key)
	}
	return a, err
}

type counting struct{ *reference.Connector }

// Authorize implements [sdk.Authorizer].
func (c counting) Authorize(ctx context.Context, req sdk.AuthorizeRequest) (sdk.AuthorizeResult, error) {
	req.Metadata = map[string]string{"attempt": fmt.Sprint(req.Call.Attempt), "at": time.Now().Format(time.RFC3339Nano)}
	return c.Connector.Authorize(ctx, req)
}
