package store

import (
	"context"
	"fmt"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/ledger"
	"github.com/connectorhost/connectorhost/sdk"
)

// A Delivery is one thing that one subscription is told of a payment. Its id and its body
// never change, however often it is tried.
type Delivery struct {
	ID           string // UUID
	Subscription string
	Payment      sdk.PaymentID
	Name         string // of what happened, such as "transaction.captured"
	Body         []byte // as it is sent
	CreatedAt    time.Time

	Attempts  int
	TriedAt   time.Time // the last attempt; zero before the first
	Status    int       // HTTP status of the last answer; 0 if there was none
	Problem   string    // why the last attempt did not succeed; empty if it did
	Delivered bool
	DueAt     time.Time // of the next attempt; zero once it is over
	EndedAt   time.Time // when it was delivered or given up; zero until then
}

// KindWebhook is the kind of job that delivers. Its subject is a delivery's id.
const KindWebhook = "webhook"

// deliveryJobs are the jobs that new deliveries call for. Where nobody does jobs, they
// wait for [Store.DueDeliveries] to be asked.
func (s *Store) deliveryJobs(all []Delivery) []Job {
	if !s.queued.Load() {
		return nil
	}
	list := make([]Job, len(all))
	for i := range all {
		list[i] = Job{Kind: KindWebhook, Subject: all[i].ID}
	}
	return list
}

// deliver adds what is to be delivered, due at once.
func (c *changes) deliver(rec *Record, all []Delivery, now time.Time) {
	for _, d := range all {
		c.insertOf(string(rec.Payment.ID), "deliveries", columns{
			{"id", d.ID}, {"subscription", d.Subscription}, {"name", d.Name}, {"body", d.Body},
			{"created_at", at(now)}, {"due_at", at(now)},
		})
	}
}

const selectDeliveries = `SELECT d.id, d.subscription, p.id, d.name, d.body, d.created_at, d.attempts, d.tried_at,
	d.status, d.problem, d.delivered, d.due_at, d.ended_at
	FROM deliveries d JOIN payments p ON p.seq = d.payment `

func scanDelivery(r row) (Delivery, error) {
	var d Delivery
	var created, tried, due, ended micros
	err := r.Scan(&d.ID, &d.Subscription, &d.Payment, &d.Name, &d.Body, &created, &d.Attempts, &tried,
		&d.Status, &d.Problem, &d.Delivered, &due, &ended)
	d.CreatedAt, d.TriedAt, d.DueAt, d.EndedAt = created.time(), tried.time(), due.time(), ended.time()
	return d, err
}

// Delivery returns a delivery, or [ErrNotFound].
func (s *Store) Delivery(ctx context.Context, id string) (d Delivery, err error) {
	err = s.db.ask(ctx, question{
		query: selectDeliveries + `WHERE d.id = ?`, args: []any{id}, must: true,
		scan: func(r row) error {
			d, err = scanDelivery(r)
			return err
		},
	})
	if err != nil {
		return Delivery{}, fmt.Errorf("delivery %s: %w", id, err)
	}
	return d, nil
}

// Deliveries lists what was or is to be told of a payment, newest first, at most limit.
func (s *Store) Deliveries(ctx context.Context, payment sdk.PaymentID, limit int) ([]Delivery, error) {
	all, err := s.deliveries(ctx, `WHERE d.payment = `+thePayment+` ORDER BY d.seq DESC LIMIT ?`, string(payment), limit)
	if err != nil {
		return nil, fmt.Errorf("deliveries of payment %s: %w", payment, err)
	}
	return all, nil
}

// DueDeliveries lists the ids of deliveries that are not over and whose next attempt is
// due at or before the given time, the longest due first, from a mark on, and the mark at
// which the list goes on. A list shorter than the limit was the last.
func (s *Store) DueDeliveries(ctx context.Context, before time.Time, from Mark, limit int) ([]string, Mark, error) {
	var ids []string
	err := s.db.ask(ctx, question{
		query: `SELECT id, due_at, seq FROM deliveries WHERE due_at <= ? AND (due_at, seq) > (?, ?)
			ORDER BY due_at, seq LIMIT ?`,
		args: []any{before.UnixMicro(), from.updatedAt, from.seq, limit},
		scan: func(r row) error {
			var id string
			err := r.Scan(&id, &from.updatedAt, &from.seq)
			ids = append(ids, id)
			return err
		},
	})
	if err != nil {
		return nil, from, fmt.Errorf("due deliveries: %w", err)
	}
	return ids, from, nil
}

