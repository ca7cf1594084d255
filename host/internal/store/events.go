package store

import (
	"context"
	"fmt"
	"math"

	"github.com/connectorhost/connectorhost/sdk"
)

// Events returns what happened to a payment, newest first: at most limit events
// (1 to 100), from where cursor says, and the cursor of the next ones, "" if there are
// none. A payment that does not exist has no events.
func (s *Store) Events(ctx context.Context, id sdk.PaymentID, limit int, cursor string) ([]Event, string, error) {
	query := []byte("events of " + id)
	before := place{major: math.MaxInt64}
	if cursor != "" {
		var err error
		if before, err = s.key.place(cursor, query); err != nil {
			return nil, "", err
		}
	}
	limit = pageSize(limit)
	var events []Event
	var last int64
	more := false
	err := s.db.ask(ctx, question{
		query: `SELECT position, id, name, at, context FROM events
			WHERE payment = ` + thePayment + ` AND position < ? ORDER BY position DESC LIMIT ?`,
		args: []any{string(id), before.major, limit + 1},
		scan: func(r row) error {
			if more = len(events) == limit; more {
				return nil
			}
			event, position, err := scanEvent(r)
			events, last = append(events, event), position
			return err
		},
	})
	if err != nil {
		return nil, "", fmt.Errorf("events of payment %s: %w", id, err)
	}
	if !more {
		return events, "", nil
	}
	return events, s.key.cursor(place{major: last}, query), nil
}

func scanEvent(r row) (e Event, position int64, err error) {
	var when micros
	var detail []byte
	err = r.Scan(&position, &e.ID, &e.Name, &when, &detail)
	e.At, e.Context = when.time(), detail
	return e, position, err
}

// pageSize keeps a limit within what one page may hold.
func pageSize(limit int) int { return min(max(limit, 1), 100) }
