package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// List returns the payments that f selects, newest update first. Its cursors are
// opaque and belong to their filter: anything else is refused with [ErrCursor]. Paging
// neither skips nor repeats a payment that nobody changes meanwhile; one that is
// changed moves to the front.
func (s *Store) List(ctx context.Context, f Filter) (Page, error) {
	query, err := f.identity()
	if err != nil {
		return Page{}, err
	}
	var from *place
	if f.Cursor != "" {
		p, err := s.key.place(f.Cursor, query)
		if err != nil {
			return Page{}, err
		}
		from = &p
	}
	limit := pageSize(f.Limit)
	var found []stored
	err = s.db.read(ctx, func(q reader) (err error) {
		found, err = loadPage(ctx, q, f, from, limit+1)
		return err
	})
	if err != nil {
		return Page{}, fmt.Errorf("listing payments: %w", err)
	}
	return s.page(found, query, from, limit), nil
}

// identity is what a cursor is bound to: everything that decides which payments are in
// the list, and in which order.
func (f Filter) identity() ([]byte, error) {
	f.Limit, f.Cursor = 0, ""
	return json.Marshal(f)
}

// loadPage reads up to limit payments from the place on, in the direction it says.
func loadPage(ctx context.Context, q reader, f Filter, from *place, limit int) ([]stored, error) {
	w := f.conditions()
	order := " ORDER BY p.updated_at DESC, p.seq DESC LIMIT ?"
	if from != nil {
		beyond := "<"
		if from.back {
			beyond, order = ">", " ORDER BY p.updated_at, p.seq LIMIT ?"
		}
		w.add("(p.updated_at, p.seq) "+beyond+" (?, ?)", from.major, from.minor)
	}
	var found []stored
	rows, err := q.once(ctx, selectPayment+w.where()+order, append(w.args, limit)...)
	err = each(rows, err, func(r row) error {
		payment, err := scanPayment(r)
		found = append(found, payment)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, loadOperations(ctx, q, found)
}

// loadOperations reads the operations of several payments at once.
func loadOperations(ctx context.Context, q reader, payments []stored) error {
	if len(payments) == 0 {
		return nil
	}
	var w conditions
	index := make(map[int64]*stored, len(payments))
	seqs := make([]int64, len(payments))
	for i := range payments {
		index[payments[i].seq] = &payments[i]
		seqs[i] = payments[i].seq
	}
	in(&w, "payment", seqs)
	rows, err := q.once(ctx, selectOperations+w.where()+" ORDER BY payment, position", w.args...)
	return each(rows, err, func(r row) error {
		seq, op, err := scanOperation(r)
		if payment := index[seq]; payment != nil {
			payment.Operations = append(payment.Operations, op)
		}
		return err
	})
}

// page makes the answer out of up to limit+1 payments that were read from a place on.
func (s *Store) page(found []stored, query []byte, from *place, limit int) Page {
	more := len(found) > limit
	found = found[:min(len(found), limit)]
	back := from != nil && from.back
	if back {
		slices.Reverse(found)
	}
	var p Page
	for i := range found {
		p.Records = append(p.Records, found[i].Record)
	}
	if len(found) == 0 {
		return p
	}
	// Whoever came from a place can go back to it; whoever saw one more can go on.
	if (back && more) || (!back && from != nil) {
		first := &found[0]
		p.Prev = s.key.cursor(place{back: true, major: first.UpdatedAt.UnixMicro(), minor: first.seq}, query)
	}
	if back || more {
		last := &found[len(found)-1]
		p.Next = s.key.cursor(place{major: last.UpdatedAt.UnixMicro(), minor: last.seq}, query)
	}
	return p
}