func (s *Store) deliveries(ctx context.Context, where string, args ...any) (all []Delivery, err error) {
	err = s.db.ask(ctx, question{
		query: selectDeliveries + where, args: args,
		scan: func(r row) error {
			d, err := scanDelivery(r)
			all = append(all, d)
			return err
		},
	})
	return all, err
}

// WaitingDeliveries says how many deliveries are not over, and when the oldest of them
// came about.
func (s *Store) WaitingDeliveries(ctx context.Context) (n int, oldest time.Time, err error) {
	err = s.db.ask(ctx, question{
		query: `SELECT count(*), min(created_at) FROM deliveries WHERE due_at IS NOT NULL`,
		scan: func(r row) error {
			var created micros
			err := r.Scan(&n, &created)
			oldest = created.time()
			return err
		},
	})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("counting deliveries: %w", err)
	}
	return n, oldest, nil
}

// Tried records an attempt at a delivery: TriedAt, Status, Problem, Delivered, DueAt and
// EndedAt as d has them, and one attempt more than d.Attempts. It fails with
// [ErrNotFound] if the delivery has gone, is over, or has been tried by somebody else
// since d was read; then nothing was changed.
func (s *Store) Tried(ctx context.Context, d Delivery) error {
	err := s.write(ctx, func(c *changes) {
		c.must(ErrNotFound, `UPDATE deliveries SET attempts = attempts + 1, tried_at = ?, status = ?, problem = ?,
			delivered = ?, due_at = ?, ended_at = ? WHERE id = ? AND attempts = ? AND due_at IS NOT NULL`,
			at(ledger.Kept(d.TriedAt)), int64(d.Status), d.Problem, bit(d.Delivered), at(ledger.Kept(d.DueAt)),
			at(ledger.Kept(d.EndedAt)), d.ID, int64(d.Attempts))
	})
	if err != nil {
		return fmt.Errorf("recording an attempt at delivery %s: %w", d.ID, err)
	}
	return nil
}

// GiveUpDelivery ends a delivery that will not be tried again, saying why. It is a no-op
// if the delivery is over.
func (s *Store) GiveUpDelivery(ctx context.Context, id, why string) error {
	err := s.write(ctx, func(c *changes) {
		c.add(`UPDATE deliveries SET due_at = NULL, ended_at = ?, problem = ? WHERE id = ? AND due_at IS NOT NULL`,
			at(ledger.Kept(s.now())), why, id)
	})
	if err != nil {
		return fmt.Errorf("giving up delivery %s: %w", id, err)
	}
	return nil
}

// DeliveryLifetime is how long a delivery is kept, over or not.
const DeliveryLifetime = 14 * 24 * time.Hour

// ExpireDeliveries deletes at most limit deliveries that are older than
// [DeliveryLifetime], the oldest first, and returns how many.
func (s *Store) ExpireDeliveries(ctx context.Context, limit int) (int, error) {
	cutoff := ledger.Kept(s.now()).Add(-DeliveryLifetime).UnixMicro()
	var old []any
	err := s.db.change(ctx, "expiry of deliveries",
		func() []question {
			old = nil
			return []question{{
				// In the order of their numbers, which is that of their age: no index needed.
				query: `SELECT seq, created_at FROM deliveries ORDER BY seq LIMIT ?`, args: []any{limit},
				scan: func(r row) error {
					var seq, created int64
					err := r.Scan(&seq, &created)
					if created <= cutoff {
						old = append(old, seq)
					}
					return err
				},
			}}
		},
		func() (changes, error) {
			var c changes
			for _, seq := range old {
				c.add(`DELETE FROM deliveries WHERE seq = ?`, seq)
			}
			return c, nil
		})
	if err != nil {
		return 0, fmt.Errorf("expiring deliveries: %w", err)
	}
	return len(old), nil
}
