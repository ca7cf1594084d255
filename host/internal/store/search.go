package store

import (
	"context"
	"fmt"
)

// A search looks for payments of one merchant account.
//
// There are two ways to find them, and each is hopeless where the other is good. Walking
// the list in its order and picking what fits is quick when much fits, however much
// there is. Gathering by an index what satisfies one criterion, and then sorting it, is
// quick when little does. Databases guess which it is; counting a little way into the
// indexes knows.
type search struct {
	*criteria
	from  *place
	limit int
}

// fewEnough is how many payments are gathered and sorted sooner than the list is walked.
const fewEnough = 5000

// run returns where in the list the payments are.
func (s search) run(ctx context.Context, q reader) ([]place, error) {
	by, err := s.mostTelling(ctx, q)
	if err != nil {
		return nil, err
	}
	query := `SELECT p.updated_at, p.seq FROM payments p ` + s.using("payments_newest") + ` `
	args := s.args
	if by != nil {
		query = `WITH chosen (seq) AS MATERIALIZED (SELECT DISTINCT * FROM (` + by.query + `) AS found)
			SELECT p.updated_at, p.seq FROM chosen CROSS JOIN payments p ` + s.using("") + ` `
		s.add(`p.seq = chosen.seq`)
		args = append(by.args, s.args...)
	}
	order := ` ORDER BY p.updated_at DESC, p.seq DESC LIMIT ?`
	where := s.where()
	if s.from != nil {
		beyond := "<"
		if s.from.back {
			beyond, order = ">", ` ORDER BY p.updated_at, p.seq LIMIT ?`
		}
		where += ` AND (p.updated_at, p.seq) ` + beyond + ` (?, ?)`
		args = append(args, s.from.major, s.from.minor)
	}
	var found []place
	rows, err := q.once(ctx, query+where+order, append(args, s.limit)...)
	err = each(rows, err, func(r row) error {
		var p place
		err := r.Scan(&p.major, &p.minor)
		found = append(found, p)
		return err
	})
	return found, err
}

// mostTelling returns the finder that finds the fewest payments, if those are few enough
// to gather, else nil.
func (s search) mostTelling(ctx context.Context, q reader) (*finder, error) {
	var best *finder
	fewest := fewEnough
	for i := range s.finders {
		f := &s.finders[i]
		rows, err := q.once(ctx, fmt.Sprintf(`SELECT count(*) FROM (%s LIMIT %d) AS found`, f.query, fewest), f.args...)
		var n int
		if err := one(rows, err, func(r row) error { return r.Scan(&n) }); err != nil {
			return nil, err
		}
		if n < fewest {
			best, fewest = f, n
		}
	}
	return best, nil
}
