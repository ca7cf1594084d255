// Package story tells people what happened to a payment: its events in the order in
// which they came about, each as a sentence.
//
// It reads and words; it decides nothing and leaves nothing out: what it has no
// sentence for is told under its own name, and every fact of an event stays beside its
// sentence. The sentences are for people and may change; programs read the events.
package story

import (
	"context"
	"fmt"

	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// Events reads what happened to a payment, newest first, a page at a time.
// [*store.Store] is one.
type Events interface {
	Events(ctx context.Context, id sdk.PaymentID, limit int, cursor string) ([]store.Event, string, error)
}

// page is the most that a store gives at once.
const page = 100

// Newest returns the newest events of a payment, newest first and at most the given
// number, and whether there are older ones.
func Newest(ctx context.Context, from Events, id sdk.PaymentID, most int) (events []store.Event, older bool, err error) {
	cursor := ""
	for len(events) < most {
		var more []store.Event
		more, cursor, err = from.Events(ctx, id, min(page, most-len(events)), cursor)
		if err != nil {
			return nil, false, fmt.Errorf("reading the story of payment %s: %w", id, err)
		}
		events = append(events, more...)
		if cursor == "" {
			return events, false, nil
		}
	}
	return events, true, nil
}
