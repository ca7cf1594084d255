package store

import (
	"cmp"
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
	accounts := []string{f.MerchantAccount}
	if f.MerchantAccount == "" {
		var err error
		if accounts, err = loadAccounts(ctx, q); err != nil {
			return nil, err
		}
	}
	var places []place
	for _, account := range accounts {
		some, err := search{f.criteria(account, q.using), from, limit}.run(ctx, q)
		if err != nil {
			return nil, err
		}
		places = append(places, some...)
	}
	slices.SortFunc(places, func(a, b place) int {
		newest := cmp.Or(cmp.Compare(b.major, a.major), cmp.Compare(b.minor, a.minor))
		if from != nil && from.back {
			return -newest
		}
		return newest
	})
	return loadPlaces(ctx, q, places[:min(len(places), limit)])
}

// loadPlaces reads the payments at the places, in their order.
func loadPlaces(ctx context.Context, q reader, places []place) ([]stored, error) {
	if len(places) == 0 {
		return nil, nil
	}
	found := make([]stored, len(places))
	index, seqs := make(map[int64]*stored), make([]any, len(places))
	for i, p := range places {
		index[p.minor], seqs[i] = &found[i], p.minor
	}
	in := ` IN (` + marks(len(seqs)) + `)`
	rows, err := q.once(ctx, selectPayment+`WHERE p.seq`+in, seqs...)
	err = each(rows, err, func(r row) error {
		payment, err := scanPayment(r)
		if at := index[payment.seq]; at != nil {
			*at = payment
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err = q.once(ctx, selectOperations+`WHERE payment`+in+` ORDER BY payment, position`, seqs...)
	err = each(rows, err, func(r row) error {
		seq, op, err := scanOperation(r)
		if at := index[seq]; at != nil {
			at.Operations = append(at.Operations, op)
		}
		return err
	})
	return found, err
}

// loadAccounts reads which merchant accounts have payments, stepping from each to the
// next in the index instead of reading all of it.
func loadAccounts(ctx context.Context, q reader) (accounts []string, err error) {
	rows, err := q.query(ctx, `WITH RECURSIVE account (name) AS (
		SELECT min(merchant_account) FROM payments
		UNION ALL
		SELECT (SELECT min(merchant_account) FROM payments WHERE merchant_account > account.name)
		FROM account WHERE account.name IS NOT NULL)
		SELECT name FROM account WHERE name IS NOT NULL`)
	err = each(rows, err, func(r row) error {
		var name string
		err := r.Scan(&name)
		accounts = append(accounts, name)
		return err
	})
	return accounts, err
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
